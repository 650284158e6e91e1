"""When a client may be used: in one event loop, from entering its context to closing it."""

from __future__ import annotations

import asyncio
import warnings
from enum import Enum

from ..errors import UsageError

OTHER_LOOP = (
    "this client is used in another event loop than before: make a client for each loop, such as "
    "with `async with PixxelClient(...)` inside each `asyncio.run`"
)
NOT_ENTERED = (
    "this client is not open: use it inside `async with PixxelClient(...) as client`, which also "
    "closes its connections"
)
ENTERED_TWICE = (
    "this client is open already: enter it once, and pass it to whatever needs it, or make another"
)
NO_LOOP = (
    "a client needs the event loop of asyncio, and none runs here: use `asyncio.run`, or call "
    "`export_sync` or `download_sync`, under trio with `trio.to_thread.run_sync`"
)
IS_CLOSED = "this client is closed: make another one"


class _Phase(Enum):
    NEW = NOT_ENTERED
    OPEN = ENTERED_TWICE
    CLOSED = IS_CLOSED


class ClientLifetime:
    """Binds a client to the event loop in which it is entered."""

    def __init__(self) -> None:
        """Bind it to none."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._phase = _Phase.NEW

    def __del__(self) -> None:
        """Warn, as a file does."""
        if self.is_open:
            message = "unclosed PixxelClient: use it inside `async with`, or await `aclose`"
            warnings.warn(message, ResourceWarning, stacklevel=2, source=self)

    def enter(self) -> None:
        """Open the client in the running event loop.

        Raises:
            UsageError: It was opened before, or no event loop of asyncio runs.
        """
        loop = _running_loop()
        if self.is_elsewhere:
            raise UsageError(OTHER_LOOP)
        if self._phase is not _Phase.NEW:
            raise UsageError(self._phase.value)
        self._loop, self._phase = loop, _Phase.OPEN

    def check(self) -> None:
        """Allow a use in the running event loop.

        Raises:
            UsageError: The client is not open, or was opened in another event loop.
        """
        _running_loop()
        if self.is_elsewhere:
            raise UsageError(OTHER_LOOP)
        if self._phase is not _Phase.OPEN:
            raise UsageError(self._phase.value)

    def close(self) -> None:
        """Allow no more uses."""
        self._phase = _Phase.CLOSED

    @property
    def is_open(self) -> bool:
        """Whether it was entered, and is not closed."""
        return self._phase is _Phase.OPEN

    @property
    def is_closed(self) -> bool:
        """Whether it is closed."""
        return self._phase is _Phase.CLOSED

    @property
    def is_elsewhere(self) -> bool:
        """Whether the client belongs to another event loop than the running one."""
        return self._loop is not None and self._loop is not asyncio.get_running_loop()

    @property
    def is_loop_over(self) -> bool:
        """Whether the client's event loop is closed, so that nobody uses the client any more."""
        return self._loop is not None and self._loop.is_closed()


def _running_loop() -> asyncio.AbstractEventLoop:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise UsageError(NO_LOOP) from None
