"""The interface of the displays."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from types import TracebackType
from typing import Protocol, Self

from ..events import Event
from ..export.summary import Report


class Verbosity(IntEnum):
    """How much is printed; each level includes the ones below it.

    Attributes:
        ERRORS: What has failed or ended the export.
        NORMAL: How far the export is, and what holds it up.
        DETAILS: Each saved package, retries, interruptions and rate limits.
        DEBUG: Each skipped package, and the library's whole log.
    """

    ERRORS = 0
    NORMAL = 1
    DETAILS = 2
    DEBUG = 3


class Progress(StrEnum):
    """What a blocking call draws while it runs.

        export_sync(downloads, "packages", progress=Progress.BARS)

    Attributes:
        AUTO: Bars in a notebook and on a terminal (standard error), nothing elsewhere.
        BARS: Bars, even if standard error does not report being a terminal, as in some editors.
        NONE: Nothing.
    """

    AUTO = "auto"
    BARS = "bars"
    NONE = "none"


class Display(Protocol):
    """Shows an export on standard error while its context is open."""

    def __enter__(self) -> Self:
        """Start the display."""
        ...

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Restore the terminal."""
        ...

    def show(self, event: Event, report: Report) -> None:
        """Show an event."""
        ...

    def beat(self) -> None:
        """Show how far the export is, where nothing shows it all the time."""
        ...

    def say(self, text: str) -> None:
        """Print a line that is not an event, such as a log message."""
        ...
