"""Rolling exports: one after another and overlapping, in one folder and in bounded memory."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path
from typing import Any

import pytest

from pixxel_async import (
    AuthenticationError,
    Download,
    Export,
    FolderPolicy,
    JobDownload,
    PixxelClient,
    PixxelError,
    Report,
    SinkError,
)
from pixxel_async.cli import rolling_export
from pixxel_async.cli.rolling_export import RollingExport
from pixxel_async.events import Event, Failed, Requested, Saved, Started
from pixxel_async.sandbox import ApiFault, PackageFault, Scenario, sandbox_in_thread

from ..support import client_of, final_files, other_tasks

SMALL: Any = {"package_bytes": 20_000}
JOBS = [JobDownload(workflow_id="w", job_id=f"j{number}") for number in range(8)]


class Followed:
    """Rolling exports, and what they show and hand back."""

    def __init__(self, client: PixxelClient, out: Path, **policy: Any) -> None:
        self.events: list[Event] = []
        self.back: list[tuple[str, PixxelError]] = []
        self.rolling = RollingExport(
            client, out, FolderPolicy(**policy), show=self.show, hand_back=self.take_back
        )

    def show(self, event: Event, _report: Report) -> None:
        self.events.append(event)

    def take_back(self, download: Download, error: PixxelError) -> None:
        self.back.append((download.key, error))

    def count(self, kind: type[Event]) -> int:
        return sum(isinstance(event, kind) for event in self.events)

    async def until(self, kind: type[Event], count: int) -> None:
        while self.count(kind) < count:  # noqa: ASYNC110 - the sandbox has no events
            await asyncio.sleep(0.005)


def living(kind: type[object]) -> int:
    gc.collect()
    return sum(type(each) is kind for each in gc.get_objects())


async def test_exports_follow_each_other_and_memory_is_freed(tmp_path: Path) -> None:
    with sandbox_in_thread(Scenario(**SMALL)) as sandbox:
        async with client_of(sandbox) as client:
            followed = Followed(client, tmp_path)
            tasks = len(other_tasks())
            before = living(Report), living(Export)
            async with followed.rolling as rolling:
                for number in range(20):
                    rolling.add(JobDownload(workflow_id="w", job_id=f"round-{number}"))
                    await followed.until(Saved, number + 1)
                    while len(other_tasks()) > tasks:  # noqa: ASYNC110 - likewise
                        await asyncio.sleep(0.005)
                assert followed.count(Started) == 20
                followed.events.clear()
                now = living(Report), living(Export)
                assert now[0] - before[0] <= 2  # the one that holds the folder
                assert now[1] - before[1] <= 1
    assert len(final_files(tmp_path)) == 20


async def test_downloads_share_an_export_for_a_while_and_a_slow_one_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = (PackageFault("never", only='"j0"'),)
    with sandbox_in_thread(Scenario(**SMALL, faults=faults)) as sandbox:
        async with client_of(sandbox) as client:
            followed = Followed(client, tmp_path)
            async with followed.rolling as rolling:
                for download in JOBS[:4]:
                    rolling.add(download)
                    rolling.add(download)
                await followed.until(Saved, 3)
                assert followed.count(Started) == 1
                monkeypatch.setattr(rolling_export, "TAKES_S", 0.0)
                rolling.add(JOBS[4])
                await followed.until(Saved, 4)
                assert followed.count(Started) == 1  # it still takes some
                rolling._exports[-1]._until = 0.0
                rolling.add(JOBS[5])
                await followed.until(Saved, 5)
                assert followed.count(Started) == 2
                assert rolling.left == 1
                rolling.interrupt()
            assert rolling.left == 1
    assert len(final_files(tmp_path)) == 5
    assert other_tasks() == set()


async def test_a_package_that_failed_goes_into_another_export(tmp_path: Path) -> None:
    faults = (
        PackageFault("never", only='"j0"'),
        ApiFault("status", on="downloadJob", status=500, only="/j1/", times=1),
    )
    with sandbox_in_thread(Scenario(**SMALL, faults=faults)) as sandbox:
        async with client_of(sandbox, retry=1) as client:
            followed = Followed(client, tmp_path)
            async with followed.rolling as rolling:
                rolling.add(JOBS[0])
                rolling.add(JOBS[1])
                await followed.until(Failed, 1)
                rolling.add(JOBS[1])
                await followed.until(Saved, 1)
                assert followed.count(Started) == 2
                rolling.interrupt()


async def test_packages_of_an_export_that_ends_early_are_handed_back(tmp_path: Path) -> None:
    with sandbox_in_thread(Scenario(**SMALL)) as sandbox:
        async with client_of(sandbox) as client:
            followed = Followed(client, tmp_path, least_free_bytes=2**60, space_timeout_s=0.05)
            async with followed.rolling as rolling:
                for download in JOBS:
                    rolling.add(download)
    assert sorted(key for key, _ in followed.back) == sorted(job.key for job in JOBS)
    assert all(isinstance(error, SinkError) for _, error in followed.back)
    assert other_tasks() == set()


async def test_a_rejected_key_ends_all_and_is_raised(tmp_path: Path) -> None:
    faults = (PackageFault("never", only='"j0"'), ApiFault("status", status=401, only="/j1/"))
    with sandbox_in_thread(Scenario(**SMALL, faults=faults)) as sandbox:
        async with client_of(sandbox) as client:
            followed = Followed(client, tmp_path)
            with pytest.raises(AuthenticationError):  # noqa: PT012 - it comes where one waits
                async with followed.rolling as rolling:
                    rolling.add(JOBS[0])
                    await followed.until(Requested, 1)
                    rolling._exports[-1]._until = 0.0
                    rolling.add(JOBS[1])
                    await asyncio.Event().wait()
    assert other_tasks() == set()


async def test_an_error_of_who_shows_is_raised_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with sandbox_in_thread(Scenario(**SMALL)) as sandbox:
        async with client_of(sandbox) as client:
            followed = Followed(client, tmp_path)

            def fail(event: Event, _report: Report) -> None:
                if isinstance(event, Saved):
                    raise BrokenPipeError

            followed.rolling._show = fail
            with pytest.raises(BrokenPipeError):  # noqa: PT012 - it comes where one waits
                async with followed.rolling as rolling:
                    rolling.add(JOBS[0])
                    await asyncio.Event().wait()
    assert other_tasks() == set()


async def test_a_cancelled_one_leaves_nothing_behind(tmp_path: Path) -> None:
    with sandbox_in_thread(Scenario(**SMALL, faults=(PackageFault("never"),))) as sandbox:
        async with client_of(sandbox) as client:
            followed = Followed(client, tmp_path)

            async def export() -> None:
                async with followed.rolling as rolling:
                    rolling.add(JOBS[0])

            task = asyncio.create_task(export())
            await followed.until(Requested, 1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert other_tasks() == set()
            async with client.export([], tmp_path):  # the folder is free
                pass
