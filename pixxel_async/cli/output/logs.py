"""The library's log, as lines of the display.

Only the logger `pixxel_async` is listened to: those of httpx and httpcore may show signed URLs.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from ...display.base import Display, Verbosity

LOGGER = "pixxel_async"
_LEVELS = {
    Verbosity.ERRORS: logging.ERROR,
    Verbosity.NORMAL: logging.WARNING,
    Verbosity.DETAILS: logging.INFO,
    Verbosity.DEBUG: logging.DEBUG,
}


class _ToDisplay(logging.Handler):
    def __init__(self, display: Display) -> None:
        super().__init__()
        self._display = display

    def emit(self, record: logging.LogRecord) -> None:
        self._display.say(f"{record.levelname.lower():<11} {record.getMessage()}")


@contextmanager
def log_shown(display: Display, loudness: Verbosity) -> Iterator[None]:
    """Show the library's log while the context is open."""
    logger = logging.getLogger(LOGGER)
    before = logger.level
    handler = _ToDisplay(display)
    logger.addHandler(handler)
    logger.setLevel(_LEVELS[loudness])
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
