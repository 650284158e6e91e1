"""Where a client may be used: in one event loop, until it is closed."""

from __future__ import annotations

import asyncio

from ..errors import UsageError

OTHER_LOOP = (
    "this client is used in another event loop than before: make a client for each loop, such as "
    "with `async with PixxelClient(...)` inside each `asyncio.run`"
)
NO_LOOP = (
    "a client needs the event loop of asyncio, and none runs here: use `asyncio.run`, or call "
    "`export_sync` or `download_sync`, under trio with `trio.to_thread.run_sync`"
)
IS_CLOSED = "this client is closed: make another one"


class ClientLifetime:
    """Binds a client to the event loop in which it is used first."""

    def __init__(self) -> None:
        """Bind it to none."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self.is_closed = False

    def check(self) -> None:
        """Allow a use in the running event loop.

        Raises:
            UsageError: The client is closed, was used in another loop, or asyncio does not run.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise UsageError(NO_LOOP) from None
        if self._loop is None:
            self._loop = loop
        if self._loop is not loop:
            raise UsageError(OTHER_LOOP)
        if self.is_closed:
            raise UsageError(IS_CLOSED)

    @property
    def is_open(self) -> bool:
        """Whether the client was used and is not closed."""
        return self._loop is not None and not self.is_closed

    @property
    def is_elsewhere(self) -> bool:
        """Whether the client belongs to another event loop than the running one."""
        return self._loop is not None and self._loop is not asyncio.get_running_loop()

    @property
    def is_loop_over(self) -> bool:
        """Whether the client's event loop is closed, so that nobody uses the client any more."""
        return self._loop is not None and self._loop.is_closed()
