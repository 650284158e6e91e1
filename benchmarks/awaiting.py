"""What many awaited calls of one client cost, compared with one export of the same packages."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from pixxel_async.sandbox import PackagingTime, Scenario, sandbox_in_thread

from .file_sets import memory_folder
from .processes import measure
from .results import save

ROUNDS = int(os.environ.get("AWAITING_ROUNDS", "3"))
PACKAGES = int(os.environ.get("AWAITING_PACKAGES", "500"))
WAITS = int(os.environ.get("AWAITING_WAITS", "10000"))
CALLS_PER_SECOND = 500.0
EXPORT = "export"
ROWS = (
    (EXPORT, EXPORT, PACKAGES),
    (f"{PACKAGES} downloads", "download", PACKAGES),
    (f"{WAITS} waits", "wait", WAITS),
)
SCENARIO = Scenario(packaging=PackagingTime.uniform(0.5, 10.0), package_bytes=64 * 1024)


def lines() -> Iterator[str]:
    """Measure in turns, and yield the table."""
    yield (
        f"{PACKAGES} packages of about 64 KiB, packaged within 0.5 to 10 s; "
        f"medians of {ROUNDS} rounds"
    )
    yield f"  {'':<16} {'CPU':>8} {'memory':>9} {'calls':>7} {'tasks':>7}   ÷ one export"
    runs = [{name: once(way, number) for name, way, number in ROWS} for _ in range(ROUNDS)]
    base = {key: median(run[EXPORT][key] for run in runs) for key in runs[0][EXPORT]}
    rows = []
    for name, way, number in ROWS:
        row = {key: median(run[name][key] for run in runs) for key in runs[0][name]}
        rows.append({"name": name, "way": way, "packages": number, **row})
        ratios = [row[key] / base[key] for key in ("cpu_s", "peak_mib", "calls")]
        said = ", ".join(f"{ratio:.2f}" for ratio in ratios) if number == PACKAGES else ""
        yield (
            f"  {name:<16} {row['cpu_s']:>6.2f} s {row['peak_mib']:>5.0f} MiB {row['calls']:>7.0f}"
            f" {row['tasks']:>7.0f}   {said}"
        )
    save("awaiting", {"rounds": ROUNDS, "rows": rows})


def once(way: str, number: int) -> dict[str, float]:
    """Get so many packages in one of the ways."""
    memory = tempfile.TemporaryDirectory(prefix="bench-", dir=memory_folder())
    with memory as folder, sandbox_in_thread(SCENARIO) as sandbox:
        task = Path(folder, "task.json")
        parameters: dict[str, Any] = {
            "way": way,
            "packages": number,
            "requests_per_second": CALLS_PER_SECOND,
            "api_key": sandbox.api_key,
            "api_url": sandbox.api_url,
            "folder": str(Path(folder, "out")),
        }
        task.write_text(json.dumps(parameters), encoding="utf-8")
        module = f"{__package__}.contenders.awaiting_ours"
        ran = measure([sys.executable, "-m", module, str(task)], Path(folder, "said"))
        calls = sum(sandbox.counts.values())
    return {
        "cpu_s": ran.cpu_s,
        "peak_mib": ran.peak_mib,
        "calls": calls,
        "tasks": ran.printed["tasks"],
    }
