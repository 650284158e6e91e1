"""An export: what a caller holds while packages are created, waited for and fetched.

Rules:
    * The stages run in a task of their own, so that neither an error nor a cancellation of the
      caller's code is mixed with theirs.
    * Leaving the context early cancels everything, and waits until it has ended.
    * Who reads the events slowly slows the export; only progress is left out.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from .. import events
from ..sinks.threads import to_end
from .folder import ExportFolder, OpenFolders
from .incoming import Downloads, count
from .outlet import Outlet
from .pipeline import Pipeline
from .recorder import Recorder
from .report import Report

EVENTS_AHEAD = 1024
"""Events that may wait for a reader."""


class Export:
    """An export that runs while its context is open; made by `PixxelClient.export`.

    Iterate it for events, or call `finish`. Nothing is sent and nothing is written before the
    context is entered.

    Attributes:
        report: What the export has come to, right at any moment.
    """

    def __init__(
        self,
        downloads: Downloads,
        directory: Path,
        *,
        folders: OpenFolders,
        pipeline: Callable[[ExportFolder, Outlet], Pipeline],
    ) -> None:
        """Prepare.

        Args:
            downloads: What to export; doubles are done once.
            directory: The absolute path of the folder; made if need be.
            folders: The folders that the client has open.
            pipeline: Builds the stages for a folder and an outlet of events.
        """
        self.report = Report()
        self._downloads = downloads
        self._directory = directory
        self._folders = folders
        self._pipeline = pipeline
        self._stack = AsyncExitStack()
        self._events: MemoryObjectReceiveStream[events.Event]
        self._runner: asyncio.Task[None]
        self._interrupt: Callable[[], None] = _not_begun

    async def __aenter__(self) -> Self:
        """Lock the folder and start.

        Raises:
            FolderBusyError: Another process exports into the folder.
            SinkError: The folder cannot be written.
        """
        folder = await self._stack.enter_async_context(self._folders.use(self._directory))
        send, self._events = anyio.create_memory_object_stream[events.Event](EVENTS_AHEAD)
        recorder = Recorder(folder.journal, total=count(self._downloads))
        pipeline = self._pipeline(folder, Outlet(send, self.report, recorder))
        self._interrupt = pipeline.interrupt
        self._runner = asyncio.create_task(self._run(pipeline, send), name="pixxel-async export")
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Cancel what still runs, wait for its end, and unlock the folder.

        Raises:
            BaseException: A bug of the engine, or an error of the caller's iterable.
        """
        self._interrupt()  # creations under way may finish; then everything else goes
        self._runner.cancel()
        try:
            # Not the runner itself: its cancellation is wanted, a caller's goes on.
            await to_end(asyncio.wait([self._runner]))
        finally:
            self._events.close()
            await self._stack.aclose()
        error = None if self._runner.cancelled() else self._runner.exception()
        if error is not None and exc is None:
            raise _only(error) from None

    def __aiter__(self) -> AsyncIterator[events.Event]:
        """Iterate over what happens; the end comes when every package is settled."""
        return self._events.__aiter__()

    async def finish(self) -> Report:
        """Read all events to the end, and return the report."""
        async for _ in self:
            pass
        return self.report

    def interrupt(self) -> None:
        """End the export early, and go on reading events until their end, which is near.

        Creations that are under way may finish within a second; transfers stop, and keep what
        they have. The last event is `Interrupted`. The next export into the directory goes on
        from there. Must be called in the event loop's thread, such as from a signal handler that
        the loop has; calling it twice is the same as once.
        """
        self._interrupt()

    async def _run(self, pipeline: Pipeline, send: MemoryObjectSendStream[events.Event]) -> None:
        async with send:
            await pipeline.run(self._downloads)


def _not_begun() -> None:
    message = "an export can be interrupted after its context was entered"
    raise RuntimeError(message)


def _only(error: BaseException) -> BaseException:
    """Take a single error out of the group that task groups wrap around it."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
