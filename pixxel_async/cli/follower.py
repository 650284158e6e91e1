"""Follows an export from its beginning to its end: display, heartbeat, signals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from ..display.base import Display
from ..events import Ended
from ..export.export import Export
from .hooks import Hook
from .options.unattended import STATS_S
from .output.exit_codes import complain
from .output.resume_hint import is_retryable_next_run, needed_first
from .signals import Interruption, signals_end

LEAVING = "ending: what is under way is kept; once more leaves at once"
LEFT = "left at once: saved packages and partial files are kept"


class Follower:
    """Shows an export, and lets signals end it."""

    def __init__(
        self,
        export: Export,
        display: Display,
        settle: Callable[[Ended], None] = lambda _: None,
        *,
        hook: Hook | None = None,
        stats_s: float = STATS_S,
    ) -> None:
        """Prepare; the export has not begun.

        Args:
            export: What to follow.
            display: Sees every event.
            settle: Gets every package that has ended.
            hook: Its commands are waited for, and end with the export.
            stats_s: Interval of heartbeats, in seconds; 0 is none.
        """
        self._export = export
        self._display = display
        self._settle = settle
        self._hook = hook or Hook("", None, display.say)
        self._stats_s = stats_s

    async def run(self, stop_at: tuple[type[Ended], ...] = ()) -> Interruption:
        """Run the export to its end, or until a signal comes.

        Args:
            stop_at: An event of one of these types ends it early.
        """
        async with self._hook, self._export, beating(self._display, self._stats_s):
            with signals_end(self._interrupt, self._leave_at_once) as interruption:
                async for event in self._export:
                    self._display.show(event, self._export.report)
                    if isinstance(event, Ended):
                        self._settle(event)
                    if isinstance(event, stop_at):
                        self._export.interrupt()
                await self._hook.finish()
        return interruption

    def _interrupt(self) -> None:
        self._display.say(LEAVING)
        self._export.interrupt()
        self._hook.interrupt()

    def _leave_at_once(self) -> None:
        self._hook.kill()
        self._display.__exit__(None, None, None)
        for line in (LEFT, *needed_first(), is_retryable_next_run()):
            complain(line, wraps=False)


@asynccontextmanager
async def beating(display: Display, every_s: float) -> AsyncIterator[None]:
    """Let a display report how far the export is, while the context is open."""

    async def beat() -> None:
        while every_s > 0:
            await asyncio.sleep(every_s)
            display.beat()

    heart = asyncio.create_task(beat(), name="pixxel-async heartbeat")
    try:
        yield
    finally:
        heart.cancel()
        with suppress(asyncio.CancelledError):
            await heart
