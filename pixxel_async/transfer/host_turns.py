"""Whose turn it is at one host of the storage: many together, or one alone.

A storage that serves only so many transfers at once may refuse the others as it refuses an expired
URL. A transfer that is refused with a fresh URL therefore tries again alone: if it is served then,
the others were too many; if not, the refusal is about its package.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio


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
