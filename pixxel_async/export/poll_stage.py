"""The polling scheduler: one heap of due times for all pending packages.

Rules:
    * One task takes the package that is due next and starts a task for its poll, a bounded number
      at once. Ten thousand pending packages are ten thousand entries in a heap, not tasks.
    * It starts with what earlier exports observed of packaging times, and keeps what it observes.
    * Results are awaited: a slow consumer slows the polls instead of growing a queue.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

import anyio
from anyio.abc import TaskStatus

from ..config import PollMethod, PollPolicy
from ..models import PackageStatus
from ..sansio.polling.schedule import Pending, PollSchedule
from ..sansio.polling.time_left import ReadyCurve, Wait
from ..sansio.resilience.gcra import LEAST_WAIT_S
from ..settings.packaging_times import PackagingTimes

T = TypeVar("T")
R = TypeVar("R")

logger = logging.getLogger("pixxel_async")


async def _raise(_item: object, error: Exception) -> None:
    raise error


@asynccontextmanager
async def remembering(
    schedule: PollSchedule[T], times: PackagingTimes | None
) -> AsyncIterator[None]:
    """Give a schedule what earlier exports observed, and keep what it observes.

    Args:
        schedule: The schedule.
        times: The packaging times that are kept; None keeps none.
    """
    policy = schedule.policy
    if times is None or not policy.keep_times or policy.method is not PollMethod.LEARNING:
        yield
        return
    schedule.recall(await _in_thread(times.read) or {})
    try:
        yield
    finally:
        with anyio.CancelScope(shield=True):
            await _in_thread(lambda: times.keep(schedule.findings()))


async def _in_thread(work: Callable[[], R]) -> R | None:
    """Do something on a thread; returns None if the system allows no more threads."""
    try:
        return await asyncio.to_thread(work)  # `asyncio.run` joins this thread
    except RuntimeError as error:
        logger.debug("packaging times are ignored: %s", error)
        return None


class PollStage(Generic[T]):
    """Polls the added packages until cancelled."""

    def __init__(  # noqa: PLR0913 - what a poll means is the caller's
        self,
        poll: Callable[[Pending[T]], Awaitable[bool]],
        on_pending: Callable[[Pending[T], float], Awaitable[None]],
        *,
        policy: PollPolicy,
        workers: int,
        on_error: Callable[[T, Exception], Awaitable[None]] = _raise,
        times: PackagingTimes | None = None,
    ) -> None:
        """Prepare; nothing runs before `run`.

        Args:
            poll: Polls one package. Returns True if it must be polled again.
            on_pending: Called with each package to poll again, and the delay in seconds.
            policy: The intervals.
            workers: How many polls may be in flight at once.
            on_error: Called when `poll` or `on_pending` raises; by default, `run` raises it.
            times: The packaging times of earlier exports; None keeps none.
        """
        self._poll = poll
        self._on_pending = on_pending
        self._schedule: PollSchedule[T] = PollSchedule(policy)
        self._workers = workers
        self._on_error = on_error
        self._times = times
        self._changed = asyncio.Event()
        self._is_drained = False

    def __len__(self) -> int:
        """Return how many packages wait for their next poll."""
        return len(self._schedule)

    def add(self, item: T, *, since: float, kind: str | None = None) -> None:
        """Schedule a package.

        Args:
            item: The package.
            since: When it was requested, on the clock of the event loop.
            kind: Packages of the same kind predict its time; None to predict nothing, such as
                for a package that was ready before.
        """
        if kind is None:
            pending = Pending(item=item, since=since)
        else:
            now = _now()
            pending = self._schedule.begin(item, since=since, now=now, kind=kind)
        self._put(pending, self._wait_s(pending))

    def add_soon(self, item: T, *, since: float, spread_s: float) -> None:
        """Schedule a package of an earlier run; its first poll is random within `spread_s`."""
        self._put(Pending(item=item, since=since), spread_s * _jitter())

    def record_status(self, pending: Pending[T], status: PackageStatus) -> None:
        """Learn from the status of a package that is being polled."""
        self._schedule.saw(pending, status, now=_now())
        self._changed.set()

    def waits(self) -> list[Wait]:
        """Return how long the pending packages have waited, for an estimate of the time left."""
        return self._schedule.waits(_now())

    def usual_curve(self) -> ReadyCurve | None:
        """Return when most packages become ready; None while that is unknown."""
        return self._schedule.usual_curve()

    def drain(self) -> list[T]:
        """Remove and return all waiting packages; those added later are due at once."""
        self._is_drained = True
        return [pending.item for pending in self._schedule.drain()]

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Poll until cancelled, with one task per poll in flight."""
        in_flight = anyio.Semaphore(self._workers)
        async with remembering(self._schedule, self._times), anyio.create_task_group() as tasks:
            task_status.started()
            while True:
                await asyncio.sleep(0)  # or polls that never wait would starve other tasks
                await in_flight.acquire()
                tasks.start_soon(self._poll_due, await self._next_due(), in_flight)

    async def _poll_due(self, pending: Pending[T], in_flight: anyio.Semaphore) -> None:
        try:
            try:
                is_pending = await self._poll_one(pending)
            except Exception as error:  # noqa: BLE001 - it fails this package only
                await self._on_error(pending.item, error)
                is_pending = False
            if not is_pending:
                self._schedule.saw(pending, PackageStatus.FAILED, now=_now())
        finally:
            in_flight.release()

    async def _poll_one(self, pending: Pending[T]) -> bool:
        if not await self._poll(pending):
            return False
        wait_s = self._wait_s(pending)
        # Report before scheduling, or its next poll might be reported first.
        await self._on_pending(pending, wait_s)
        self._put(pending, wait_s)
        return True

    async def _next_due(self) -> Pending[T]:
        loop = asyncio.get_running_loop()
        # Due within the resolution of the clock counts as due: its timer would fire forever.
        while (due := self._schedule.take(loop.time() + LEAST_WAIT_S)) is None:
            self._changed.clear()
            next_due = self._schedule.next_due()
            timer = None if next_due is None else loop.call_at(next_due, self._changed.set)
            try:
                await self._changed.wait()
            finally:
                if timer is not None:
                    timer.cancel()
        return due

    def _wait_s(self, pending: Pending[T]) -> float:
        return self._schedule.wait(pending, now=_now(), jitter=_jitter())

    def _put(self, pending: Pending[T], wait_s: float) -> None:
        due = _now() + (0.0 if self._is_drained else wait_s)
        self._schedule.put(pending, due)
        self._changed.set()


def _now() -> float:
    return asyncio.get_running_loop().time()


def _jitter() -> float:
    return random.random()  # noqa: S311 - jitter is not a secret
