"""The public `Export`: a context manager around a running pipeline.

Rules:
    * The stages run in their own task, so that errors and cancellations of the caller's code do
      not mix with theirs.
    * Leaving the context early cancels everything, and waits until it has ended.
    * A slow reader of events slows the export: few files are saved ahead of it
      (`event_bus.SETTLED_AHEAD`, and those being saved). Only progress events are dropped.
    * An error that ends the stages early, such as one of the caller's iterable, is raised at the
      end of the events, by `finish`, or else on leaving the context.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from .. import events
from ..errors import UsageError
from ..journal.export_folder import ExportFolder, OpenFolders
from ..waits import wait_for_end
from .event_bus import EventBus
from .event_recorder import EventRecorder
from .pipeline import Pipeline
from .source import Downloads, count
from .summary import Report

EVENTS_AHEAD = 1024
"""How many events the buffer holds for the reader."""

CLOSE_S = 2.0
"""How long an interrupted export may take to end when its client closes, in seconds."""

NOT_ENTERED = (
    "the export has not started: enter it first, with `async with client.export(...) as export`"
)
HAS_ENDED = "the export has ended: read its `report`, or start a new one with `client.export(...)`"


class Export:
    """An export that runs while its context is open; made by `PixxelClient.export`.

        async with client.export(downloads, "packages") as export:
            async for event in export:
                if isinstance(event, Failed):
                    print(event.key, event.error)

    Iterate over it for events, or call `finish`. It sends and writes nothing before you enter the
    context. You can enter it once; outside its context, its methods raise UsageError.

    Attributes:
        report: The totals so far, correct at any moment.
    """

    def __init__(
        self,
        downloads: Downloads,
        directory: Path,
        *,
        folders: OpenFolders,
        pipeline: Callable[[ExportFolder, EventBus], Pipeline],
        others: RunningExports,
    ) -> None:
        """Prepare; the client calls this.

        Args:
            downloads: What to export; duplicates are downloaded once.
            directory: The absolute path of the folder; created if missing.
            folders: The folders that the client has open.
            pipeline: Builds the stages for a folder and an event bus.
            others: The exports of the client that run.
        """
        self.report = Report()
        self._downloads = downloads
        self._directory = directory
        self._folders = folders
        self._make_pipeline = pipeline
        self._others = others
        self._running: _Running | None = None
        self._is_over = False

    async def __aenter__(self) -> Self:
        """Lock the folder and start.

        Raises:
            UsageError: It was entered before, or its client cannot be used.
            InputError: One of the downloads is not a download.
            FolderBusyError: Another process exports into the folder.
            SinkError: The folder cannot be written.
        """
        self._others.check_use()
        if self._is_over or self._running is not None:
            message = "an export can be entered once: start a new one with `client.export(...)`"
            raise UsageError(message)
        total = count(self._downloads)
        async with AsyncExitStack() as opened:
            folder = await opened.enter_async_context(self._folders.use(self._directory))
            recorder = EventRecorder(folder.journal, total=total)
            send, receive = anyio.create_memory_object_stream[events.Event](EVENTS_AHEAD)
            opened.callback(receive.close)
            opened.callback(send.close)
            event_bus = EventBus(send, self.report, recorder)
            pipeline = self._make_pipeline(folder, event_bus)
            self.report.total = self.report.left = total
            runner = asyncio.create_task(self._run(pipeline, send), name="pixxel-async export")
            self._running = _Running(runner, receive, event_bus, pipeline, opened.pop_all())
            self._others.add(self)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Cancel what still runs, wait until it has ended, and unlock the folder.

        Raises:
            BaseException: A bug of the engine, or an error of the caller's iterable, unless
                `finish` or the end of the events has already raised it.
        """
        running, self._running, self._is_over = self._require_running(), None, True
        self._others.remove(self)
        running.event_bus.stop_waiting()
        running.pipeline.interrupt()  # creations in flight may finish
        running.runner.cancel()
        try:
            # Not `await runner`: this ignores its cancellation, but not one of the caller.
            await wait_for_end(running.runner)
        finally:
            self.report.has_ended = True
            await running.opened.aclose()
        error = running.error
        if error is not None and exc is None and not running.is_raised:
            raise error from None

    def __aiter__(self) -> Self:
        """Iterate over the events; the iteration ends when every package is settled.

        Raises:
            UsageError: The export has not started, or has ended.
        """
        self._require_running()
        return self

    async def __anext__(self) -> events.Event:
        """Return the next event.

        Raises:
            StopAsyncIteration: Every package is settled, or the export was interrupted.
            BaseException: The error that ended the export, such as one of the caller's iterable.
        """
        running = self._require_running()
        try:
            event = await running.events.receive()
        except anyio.EndOfStream:
            pass
        else:
            running.event_bus.was_read(event)
            return event
        await asyncio.wait([running.runner])  # it has nothing left to do
        if running.error is not None:
            running.is_raised = True
            raise running.error from None
        raise StopAsyncIteration

    async def finish(self) -> Report:
        """Read all events to the end, and return the report.

        Raises:
            UsageError: The export has not started, or has ended.
            BaseException: The error that ended the export, such as one of the caller's iterable.
        """
        async for _ in self:
            pass
        return self.report

    def interrupt(self) -> None:
        """End the export early; keep reading events until they end, which is soon.

        Creations in flight may finish within a second; transfers stop, and keep what they have
        received. The last event is `Interrupted`. The next export into the directory resumes from
        there. Call it in the event loop's thread, for example from a signal handler of the loop; a
        second call has no effect.

        Raises:
            UsageError: The export has not started, or has ended.
        """
        self._require_running().pipeline.interrupt()

    async def end_early(self) -> None:
        """Interrupt the export, and wait until it has ended, even if nobody reads its events."""
        if (running := self._running) is None:
            return
        running.pipeline.interrupt()
        await wait_for_end(running.runner, CLOSE_S)
        running.event_bus.stop_waiting()
        running.runner.cancel()
        await wait_for_end(running.runner)

    async def abandon(self, key: str) -> None:
        """Drop the package of this key; returns when its transfer has stopped.

        It gets no event, and its partial file stays for the next export.
        """
        if self._running is not None:
            await self._running.pipeline.abandon(key)

    def _require_running(self) -> _Running:
        if self._running is None:
            raise UsageError(HAS_ENDED if self._is_over else NOT_ENTERED)
        return self._running

    async def _run(self, pipeline: Pipeline, send: MemoryObjectSendStream[events.Event]) -> None:
        async with send:
            await pipeline.run(self._downloads)


