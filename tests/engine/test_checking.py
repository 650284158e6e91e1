"""Looking through an export folder, over real files."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import anyio
import pytest

from pixxel_async import (
    CatalogDownload,
    Condition,
    Download,
    Finding,
    JobDownload,
    SavedPackage,
    SinkError,
    Verify,
    verify,
)
from pixxel_async.destinations.folder_tree import FolderTree
from pixxel_async.destinations.inspect import look
from pixxel_async.export.verify import forget, held
from pixxel_async.journal.export_folder import JOURNAL, ExportFolder
from pixxel_async.journal.models import PackageRow
from pixxel_async.journal.reader import read_record
from pixxel_async.sandbox import Sandbox, Scenario
from pixxel_async.sansio.files.verification import Found
from pixxel_async.sansio.package_state import State

from ..support import PATIENCE_S, final_files, other_tasks, some_downloads
from .saved import change_row, flip_a_byte, save, save_broken
from .test_folder import another_process

SMALL = Scenario(package_bytes=20_000)
COUNT = 6


async def found(folder: Path, depth: Verify = Verify.STRUCTURE) -> list[Finding]:
    return [finding async for finding in verify(folder, depth=depth)]


async def wrong(folder: Path, depth: Verify = Verify.STRUCTURE) -> dict[str, Condition]:
    """Return what is wrong, by name."""
    return {
        finding.path.name: finding.condition
        for finding in await found(folder, depth)
        if finding.is_wrong
    }


async def saved_in(folder: Path, count: int = COUNT) -> list[SavedPackage]:
    async with Sandbox(SMALL) as sandbox:
        return await save(sandbox, some_downloads(count), folder)


def extracted_to(name: str) -> Callable[[PackageRow], PackageRow]:
    return lambda row: row.changed(extracted=name, is_discarded=1)


def failed(row: PackageRow) -> PackageRow:
    """Make it as if a package had been fetched again, in vain."""
    return row.changed(state=State.FAILED, bytes=None, sha256=None, error="404")


async def test_an_export_that_nobody_touched_is_right(tmp_path: Path) -> None:
    saved = await saved_in(tmp_path)
    findings = await found(tmp_path, Verify.CONTENTS)
    assert [finding.condition for finding in findings] == [Condition.OK] * COUNT
    told = [(finding.download, finding.path, finding.bytes, finding.sha256) for finding in findings]
    assert told == [(one.download, one.path, one.bytes, one.sha256) for one in saved]
    assert other_tasks() == set()


async def test_each_thing_that_may_have_happened_to_a_file_is_told(tmp_path: Path) -> None:
    gone, longer, flipped, folder, nowhere, loop, whole = await saved_in(tmp_path, 7)
    gone.path.unlink()
    with longer.path.open("ab") as file:
        file.write(b"x")
    flip_a_byte(flipped.path)
    for one in (folder, nowhere, loop):
        one.path.unlink()
    folder.path.mkdir()
    nowhere.path.symlink_to("nowhere")
    loop.path.symlink_to(loop.path.name)
    assert await wrong(tmp_path) == {
        gone.path.name: Condition.MISSING,
        longer.path.name: Condition.CHANGED,
        flipped.path.name: Condition.CHANGED,
        folder.path.name: Condition.CHANGED,
        nowhere.path.name: Condition.CHANGED,
        loop.path.name: Condition.CHANGED,
    }
    assert whole.path.is_file()


async def test_a_file_of_another_size_is_not_read(tmp_path: Path) -> None:
    first, *_ = await saved_in(tmp_path)
    os.truncate(first.path, 1 << 40)  # a hole; to read all of it takes many minutes
    async with asyncio.timeout(PATIENCE_S):
        assert await wrong(tmp_path) == {first.path.name: Condition.CHANGED}


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0,
    reason="needs a user whom file modes stop: run the tests without root",
)
async def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    first, *_ = await saved_in(tmp_path)
    first.path.chmod(0)
    assert await wrong(tmp_path) == {first.path.name: Condition.UNREADABLE}


async def test_a_link_is_not_what_was_saved_whatever_it_leads_to(tmp_path: Path) -> None:
    first, *_ = await saved_in(tmp_path / "out")
    moved = first.path.rename(tmp_path / "elsewhere")
    first.path.symlink_to(moved)
    (finding,) = [one for one in await found(tmp_path / "out") if one.is_wrong]
    assert (finding.path, finding.condition) == (first.path, Condition.CHANGED)
    assert finding.reason == "what has its name is a symbolic link"


async def test_a_member_with_a_wrong_crc_is_found_when_contents_are_read(tmp_path: Path) -> None:
    first, *_ = await saved_in(tmp_path)
    await save_broken(tmp_path, first)
    assert await wrong(tmp_path) == {}
    assert await wrong(tmp_path, Verify.CONTENTS) == {first.path.name: Condition.BROKEN}


async def test_what_was_extracted_is_there_if_its_folder_is(tmp_path: Path) -> None:
    first, second, third, *_ = await saved_in(tmp_path)
    for number, one in enumerate((first, second, third)):
        await change_row(tmp_path, one.key, extracted_to(f"extracted-{number}"))
        one.path.unlink()
    (tmp_path / "extracted-0").mkdir()
    (tmp_path / "extracted-0" / "inner.zip").touch()
    (tmp_path / "extracted-2").touch()
    findings = {finding.path.name: finding for finding in await found(tmp_path)}
    assert findings["extracted-0"].condition is Condition.OK
    assert findings["extracted-1"].condition is Condition.MISSING
    assert findings["extracted-2"].condition is Condition.CHANGED
    assert len(findings) == COUNT  # what lies in a folder of a package is not looked at


async def test_what_is_not_saved_yet_is_no_fault_and_what_was_once_is(tmp_path: Path) -> None:
    first, *_ = await saved_in(tmp_path)
    await change_row(tmp_path, first.key, failed)
    late = JobDownload(workflow_id="w", job_id="late")
    opened = await ExportFolder.open(tmp_path)
    await opened.journal.put(
        PackageRow(key=late.key, target=json.dumps(late.row()), name="late.zip")
    )
    await opened.aclose()
    conditions = {
        finding.download.key: finding.condition
        for finding in await found(tmp_path)
        if finding.download is not None
    }
    assert conditions[first.key] is Condition.MISSING
    assert conditions[late.key] is Condition.NOT_SAVED


async def test_files_that_no_package_has_are_told_by_their_kind(tmp_path: Path) -> None:
    first, *_ = await saved_in(tmp_path)
    (tmp_path / "sub").mkdir()
    for name in ("mine.zip", "sub/mine.zip.part", "notes.txt", f"{first.path.name}.part"):
        (tmp_path / name).touch()
    unknown = [one for one in await found(tmp_path) if one.condition is Condition.UNKNOWN]
    assert [one.path for one in unknown] == [
        tmp_path / "mine.zip",
        tmp_path / "sub" / "mine.zip.part",
    ]
    assert not any(one.is_wrong for one in unknown)


async def test_only_some_packages_can_be_looked_at(tmp_path: Path) -> None:
    first, second, *_ = await saved_in(tmp_path)
    (tmp_path / "mine.zip").touch()
    findings = [one async for one in verify(tmp_path, only={second.key})]
    assert [one.path for one in findings] == [second.path]
    assert first.path != second.path


async def test_a_folder_without_an_export_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="not an export folder"):
        await found(tmp_path)
    with pytest.raises(SinkError, match="not an export folder"):
        async with held(tmp_path):
            raise AssertionError
    assert list(tmp_path.iterdir()) == []


async def test_several_files_are_read_at_once_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await saved_in(tmp_path, 12)
    both = threading.Barrier(3)
    running: Counter[str] = Counter()
    most = 0
    turn = threading.Lock()

    def watched(
        tree: FolderTree, name: str, *, size: int, verify: Verify, stop: threading.Event
    ) -> Found:
        nonlocal most
        with turn:
            running["now"] += 1
            most = max(most, running["now"])
        both.wait(timeout=PATIENCE_S)  # passed only if three are here at the same time
        try:
            return look(tree, name, size=size, verify=verify, stop=stop)
        finally:
            with turn:
                running["now"] -= 1

    monkeypatch.setattr("pixxel_async.export.verify.look", watched)
    findings = [one async for one in verify(tmp_path, jobs=3)]
    assert [one.condition for one in findings] == [Condition.OK] * 12
    assert most == 3


@pytest.mark.parametrize("is_cancelled", [True, False])
async def test_leaving_early_leaves_a_large_file_at_once_and_no_thread(
    tmp_path: Path, *, is_cancelled: bool
) -> None:
    *_, last = await saved_in(tmp_path)
    size = 1 << 40  # a hole; to read all of it takes many minutes
    os.truncate(last.path, size)
    await change_row(tmp_path, last.key, lambda row: row.changed(bytes=size))
    async with asyncio.timeout(PATIENCE_S), aclosing(verify(tmp_path, jobs=1)) as findings:
        for _ in range(COUNT - 1):
            assert (await anext(findings)).condition is Condition.OK
        if is_cancelled:
            with anyio.move_on_after(0.05) as scope:
                await anext(findings)
            assert scope.cancelled_caught
    assert not any(one.name.startswith("pixxel-verify") for one in threading.enumerate())


async def test_reading_disturbs_no_other_process_and_repairing_is_refused(tmp_path: Path) -> None:
    first, *_ = await saved_in(tmp_path)
    first.path.unlink()
    with another_process(tmp_path) as other:
        assert await wrong(tmp_path) == {first.path.name: Condition.MISSING}
        with pytest.raises(
            SinkError, match=f"process {other.pid} is already exporting into this folder"
        ):
            async with held(tmp_path):
                raise AssertionError
        other.communicate("\n")


async def repaired(sandbox: Sandbox, folder: Path, depth: Verify) -> list[Download]:
    """Forget what is wrong, and export it again."""
    async with held(folder) as opened:
        downloads = await forget(opened, await found(folder, depth))
    await save(sandbox, downloads, folder)
    return downloads


async def test_what_was_forgotten_is_fetched_again_and_nothing_is_lost(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox:
        saved = await save(sandbox, some_downloads(COUNT), tmp_path)
        gone, longer, flipped, broken, folder, whole = saved
        gone.path.unlink()
        longer.path.write_bytes(b"longer" * 10_000)
        flip_a_byte(flipped.path)
        changed = flipped.path.read_bytes()
        await save_broken(tmp_path, broken)
        folder.path.unlink()
        folder.path.mkdir()
        gets = len(sandbox.gets)
        downloads = await repaired(sandbox, tmp_path, Verify.CONTENTS)
        assert len(sandbox.gets) == gets + 5
    assert {one.key for one in downloads} == {one.key for one in saved} - {whole.key}
    assert await wrong(tmp_path, Verify.CONTENTS) == {}
    assert final_files(tmp_path) == {one.path.name: one.sha256 for one in saved}
    aside = {path.name for path in tmp_path.glob("*.changed-1")}
    assert aside == {f"{one.path.name}.changed-1" for one in (longer, flipped, broken, folder)}
    assert (tmp_path / f"{flipped.path.name}.changed-1").read_bytes() == changed


async def test_a_package_whose_extracted_folder_is_gone_comes_again_as_a_zip(
    tmp_path: Path,
) -> None:
    async with Sandbox(SMALL) as sandbox:
        first, *_ = await save(sandbox, some_downloads(COUNT), tmp_path)
        first.path.unlink()
        await change_row(tmp_path, first.key, extracted_to("gone"))
        await repaired(sandbox, tmp_path, Verify.STRUCTURE)
    assert await wrong(tmp_path) == {}
    assert final_files(tmp_path)[first.path.name] == first.sha256


async def test_only_what_came_broken_is_asked_for_anew(tmp_path: Path) -> None:
    catalogs: list[Download] = [CatalogDownload(catalog_ids=(str(n),)) for n in range(2)]
    async with Sandbox(SMALL) as sandbox:
        flipped, broken = await save(sandbox, catalogs, tmp_path)
    flip_a_byte(flipped.path)
    await save_broken(tmp_path, broken)
    async with held(tmp_path) as opened:
        await forget(opened, await found(tmp_path, Verify.CONTENTS))
        rows = {row.key: row for row in read_record(tmp_path).rows}  # on the disk by now
    assert {row.state for row in rows.values()} == {State.QUEUED}
    assert rows[flipped.key].download_id is not None
    assert rows[broken.key].download_id is None


async def test_a_row_with_a_bad_name_is_damaged(tmp_path: Path) -> None:
    first, *_ = await saved_in(tmp_path)
    await change_row(tmp_path, first.key, lambda row: row.changed(name="../elsewhere.zip"))
    assert await wrong(tmp_path) == {JOURNAL: Condition.DAMAGED}


async def test_a_failed_package_that_was_saved_once_is_taken_up(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox:
        first, *_ = await save(sandbox, some_downloads(COUNT), tmp_path)
        first.path.unlink()
        await change_row(tmp_path, first.key, failed)
        async with held(tmp_path) as opened:
            (download,) = await forget(opened, await found(tmp_path))
            row = await opened.journal.get(first.key)
    assert download == first.download
    assert row is not None
    assert (row.state, row.error) == (State.QUEUED, "")


async def test_a_target_that_is_not_a_download_is_reported_for_its_package(tmp_path: Path) -> None:
    first, *_ = await saved_in(tmp_path)
    await change_row(tmp_path, first.key, lambda row: row.changed(target='{"kind":"?"}'))
    findings = await found(tmp_path)
    (damaged,) = [one for one in findings if one.condition is not Condition.OK]
    assert damaged.condition is Condition.DAMAGED
    assert damaged.path.name == JOURNAL
    assert first.download.key in damaged.reason
    assert "unknown kind" in damaged.reason
    assert damaged.is_wrong
