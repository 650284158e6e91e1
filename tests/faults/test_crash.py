"""Case 35: a process that dies at a named point, and a machine that dies with it."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import shutil
import signal
import sys
from pathlib import Path

import pytest

from pixxel_async.sandbox import Sandbox, Scenario

from ..support import client_of, final_files, partials, quick_fetch, some_downloads
from . import crashing
from .crashing import COUNT, POINTS, SEED

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="needs Linux: it reads /proc/self/fd"
)

SCENARIO = Scenario(package_bytes=250_000, bytes_per_s=4_000_000)


def killed_itself(*words: str | int) -> bool:
    """Run `crashing.crash` in a process of its own, forked from one that has done the imports."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([crashing.__name__])
    process = context.Process(target=crashing.crash, args=words)
    process.start()
    process.join()
    try:
        return process.exitcode == -signal.SIGKILL
    finally:
        process.close()


@pytest.mark.fault(35)
@pytest.mark.parametrize("nth", [1, 9])
@pytest.mark.parametrize("point", POINTS)
async def test_a_process_that_dies_at_any_point_is_made_up_for(
    tmp_path: Path, point: str, nth: int
) -> None:
    out, copy, pending = tmp_path / "out", tmp_path / "copy", tmp_path / "ledger"
    async with Sandbox(SCENARIO) as sandbox:
        words = (sandbox.api_url, sandbox.api_key, str(out), str(pending), point, nth)
        assert await asyncio.to_thread(killed_itself, *words)
        shutil.copytree(out, copy)
        await check_next_run(sandbox, copy)  # the machine goes on
        lose_what_was_not_synced(out, pending)
        await check_next_run(sandbox, out)


async def check_next_run(sandbox: Sandbox, out: Path) -> None:
    """Check that what has its name is whole, and that the next run makes up for the rest."""
    downloads = some_downloads(COUNT, SEED)
    expected = {sandbox.expected_sha256(download.row()) for download in downloads}
    assert set(final_files(out).values()) <= expected
    async with client_of(sandbox, fetch=quick_fetch()) as client:
        async with client.export(downloads, out) as export:
            report = await export.finish()
    assert [str(item.error) for item in report.failed] == []
    assert report.is_complete
    assert set(final_files(out).values()) == expected
    assert len(final_files(out)) == COUNT
    assert partials(out) == []


def lose_what_was_not_synced(out: Path, pending: Path) -> None:
    """Take back renames whose folder was not synced, and put zeros where no sync came after.

    A file system may keep the length of a file and lose its bytes; SQLite's own files are left to
    SQLite, which is told by `synchronous=FULL` to sync them itself.
    """
    synced: dict[str, int] = {}
    renames: list[tuple[str, str]] = []
    for line in pending.read_text("utf-8").splitlines():
        what, *words = json.loads(line)
        if what == "file":
            synced[words[0]] = words[1]
        elif what == "rename":
            renames.append((words[0], words[1]))
            synced[words[1]] = synced.get(words[0], 0)
        else:
            renames.clear()
    for source, target in renames:
        if Path(target).exists():
            Path(target).rename(source)
    for path in out.iterdir():
        if path.is_file():
            whole = path.stat().st_size
            kept = path.read_bytes()[: synced.get(str(path), 0)]
            path.write_bytes(kept.ljust(whole, b"\0"))
