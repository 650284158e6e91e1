"""Whether a socket has something to read, asked of the system and not of the event loop."""

from __future__ import annotations

import select
from typing import Protocol


class Endpoint(Protocol):
    """A socket, or what stands for one."""

    def fileno(self) -> int:
        """Return its descriptor."""
        ...


class Readiness:
    """Asks about one socket, as cheaply as the system allows."""

    def __init__(self) -> None:
        """Ask nothing yet."""
        self._poll: select.poll | None = None

    def is_readable(self, endpoint: Endpoint) -> bool:
        """Tell whether bytes wait to be read, or the end of the connection does."""
        if not hasattr(select, "poll"):  # Windows
            return bool(select.select([endpoint], [], [], 0)[0])
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(endpoint, select.POLLIN)
        return bool(self._poll.poll(0))
