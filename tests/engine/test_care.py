"""Exports that leave out checksums and syncs, because they were told to."""

from __future__ import annotations

import os
from pathlib import Path
from unittest import mock

from pixxel_async import Checksum, Condition, FetchPolicy, FolderPolicy, Sync, verify
from pixxel_async.config import ExistingFiles
from pixxel_async.export.summary import Report
from pixxel_async.sandbox import Sandbox, Scenario, StorageFault

from ..support import client_of, some_downloads

CARELESS = FetchPolicy(checksum=Checksum.NONE, sync=Sync.NONE)
SMALL = Scenario(package_bytes=50_000)
COUNT = 5


async def save(
    sandbox: Sandbox, folder: Path, fetch: FetchPolicy, policy: FolderPolicy | None = None
) -> Report:
    async with client_of(sandbox, fetch=fetch) as client:
        async with client.export(some_downloads(COUNT), folder, folder=policy) as export:
            return await export.finish()


async def test_no_hash_is_told_and_no_file_is_synced(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox:
        with mock.patch.object(os, "fsync") as fsync:
            report = await save(sandbox, tmp_path, CARELESS)
        for saved in report.saved:
            assert saved.sha256 == ""
            assert saved.path.stat().st_size == saved.bytes
    assert len(report.saved) == COUNT
    assert fsync.call_count == 1  # of the file that tries what the file system can do


async def test_a_checksum_of_the_storage_is_not_looked_at(tmp_path: Path) -> None:
    faults = (StorageFault("wrong_checksum", rate=1.0),)
    async with Sandbox(Scenario(package_bytes=50_000, faults=faults)) as sandbox:
        assert len((await save(sandbox, tmp_path / "a", CARELESS)).saved) == COUNT
        assert len((await save(sandbox, tmp_path / "b", FetchPolicy())).failed) == COUNT


async def test_a_later_run_knows_the_files_by_their_size(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox:
        saved = (await save(sandbox, tmp_path, CARELESS)).saved
        reading = FolderPolicy(existing_files=ExistingFiles.VERIFY)
        assert len((await save(sandbox, tmp_path, CARELESS, reading)).skipped) == COUNT
        with saved[0].path.open("ab") as file:
            file.write(b"more")
        findings = [finding async for finding in verify(tmp_path)]
        wrong = [finding.path for finding in findings if finding.condition is not Condition.OK]
        assert wrong == [saved[0].path]
        again = await save(sandbox, tmp_path, FetchPolicy())
        assert [len(one.sha256) for one in again.saved] == [64]
        assert len(again.skipped) == COUNT - 1
