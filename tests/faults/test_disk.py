"""Cases 30 and 40: a disk that really is full, and a clock that jumps."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from pixxel_async import FolderPolicy, Paused, PixxelClient, PollPolicy, Resumed, SinkError
from pixxel_async.sandbox import PackagingTime, Sandbox, Scenario

from ..support import client_of, final_files, partials, quick_fetch, some_downloads

MIB = 1024**2


@pytest.fixture(name="small_disk")
def _small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("needs root on Linux, to mount a small file system: sudo make test")
    words = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(place)]
    try:
        subprocess.run(words, check=True, capture_output=True)  # noqa: S603 - words of our own
    except (OSError, subprocess.CalledProcessError):
        pytest.skip(
            "needs to mount a tmpfs: run it where mount is allowed, as in a privileged container"
        )
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)  # noqa: S603, S607 - likewise


def policy(space_timeout_s: float) -> FolderPolicy:
    return FolderPolicy(least_free_bytes=0, space_timeout_s=space_timeout_s)


@pytest.mark.fault(30)
async def test_a_disk_that_fills_up_ends_the_export_and_the_next_one_goes_on(
    small_disk: Path,
) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(4 * MIB))
    downloads = some_downloads(12)
    scenario = Scenario(package_bytes=300_000, size_spread=0)
    async with Sandbox(scenario) as sandbox, client_of(sandbox, fetch=quick_fetch()) as client:
        out = small_disk / "out"
        async with client.export(downloads, out, folder=policy(0)) as export:
            first = await export.finish()
        assert first.stopped is not None
        assert "full" in str(first.stopped) or "space" in str(first.stopped)
        assert first.failed == []
        whole = final_files(out)
        expected = {sandbox.expected_sha256(download.row()) for download in downloads}
        assert set(whole.values()) <= expected  # what has its name is whole
        ballast.unlink()
        async with client.export(downloads, out, folder=policy(0)) as export:
            second = await export.finish()
        assert second.is_complete
        assert set(final_files(out).values()) == expected
        assert partials(out) == []


@pytest.mark.fault(30)
async def test_a_disk_that_gets_room_in_time_only_pauses_the_export(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(5 * MIB))
    seen = []
    async with Sandbox(Scenario(package_bytes=300_000, size_spread=0)) as sandbox:
        async with client_of(sandbox, fetch=quick_fetch()) as client:
            async with client.export(
                some_downloads(6), small_disk / "out", folder=policy(60)
            ) as export:
                async for event in export:
                    if isinstance(event, Paused):
                        with suppress(FileNotFoundError):
                            ballast.unlink()
                    if isinstance(event, Paused | Resumed):
                        seen.append(type(event))
    assert [str(item.error) for item in export.report.failed] == []
    assert seen[:2] == [Paused, Resumed]
    assert export.report.is_complete


@pytest.mark.fault(30)
@pytest.mark.parametrize("levels", [3, 30], ids=["for-the-journal", "for-any-file"])
async def test_a_folder_whose_name_is_too_long_is_told_before_anything_is_sent(
    tmp_path: Path, levels: int
) -> None:
    out = tmp_path.joinpath(*["x" * 200] * levels)
    async with Sandbox() as sandbox, client_of(sandbox) as client:
        with pytest.raises(SinkError, match=r"too long; choose a folder with a shorter one"):
            await client.export(some_downloads(2), out).__aenter__()
        assert sandbox.calls == []


@pytest.mark.fault(40)
@pytest.mark.parametrize("jump_s", [3600.0, -3600.0])
async def test_a_clock_that_jumps_by_an_hour_changes_no_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump_s: float
) -> None:
    right = time.time
    jumped = 0.0
    monkeypatch.setattr(time, "time", lambda: right() + jumped)
    scenario = Scenario(packaging=PackagingTime.constant(0.6), package_bytes=3000)
    began = time.monotonic()
    async with Sandbox(scenario) as sandbox:
        async with PixxelClient(
            sandbox.api_key,
            base_url=sandbox.api_url,
            poll=PollPolicy(initial_s=0.05, max_s=0.2, wait_timeout_s=1000),
        ) as client:
            async with client.export(some_downloads(8), tmp_path) as export:
                async for _ in export:
                    jumped = jump_s
    assert export.report.is_complete
    assert export.report.failed == []
    assert 0.5 <= time.monotonic() - began < abs(jump_s) / 2
    assert export.report.elapsed_s < abs(jump_s) / 2
