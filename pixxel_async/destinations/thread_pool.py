"""Threads for blocking disk work.

Rules:
    * A thread cannot be stopped, and the caller must not touch its files before it ends. So a
      cancellation is raised only when the work is done. That holds for anyio's cancel scopes and
      for asyncio's `Task.cancel`.
    * One wake-up of the event loop reports all finished work: each package makes several trips to
      a thread, and they cost half as much as with a `ThreadPoolExecutor`.
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
SHUT_DOWN = "the thread pool has been shut down"


class _Job(Generic[T]):
    """A unit of work.

    Attributes:
        is_over: Whether it has finished, so that `result` or `error` is set.
        waiter: Set when it has finished.
    """

    __slots__ = ("error", "is_over", "result", "waiter", "work")

    def __init__(self, work: Callable[[], T], waiter: asyncio.Future[None]) -> None:
        self.work = work
        self.waiter = waiter
        self.is_over = False
        self.result: T | None = None
        self.error: BaseException | None = None

    def ended(self) -> None:
        """Wake the waiting task; runs on the event loop."""
        self.is_over = True
        if not self.waiter.done():
            self.waiter.set_result(None)

    def outcome(self) -> T:
        """Return the result, or raise the error without keeping a reference to it."""
        error, self.error = self.error, None
        if error is None:
            return cast("T", self.result)
        try:
            raise error
        finally:
            del error  # breaks the cycle of error, traceback and frame


class ThreadPool(Executor):
    """Threads that are started on demand; `run` belongs to one event loop."""

    def __init__(self, max_threads: int, name: str) -> None:
        """Start no thread yet."""
        self._max_threads = max_threads
        self._name = name
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._is_shut_down = False
        self._waker: LoopWaker | None = None

    async def run(self, work: Callable[[], T], *, drop: Callable[[T], None] = keep) -> T:
        """Run work on a thread, and wait for its end before a cancellation is raised.

        Args:
            work: The function to run; its errors are raised here.
            drop: Takes the result if the caller was cancelled; closes what `work` opened.

        Raises:
            RuntimeError: The pool has been shut down.
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
        """Submit work as to any executor, for libraries that take one."""
        future: Future[T] = Future()

        def do() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(fn(*args, **kwargs))
                except BaseException as error:  # noqa: BLE001 - the future raises it
                    future.set_exception(error)

        self._put(do)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - as the base class has it
        """Stop the threads when they have finished all queued work; may be called twice."""
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
        """Start a thread, or raise `SinkError` if the system does not allow even one."""
        thread = threading.Thread(target=self._run_jobs, name=self._name, daemon=True)
        try:
            thread.start()
        except (RuntimeError, MemoryError) as error:
            if self._threads:
                self._max_threads = len(self._threads)
                return
            self._queue.get_nowait()  # no thread will run it
            raise SinkError(NO_THREAD, code="EAGAIN") from error
        self._threads.append(thread)

    def _run_jobs(self) -> None:
        while (work := self._queue.get()) is not None:
            work()

    def _execute(self, job: _Job[Any], waker: LoopWaker) -> None:
        try:
            job.result = job.work()
        except BaseException as error:  # noqa: BLE001 - `run` raises it
            job.error = error
        waker.tell(job.ended)

    async def _wait_for_end(
        self,
        job: _Job[T],
        loop: asyncio.AbstractEventLoop,
        cancelled: asyncio.CancelledError,
        drop: Callable[[T], None],
    ) -> asyncio.CancelledError:
        """Wait for the work of a cancelled caller, and return the cancellation to raise."""
        with anyio.CancelScope(shield=True):
            while not job.is_over:
                job.waiter = loop.create_future()
                try:
                    await job.waiter
                except asyncio.CancelledError as error:
                    cancelled = error
        if job.error is None:  # the cancellation takes precedence over an error of the work
            drop(cast("T", job.result))
        return cancelled
