"""How a command ends: its exit codes, and a line instead of a traceback.

Rules:
    * 0: all packages are saved. 1: some are not. 2: usage, configuration or manifest is wrong,
      or the folder cannot be used. 130, 143: ended by Ctrl-C, by SIGTERM. 141: who read the
      output has gone.
    * An error that the library raises on purpose is printed as it is, on standard error.
    * Any other exception is dealt with in `last_resort`.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

import typer

from ...errors import InputError, PixxelError
from ...journal.models import Corruption
from ...journal.row_validation import REMEDY
from ...sansio.layout import wrapped
from ...sansio.redact import printable
from ..interrupts import interruptible

SHOWN_DAMAGES = 20

SUCCESS = 0
SOME_FAILED = 1
MISUSE = 2
INTERRUPTED = 130
"""128 and the number of SIGINT, as shells count."""
READER_GONE = 141
"""128 and the number of SIGPIPE."""

GOES_ON = "interrupted: run the same command again to resume"


def complain(text: str, *, wraps: bool = True) -> None:
    """Write one line to standard error, safe for a terminal; a command to paste does not wrap."""
    text = printable(text)
    for line in wrapped("", text, terminal_width(sys.stderr)) if wraps else [text]:
        typer.echo(line, err=True)


def terminal_width(stream: TextIO) -> int | None:
    """Return the width of the terminal that a stream writes to; None for a pipe or a file."""
    return shutil.get_terminal_size().columns if stream.isatty() else None


def damage_lines(damaged: Sequence[Corruption]) -> Iterator[str]:
    """Yield what is wrong with rows of a journal, and what to do."""
    for damage in damaged[:SHOWN_DAMAGES]:
        yield f"damaged  {damage}"
    if len(damaged) > SHOWN_DAMAGES:
        yield f"and {len(damaged) - SHOWN_DAMAGES} more damaged rows"
    if damaged:
        yield f"A damaged row is not believed: {REMEDY}."


@contextmanager
def ended(interrupted: str = GOES_ON) -> Iterator[None]:
    """Turn what ends a command early into a message and an exit code.

    Args:
        interrupted: What is said after Ctrl-C.

    Raises:
        typer.Exit: With the exit code.
    """
    try:
        with interruptible():
            yield
    except InputError as error:
        for problem in error.problems or (str(error),):
            complain(problem)
        raise typer.Exit(MISUSE) from None
    except PixxelError as error:
        complain(str(error))
        raise typer.Exit(MISUSE) from None
    except KeyboardInterrupt:
        complain(interrupted)
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        # Every line is flushed, so nothing is left for Python to fail with at exit.
        raise typer.Exit(READER_GONE) from None


@contextmanager
def sandbox_needed() -> Iterator[None]:
    """Tell the remedy if the extra `sandbox` is not installed.

    Raises:
        typer.Exit: It is not.
    """
    try:
        yield
    except ImportError as error:
        complain(str(error))
        raise typer.Exit(MISUSE) from None
