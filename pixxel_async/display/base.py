"""What every display of an export can do."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from types import TracebackType
from typing import Protocol, Self

from ..events import Event
from ..export.summary import Report


class Verbosity(IntEnum):
    """How much is told; each level tells what the ones below it tell."""

    ERRORS = 0
    NORMAL = 1
    DETAILS = 2


class Progress(StrEnum):
    """What a blocking call draws while it waits.

    Attributes:
        AUTO: Bars in a notebook and on a terminal (standard error), nothing anywhere else.
        BARS: Bars, also on a standard error that does not say that it is a terminal, such as
            that of some editors.
        NONE: Nothing.
    """

    AUTO = "auto"
    BARS = "bars"
    NONE = "none"


class Display(Protocol):
    """Shows an export on standard error while its context is open."""

    def __enter__(self) -> Self:
        """Begin."""
        ...

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave the terminal as it was."""
        ...

    def show(self, event: Event, report: Report) -> None:
        """Show what has happened."""
        ...

    def say(self, text: str) -> None:
        """Write one line that is no event, such as one of the library's log."""
        ...
