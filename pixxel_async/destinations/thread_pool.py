"""Threads for work that waits for a disk.

Rules:
    * A thread cannot be stopped. Whoever stops waiting for it must not touch what it uses, so
      nobody stops waiting: a cancellation is let through when the work is over. Holds for anyio's
      cancel scopes and for asyncio's `Task.cancel`.
    * All work that is over by the time the event loop looks is told in one wake-up: each package
      makes some of these trips, and they cost half of what those to a `ThreadPoolExecutor` do.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from typing import Any, Generic, ParamSpec, TypeVar, cast

import anyio

from ..errors import SinkError
from ..loop_waker import LoopWaker, loop_waker
from ..waits import keep

T = TypeVar("T")
P = ParamSpec("P")

NO_THREAD = "the system allows no more threads; raise its limits (ulimit -u, ulimit -v)"
SHUT_DOWN = "these threads have ended"


class _Job(Generic[T]):
    """Work on its way.

    Attributes:
        is_over: Whether it was done, and one of `result` and `error` is there.
        waiter: Set when it is over.
    """

    __slots__ = ("error", "is_over", "result", "waiter", "work")

    def __init__(self, work: Callable[[], T], waiter: asyncio.Future[None]) -> None:
        self.work = work
        self.waiter = waiter
        self.is_over = False
        self.result: T | None = None
        self.error: BaseException | None = None

    def ended(self) -> None:
        """Let who waits for it go on; on the event loop."""
        self.is_over = True
        if not self.waiter.done():
            self.waiter.set_result(None)

    def outcome(self) -> T:
        """Return the result, or raise the error, which nobody keeps."""
        error, self.error = self.error, None
        if error is None:
            return cast("T", self.result)
        try:
            raise error
        finally:
            del error  # or it would be kept by the frame that its traceback keeps


class ThreadPool(Executor):
    """Threads, started as they are needed; `run` belongs to one event loop."""

    def __init__(self, max_threads: int, name: str) -> None:
        """Start none yet.

        Args:
            max_threads: How many there may be.
            name: What they are called.
        """
        self._max_threads = max_threads
        self._name = name
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._is_shut_down = False
        self._waker: LoopWaker | None = None

    async def run(self, work: Callable[[], T], *, drop: Callable[[T], None] = keep) -> T:
        """Do something on a thread, wait for its end, and only then let a cancellation through.

        Args:
            work: What is done; whatever it raises comes out of here.
            drop: Takes the result that a cancelled waiter will not get; closes what was opened.

        Raises:
            RuntimeError: The threads have ended.
            SinkError: The system allows no thread at all.
        """
        if self._is_shut_down:
            raise RuntimeError(SHUT_DOWN)
        loop = asyncio.get_running_loop()
        job = _Job(work, loop.create_future())
        waker = self._waker = self._waker or loop_waker()
        self._put(lambda: self._execute(job, waker))
        try:
            await job.waiter
        except asyncio.CancelledError as cancelled:
            raise await self._wait_for_end(job, loop, cancelled, drop) from None
        return job.outcome()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Do what executors do, for libraries that take one."""
        future: Future[T] = Future()

        def do() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(fn(*args, **kwargs))
                except BaseException as error:  # noqa: BLE001 - it comes out of the future
                    future.set_exception(error)

        self._put(do)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - as the base class has it
        """End the threads when they have done what was asked of them; may be called twice."""
        self._is_shut_down = True
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads if wait else ():
            thread.join()
        self._threads.clear()
        if self._waker is not None:
            self._waker.give_back()
            self._waker = None

    def _put(self, work: Callable[[], None]) -> None:
        if self._is_shut_down:
            raise RuntimeError(SHUT_DOWN)
        self._queue.put(work)
        if len(self._threads) < self._max_threads and not self._queue.empty():
            self._start_another()

    def _start_another(self) -> None:
        """Start a thread; where the system allows no more, those that there are will do.

        Raises:
            SinkError: There are none.
        """
        thread = threading.Thread(target=self._run_jobs, name=self._name, daemon=True)
        try:
            thread.start()
        except (RuntimeError, MemoryError) as error:
            if self._threads:
                self._max_threads = len(self._threads)
                return
            self._queue.get_nowait()  # nobody will
            raise SinkError(NO_THREAD, code="EAGAIN") from error
        self._threads.append(thread)

    def _run_jobs(self) -> None:
        while (work := self._queue.get()) is not None:
            work()

    def _execute(self, job: _Job[Any], waker: LoopWaker) -> None:
        try:
            job.result = job.work()
        except BaseException as error:  # noqa: BLE001 - it comes out of `run`
            job.error = error
        waker.tell(job.ended)

    async def _wait_for_end(
        self,
        job: _Job[T],
        loop: asyncio.AbstractEventLoop,
        cancelled: asyncio.CancelledError,
        drop: Callable[[T], None],
    ) -> asyncio.CancelledError:
        """Wait for work that nobody wants any more, and return the cancellation to raise."""
        with anyio.CancelScope(shield=True):
            while not job.is_over:
                job.waiter = loop.create_future()
                try:
                    await job.waiter
                except asyncio.CancelledError as error:
                    cancelled = error
        if job.error is None:  # the cancellation goes first; an error of the work has been seen
            drop(cast("T", job.result))
        return cancelled
