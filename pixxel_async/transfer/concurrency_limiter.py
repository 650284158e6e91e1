"""Limits how many transfers run at once; with `auto`, the limit adapts to the connection."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import anyio

from ..config import Limits
from ..errors import StalledError, StorageError, TransferError
from ..sansio.resilience.adaptive_concurrency import LOWERED, AdaptiveConcurrency
from ..sansio.storage.error_codes import StorageErrorMeaning, meaning_of


class HostLock:
    """A lock for the transfers of one host: shared by many, or exclusive to one.

    A storage that limits concurrent transfers may refuse the others as if their URLs had expired. A
    transfer that is refused with a fresh URL therefore retries alone. If it succeeds, too many
    transfers ran; if not, the refusal is about its package. Exclusive waiters go before later
    shared ones, so that they do not starve. Belongs to one event loop.
    """

    def __init__(self) -> None:
        """Start unlocked."""
        self._holders = 0
        self._is_exclusive = False
        self._exclusive_waiters = 0
        self._changed: anyio.Event | None = None

    @property
    def has_others(self) -> bool:
        """Whether more than one transfer runs."""
        return self._holders > 1

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[None]:
        """Wait until no transfer has, or wants, exclusive access."""
        while self._is_exclusive or self._exclusive_waiters:
            await self._wait_for_change()
        self._holders += 1
        try:
            yield
        finally:
            self._holders -= 1
            self._notify()

    @asynccontextmanager
    async def exclusive(self) -> AsyncIterator[None]:
        """Wait until no other transfer runs, and let none start."""
        self._exclusive_waiters += 1
        try:
            while self._is_exclusive or self._holders:
                await self._wait_for_change()
            self._is_exclusive = True
        finally:
            self._exclusive_waiters -= 1
            self._notify()
        try:
            yield
        finally:
            self._is_exclusive = False
            self._notify()

    async def _wait_for_change(self) -> None:
        if self._changed is None:
            self._changed = anyio.Event()
        await self._changed.wait()

    def _notify(self) -> None:
        if self._changed is not None:
            self._changed.set()
            self._changed = None


class FifoSemaphore:
    """A FIFO semaphore whose capacity can change; belongs to one event loop.

    Unlike anyio's limiter, it hands out a free slot without yielding to the event loop: each
    transfer acquires one, and small transfers take no longer than such a yield.
    """

    def __init__(self, number: int) -> None:
        """Start with this capacity."""
        self._number = number
        self._in_use = 0
        self._waiters: deque[asyncio.Future[None]] = deque()

    @property
    def number(self) -> int:
        """The capacity; more slots may be in use after it was lowered."""
        return self._number

    @number.setter
    def number(self, number: int) -> None:
        self._number = number
        self._wake()

    @property
    def has_room(self) -> bool:
        """Whether a slot is free, and no task waits for it."""
        return self._in_use < self._number and not self.is_wanted

    @property
    def is_wanted(self) -> bool:
        """Whether a task waits; cancelled waiters are dropped."""
        while self._waiters and self._waiters[0].cancelled():
            self._waiters.popleft()
        return bool(self._waiters)

    async def __aenter__(self) -> None:
        """Acquire a slot."""
        await self.take()

    async def __aexit__(self, *_: object) -> None:
        """Release it."""
        self.give_back()

    async def take(self) -> None:
        """Acquire a slot; `give_back` releases it. A cancelled wait acquires none."""
        if self.has_room:
            self._in_use += 1
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        except BaseException:
            if waiter.done() and not waiter.cancelled():  # it was woken at that moment
                self.give_back()
            raise

    def give_back(self) -> None:
        """Release a slot."""
        self._in_use -= 1
        self._wake()

    def _wake(self) -> None:
        while self._waiters and self._in_use < self._number:
            waiter = self._waiters.popleft()
            if not waiter.cancelled():
                self._in_use += 1
                waiter.set_result(None)


SETTLE_S = 1.0

TOO_MUCH = frozenset({429, 503})
"""Status codes of an overloaded storage; its own error codes may say so with others."""


class ConcurrencyLimiter:
    """Slots for transfers, shared by all exports of a client; belongs to one event loop."""

    def __init__(self, limits: Limits) -> None:
        """Start with the limit in `limits`, or with a guess if that is `auto`."""
        self._concurrency = None if isinstance(limits.fetches, int) else AdaptiveConcurrency()
        number = limits.fetches if isinstance(limits.fetches, int) else AdaptiveConcurrency().number
        self._semaphore = FifoSemaphore(number)
        self._exhausted_at = float("-inf")
        self._crowded_at = float("-inf")
        self._followers: dict[FifoSemaphore, Callable[[int], None]] = {}
        self._host_locks: dict[str, HostLock] = {}

    @property
    def number(self) -> int:
        """How many transfers may run now."""
        return self._semaphore.number

    @property
    def has_room(self) -> bool:
        """Whether another transfer could start at once."""
        return self._semaphore.has_room

    def lock_of(self, host: str) -> HostLock:
        """Return the lock of a host."""
        return self._host_locks.setdefault(host, HostLock())

    @property
    def is_wanted(self) -> bool:
        """Whether a task waits for a slot."""
        return self._semaphore.is_wanted

    async def __aenter__(self) -> None:
        """Acquire a slot until the context is left."""
        await self._semaphore.take()
        if self._concurrency is not None:
            self._concurrency.began(_now())

    async def __aexit__(self, *_: object) -> None:
        """Release the slot."""
        if self._concurrency is not None:
            self._concurrency.ended(_now())
        self._semaphore.give_back()

    @contextmanager
    def followed(self, changed: Callable[[int], None]) -> Iterator[FifoSemaphore]:
        """Yield a semaphore that always has the same capacity; `changed` takes each new one."""
        follower = FifoSemaphore(self.number)
        self._followers[follower] = changed
        try:
            yield follower
        finally:
            del self._followers[follower]

    def answered(self, seconds: float) -> None:
        """Record how long the storage took to start a response."""
        if self._concurrency is not None:
            self._concurrency.answered(seconds)

    def received(self, count: int) -> None:
        """Count received bytes, and adapt the limit."""
        if self._concurrency is not None and self._concurrency.received(_now(), count):
            self._set(self._concurrency.number)

    def failed(self, error: TransferError) -> None:
        """Lower an adaptive limit if a transfer failed because too many run."""
        is_too_much = isinstance(error, StalledError) or (
            isinstance(error, StorageError)
            and (
                error.status in TOO_MUCH
                or meaning_of(error.status, error.code) is StorageErrorMeaning.CROWDED
            )
        )
        if is_too_much and self._concurrency is not None and self._concurrency.refused(_now()):
            self._set(self._concurrency.number)

    def crowded(self, refused_at: float) -> None:
        """Lower the limit, even a fixed one: a refused transfer succeeded alone.

        `refused_at` is the time of the refusal, on the event loop's clock. Refusals from before the
        limit was last lowered belong to the same burst.
        """
        if refused_at < self._crowded_at:
            return
        self._crowded_at = _now()
        if self._concurrency is None:
            self._set(max(1, int(LOWERED * self.number)))
        elif self._concurrency.refused(self._crowded_at):
            self._set(self._concurrency.number)

    def exhausted(self) -> None:
        """Lower the limit, even a fixed one: the process reached its limit on open files."""
        now = _now()
        if now < self._exhausted_at + SETTLE_S:
            return  # the same burst: these transfers started together
        self._exhausted_at = now
        number = max(1, int(LOWERED * self.number))
        if self._concurrency is not None:
            self._concurrency.bound(number)
        self._set(number)

    def _set(self, number: int) -> None:
        self._semaphore.number = number
        for follower, changed in self._followers.items():
            follower.number = number
            changed(number)


def _now() -> float:
    return asyncio.get_running_loop().time()
