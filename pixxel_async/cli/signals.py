"""Signals that end an export: the first in good order, the second at once.

Rules:
    * The first SIGINT, SIGTERM or SIGHUP lets the export keep what it has, and end.
    * The second restores the terminal, says how to resume, and leaves the process without another
      step. Nothing is lost by that, either: the journal and the partials are good at any moment.
    * A terminal that takes no output (Ctrl-S) cannot be restored; that delays the end by
      `RESTORE_S` at most.
    * A signal that was ignored when the process started, as SIGHUP is by `nohup`, stays ignored.
    * The exit code is 128 and the number of the signal, as shells count.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

SHOW_CURSOR = "\x1b[?25h"
RESTORE_S = 0.5
_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


@dataclass(slots=True)
class Interruption:
    """Whether an export was ended by a signal.

    Attributes:
        number: The first signal, or None.
    """

    number: int | None = None

    @property
    def exit_code(self) -> int | None:
        """128 and the number of the signal, or None."""
        return None if self.number is None else 128 + self.number


@contextmanager
def signals_end(interrupt: Callable[[], None], leave: Callable[[], None]) -> Iterator[Interruption]:
    """Let signals end what runs in this event loop, while the context is open.

    Args:
        interrupt: Ends it in good order; called in the event loop, once.
        leave: Called before the process ends without another step, in a thread of its own.
    """
    loop = asyncio.get_running_loop()
    interruption = Interruption()

    def first_or_second(number: int) -> None:
        if interruption.number is not None:
            _leave(128 + number, leave)
        interruption.number = number
        interrupt()

    known = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    numbers = [number for number in known if signal.getsignal(number) is not signal.SIG_IGN]
    restore = []
    for number in numbers:
        try:
            loop.add_signal_handler(number, first_or_second, number)
        except (NotImplementedError, RuntimeError, ValueError):  # Windows, or not the main thread
            with suppress(ValueError):
                before = signal.signal(
                    number, lambda got, _: loop.call_soon_threadsafe(first_or_second, got)
                )
                restore.append((number, before))
    try:
        yield interruption
    finally:
        for number in numbers:
            with suppress(NotImplementedError, RuntimeError, ValueError):
                loop.remove_signal_handler(number)
        for number, before in restore:
            signal.signal(number, before)


def _leave(code: int, last: Callable[[], None]) -> None:
    thread = threading.Thread(target=_last_words, args=(last,), daemon=True)
    thread.start()
    thread.join(RESTORE_S)
    os._exit(code)


def _last_words(last: Callable[[], None]) -> None:
    with suppress(Exception):  # the process ends in any case
        last()
    with suppress(OSError):
        if sys.stderr.isatty():
            sys.stderr.write(SHOW_CURSOR)
            sys.stderr.flush()
