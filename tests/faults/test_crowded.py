"""Case 74: a storage answers 403, or something like it, because too much is asked of it at once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import anyio
import pytest

from pixxel_async import (
    ConcurrencyChanged,
    HostOverloaded,
    Limits,
    StorageError,
)
from pixxel_async.transfer.concurrency_limiter import ConcurrencyLimiter, HostLock

from ..support import final_files, partials, quick_fetch
from .letting_go import Ask, Letting, denied, export, mixed, page, told
from .scripted import WHOLE, answer, jobs

pytestmark = pytest.mark.fault(74)

GOOGLE = told(
    {"error": {"errors": [{"reason": "userRateLimitExceeded"}], "code": 403, "message": "slow"}},
    "403 Forbidden",
)
LIMITS = {
    "403 alone": answer("403 Forbidden"),
    "403 page": page("403 Forbidden", text="Forbidden"),
    "AccessDenied": denied("403 Forbidden", "AccessDenied", "Access Denied"),
    "UserRateLimitExceeded": denied("403 Forbidden", "UserRateLimitExceeded"),
    "rateLimitExceeded": denied("403 Forbidden", "rateLimitExceeded"),
    "Google, in JSON": GOOGLE,
    "SlowDown": denied("403 Forbidden", "SlowDown"),
    "RequestLimitExceeded": denied("400 Bad Request", "RequestLimitExceeded"),
    "ServerBusy": denied("403 Forbidden", "ServerBusy", "Egress is over the account limit."),
    "a page in words": page("403 Forbidden", text="Too many concurrent downloads"),
    "401 alone": answer("401 Unauthorized"),
    "an unknown code": denied("403 Forbidden", "ConnectionQuotaReached"),
    "429": answer("429 Too Many Requests"),
    "503": denied("503 Slow Down", "SlowDown"),
    "509": answer("509 Bandwidth Limit Exceeded"),
}
EACH_LIMIT = pytest.mark.parametrize("said", LIMITS.values(), ids=LIMITS.keys())
AUTO = Limits(requests_per_second=5000)
FIXED = Limits(requests_per_second=5000, fetches=8)


@EACH_LIMIT
@pytest.mark.parametrize("limits", [AUTO, FIXED], ids=["auto", "eight"])
async def test_a_storage_that_serves_two_at_a_time_gives_all(
    tmp_path: Path, said: bytes, limits: Limits
) -> None:
    async with Letting() as server:
        server.most, server.body_s, server.busy = 2, 0.05, lambda: said
        report, seen = await export(server, tmp_path, mixed(24), limits=limits)
        assert server.served == 2
    assert [str(failed.error) for failed in report.failed] == []
    assert report.is_complete
    assert len(final_files(tmp_path)) == 24
    assert partials(tmp_path) == []
    assert {saved.path.read_bytes() for saved in report.saved} == {WHOLE}
    (told_once,) = [event for event in seen if isinstance(event, HostOverloaded)]
    assert told_once.host == "127.0.0.1"
    assert told_once.reason.startswith("the storage answered ")


@pytest.mark.parametrize("limits", [AUTO, FIXED], ids=["auto", "eight"])
async def test_fewer_run_after_that(tmp_path: Path, limits: Limits) -> None:
    async with Letting() as server:
        server.most, server.body_s = 1, 0.05
        report, seen = await export(server, tmp_path, mixed(24), limits=limits)
    assert report.is_complete
    numbers = [event.fetches for event in seen if isinstance(event, ConcurrencyChanged)]
    assert numbers[0] < 8


@pytest.mark.parametrize("said", [LIMITS["AccessDenied"], LIMITS["403 alone"]])
async def test_one_that_is_refused_while_others_are_served_is_about_its_package(
    tmp_path: Path, said: bytes
) -> None:
    def forbidden(ask: Ask) -> bytes | None:
        return said if ask.is_of_storage and ask.id == "j3" else None

    async with Letting(forbidden) as server:
        server.body_s = 0.02
        report, seen = await export(
            server, tmp_path, jobs(24), limits=AUTO, fetch=quick_fetch(attempts=4)
        )
        requests = sum(ask.is_of_storage and ask.id == "j3" for ask in server.asked)
    assert requests == 4
    (failed,) = report.failed
    assert isinstance(failed.error, StorageError)
    assert len(report.saved) == 23
    assert not any(isinstance(event, HostOverloaded) for event in seen)


@EACH_LIMIT
async def test_a_forbidden_package_among_others_that_are_too_many(
    tmp_path: Path, said: bytes
) -> None:
    """Both look alike; only the one that is refused when it is alone fails."""

    def forbidden(ask: Ask) -> bytes | None:
        is_it = ask.is_of_storage and ask.id == "j3"
        return LIMITS["AccessDenied"] if is_it else None

    async with Letting(forbidden) as server:
        server.most, server.body_s, server.busy = 2, 0.02, lambda: said
        report, _ = await export(server, tmp_path, jobs(16))
    (failed,) = report.failed
    assert getattr(failed.download, "job_id", "") == "j3"
    assert len(report.saved) == 15


async def test_a_storage_that_refuses_everybody_is_asked_a_bounded_number_of_times(
    tmp_path: Path,
) -> None:
    async with Letting(
        lambda ask: answer("403 Forbidden") if ask.is_of_storage else None
    ) as server:
        report, _ = await export(server, tmp_path, jobs(12), fetch=quick_fetch(attempts=4))
        assert sum(ask.is_of_storage for ask in server.asked) <= 12 * 4
        assert len(report.failed) == 12
        server.fault = lambda _: None
        again, _ = await export(server, tmp_path, jobs(12))
    assert again.is_complete


# Turns.


async def test_one_alone_waits_for_those_before_it_and_holds_those_after_it() -> None:
    host_lock, told_of = HostLock(), list[str]()
    may_end = anyio.Event()

    async def shared(name: str) -> None:
        async with host_lock.shared():
            told_of.append(name)
            await may_end.wait()

    async def exclusive(name: str) -> None:
        async with host_lock.exclusive():
            told_of.append(name)
            assert not host_lock.has_others
            await anyio.lowlevel.checkpoint()
            assert told_of[-1] == name

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(shared, "a")
        tasks.start_soon(shared, "b")
        await anyio.wait_all_tasks_blocked()
        assert host_lock.has_others
        tasks.start_soon(exclusive, "c")
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(shared, "d")
        tasks.start_soon(exclusive, "e")
        await anyio.wait_all_tasks_blocked()
        assert told_of == ["a", "b"]
        may_end.set()
    assert sorted(told_of[2:4]) == ["c", "e"]
    assert told_of[4] == "d"


@pytest.mark.parametrize("kind", ["shared", "exclusive"])
async def test_a_cancelled_wait_or_turn_leaves_nothing(kind: str) -> None:
    host_lock = HostLock()
    async with host_lock.exclusive():
        waiting = asyncio.create_task(_enter(host_lock, kind))
        await anyio.wait_all_tasks_blocked()
        waiting.cancel()
        await asyncio.wait([waiting])
        assert waiting.cancelled()
    running = asyncio.create_task(_enter(host_lock, kind))
    await anyio.wait_all_tasks_blocked()
    running.cancel()
    await asyncio.wait([running])
    with anyio.fail_after(30):
        async with host_lock.exclusive():
            pass
        async with host_lock.shared():
            assert not host_lock.has_others


async def _enter(host_lock: HostLock, kind: str) -> None:
    async with host_lock.exclusive() if kind == "exclusive" else host_lock.shared():
        await anyio.sleep_forever()


async def test_refusals_of_one_burst_lower_the_number_once() -> None:
    slots = ConcurrencyLimiter(Limits(fetches=8))
    now = asyncio.get_running_loop().time()
    slots.crowded(now)
    lowered = slots.number
    slots.crowded(now)
    assert slots.number == lowered == 5
    slots.crowded(asyncio.get_running_loop().time() + 1)
    assert slots.number == 3
    assert slots.lock_of("a") is slots.lock_of("a") is not slots.lock_of("b")
