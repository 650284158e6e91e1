"""Exports that extract what they save."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from pixxel_async import (
    ArchiveError,
    Extraction,
    FolderPolicy,
    JobDownload,
    Saved,
)
from pixxel_async.destinations import local_sink
from pixxel_async.destinations.extract import hidden_name
from pixxel_async.journal.reader import read_record
from pixxel_async.sandbox import Sandbox

from ..support import final_files, some_downloads
from .test_resume import run

JOB = JobDownload(workflow_id="w", job_id="j")
KEEP = FolderPolicy(extraction=Extraction.KEEP_ZIP)
DISCARD = FolderPolicy(extraction=Extraction.DISCARD_ZIP)


def names_in(folder: Path) -> set[str]:
    """Return the files below a folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


async def test_each_zip_is_extracted_beside_itself(tmp_path: Path) -> None:
    async with Sandbox() as sandbox:
        report, seen = await run(sandbox, tmp_path, *some_downloads(6), folder=KEEP)
        again, _ = await run(sandbox, tmp_path, *some_downloads(6), folder=KEEP)
    assert report.is_complete
    assert len(again.skipped) == 6
    for saved in [event.saved for event in seen if isinstance(event, Saved)]:
        assert saved.extracted == saved.path.with_suffix("")
        with zipfile.ZipFile(saved.path) as archive:
            assert names_in(saved.extracted) == set(archive.namelist())
            for name in archive.namelist():
                assert (saved.extracted / name).read_bytes() == archive.read(name)
    assert [skipped.extracted for skipped in again.skipped if skipped.extracted is None] == []


async def test_a_discarded_zip_is_not_fetched_again_while_its_folder_is_there(
    tmp_path: Path,
) -> None:
    async with Sandbox() as sandbox:
        report, _ = await run(sandbox, tmp_path, JOB, folder=DISCARD)
        (saved,) = report.saved
        assert saved.extracted is not None
        assert not saved.path.exists()
        assert names_in(saved.extracted)
        again, _ = await run(sandbox, tmp_path, JOB, folder=DISCARD)
        assert len(again.skipped) == 1
        assert len(sandbox.gets) == 1
        saved.extracted.rename(tmp_path / "moved away")
        third, _ = await run(sandbox, tmp_path, JOB, folder=DISCARD)
    assert len(third.saved) == 1
    assert saved.extracted.is_dir()


async def test_what_was_saved_before_is_extracted_without_a_request(tmp_path: Path) -> None:
    async with Sandbox() as sandbox:
        await run(sandbox, tmp_path, JOB)
        calls = len(sandbox.calls)
        report, _ = await run(sandbox, tmp_path, JOB, folder=KEEP)
        assert len(sandbox.calls) == calls
    (skipped,) = report.skipped
    assert skipped.extracted is not None
    assert names_in(skipped.extracted)


async def test_a_run_that_ended_before_the_folder_had_its_name_is_made_up_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class EndedError(BaseException):
        pass

    def ended(*_: object) -> None:
        raise EndedError

    monkeypatch.setattr(local_sink, "reveal", ended)
    async with Sandbox() as sandbox:
        with pytest.raises(EndedError):
            await run(sandbox, tmp_path, JOB, folder=KEEP)
        (row,) = read_record(tmp_path).rows
        assert row.extracted is not None
        assert (tmp_path / hidden_name(row.extracted)).is_dir()
        monkeypatch.undo()
        report, _ = await run(sandbox, tmp_path, JOB, folder=KEEP)
    assert len(report.skipped) == 1
    assert names_in(tmp_path / row.extracted)
    assert not (tmp_path / hidden_name(row.extracted)).exists()


@pytest.mark.fault(44)
async def test_a_refused_archive_fails_its_package_and_keeps_the_zip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise REFUSED

    monkeypatch.setattr(local_sink, "extract", refuse)
    async with Sandbox() as sandbox:
        report, _ = await run(sandbox, tmp_path, JOB, folder=DISCARD)
        assert [type(failed.error) for failed in report.failed] == [ArchiveError]
        assert len(final_files(tmp_path)) == 1
        monkeypatch.undo()
        gets = len(sandbox.gets)
        report, _ = await run(sandbox, tmp_path, JOB, folder=DISCARD)
        assert len(sandbox.gets) == gets
    assert report.is_complete


REFUSED = ArchiveError("refused")
