"""Standard streams that may be closed, full, or without a reader.

Rules:
    * The descriptors 0 to 2 are taken before anything else is opened: or a connection or a file
      would get one of them, and what is printed would go there.
    * Standard input that is closed is empty.
    * A standard output that cannot be written is an error: the requested output is lost.
    * Standard error that takes nothing is no error: the exit code tells what it can.
    * Where nobody reads any more, `BrokenPipeError` is raised, without a number: click would take
      one with EPIPE for itself, and end with 1.
    * A character that the encoding lacks is written as an escape.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress
from typing import Any, TextIO

STDIN, STDOUT, STDERR = 0, 1, 2


class OutputError(OSError):
    """Standard output takes nothing."""

    def __str__(self) -> str:
        """Return a line for people."""
        return f"standard output cannot be written: {self.strerror}"


class _Seen:
    """What the streams have met; rich and click keep a broken pipe to themselves.

    Attributes:
        has_no_reader: Whether a pipe was broken.
        failure: Why standard output takes nothing, or None. It is raised once.
    """

    has_no_reader: bool = False
    failure: OutputError | None = None


seen = _Seen()


class _Output(io.FileIO):
    """Standard output."""

    def write(self, data: Any, /) -> int:
        if seen.failure is not None:
            return len(data)
        try:
            return super().write(data)
        except BrokenPipeError:
            seen.has_no_reader = True
            raise BrokenPipeError from None
        except OSError as error:
            reason = "it is closed" if error.errno == errno.EBADF else error.strerror
            seen.failure = OutputError(error.errno, reason)
            raise seen.failure from None


class _Errors(io.FileIO):
    """Standard error; what it does not take is lost."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            seen.has_no_reader = True
            raise BrokenPipeError from None
        except OSError:
            return len(data)


def prepare() -> None:
    """Open what is closed, and let writing fail as above."""
    for number in (STDIN, STDOUT, STDERR):
        try:
            os.fstat(number)
        except OSError:
            # Standard output is opened for reading, so that writing to it fails.
            mode = os.O_WRONLY if number == STDERR else os.O_RDONLY
            opened = os.open(os.devnull, mode)
            if opened != number:  # another thread has been faster
                os.dup2(opened, number)
                os.close(opened)
    if sys.stdin is None:
        sys.stdin = open(STDIN, encoding="utf-8", closefd=False)  # noqa: SIM115 - for good
    if sys.platform != "win32":  # its consoles are no files
        sys.stdout = _stream(sys.stdout, _Output(STDOUT, "w", closefd=False))
        sys.stderr = _stream(sys.stderr, _Errors(STDERR, "w", closefd=False))


def _stream(before: TextIO | None, raw: io.FileIO) -> TextIO:
    with suppress(OSError):
        if before is not None:
            before.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=before.encoding if before is not None else "utf-8",
        errors="backslashreplace",
        line_buffering=raw.isatty() or raw.fileno() == STDERR,
        write_through=raw.fileno() == STDERR,
    )


def finish() -> None:
    """Write what is left to standard output.

    Raises:
        OutputError: It takes nothing.
        BrokenPipeError: Nobody reads it.
    """
    sys.stdout.flush()


def abandon() -> None:
    """Let Python write what is left to nowhere, so that nothing fails while it shuts down."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream, number in ((sys.stdout, STDOUT), (sys.stderr, STDERR)):
        try:
            stream.flush()
        except OSError:
            os.dup2(nowhere, number)
    os.close(nowhere)
