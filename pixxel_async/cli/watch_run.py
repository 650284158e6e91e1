"""Runs `watch`: exports what a watch yields, until a signal comes.

Rules:
    * Standard output has one line for each package that is saved or fails, as it happens; one that
      an earlier run has saved gets none. Everything else is on standard error.
    * A package that failed for a reason that may pass is tried again in the next interval, and so
      is one whose export ended early, as on a full disk.
    * A list that cannot be read is a warning. A rejected key, or a folder that cannot be used, ends
      the watch with 2: starting it again would not help. A bug ends it with 1.
    * `--once` ends with 2 if a list could not be read, and with 1 if a package is not saved.
    * A signal ends it as it ends an export, and the exit code is 128 and its number.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from typing import Generic, TypeAlias, TypeVar

import anyio
import typer

from ..client import PixxelClient
from ..destinations.paths import absolute_path
from ..display.base import Display, Verbosity
from ..display.event_text import event_text, rejected
from ..display.plain import Lines
from ..downloads import Download
from ..errors import AuthenticationError, InputError, PixxelError
from ..events import Event, Failed, Saved, Settled
from ..export.summary import Report
from ..records import Record
from ..resources.watch import Watch
from ..sansio.moments import iso, moment
from ..sansio.resume_decision import is_retryable_next_run as is_taken_up_again
from ..sansio.units import counted, exact_duration
from .client_factory import check_descriptors, client_of
from .commands.export_run import values_of
from .follower import LEAVING, LEFT
from .hooks import Hook, outcome_line
from .options.watch import WatchOptions
from .output.exit_codes import MISUSE, SOME_FAILED, SUCCESS, complain, ended
from .output.json_lines import Rows, write_line
from .output.log_file import Both, LogFile
from .output.logs import log_shown
from .output.resume_hint import is_retryable_next_run, needed_first
from .rolling_export import RollingExport
from .signals import Interruption, signals_end

R = TypeVar("R", bound=Record)

Begin: TypeAlias = Callable[[PixxelClient], Watch[R]]
Pack: TypeAlias = Callable[[R], Download]


def run_watch(begin: Begin[R], pack: Pack[R], options: WatchOptions, what: str) -> None:
    """Export what a watch yields, and end the command.

    Args:
        begin: Makes the watch of a client.
        pack: Returns the download of a record.
        options: How.
        what: What is watched, for messages.

    Raises:
        typer.Exit: Always; see the rules for its code.
    """
    with ended():
        check_descriptors()
        shown = Lines(sys.stderr, options.loudness, numbers=False)
        log = None
        if options.log_file is not None:
            style, loudness = options.log_format, options.loudness
            log = LogFile(options.log_file, style, loudness, shown.say, numbers=False)
        display = shown if log is None else Both(shown, log)
        with log_shown(display, options.loudness), display:
            code = asyncio.run(_Run(begin, pack, options, display, log).run(what))
        raise typer.Exit(code)


class _Run(Generic[R]):
    """One watch and its exports."""

    def __init__(
        self,
        begin: Begin[R],
        pack: Pack[R],
        options: WatchOptions,
        display: Display,
        log: LogFile | None,
    ) -> None:
        self._begin = begin
        self._pack = pack
        self._options = options
        self._folder = absolute_path(options.out)
        self._display = display
        self._log = log
        self._hook = Hook("--on-saved", options.on_saved, display.say)
        self._rows = Rows(sys.stdout, self._folder)
        self._looking: anyio.CancelScope
        self._interruption = Interruption()
        self._exports: RollingExport | None = None
        self._watch: Watch[R] | None = None
        self._under_way: dict[str, R] = {}
        self._saved = self._failed = self._handed_back = 0
        self._is_rejected = False

    async def run(self, what: str) -> int:
        """Watch to the end, and return the exit code."""
        self._looking = anyio.CancelScope()
        async with client_of(self._options) as client, self._hook:
            with signals_end(self._interrupt, self._leave_at_once) as self._interruption:
                try:
                    await self._export_all(client, what)
                except AuthenticationError as error:
                    if not self._is_rejected:
                        self._display.say(rejected(error))
                    return MISUSE
                await self._hook.finish()
        for line in self._last_lines():
            self._display.say(line)
        return self._interruption.exit_code or self._code()

    async def _export_all(self, client: PixxelClient, what: str) -> None:
        exports = RollingExport(
            client,
            self._folder,
            self._options.folder,
            show=self._show,
            hand_back=self._take_back,
        )
        async with exports:
            self._exports = exports
            self._watch = self._begin(client)
            if self._options.loudness > Verbosity.ERRORS and not self._options.once:
                every = exact_duration(self._options.every)
                self._display.say(f"watching {what} every {every}, until interrupted")
            with self._looking:
                async for record in self._watch:
                    self._take(exports, record)

    def _take(self, exports: RollingExport, record: R) -> None:
        try:
            download = self._pack(record)
        except InputError as error:  # of an id that cannot be sent back
            self._failed += 1
            self._display.say(f"failed      {record.id}: {error}")
            return
        self._under_way[download.key] = record
        exports.add(download)

    def _show(self, event: Event, report: Report) -> None:
        if isinstance(event, Settled):
            self._settle(event)
        if not isinstance(event, Saved | Failed):
            self._is_rejected |= isinstance(getattr(event, "error", None), AuthenticationError)
            self._display.show(event, report)
            return
        if self._log is not None:
            self._log.show(event, report)
        line = event_text(event, report)
        if line is None:
            return
        if self._options.json:
            self._rows.write(event)
        else:
            write_line(sys.stdout, f"{moment(time.time())}  {line}")

    def _settle(self, event: Settled) -> None:
        record = self._under_way.pop(event.key, None)
        if isinstance(event, Saved):
            self._saved += 1
            self._hook.start(values_of(event, self._folder))
        if isinstance(event, Failed):
            self._failed += 1
            if is_taken_up_again(event.error):
                self._yield_again(record)

    def _take_back(self, download: Download, _error: PixxelError) -> None:
        self._handed_back += 1
        self._yield_again(self._under_way.pop(download.key, None))

    def _yield_again(self, record: R | None) -> None:
        if record is not None and self._watch is not None:
            self._watch.again(record)

    def _interrupt(self) -> None:
        self._display.say(LEAVING)
        self._looking.cancel()
        if self._exports is not None:
            self._exports.interrupt()
        self._hook.interrupt()

    def _leave_at_once(self) -> None:
        self._hook.kill()
        for line in (LEFT, *needed_first(), is_retryable_next_run()):
            complain(line, wraps=False)

    def _code(self) -> int:
        if self._watch is not None and self._watch.failed:
            return MISUSE
        return SOME_FAILED if self._failed or self._handed_back else SUCCESS

    def _last_lines(self) -> Iterator[str]:
        """Yield what was done, and how to continue."""
        is_quiet = self._options.loudness is Verbosity.ERRORS
        is_interrupted = self._interruption.number is not None
        if not is_quiet or is_interrupted:
            how = "interrupted" if is_interrupted else "ended"
            left = self._handed_back + (0 if self._exports is None else self._exports.left)
            saved = counted(self._saved, "package")
            yield f"{how}: {saved} saved, {self._failed} failed, {left} left"
        if self._hook.outcome is not None and not is_quiet:
            yield outcome_line("--on-saved", self._hook.outcome)
        if is_interrupted:
            yield from (*needed_first(), is_retryable_next_run())
            if self._options.since is not None:
                begin = iso(self._options.since.timestamp())
                yield f"To leave nothing out, begin where this watch began:  --since {begin}"
