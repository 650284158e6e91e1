"""Run all benchmarks, or the named ones."""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
from collections.abc import Callable, Iterable

from . import (
    awaiting,
    few,
    indexing,
    journal,
    links,
    memory,
    pipeline,
    polling,
    scheduler,
    small_calls,
    start,
    syncing,
    time_left,
    trace,
    transfers,
)

BENCHMARKS: dict[str, Callable[[], Iterable[str]]] = {
    "transfers": transfers.lines,
    "syncing": syncing.lines,
    "small_calls": small_calls.lines,
    "pipeline": pipeline.lines,
    "awaiting": awaiting.lines,
    "few": few.lines,
    "links": links.lines,
    "polling": polling.lines,
    "time_left": time_left.lines,
    "scheduler": scheduler.lines,
    "journal": journal.lines,
    "memory": memory.lines,
    "start": start.lines,
    "indexing": indexing.lines,
    "trace": trace.lines,
}


def main() -> None:
    """Print the results."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(BENCHMARKS)}; all by default")
    names = parser.parse_args().names or list(BENCHMARKS)
    if unknown := set(names) - set(BENCHMARKS):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    signal.signal(signal.SIGTERM, leave)
    say(f"Python {platform.python_version()}, {platform.system()}, {os.cpu_count()} cores")
    for name in names:
        say("")
        for line in BENCHMARKS[name]():
            say(line)


def leave(number: int, _: object) -> None:
    """Exit like Ctrl-C: stop child processes and remove temporary files."""
    raise SystemExit(128 + number)


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
