"""The number of transfers at once, in exports."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest
from anyio.lowlevel import checkpoint

from pixxel_async import ConcurrencyChanged, FetchProgress, Limits, StalledError, StorageError
from pixxel_async.config import FETCHES, MOST_FETCHES
from pixxel_async.errors import ConnectionBrokenError, TransferError
from pixxel_async.sandbox import Sandbox, Scenario, StorageFault
from pixxel_async.sansio.resilience.adaptive_concurrency import FIRST
from pixxel_async.transfer.concurrency_limiter import ConcurrencyLimiter

from ..support import client_of, final_files, quick_fetch, some_downloads

TOO_MUCH = StorageError("too much", status=503)
AUTO = Limits(fetches="auto", requests_per_second=2000)


async def test_the_default_finds_out() -> None:
    assert Limits().fetches == FETCHES == "auto"
    assert Limits().most_fetches == MOST_FETCHES
    assert Limits(fetches=3).most_fetches == 3
    assert ConcurrencyLimiter(Limits()).number == FIRST


@pytest.mark.parametrize(
    "error",
    [TOO_MUCH, StorageError("too many", status=429), StalledError("nothing came")],
    ids=["503", "429", "stall"],
)
async def test_a_storage_that_bears_no_more_gets_fewer(error: TransferError) -> None:
    slots, told = ConcurrencyLimiter(AUTO), list[int]()
    with slots.followed(told.append) as places:
        slots.failed(error)
        assert told == [slots.number]
        assert slots.number < FIRST
        assert places.number == slots.number


@pytest.mark.parametrize(
    "error",
    [StorageError("broken", status=500), ConnectionBrokenError("reset"), TransferError("short")],
    ids=["500", "reset", "short"],
)
async def test_other_trouble_changes_nothing(error: TransferError) -> None:
    slots = ConcurrencyLimiter(AUTO)
    slots.failed(error)
    assert slots.number == FIRST


async def test_a_fixed_number_is_obeyed() -> None:
    slots, told = ConcurrencyLimiter(Limits(fetches=5)), list[int]()
    with slots.followed(told.append) as places:
        slots.failed(TOO_MUCH)
        slots.answered(1.0)
        async with slots:
            slots.received(10**9)
        assert places.number == slots.number == 5
    assert told == []


async def test_who_is_one_too_many_waits_for_a_place() -> None:
    slots = ConcurrencyLimiter(AUTO)
    slots.failed(TOO_MUCH)
    running, most = 0, 0

    async def transfer() -> None:
        nonlocal running, most
        async with slots:
            running += 1
            most = max(most, running)
            await checkpoint()
            running -= 1

    async with anyio.create_task_group() as tasks:
        for _ in range(3 * slots.number):
            tasks.start_soon(transfer)
    assert most == slots.number < FIRST


async def test_an_export_takes_more_transfers_as_long_as_they_bring_more(tmp_path: Path) -> None:
    scenario = Scenario(package_bytes=128 * 1024, size_spread=0, bytes_per_s=256 * 1024)
    numbers, running, most = [], set[str](), 0
    async with Sandbox(scenario) as sandbox:
        async with client_of(sandbox, limits=AUTO, fetch=quick_fetch(write_s=0.05)) as client:
            async with client.export(some_downloads(120), tmp_path) as export:
                async for event in export:
                    if isinstance(event, ConcurrencyChanged):
                        numbers.append(event.fetches)
                    if isinstance(event, FetchProgress):
                        (running.discard if event.bytes == event.total else running.add)(event.key)
                        most = max(most, len(running))
        assert numbers[0] == 2 * FIRST
        assert most > FIRST
        assert export.report.is_complete
        assert len(final_files(tmp_path)) == 120


async def test_an_export_takes_fewer_when_the_storage_complains(tmp_path: Path) -> None:
    scenario = Scenario(package_bytes=1000, faults=(StorageFault("status", times=1),))
    numbers = []
    async with Sandbox(scenario) as sandbox, client_of(sandbox, limits=AUTO) as client:
        async with client.export(some_downloads(20), tmp_path) as export:
            async for event in export:
                if isinstance(event, ConcurrencyChanged):
                    numbers.append(event.fetches)
    assert numbers[0] < FIRST
    assert len(export.report.saved) == 20
