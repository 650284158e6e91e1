"""Runs one step over all lines: each ends with a line on standard output, in any order."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import anyio
from anyio.abc import TaskGroup

from ..client import PixxelClient
from ..display.event_text import rejected
from ..display.plain import Lines
from ..errors import AuthenticationError, PixxelError, SinkError
from .client_factory import client_of
from .manifest.step_lines import Status, StepLine
from .options.export import OutputOptions
from .output.exit_codes import MISUSE, SOME_FAILED, SUCCESS, complain
from .output.json_lines import write_line
from .output.logs import log_shown
from .output.resume_hint import is_retryable_next_run, needed_first
from .signals import signals_end

UNANSWERED = (
    "its creation was sent, and no response was recorded: run pixxel-async request again with its "
    "--state, and give the lines that it prints"
)


@dataclass(slots=True)
class StepRun:
    """One step.

    Attributes:
        work: Deals with a line, and returns the line to write.
        on_end: Called when the step ends early.
        taken: The packages that were read.
        ended: How many of them ended.
        failed: How many of these failed.
        problems: Invalid lines.
        failure: What ended the step early, or None.
    """

    work: Callable[[StepLine], Awaitable[StepLine]]
    on_end: Callable[[], None] = lambda: None
    taken: set[str] = field(default_factory=set)
    ended: int = 0
    failed: int = 0
    problems: int = 0
    failure: Exception | None = None
    _scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    _unanswered: dict[str, StepLine] = field(default_factory=dict)

    async def run(self, lines: AsyncIterator[StepLine]) -> None:
        """Work on all lines at once, until each has ended or the step is interrupted.

        Raises:
            InputError: A source is invalid; nothing was sent for it.
            AuthenticationError: The service rejects the key.
            SinkError: A line cannot be written.
            BrokenPipeError: Nobody reads the lines.
        """
        with self._scope:
            async with anyio.create_task_group() as tasks:
                try:
                    async for line in lines:
                        self._take(line, tasks)
                except PixxelError as error:
                    self._end(error)
                for line in self._unanswered.values():
                    tasks.start_soon(self._do, line)
        if self.failure is not None:
            raise self.failure

    def report_problem(self, problem: str) -> None:
        """Report an invalid line of standard input."""
        self.problems += 1
        complain(problem)

    def interrupt(self) -> None:
        """End the step early."""
        self.on_end()
        self._scope.cancel()

    @property
    def exit_code(self) -> int:
        """The exit code of a step that was not interrupted."""
        if self.problems:
            return MISUSE
        return SOME_FAILED if self.failed else SUCCESS

    def _take(self, line: StepLine, tasks: TaskGroup) -> None:
        key = line.key
        if line.status is Status.SENT and key not in self.taken:
            self._unanswered[key] = line  # unless its response follows
            return
        self._unanswered.pop(key, None)
        if key not in self.taken:
            self.taken.add(key)
            tasks.start_soon(self._do, line)

    async def _do(self, line: StepLine) -> None:
        try:
            done = await self.work(line)
        except (AuthenticationError, SinkError) as error:
            self._end(error)
            return
        except PixxelError as error:
            done = line.failed(error)
        try:
            write_line(sys.stdout, done.text())
        except (BrokenPipeError, SinkError) as error:
            self._end(error)
            return
        self.ended += 1
        if done.status is Status.FAILED or done.error is not None:
            self.failed += 1
            complain(str(done))

    def _end(self, error: Exception) -> None:
        self.failure = self.failure or error
        self.interrupt()


async def run_step(
    options: OutputOptions,
    work: Callable[[PixxelClient, StepLine], Awaitable[StepLine]],
    read: Callable[[Callable[[str], None]], AsyncIterator[StepLine]],
    on_end: Callable[[], None] = lambda: None,
) -> int:
    """Run a step with a client of its own, and return the exit code.

    Args:
        options: How the service is reached.
        work: Deals with a line.
        read: Returns the lines; it is given what takes an invalid one.
        on_end: Called when the step ends early.

    Raises:
        PixxelError: As `StepRun.run`, except for a rejected key.
        BrokenPipeError: Nobody reads the lines.
    """
    async with client_of(options) as client:
        step = StepRun(lambda line: work(client, line), on_end)
        with (
            log_shown(Lines(sys.stderr, options.loudness), options.loudness),
            signals_end(step.interrupt, _say_how_to_resume) as interruption,
        ):
            try:
                await step.run(read(step.report_problem))
            except AuthenticationError as error:
                complain(rejected(error))
                return SOME_FAILED
    if interruption.exit_code is not None:
        complain(
            f"interrupted: {len(step.taken) - step.ended} of {len(step.taken)} lines are left."
        )
        _say_how_to_resume()
        return interruption.exit_code
    return step.exit_code


def _say_how_to_resume() -> None:
    for line in (*needed_first(), is_retryable_next_run()):
        complain(line, wraps=False)
