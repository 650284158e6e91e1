"""Answers of a storage whose bodies have not been read yet, over either way.

Bodies are raw: nothing is decoded, whatever the answer says of its coding.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cached_property
from typing import Self, TypeAlias, cast

import httpx

from ..errors import ConnectionBrokenError
from .channel import Channel
from .exchange import Exchange
from .heads import Head, RawHeaders
from .pieces import Pieces
from .pool import Origin, Pool
from .target import EnoughError, Target
from .words import describe

Headers: TypeAlias = Mapping[str, str]


class PouredAnswer:
    """An answer whose body is poured into a target on a thread of its own.

    Attributes:
        status: The HTTP status.
    """

    def __init__(self, exchange: Exchange, head: Head, pool: Pool[Channel], origin: Origin) -> None:
        """Take over an exchange whose head has come."""
        self.status: int = head.status
        self._head = head
        self.exchange = exchange
        self._pool = pool
        self._origin = origin
        self._is_closed = False

    @cached_property
    def headers(self) -> Headers:
        """The headers by lower-case name; one that came twice is joined by a comma."""
        return by_name(self._head.headers)

    @property
    def head_at(self) -> float:
        """When the head was there, on the clock of `time.monotonic`."""
        return self.exchange.head_at

    async def __aenter__(self) -> Self:
        """Return the answer."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self.aclose()

    def begin_to_pour(self, target: Target) -> None:
        """Let the body go into a target, from now on; `poured` tells of the end."""
        self.exchange.begin_to_pour(target)

    async def poured(self) -> bool:
        """Wait until the whole body has come; may be cancelled, and waited for again.

        Returns:
            False after a `nudge` of the exchange, when it may not be whole.

        Raises:
            ConnectionBrokenError: The body ended early.
            Exception: Whatever the target has raised.
        """
        try:
            return await self.exchange.poured()
        except httpx.HTTPError as error:
            broken = ConnectionBrokenError(describe(error))
        raise broken

    async def beginning(self, limit: int) -> bytes:
        """Read up to `limit` bytes, for an error message; a broken body is no matter."""
        start = _Start(limit)
        self.begin_to_pour(start)
        try:
            while not await self.poured():
                pass
        except ConnectionBrokenError:
            pass
        return bytes(start.found)

    async def aclose(self) -> None:
        """End the exchange, and give its channel back if all of it was read.

        May be called twice; a cancelled one has done it too.
        """
        if self._is_closed:
            return
        self._is_closed = True  # a channel that is given back twice would serve two at once
        try:
            await self.exchange.aclose()
        finally:
            self._pool.give_back(self._origin, self.exchange.channel)


class PulledAnswer:
    """An answer over a transport of httpx, such as through a proxy: the caller pulls its body.

    Attributes:
        status: The HTTP status.
        headers: As for `PouredAnswer`.
        head_at: When the head was there, on the clock of `time.monotonic`.
    """

    def __init__(self, response: httpx.Response) -> None:
        """Take over a response that came just now."""
        self.head_at = time.monotonic()
        self.status: int = response.status_code
        self.headers: Headers = by_name(response.headers.raw)
        self._response = response
        self._pieces = Pieces(cast("httpx.AsyncByteStream", response.stream))

    async def __aenter__(self) -> Self:
        """Return the answer."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self.aclose()

    async def receive_into(self, target: memoryview) -> int:
        """Take more of the raw body.

        Args:
            target: Filled from its beginning.

        Returns:
            How many bytes came; zero when the body has ended.

        Raises:
            ConnectionBrokenError: The body ended early.
        """
        try:
            return await self._pieces.receive_into(target)
        except httpx.HTTPError as error:
            broken = ConnectionBrokenError(describe(error))
        raise broken

    async def beginning(self, limit: int) -> bytes:
        """Read up to `limit` bytes, for an error message; a broken body is no matter."""
        room, filled = memoryview(bytearray(limit)), 0
        try:
            while filled < limit:
                count = await self.receive_into(room[filled:])
                if count == 0:
                    break
                filled += count
        except ConnectionBrokenError:
            pass
        return bytes(room[:filled])

    async def aclose(self) -> None:
        """Close the response, read or not."""
        await self._response.aclose()


Answer: TypeAlias = PouredAnswer | PulledAnswer


class _Start:
    """Takes the start of a body, and wants no more."""

    def __init__(self, limit: int) -> None:
        self.found = bytearray()
        self._limit = limit

    def write(self, data: memoryview) -> None:
        self.found += data[: self._limit - len(self.found)]
        if len(self.found) >= self._limit:
            raise EnoughError


def by_name(raw: RawHeaders) -> dict[str, str]:
    """Return headers by lower-case name."""
    found: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found
