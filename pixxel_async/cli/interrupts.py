"""Signals while nothing is under way: the process leaves at once, with a line and the exit code.

Rules:
    * From the start on SIGINT and SIGTERM end the process: while modules are imported, while
      options are read, and while Python shuts down. There is nothing to keep then, and
      KeyboardInterrupt would leave a traceback.
    * A command that works takes Ctrl-C itself (`interruptible`, `signals`).
    * What was ignored when the process started (`nohup`) stays ignored.
    * The exit code is 128 and the number of the signal, as shells count.

This module is imported before the signals are taken care of, so it imports next to nothing.
"""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType, TracebackType

_DEFAULT = (signal.SIG_DFL, signal.default_int_handler)
LINE = b"interrupted\n"


def _leave(number: int, _: FrameType | None) -> None:
    try:  # noqa: SIM105 - `contextlib` is imported later
        os.write(2, LINE)
    except OSError:  # no one reads it
        pass
    os._exit(128 + number)


def leave_when_interrupted() -> None:
    """Let SIGINT and SIGTERM end the process, unless somebody else takes care of them."""
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            if signal.getsignal(number) in _DEFAULT:
                signal.signal(number, _leave)
        except ValueError:  # not the main thread
            return


class interruptible:  # noqa: N801 - used as a function
    """Lets Ctrl-C raise KeyboardInterrupt while the context is open."""

    def __enter__(self) -> None:
        """Take over, unless this is somebody else's process, such as a test."""
        self._is_ours = signal.getsignal(signal.SIGINT) is _leave
        if self._is_ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave at once again."""
        if self._is_ours:
            leave_when_interrupted()
