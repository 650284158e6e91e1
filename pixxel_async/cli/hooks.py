"""The commands of `--on-saved` and `--on-done`.

Rules:
    * A command gets values by environment variables, and never the API key. No shell reads it.
    * At most `AT_ONCE` run at a time, each for at most `LIMIT_S`. After a program that is missing,
      or `MOST_HANGING` in a row that reach the limit, no more are started.
    * A hook that fails is reported; the package is saved all the same.
    * Hooks run in a session of their own, so that Ctrl-C does not reach them. After a signal none
      is started, and those that run get `GRACE_S`. None outlives this process, unless that is
      killed (SIGKILL).
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self

from ..sansio.redact import first_line
from ..sansio.units import counted, duration
from ..waits import to_end
from .options.unattended import words_of

AT_ONCE = 4
LIMIT_S = 300.0
GRACE_S = 5.0
STOP_S = 2.0
"""Between the request to end and the kill."""
MOST_HANGING = 3
SHOWN_FAILURES = 20
STDERR_BYTES = 4096
_SECRET = "PIXXEL_API_KEY"  # noqa: S105 - its name


class Hook:
    """Runs a command for each of many events."""

    def __init__(
        self,
        option: str,
        command: str | None,
        report: Callable[[str], None],
        *,
        limit_s: float = LIMIT_S,
    ) -> None:
        """Prepare; nothing runs before `start`.

        Args:
            option: The option that it comes from, for messages.
            command: The command, or None for none.
            report: Takes a line about a failure.
            limit_s: How long one may run, in seconds.
        """
        self._option = option
        self._words = None if command is None else words_of(command)
        self._report = report
        self._limit_s = limit_s
        self._queue: deque[Mapping[str, str]] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self._processes: set[Process] = set()
        self._hanging = 0
        self._is_off = False
        self.ran = self.failed = self.skipped = 0

    def start(self, values: Mapping[str, str]) -> None:
        """Run the command with these variables, as soon as fewer than `AT_ONCE` run."""
        if self._words is None:
            return
        if self._is_off:
            self.skipped += 1
            return
        self._queue.append(values)
        if len(self._workers) < AT_ONCE:
            worker = asyncio.create_task(
                self._work(self._words), name=f"pixxel-async {self._option}"
            )
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)

    async def finish(self) -> None:
        """Wait for all that were started."""
        while self._workers:
            await asyncio.wait(set(self._workers))

    def interrupt(self) -> None:
        """Start no more, and end those that still run after `GRACE_S`."""
        self._stop()
        asyncio.get_running_loop().call_later(GRACE_S, self.kill)

    async def __aenter__(self) -> Self:
        """Return the hook."""
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End those that still run."""
        workers = set(self._workers)
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)

    def kill(self) -> None:
        """End all at once; for a process that ends without another step."""
        for process in self._processes:
            _signal(process, hard=True)

    @property
    def outcome(self) -> dict[str, int] | None:
        """How many commands ran, failed, and were not started; None if there is no command."""
        if self._words is None:
            return None
        return {"ran": self.ran, "failed": self.failed, "not_run": self.skipped}

    async def _work(self, words: list[str]) -> None:
        while self._queue:
            await self._run(words, self._queue.popleft())

    async def _run(self, words: list[str], values: Mapping[str, str]) -> None:
        inherited = {name: value for name, value in os.environ.items() if name != _SECRET}
        starting = asyncio.create_subprocess_exec(
            *words,
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=PIPE,
            env={**inherited, **values},
            start_new_session=True,
        )
        try:
            process = await to_end(starting, drop=_kill)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            self.failed += 1
            self._report(
                f"{self._option}: {words[0]} cannot be started: {reason}; no more are tried"
            )
            self._stop()
            return
        self.ran += 1
        self._processes.add(process)
        errors = asyncio.create_task(_beginning(process))
        try:
            async with asyncio.timeout(self._limit_s):
                code = await process.wait()
                said = await errors
            self._hanging = 0
            if code:
                self._has_failed(f"exit code {code}{': ' if said else ''}{said}", values)
        except TimeoutError:
            self._hanging += 1
            self._has_failed(f"ended, since it ran for {duration(self._limit_s)}", values)
            if self._hanging >= MOST_HANGING and not self._is_off:
                self._report(f"{self._option}: too many run too long; no more are started")
                self._stop()
        finally:
            errors.cancel()
            await _end(process)
            self._processes.discard(process)

    def _has_failed(self, reason: str, values: Mapping[str, str]) -> None:
        self.failed += 1
        about = values.get("PIXXEL_PATH", "")
        if self.failed <= SHOWN_FAILURES:
            self._report(f"{self._option}: {reason}{f' ({about})' if about else ''}")
        if self.failed == SHOWN_FAILURES:
            self._report(f"{self._option}: further failures are only counted")

    def _stop(self) -> None:
        self._is_off = True
        self.skipped += len(self._queue)
        self._queue.clear()


def outcome_line(option: str, outcome: Mapping[str, int]) -> str:
    """Return how the commands of an option have ended."""
    line = f"{option}: {counted(outcome['ran'], 'command')} ran, {outcome['failed']} failed"
    return f"{line}, {outcome['not_run']} not run" if outcome["not_run"] else line


async def _beginning(process: Process) -> str:
    """Read what a command writes to standard error; return the first line."""
    kept = b""
    while process.stderr is not None and (piece := await process.stderr.read(STDERR_BYTES)):
        kept += piece[: STDERR_BYTES - len(kept)]
    return first_line(kept)


async def _end(process: Process) -> None:
    """End a command and what it has started, if it still runs."""
    if process.returncode is None:
        _signal(process, hard=False)
        with suppress(TimeoutError, asyncio.CancelledError):
            async with asyncio.timeout(STOP_S):
                await process.wait()
    _kill(process)


def _kill(process: Process) -> None:
    """End a command and what it has started at once."""
    _signal(process, hard=True)
    transport = getattr(process, "_transport", None)  # asyncio offers no other way to close pipes
    if transport is not None:
        transport.close()


def _signal(process: Process, *, hard: bool) -> None:
    with suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL if hard else signal.SIGTERM)