@dataclass(slots=True)
class _Running:
    """The state of an export while its context is open.

    Attributes:
        runner: The task that runs the pipeline.
        events: The events for the reader.
        event_bus: Sends the events.
        pipeline: The stages.
        opened: Closes everything that `__aenter__` opened.
        is_raised: Whether the caller has received the error that ended the stages.
    """

    runner: asyncio.Task[None]
    events: MemoryObjectReceiveStream[events.Event]
    event_bus: EventBus
    pipeline: Pipeline
    opened: AsyncExitStack
    is_raised: bool = False

    @property
    def error(self) -> BaseException | None:
        """The error that ended the stages, once they have ended."""
        error = self.pipeline.error if self.runner.cancelled() else self.runner.exception()
        return None if error is None else _unwrap(error)


class RunningExports:
    """The exports of a client that run.

    Attributes:
        check_use: Raises UsageError if the client cannot be used here and now.
    """

    def __init__(self, check_use: Callable[[], None]) -> None:
        """Begin with none."""
        self.check_use = check_use
        self._exports: set[Export] = set()

    def add(self, export: Export) -> None:
        """Note that an export runs."""
        self._exports.add(export)

    def remove(self, export: Export) -> None:
        """Note that it has ended."""
        self._exports.discard(export)

    async def aclose(self) -> None:
        """End all of them early."""
        async with anyio.create_task_group() as tasks:
            for export in self._exports:
                tasks.start_soon(export.end_early)


def _unwrap(error: BaseException) -> BaseException:
    """Return the only error of nested exception groups."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
