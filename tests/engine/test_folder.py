"""One process at a time exports into a folder, and what is not ours stays."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pixxel_async import FolderBusyError, JobDownload, SinkError
from pixxel_async.journal.export_folder import HIDDEN, JOURNAL, ExportFolder
from pixxel_async.journal.models import PackageRow
from pixxel_async.sandbox import Sandbox, Scenario
from pixxel_async.sansio.package_state import State

from ..support import client_of, final_files, quick_fetch, some_downloads

JOB = JobDownload(workflow_id="w", job_id="j")
HOLD = """
import asyncio, pathlib, sys
from pixxel_async.journal.models import PackageRow
from pixxel_async.journal.export_folder import ExportFolder

async def hold():
    folder = await ExportFolder.open(pathlib.Path(sys.argv[1]))
    print("held", flush=True)
    sys.stdin.readline()
    await folder.aclose()

asyncio.run(hold())
"""


@contextmanager
def another_process(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Have a folder held by another process."""
    command = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(  # noqa: S603 - our own script
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process


@pytest.mark.fault(37)
async def test_a_second_process_is_refused_and_told_of_the_first(tmp_path: Path) -> None:
    with another_process(tmp_path) as first:
        with pytest.raises(FolderBusyError, match=f"process {first.pid}"):
            await ExportFolder.open(tmp_path)
        first.communicate("\n")
    folder = await ExportFolder.open(tmp_path)
    await folder.aclose()
    await folder.aclose()


async def test_a_lock_dies_with_its_process(tmp_path: Path) -> None:
    with another_process(tmp_path) as first:
        first.kill()
    folder = await ExportFolder.open(tmp_path)
    await folder.aclose()


@pytest.mark.fault(30)
async def test_a_folder_that_cannot_be_made_is_told_with_a_remedy(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    async with Sandbox() as sandbox, client_of(sandbox) as client:
        with pytest.raises(SinkError, match="not a folder"):
            async with client.export([JOB], file / "folder"):
                raise AssertionError


@pytest.mark.fault(33)
async def test_a_file_that_no_export_has_saved_is_never_overwritten(tmp_path: Path) -> None:
    async with Sandbox() as sandbox, client_of(sandbox) as client:
        saved = await client.download(JOB, tmp_path / "other")
        mine = tmp_path / "mine" / saved.path.name
        mine.parent.mkdir()
        mine.write_text("mine")
        with pytest.raises(SinkError, match="no export has saved"):
            await client.download(JOB, mine.parent)
    assert mine.read_text() == "mine"


@pytest.mark.fault(34)
async def test_a_file_that_was_deleted_since_is_fetched_again(tmp_path: Path) -> None:
    async with Sandbox() as sandbox, client_of(sandbox) as client:
        first = await client.download(JOB, tmp_path)
        first.path.unlink()
        again = await client.download(JOB, tmp_path)
    assert not again.skipped
    assert final_files(tmp_path) == {first.path.name: first.sha256}


@pytest.mark.fault(34)
async def test_a_file_that_was_changed_since_is_set_aside_and_fetched_again(tmp_path: Path) -> None:
    async with Sandbox() as sandbox, client_of(sandbox) as client:
        first = await client.download(JOB, tmp_path)
        first.path.write_text("edited")
        again = await client.download(JOB, tmp_path)
        first.path.write_text("edited again")
        await client.download(JOB, tmp_path)
    assert again.sha256 == first.sha256
    aside = sorted(path.read_text() for path in tmp_path.glob("*.changed-*"))
    assert aside == ["edited", "edited again"]
    assert final_files(tmp_path) == {first.path.name: first.sha256}


async def test_a_run_that_ended_between_rename_and_note_is_recognised(tmp_path: Path) -> None:
    async with Sandbox() as sandbox, client_of(sandbox) as client:
        first = await client.download(JOB, tmp_path)
        folder = await ExportFolder.open(tmp_path)
        row = await folder.journal.get(JOB.key)
        assert row is not None
        await folder.journal.put(row.changed(state=State.FETCHING, mark=10, validator='"v"'))
        await folder.aclose()
        gets = len(sandbox.gets)
        again = await client.download(JOB, tmp_path)
        assert again.skipped
        assert (again.sha256, len(sandbox.gets)) == (first.sha256, gets)


async def _row(directory: Path) -> PackageRow:
    folder = await ExportFolder.open(directory)
    row = await folder.journal.get(JOB.key)
    await folder.aclose()
    assert row is not None
    return row


@pytest.mark.fault(32)
@pytest.mark.parametrize("change", ["shorter", "much shorter", "other", "longer", "gone"])
async def test_a_partial_that_is_not_as_the_journal_says_is_not_trusted(
    tmp_path: Path, change: str
) -> None:
    scenario = Scenario(package_bytes=600_000, size_spread=0, bytes_per_s=600_000)
    fetch = quick_fetch(flush_bytes=200_000)  # so that more is written than is marked
    async with Sandbox(scenario) as sandbox, client_of(sandbox, fetch=fetch) as client:
        async with client.export([JOB], tmp_path) as export:
            async for event in export:
                if getattr(event, "bytes", 0) > 300_000:
                    break
        (part,) = tmp_path.glob("*.part")
        size = part.stat().st_size
        if change == "gone":
            part.unlink()
        elif change == "longer":
            with part.open("ab") as file:
                file.write(b"not of the package")
        elif change == "other":
            with part.open("r+b") as file:
                file.seek(size - 500)
                file.write(b"changed")
        else:
            os.truncate(part, size - 1000 if change == "shorter" else 1000)
        mark = (await _row(tmp_path)).mark
        saved = await client.download(JOB, tmp_path)
        assert saved.sha256 == sandbox.expected_sha256(JOB.row())
        asked = sandbox.gets[-1].range
    assert 0 < mark < size - 1000
    expected = {"longer": f"bytes={size}-", "shorter": f"bytes={mark}-", "other": f"bytes={mark}-"}
    assert asked == expected.get(change, "")


async def test_no_key_and_no_signed_url_is_in_the_folder(tmp_path: Path) -> None:
    async with Sandbox() as sandbox, client_of(sandbox) as client:
        async with client.export(some_downloads(12), tmp_path) as export:
            await export.finish()
        secrets = [sandbox.api_key, sandbox.storage_url, "Signature=", "X-Amz", "sig="]
    journal = (tmp_path / HIDDEN / JOURNAL).read_bytes()
    assert b"job" in journal
    for secret in secrets:
        assert secret.encode() not in journal
