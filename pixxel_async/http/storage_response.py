"""What both storage engines share: the request, the response and the protocols of its body."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol, Self, TypeAlias

from pydantic import SecretBytes, SecretStr

from ..errors import ConnectionBrokenError


class BodyWriter(Protocol):
    """Takes the bytes of one body, in order."""

    def write(self, data: memoryview) -> None:
        """Take bytes on the calling thread, which may block; `data` is invalid afterwards.

        An exception ends the transfer and is raised by `StorageResponse.wait`.
        """
        ...

    async def take(self, data: memoryview) -> None:
        """Take bytes on the event loop, without blocking it; otherwise like `write`."""
        ...


class BandwidthLimiter(Protocol):
    """Limits how many bytes all transfers receive together.

    Attributes:
        chunk_bytes: The most to receive between two calls of `take`.
    """

    chunk_bytes: int

    def take(self, count: int) -> float:
        """Count received bytes, on any thread; return for how many seconds to pause."""
        ...


class EnoughError(Exception):
    """The writer needs no more of the body: the transfer ends, which is not a failure."""


MIN_PACKAGE_BYTES = 16 * 1024
"""A shorter body may be a stray response: its connection is not reused."""
SWITCHING = 101
_PACKAGE_STATUS = frozenset({200, 206})


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageRequest:
    """A GET of a signed URL.

    Attributes:
        url: The URL as the service sent it.
        origin: Scheme, host and port of it, normalised: `https://host:port`.
        host: The host alone.
        target: Path and query, byte for byte.
        headers: `Range` and the like.
        proxy: The URL of a proxy, or None.
    """

    url: SecretStr
    origin: str
    host: str
    target: SecretBytes
    headers: dict[str, str]
    proxy: SecretStr | None


class StorageResponse(ABC):
    """A response whose body goes into a writer; the caller closes it.

    Attributes:
        status: The HTTP status.
        headers: By lower-case name; values of a repeated one are joined by a comma.
        headers_at: When the headers arrived, on the clock of `time.monotonic`.
        received: Bytes of the body so far.
        is_complete: Whether the transfer has ended, successfully or not.
    """

    def __init__(self, bandwidth: BandwidthLimiter | None) -> None:
        """Receive nothing yet."""
        self.status = 0
        self.headers: dict[str, str] = {}
        self.headers_at = 0.0
        self.received = 0
        self.is_complete = False
        self._bandwidth = bandwidth
        self._error: BaseException | None = None
        self._is_notified = False
        self._waiter: asyncio.Future[None] | None = None

    async def __aenter__(self) -> Self:
        """Return the response."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self.aclose()

    @property
    def is_package(self) -> bool:
        """Whether this may be a package, or a part of one: all others end their connection."""
        return self.status in _PACKAGE_STATUS and self.received >= MIN_PACKAGE_BYTES

    @abstractmethod
    def start_receiving(self, writer: BodyWriter) -> None:
        """Let the body go into a writer from now on; `wait` returns at its end."""

    @abstractmethod
    def is_paused(self, now: float, longest_s: float) -> bool:
        """Return whether no bytes arrive because of us: a bandwidth limit, or a slow disk.

        Args:
            now: The time, on the clock of `time.monotonic`.
            longest_s: A write that takes longer than this counts as slow.
        """

    @abstractmethod
    async def aclose(self) -> None:
        """End the transfer; nothing is written afterwards. May be called twice.

        A cancelled call waits for the write in progress before it raises.
        """

    async def wait(self) -> bool:
        """Wait for the end of the body; may be cancelled, and called again.

        Returns:
            True when the body is complete; False after `notify`.

        Raises:
            ConnectionBrokenError: The body ended early.
            Exception: Whatever the writer has raised.
        """
        if not (self.is_complete or self._is_notified):
            await self._sleep()
        self._is_notified = False
        is_complete = self.is_complete  # read before the error, which is set first
        self._raise_error()
        return is_complete

    def notify(self) -> None:
        """End the current `wait`, or else the next one, with False."""
        self._is_notified = True
        self._wake()

    async def read_start(self, limit: int) -> bytes:
        """Read up to `limit` bytes of the body, for an error message; errors are ignored."""
        start = _Start(limit)
        self.start_receiving(start)
        with suppress(Exception):  # whatever arrived is what the message can show
            while not await self.wait():
                pass
        return bytes(start.found)

    def _raise_error(self) -> None:
        error, self._error = self._error, None
        if error is not None and not isinstance(error, EnoughError):
            raise error

    async def _sleep(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


ChooseWriter: TypeAlias = Callable[[StorageResponse], BodyWriter | None]
"""Returns the writer of a body as soon as the headers are there, or None to be asked later."""


def join_headers(fields: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return headers by lower-case name; values of a repeated one are joined (RFC 9110, 5.3)."""
    found: dict[str, str] = {}
    for name, value in fields:
        key = name.lower()
        found[key] = f"{found[key]}, {value}" if key in found else value
    return found


def framing_error(status: int, headers: Mapping[str, str]) -> ConnectionBrokenError | None:
    """Return why the end of a body is ambiguous, or None (RFC 9112, 6.3).

    libcurl and httpx choose one of two contradictory statements; a server in between that chooses
    the other has cut the body elsewhere.
    """
    length = headers.get("content-length")
    if status == SWITCHING:  # nobody asked for that
        return ConnectionBrokenError("the response switches to another protocol")
    if length is not None and "transfer-encoding" in headers:
        return ConnectionBrokenError("the response has a Content-Length and a Transfer-Encoding")
    if length is not None and len({each.strip() for each in length.split(",")}) > 1:
        return ConnectionBrokenError("the response has two values of Content-Length")
    return None


@dataclass(slots=True)
class _Start:
    """Takes the start of a body, and needs no more."""

    limit: int
    found: bytearray = field(default_factory=bytearray)

    def write(self, data: memoryview) -> None:
        self.found += data[: self.limit - len(self.found)]
        if len(self.found) >= self.limit:
            raise EnoughError

    async def take(self, data: memoryview) -> None:
        self.write(data)
