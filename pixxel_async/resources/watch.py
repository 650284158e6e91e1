"""Yields records as they finish, by reading lists again and again."""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import datetime
from typing import Generic, Self, TypeVar

import anyio

from ..errors import AuthenticationError, InputError, PixxelError, UsageError
from ..records import Record
from ..sansio.api.record_filter import words
from ..sansio.api.watching import FINISHED, SeenRecords, WatchSchedule, aware
from ..sansio.redact import printable
from ..sansio.units import duration

logger = logging.getLogger("pixxel_async")

R = TypeVar("R", bound=Record)

EVERY_S = 900.0
"""The interval at which each list is read, in seconds."""

_ENDS_WATCH = (AuthenticationError, InputError, UsageError)


class Watch(Generic[R]):
    """An async iterator over records, each of them once, when it is seen finished.

        aois = [aoi.id async for aoi in client.aois.list()]
        async for insight in client.insights.watch(aois, rounds=1):  # without rounds: for ever
            print(insight.id)

    It reads all lists at once when you start to iterate, and then each list once an interval,
    evenly within it, under the client's rate. It works only while you wait for the next record: a
    slow loop body delays the reading. It holds nothing open and starts no task, so you may leave it
    or cancel it at any time; the next step continues.

    A list that cannot be read is logged, and read again in the next interval; a rejected key raises
    AuthenticationError.

    Attributes:
        failed: How many times a list could not be read.
    """

    def __init__(  # noqa: PLR0913 - what the nouns differ in, keyword-only
        self,
        lists: Mapping[str, Callable[[], AsyncIterator[R]]],
        *,
        every_s: float,
        status: str | Iterable[str] | None,
        since: datetime | None,
        rounds: int | None,
        default: frozenset[str] = FINISHED,
    ) -> None:
        """Prepare; nothing is sent before the first step.

        Args:
            lists: Lists the records of each parent, by a name of the parent for messages.
            every_s: The interval, in seconds.
            status: The words of a finished record, or None for `default`.
            since: Records that finished earlier are left out.
            rounds: End after reading each list so often, or None for never.
            default: The words of a finished record; empty means any.

        Raises:
            InputError: There is no list, or a number is out of range.
        """
        if not lists:
            message = "there is nothing to watch: give at least one id"
            raise InputError(message)
        if not (every_s > 0 and math.isfinite(every_s)):
            message = f"every_s is {every_s}: give a number of seconds above 0"
            raise InputError(message)
        if rounds is not None and rounds < 1:
            message = f"rounds is {rounds}: give 1 or more, or None to watch without end"
            raise InputError(message)
        self.failed = 0
        self._lists = list(lists.items())
        self._every_s = every_s
        self._rounds = rounds
        given = [status] if isinstance(status, str) else status
        statuses = default if given is None else words(given)
        moment = None if since is None else aware(since)
        self._seen = [SeenRecords(statuses, moment) for _ in self._lists]
        self._schedule: WatchSchedule | None = None
        self._new: deque[R] = deque()
        self._reported: set[str] = set()

    def __aiter__(self) -> Self:
        """Return the iterator itself."""
        return self

    async def __anext__(self) -> R:
        """Wait until a record has finished, and return it.

        Raises:
            StopAsyncIteration: Each list was read `rounds` times.
            AuthenticationError: The service rejects the key.
            UsageError: The client cannot be used.
        """
        while not self._new:
            await self._read_next()
        return self._new.popleft()

    def again(self, record: R) -> None:
        """Yield a record again, when its list is read next.

        Call it if you could not use the record for a reason that will pass.
        """
        for seen in self._seen:
            seen.forget(record.id)

    async def _read_next(self) -> None:
        if self._schedule is None:
            self._schedule = WatchSchedule(len(self._lists), self._every_s, anyio.current_time())
        schedule = self._schedule
        if schedule.rounds == self._rounds:
            raise StopAsyncIteration
        await anyio.sleep_until(schedule.due)
        parent, records = self._lists[schedule.index]
        seen = self._seen[schedule.index]
        listed: list[R] = []
        is_complete = False
        try:
            async for record in records():
                listed.append(record)  # noqa: PERF401 - kept if the next page fails
            is_complete = True
        except _ENDS_WATCH:
            raise
        except PixxelError as error:
            self.failed += 1
            wait = "" if self._rounds == 1 else f"; trying again within {duration(self._every_s)}"
            logger.warning("%s: not read: %s%s", printable(parent), error, wait)
        schedule.was_read(anyio.current_time())
        self._new.extend(seen.take(listed, is_complete=is_complete))
        self._report_unknown(seen)

    def _report_unknown(self, seen: SeenRecords) -> None:
        for status in sorted(seen.unknown - self._reported):
            self._reported.add(status)
            logger.warning(
                "status %r is not known to be that of a finished record; name it as a status to "
                "watch for, if it is",
                printable(status),
            )


def ids_of(ids: Iterable[str], name: str) -> list[str]:
    """Return distinct ids in their order.

    Raises:
        InputError: It is a single text, which would be taken apart, or has no ids.
    """
    if isinstance(ids, str):
        message = f"{name} is a text: give a list, such as [{ids!r}]"
        raise InputError(message)
    return list(dict.fromkeys(ids))
