"""Small calls per second, by our client and by others, at several levels of concurrency.

The service is an nginx on this machine that responds to each PUT with a ready package. Our calls
include everything that calls of an export do: the key, the concurrency limit, the rate limit,
retries and validation.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from .contenders.calls import Load
from .nginx import Nginx, nginx
from .processes import Measured, measure
from .results import save

CONTENDERS = {"ours": "calls_ours", "aiohttp": "calls_aiohttp", "httpx": "calls_httpx"}
AT_ONCE = (16, 64, 256, 1000)
ROUNDS = int(os.environ.get("ROUNDS", "5"))
CALLS = {"ours": 2_000, "aiohttp": 10_000, "httpx": 1_000}
"""More of them would take minutes with httpx, and so with ours."""

SLOW = {"httpx"}
"""Measured in the first round only."""

PATH = "/v0/workflows/http-4mib/jobs/0001/download"


def lines() -> Iterator[str]:
    """Measure in turns, and yield the tables."""
    yield f"PUTs that are answered, connecting included, median of {ROUNDS} rounds"
    found: dict[tuple[str, int], list[Measured]] = {}
    with (
        tempfile.TemporaryDirectory(prefix="bench-calls-") as folder,
        nginx(Path(folder)) as server,
    ):
        for round_number in range(ROUNDS):
            for at_once in AT_ONCE:
                for contender in CONTENDERS if round_number == 0 else CONTENDERS.keys() - SLOW:
                    measured = once(contender, at_once, server, Path(folder))
                    found.setdefault((contender, at_once), []).append(measured)
    yield heading("a second")
    rows = []
    for contender in CONTENDERS:
        cells = [found[contender, at_once] for at_once in AT_ONCE]
        yield f"  {contender:<10}" + "".join(f"{rate(runs):>9,.0f}" for runs in cells)
        rows += [
            {
                "contender": contender,
                "at_once": at_once,
                "calls_per_s": rate(runs),
                "cpu_us_per_call": cpu_us(runs),
                "peak_mib": max(each.peak_mib for each in runs),
            }
            for at_once, runs in zip(AT_ONCE, cells, strict=True)
        ]
    yield heading("CPU, µs")
    for contender in CONTENDERS:
        cells = [found[contender, at_once] for at_once in AT_ONCE]
        yield f"  {contender:<10}" + "".join(f"{cpu_us(runs):>9,.0f}" for runs in cells)
    save("small_calls", {"rounds": ROUNDS, "calls": CALLS, "rows": rows})


def once(contender: str, at_once: int, server: Nginx, folder: Path) -> Measured:
    """Run one contender."""
    task = folder / "load.json"
    Load(server.api_url, PATH, at_once, CALLS[contender]).write(task)
    module = f"{__package__}.contenders.{CONTENDERS[contender]}"
    return measure([sys.executable, "-m", module, str(task)], folder / "said")


def heading(what: str) -> str:
    """Return the first line of a table."""
    return f"  {what:<10}" + "".join(f"{at_once:>9,}" for at_once in AT_ONCE)


def rate(runs: list[Measured]) -> float:
    """Return the calls a second."""
    return float(median(each.printed["calls"] / each.wall_s for each in runs))


def cpu_us(runs: list[Measured]) -> float:
    """Return the CPU time of a call, which depends less on other work on the machine."""
    return float(median(each.cpu_s / each.printed["calls"] for each in runs) * 1e6)
