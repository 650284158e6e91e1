"""How many transfers of a client run at once: a fixed number, or what the link is found to bear."""

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


class HostTurns:
    """Lets transfers run together, or one alone; belongs to one event loop.

    Who wants to be alone goes before those who come later, so that it gets its turn.
    """

    def __init__(self) -> None:
        """Begin with nobody."""
        self._together = 0
        self._is_alone = False
        self._wanted_alone = 0
        self._changed: anyio.Event | None = None

    @property
    def has_company(self) -> bool:
        """Whether more than one transfer runs."""
        return self._together > 1

    @asynccontextmanager
    async def together(self) -> AsyncIterator[None]:
        """Wait until nobody is alone, or wants to be."""
        while self._is_alone or self._wanted_alone:
            await self._change()
        self._together += 1
        try:
            yield
        finally:
            self._together -= 1
            self._tell()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Wait until nobody else runs, and let nobody else begin."""
        self._wanted_alone += 1
        try:
            while self._is_alone or self._together:
                await self._change()
            self._is_alone = True
        finally:
            self._wanted_alone -= 1
            self._tell()
        try:
            yield
        finally:
            self._is_alone = False
            self._tell()

    async def _change(self) -> None:
        if self._changed is None:
            self._changed = anyio.Event()
        await self._changed.wait()

    def _tell(self) -> None:
        if self._changed is not None:
            self._changed.set()
            self._changed = None


class FifoSemaphore:
    """Places that are held for a while; belongs to one event loop.

    Unlike anyio's limiter it lets who finds a free place go on at once, without a turn of the event
    loop: each transfer takes one, and small ones are on their way for no longer than such a turn.
    """

    def __init__(self, number: int) -> None:
        """Begin with so many."""
        self._number = number
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def number(self) -> int:
        """How many there are; fewer may be free, and more be taken after it was lowered."""
        return self._number

    @number.setter
    def number(self, number: int) -> None:
        self._number = number
        self._serve()

    @property
    def has_room(self) -> bool:
        """Whether a place is free, and nobody waits for it."""
        return self._taken < self._number and not self.is_wanted

    @property
    def is_wanted(self) -> bool:
        """Whether anybody waits; who was cancelled is forgotten."""
        while self._waiting and self._waiting[0].cancelled():
            self._waiting.popleft()
        return bool(self._waiting)

    async def __aenter__(self) -> None:
        """Wait for a place; it is freed when the context is left."""
        await self.take()

    async def __aexit__(self, *_: object) -> None:
        """Free it."""
        self.give_back()

    async def take(self) -> None:
        """Wait for a place; `give_back` frees it. A cancelled wait takes none."""
        if self.has_room:
            self._taken += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled():  # it was served at that moment
                self.give_back()
            raise

    def give_back(self) -> None:
        """Free a place."""
        self._taken -= 1
        self._serve()

    def _serve(self) -> None:
        while self._waiting and self._taken < self._number:
            turn = self._waiting.popleft()
            if not turn.cancelled():
                self._taken += 1
                turn.set_result(None)


SETTLE_S = 1.0

TOO_MUCH = frozenset({429, 503})
"""What a storage answers when it bears no more; its own codes may say so with others."""


class ConcurrencyLimiter:
    """Places for transfers, shared by all exports of a client; belongs to one event loop."""

    def __init__(self, limits: Limits) -> None:
        """Begin with the number of the limits, or with a guess where that is `auto`."""
        self._concurrency = None if isinstance(limits.fetches, int) else AdaptiveConcurrency()
        number = limits.fetches if isinstance(limits.fetches, int) else AdaptiveConcurrency().number
        self._places = FifoSemaphore(number)
        self._exhausted_at = float("-inf")
        self._crowded_at = float("-inf")
        self._followers: dict[FifoSemaphore, Callable[[int], None]] = {}
        self._turns: dict[str, HostTurns] = {}

    @property
    def number(self) -> int:
        """How many transfers may run now."""
        return self._places.number

    @property
    def has_room(self) -> bool:
        """Whether one more transfer could begin at once."""
        return self._places.has_room

    def turns_at(self, host: str) -> HostTurns:
        """Return whose turn it is at a host."""
        return self._turns.setdefault(host, HostTurns())

    @property
    def is_wanted(self) -> bool:
        """Whether anybody waits for a place."""
        return self._places.is_wanted

    async def __aenter__(self) -> None:
        """Wait for a place, and hold it until the context is left."""
        await self._places.take()
        if self._concurrency is not None:
            self._concurrency.began(_now())

    async def __aexit__(self, *_: object) -> None:
        """Give the place back."""
        if self._concurrency is not None:
            self._concurrency.ended(_now())
        self._places.give_back()

    @contextmanager
    def followed(self, changed: Callable[[int], None]) -> Iterator[FifoSemaphore]:
        """Give an export a limiter for its own packages, which always has the present number.

        Args:
            changed: Told a new number.
        """
        follower = FifoSemaphore(self.number)
        self._followers[follower] = changed
        try:
            yield follower
        finally:
            del self._followers[follower]

    def answered(self, seconds: float) -> None:
        """Learn how long the storage took to begin an answer."""
        if self._concurrency is not None:
            self._concurrency.answered(seconds)

    def received(self, count: int) -> None:
        """Count bytes that came."""
        if self._concurrency is not None and self._concurrency.received(_now(), count):
            self._set(self._concurrency.number)

    def failed(self, error: TransferError) -> None:
        """Let fewer run, if it is for their number that a transfer failed."""
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
        """Let fewer run, a fixed number too: a storage served alone what it refused among others.

        Args:
            refused_at: When it refused, on the clock of the event loop; what was refused before
                the number was last lowered is part of the same complaint.
        """
        if refused_at < self._crowded_at:
            return
        self._crowded_at = _now()
        if self._concurrency is None:
            self._set(max(1, int(LOWERED * self.number)))
        elif self._concurrency.refused(self._crowded_at):
            self._set(self._concurrency.number)

    def exhausted(self) -> None:
        """Let fewer run, a fixed number too: the system allows no more open files."""
        now = _now()
        if now < self._exhausted_at + SETTLE_S:
            return  # that is one complaint, of transfers that began together
        self._exhausted_at = now
        number = max(1, int(LOWERED * self.number))
        if self._concurrency is not None:
            self._concurrency.bound(number)
        self._set(number)

    def _set(self, number: int) -> None:
        self._places.number = number
        for follower, changed in self._followers.items():
            follower.number = number
            changed(number)


def _now() -> float:
    return asyncio.get_running_loop().time()
