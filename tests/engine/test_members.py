"""Exports of some members of each package: what arrives, and how many bytes it takes."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from pixxel_async import (
    ArchiveError,
    CatalogDownload,
    ConfigError,
    Download,
    Extraction,
    FolderPolicy,
    JobDownload,
    MemberFilter,
    RangesNotServedError,
)
from pixxel_async.journal.reader import read_record
from pixxel_async.sandbox import Sandbox, Scenario, StorageFault
from pixxel_async.sandbox.identity import Identity
from pixxel_async.sandbox.package_content import package_content

from ..support import client_of, partials, some_downloads
from .test_extraction import names_in
from .test_resume import run

JOB = JobDownload(workflow_id="w", job_id="j")
MASKS = FolderPolicy(members=MemberFilter(only=["*.mask.tif", "*.hdr"]))
STORED = Scenario(package_bytes=2_000_000, size_spread=0)
DEFLATED = Scenario(package_bytes=2_000_000, size_spread=0, zip_method="deflated")
IMAGES = FolderPolicy(members=MemberFilter(only=["*[0-9].tif"]))
FIRST_READ = 4096
"""What is read of a package to know its members."""


def archive_of(sandbox: Sandbox, download: Download = JOB, version: int = 1) -> zipfile.ZipFile:
    """Return the whole package."""
    content = package_content(sandbox.scenario, Identity.of(download.row()), version)
    return zipfile.ZipFile(io.BytesIO(b"".join(content)))


def wanted_of(archive: zipfile.ZipFile, policy: FolderPolicy = MASKS) -> dict[str, bytes]:
    """Return the contents of the members that a filter chooses."""
    names = filter(policy.members.wants, archive.namelist())
    return {name: archive.read(name) for name in names}


def bytes_of(archive: zipfile.ZipFile, policy: FolderPolicy = MASKS) -> int:
    """Return the bytes that these members take in the archive."""
    chosen = [one for one in archive.infolist() if policy.members.wants(one.filename)]
    return sum(one.compress_size + 30 + len(one.filename) for one in chosen)


def directory_bytes(archive: zipfile.ZipFile) -> int:
    """Return the bytes of the directory and of the end record."""
    return sum(46 + len(one.filename) for one in archive.infolist()) + 22


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in names_in(folder)}


@pytest.mark.parametrize(
    ("scenario", "policy"),
    [(STORED, MASKS), (DEFLATED, IMAGES)],
    ids=["stored", "deflated"],
)
async def test_only_the_chosen_members_are_transferred_and_saved(
    tmp_path: Path, scenario: Scenario, policy: FolderPolicy
) -> None:
    async with Sandbox(scenario) as sandbox:
        report, _ = await run(sandbox, tmp_path, JOB, folder=policy)
        archive, sent = archive_of(sandbox), sandbox.sent_bytes
        ranges = [got.range for got in sandbox.gets]
        again, _ = await run(sandbox, tmp_path, JOB, folder=policy)
        assert sandbox.sent_bytes == sent
    (saved,) = report.saved
    assert saved.extracted is not None
    assert contents(saved.extracted) == wanted_of(archive, policy)
    assert not saved.path.exists()
    assert [skipped.extracted for skipped in again.skipped] == [saved.extracted]
    assert sent <= 1.05 * (bytes_of(archive, policy) + directory_bytes(archive))
    assert len(ranges) == 2, "mask and header stand side by side: one range, and the directory"


async def test_members_of_all_kinds_of_packages(tmp_path: Path) -> None:
    downloads = some_downloads(12)
    policy = FolderPolicy(members=MemberFilter(skip=["*.tif"]), extraction=Extraction.KEEP_ZIP)
    async with Sandbox() as sandbox:
        report, _ = await run(sandbox, tmp_path, *downloads, folder=policy)
        for saved in report.saved:
            assert saved.extracted is not None
            wanted = wanted_of(archive_of(sandbox, saved.download), policy)
            assert contents(saved.extracted) == wanted
            with zipfile.ZipFile(saved.path) as subset:
                assert subset.testzip() is None
                assert {name: subset.read(name) for name in subset.namelist()} == wanted
    assert len(report.saved) == 12


@pytest.mark.parametrize(
    "fault",
    [
        StorageFault("ignore_range", rate=1),
        StorageFault("wrong_range", rate=1),
    ],
    ids=lambda fault: fault.action,
)
async def test_without_ranges_the_whole_is_fetched_and_the_members_are_taken_from_it(
    tmp_path: Path, fault: StorageFault
) -> None:
    async with Sandbox(Scenario(faults=(fault,))) as sandbox:
        report, _ = await run(sandbox, tmp_path, JOB, folder=MASKS)
        archive = archive_of(sandbox)
        async with client_of(sandbox) as client:
            with pytest.raises(RangesNotServedError, match="does not serve byte ranges"):
                await client.peek(JOB)
    (saved,) = report.saved
    assert saved.extracted is not None
    assert contents(saved.extracted) == wanted_of(archive)
    assert not saved.path.exists()


async def test_an_object_that_changes_meanwhile_gives_the_members_of_the_new_one(
    tmp_path: Path,
) -> None:
    fault = StorageFault("change_etag", nth=2)  # after the directory, before the members
    async with Sandbox(Scenario(faults=(fault,))) as sandbox:
        report, _ = await run(sandbox, tmp_path, JOB, folder=MASKS)
        archive = archive_of(sandbox, version=2)
    (saved,) = report.saved
    assert saved.extracted is not None
    assert contents(saved.extracted) == wanted_of(archive)


@pytest.mark.parametrize(
    "fault",
    [
        StorageFault("expired", nth=2),
        StorageFault("reset", at=0.5, nth=2),
        StorageFault("truncate", at=0.5, nth=1),
        StorageFault("status", status=503, nth=1),
        StorageFault("aligned_range", rate=1),
    ],
    ids=lambda fault: fault.action,
)
async def test_faults_of_the_storage_are_retried(tmp_path: Path, fault: StorageFault) -> None:
    async with Sandbox(Scenario(faults=(fault,))) as sandbox:
        report, _ = await run(sandbox, tmp_path, JOB, folder=MASKS)
        archive = archive_of(sandbox)
    (saved,) = report.saved
    assert saved.extracted is not None
    assert contents(saved.extracted) == wanted_of(archive)


async def test_a_package_without_such_members_fails_until_other_ones_are_wanted(
    tmp_path: Path,
) -> None:
    nothing = FolderPolicy(members=MemberFilter(only=["*.parquet"]))
    async with Sandbox() as sandbox:
        report, _ = await run(sandbox, tmp_path, JOB, folder=nothing)
        (failed,) = report.failed
        assert isinstance(failed.error, ArchiveError)
        assert "no member is chosen; it has FF0" in str(failed.error)
        fetched = len(sandbox.gets)
        assert fetched == 1
        other = JobDownload(workflow_id="w", job_id="other")
        again, _ = await run(sandbox, tmp_path, JOB, other, folder=MASKS)
    assert len(again.saved) == 2
    assert partials(tmp_path) == []


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (MASKS, FolderPolicy(), "--only '*.hdr' --only '*.mask.tif', and now whole packages"),
        (FolderPolicy(), MASKS, "whole packages, and now --only '*.hdr' --only '*.mask.tif'"),
    ],
    ids=["then whole", "whole before"],
)
async def test_other_members_in_one_folder_are_refused(
    tmp_path: Path, first: FolderPolicy, second: FolderPolicy, said: str
) -> None:
    async with Sandbox() as sandbox:
        await run(sandbox, tmp_path, JOB, folder=first)
        before = read_record(tmp_path).rows
        with pytest.raises(ConfigError, match="choose another folder") as refused:
            await run(sandbox, tmp_path, JOB, folder=second)
        assert said in str(refused.value)
        assert read_record(tmp_path).rows == before
        turned = MASKS.members.model_copy(update={"only": MASKS.members.only[::-1]})
        same = FolderPolicy(members=turned) if first is MASKS else first
        report, _ = await run(sandbox, tmp_path, JOB, folder=same)
    assert len(report.skipped) == 1


async def test_a_package_can_be_looked_into(tmp_path: Path) -> None:
    catalog = CatalogDownload(catalog_ids=["c"])
    async with Sandbox(STORED) as sandbox, client_of(sandbox) as client:
        for download in (JOB, catalog):
            members = await client.peek(download)
            infos = archive_of(sandbox, download).infolist()
            assert [(one.name, one.size, one.packed_size, one.crc32) for one in members] == [
                (one.filename, one.file_size, one.compress_size, one.CRC) for one in infos
            ]
            assert [one.offset for one in members] == [one.header_offset for one in infos]
            assert not any(one.is_encrypted for one in members)
        assert len(sandbox.gets) == 2
        assert sandbox.sent_bytes == 2 * FIRST_READ
        assert sandbox.leaks == []
    assert names_in(tmp_path) == set()


@pytest.mark.parametrize(
    "fault",
    [
        StorageFault("expired", nth=1),
        StorageFault("status", status=500, nth=1),
        StorageFault("reset", at=0.5, nth=1),
        StorageFault("truncate", at=0.5, nth=1),
    ],
    ids=lambda fault: fault.action,
)
async def test_a_look_is_retried_and_its_url_renewed(fault: StorageFault) -> None:
    async with Sandbox(Scenario(faults=(fault,))) as sandbox, client_of(sandbox) as client:
        assert await client.peek(JOB)
        assert len(sandbox.gets) == 2
