"""Runs a program and measures its process."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KIB_OF_MAXRSS = 1 if sys.platform == "linux" else 1 / 1024
ENDING = (signal.SIGINT, signal.SIGTERM)
INTERVAL_S = 0.02
ERROR_CHARS = 2000
FRESH = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)


@dataclass(frozen=True)
class Measured:
    """The measures of a process.

    Attributes:
        wall_s: The wall time of its work; without its start if it prints that.
        cpu_s: The user and system time of the same.
        peak_mib: Its peak resident memory.
        process_wall_s: The wall time with its start.
        process_cpu_s: The CPU time with its start.
        printed: The JSON that it has printed.
    """

    wall_s: float
    cpu_s: float
    peak_mib: float
    process_wall_s: float
    process_cpu_s: float
    printed: Mapping[str, Any]


def measure(command: list[str], output: Path) -> Measured:
    """Run a program to its end.

    Args:
        command: The command line. The program may print `wall_s` and `cpu_s` as JSON.
        output: Where its standard output goes.

    Raises:
        RuntimeError: It failed.
    """
    errors = output.with_suffix(".errors")
    began = time.perf_counter()
    # Signals are blocked until the `try` below can end the child process.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    pid = os.posix_spawn(
        command[0],
        command,
        dict(os.environ),
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 1, str(output), FRESH, 0o600),
            (os.POSIX_SPAWN_OPEN, 2, str(errors), FRESH, 0o600),
        ],
        setsigmask=before,
    )
    peak = Peak(pid)
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        peak.start()
        _, status, usage = os.wait4(pid, 0)
    except BaseException:  # the benchmark ends, and its child process with it
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise
    finally:
        peak.end()
    wall_s = time.perf_counter() - began
    if code := os.waitstatus_to_exitcode(status):
        said = errors.read_text(encoding="utf-8", errors="replace")[-ERROR_CHARS:].strip()
        message = f"{' '.join(command[:3])} ended with {code}: {said}"
        raise RuntimeError(message)
    cpu_s = usage.ru_utime + usage.ru_stime
    said = output.read_text(encoding="utf-8", errors="replace").strip()
    printed = json.loads(said) if said.startswith("{") else {}
    return Measured(
        wall_s=printed.get("wall_s", wall_s),
        cpu_s=printed.get("cpu_s", cpu_s),
        peak_mib=(peak.kib or usage.ru_maxrss * KIB_OF_MAXRSS) / 1024,
        process_wall_s=wall_s,
        process_cpu_s=cpu_s,
        printed=printed,
    )


class Peak(threading.Thread):
    """Watches the peak memory of a process and its children.

    `wait4` is useless for small programs: a process inherits the peak of the one that started it.

    Attributes:
        kib: The highest peak, or 0 where the system does not report it.
    """

    def __init__(self, pid: int) -> None:
        """Prepare to watch a process."""
        super().__init__(daemon=True)
        self.kib = 0
        self._pid = pid
        self._over = threading.Event()

    def run(self) -> None:
        """Watch until `end`."""
        while not self._over.wait(INTERVAL_S):
            try:
                children = Path(f"/proc/{self._pid}/task/{self._pid}/children").read_text("ascii")
                for pid in [str(self._pid), *children.split()]:
                    found = _PEAK.search(Path(f"/proc/{pid}/status").read_text("ascii"))
                    if found:
                        self.kib = max(self.kib, int(found[1]))
            except OSError:
                continue

    def end(self) -> None:
        """Stop watching."""
        self._over.set()
        if self.ident is not None:  # else it was never started
            self.join()
