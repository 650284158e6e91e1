"""Each thing that a storage can do wrong, provoked over real sockets."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from pixxel_async import (
    IntegrityError,
    JobDownload,
    Limits,
    Report,
    StorageError,
    TransferError,
    Verify,
)
from pixxel_async.sandbox import Sandbox, Scenario, StorageFault
from pixxel_async.sandbox.faults import StorageAction
from pixxel_async.sandbox.storage_faults import RANGES_ONLY

from ..support import PATIENCE_S, client_of, final_files, other_tasks, partials, quick_fetch

JOB = JobDownload(workflow_id="w", job_id="j")
SIZE = 400_000
NEVER_RIGHT = {"redirect_plain", "redirect_loop"}
"""A redirect to where we do not go is no fault that passes."""
AFTER_A_BREAK = sorted(RANGES_ONLY)
ONCE = sorted(set(get_args(StorageAction)) - RANGES_ONLY - NEVER_RIGHT)


STALLS = {"stall", "drip"}
STALL_S = 1.5
"""Long enough for a busy machine to send the rest of a package."""


async def export_one(sandbox: Sandbox, folder: Path, **policy: object) -> Report:
    is_stalling = any(fault.action in STALLS for fault in sandbox.scenario.faults)
    stall_timeout_s = STALL_S if is_stalling else PATIENCE_S
    fetch = quick_fetch(stall_timeout_s=stall_timeout_s, **policy)
    async with client_of(sandbox, fetch=fetch) as client:
        async with client.export([JOB], folder) as export:
            return await export.finish()


@pytest.mark.parametrize("action", ONCE)
async def test_a_fault_that_passes_is_overcome(tmp_path: Path, action: StorageAction) -> None:
    scenario = Scenario(package_bytes=SIZE, faults=(StorageFault(action, times=1),))
    async with Sandbox(scenario) as sandbox:
        report = await export_one(sandbox, tmp_path)
        assert sandbox.gets[0].action == action
        (saved,) = report.saved
        assert saved.sha256 == sandbox.expected_sha256(JOB.row())
        assert final_files(tmp_path) == {saved.path.name: saved.sha256}
        assert sandbox.leaks == []
    assert partials(tmp_path) == []
    assert other_tasks() == set()


@pytest.mark.parametrize("action", AFTER_A_BREAK)
async def test_a_strange_answer_to_a_range_is_never_mixed_in(
    tmp_path: Path, action: StorageAction
) -> None:
    faults = (StorageFault("truncate", times=1), StorageFault(action, times=1))
    async with Sandbox(Scenario(package_bytes=SIZE, faults=faults)) as sandbox:
        report = await export_one(sandbox, tmp_path)
        assert [got.action for got in sandbox.gets][:2] == ["truncate", action]
        assert sandbox.gets[1].range.startswith("bytes=")
        (saved,) = report.saved
        assert saved.sha256 == sandbox.expected_sha256(JOB.row())


@pytest.mark.fault(10)
@pytest.mark.parametrize("action", ["truncate", "stall", "drip", "cut_chunked"])
async def test_a_broken_transfer_goes_on_where_it_was(
    tmp_path: Path, action: StorageAction
) -> None:
    faults = (StorageFault(action, times=1, at=0.7),)
    async with Sandbox(Scenario(package_bytes=SIZE, size_spread=0, faults=faults)) as sandbox:
        report = await export_one(sandbox, tmp_path)
        first, second = sandbox.gets
    assert first.range == ""
    offset = int(second.range.removeprefix("bytes=").rstrip("-"))
    assert second.status == 206
    assert offset > SIZE // 2
    assert report.interrupted == 1
    assert report.received <= report.bytes + 100  # a drip brings a few bytes more


@pytest.mark.fault(4)
@pytest.mark.parametrize("action", ["no_etag", "weak_etag"])
async def test_without_a_strong_validator_a_transfer_starts_again(
    tmp_path: Path, action: StorageAction
) -> None:
    # One request has one fault: so the tag is so always, and the export is left in the middle.
    faults = (StorageFault(action),)
    scenario = Scenario(package_bytes=SIZE, faults=faults, bytes_per_s=400_000)
    async with Sandbox(scenario) as sandbox:
        async with client_of(sandbox, fetch=quick_fetch()) as client:
            async with client.export([JOB], tmp_path) as export:
                async for event in export:
                    if getattr(event, "bytes", 0) > 100_000:
                        break
            assert partials(tmp_path) == []
            async with client.export([JOB], tmp_path) as export:
                report = await export.finish()
        assert [got.range for got in sandbox.gets] == ["", ""]
        assert report.saved[0].sha256 == sandbox.expected_sha256(JOB.row())


@pytest.mark.fault(15)
@pytest.mark.parametrize("style", ["s3", "gcs", "azure", "cloudfront"])
async def test_an_expired_url_is_replaced_and_the_transfer_goes_on(
    tmp_path: Path, style: str
) -> None:
    faults = (
        StorageFault("truncate", times=1),
        StorageFault("expired", times=1),
    )
    scenario = Scenario(package_bytes=SIZE, url_style=style, faults=faults)  # type: ignore[arg-type]  # one of its words
    async with Sandbox(scenario) as sandbox:
        report = await export_one(sandbox, tmp_path)
        ranges = [got.range for got in sandbox.gets]
    assert report.refreshed == 1
    assert ranges[0] == ""
    assert ranges[1] == ranges[2] != ""
    assert report.received == report.bytes


@pytest.mark.fault(16)
async def test_a_url_that_waited_for_a_slot_until_near_its_expiry_is_replaced(
    tmp_path: Path,
) -> None:
    # One slot, and a first transfer that takes most of the life of the second package's URL.
    other = JobDownload(workflow_id="w", job_id="other")
    scenario = Scenario(
        package_bytes=SIZE, size_spread=0, bytes_per_s=SIZE / 1.8, url_lifetime_s=2, url_style="s3"
    )
    async with Sandbox(scenario) as sandbox:
        async with client_of(sandbox, limits=Limits(fetches=1)) as client:
            async with client.export([JOB, other], tmp_path) as export:
                report = await export.finish()
        assert [got.status for got in sandbox.gets] == [200, 200]  # none of them was refused
    assert (len(report.saved), report.refreshed) == (2, 1)


@pytest.mark.parametrize(
    ("action", "error", "words"),
    [
        ("html", IntegrityError, "Please sign in"),
        ("empty", IntegrityError, "nothing came"),
        ("gzip", TransferError, "gzip"),
        ("redirect_plain", TransferError, "plain http"),
        ("redirect_loop", TransferError, "redirects more than"),
        ("wrong_checksum", IntegrityError, "crc32"),
        ("corrupt", IntegrityError, "crc32"),
        ("bad_zip", IntegrityError, "end record"),
        ("expired", StorageError, "the storage answered"),
        ("truncate", TransferError, "body"),
    ],
)
async def test_a_fault_that_stays_fails_the_package_and_leaves_no_file(
    tmp_path: Path, action: StorageAction, error: type[Exception], words: str
) -> None:
    faults = (StorageFault(action, at=0.0 if action == "truncate" else 0.5),)
    async with Sandbox(Scenario(package_bytes=SIZE, faults=faults)) as sandbox:
        report = await export_one(sandbox, tmp_path, attempts=3)
    (failed,) = report.failed
    assert isinstance(failed.error, error)
    assert words in str(failed.error)
    assert final_files(tmp_path) == {}


@pytest.mark.fault(12)
@pytest.mark.parametrize("checksum", ["crc32", "md5", "sha256", "none"])
@pytest.mark.parametrize("style", ["s3", "gcs"])
async def test_an_offered_checksum_is_compared(tmp_path: Path, checksum: str, style: str) -> None:
    scenario = Scenario(checksum=checksum, url_style=style)  # type: ignore[arg-type]  # among their words
    async with Sandbox(scenario) as sandbox:
        report = await export_one(sandbox, tmp_path)
    assert report.saved[0].checksum == checksum.replace("none", "")


@pytest.mark.fault(13)
async def test_contents_are_read_against_their_crcs_when_that_is_asked_for(tmp_path: Path) -> None:
    faults = (StorageFault("corrupt"),)
    scenario = Scenario(package_bytes=SIZE, checksum="none", faults=faults)
    async with Sandbox(scenario) as sandbox:
        trusting = await export_one(sandbox, tmp_path / "structure")
        reading = await export_one(sandbox, tmp_path / "contents", verify=Verify.CONTENTS)
    assert trusting.is_complete
    (failed,) = reading.failed
    assert isinstance(failed.error, IntegrityError)
    assert "CRC" in str(failed.error)
