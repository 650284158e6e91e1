"""Exports of some members of each package: what arrives, and how many bytes it takes."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from pixxel_async import (
    Download,
    FolderPolicy,
    JobDownload,
    MemberFilter,
)
from pixxel_async.sandbox import Sandbox, Scenario
from pixxel_async.sandbox.identity import Identity
from pixxel_async.sandbox.package_content import package_content

from .test_extraction import names_in
from .test_resume import run

JOB = JobDownload(workflow_id="w", job_id="j")
MASKS = FolderPolicy(members=MemberFilter(only=["*.mask.tif", "*.hdr"]))
DEFLATED = Scenario(zip_method="deflated", package_bytes=2_000_000, size_spread=0)
STORED = Scenario(package_bytes=2_000_000, size_spread=0)


def archive_of(sandbox: Sandbox, download: Download = JOB) -> zipfile.ZipFile:
    """Return the whole package."""
    content = package_content(sandbox.scenario, Identity.of(download.row()), 1)
    return zipfile.ZipFile(io.BytesIO(b"".join(content)))


def wanted_of(archive: zipfile.ZipFile, policy: FolderPolicy = MASKS) -> dict[str, bytes]:
    """Return the contents of the members that a filter chooses."""
    names = filter(policy.members.wants, archive.namelist())
    return {name: archive.read(name) for name in names}


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in names_in(folder)}


@pytest.mark.parametrize("scenario", [STORED, DEFLATED], ids=["stored", "deflated"])
async def test_only_the_chosen_members_are_transferred_and_saved(
    tmp_path: Path, scenario: Scenario
) -> None:
    async with Sandbox(scenario) as sandbox:
        report, _ = await run(sandbox, tmp_path, JOB, folder=MASKS)
        archive = archive_of(sandbox)
        sent = sandbox.sent_bytes
    (saved,) = report.saved
    assert saved.extracted is not None
    assert contents(saved.extracted) == wanted_of(archive)
    assert not saved.path.exists()
    chosen = [one for one in archive.infolist() if MASKS.members.wants(one.filename)]
    members = sum(one.compress_size + 30 + len(one.filename) for one in chosen)
    assert sent <= 1.05 * (members + 4096)
