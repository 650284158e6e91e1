"""The time of `pixxel-async index` for an export of the sandbox's packages, from warm files.

Whole processes: with all packages new, and with none of them changed.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from pixxel_async import Progress, export_sync, parse_download
from pixxel_async.config import Limits, PollPolicy
from pixxel_async.sandbox import PackagingTime, Scenario, demo_rows, sandbox_in_thread

from .processes import measure
from .results import save

ROUNDS = int(os.environ.get("ROUNDS", "5"))
PACKAGES = int(os.environ.get("PACKAGES", "500"))
PACKAGE_BYTES = 40_000
COMMAND_LINE = str(Path(sys.executable).with_name("pixxel-async"))


def lines() -> Iterator[str]:
    """Measure in turns, and yield the table."""
    yield f"{PACKAGES} packages of {PACKAGE_BYTES / 1000:g} kB, median of {ROUNDS} rounds"
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        export, output = Path(folder, "export"), Path(folder, "said")
        scenario = Scenario(package_bytes=PACKAGE_BYTES, packaging=PackagingTime.constant(0))
        with sandbox_in_thread(scenario) as sandbox:
            export_sync(
                map(parse_download, demo_rows(PACKAGES)),
                export,
                api_key=sandbox.api_key,
                base_url=sandbox.api_url,
                progress=Progress.NONE,
                limits=Limits(requests_per_second=2000),
                poll=PollPolicy(initial_s=0.02, max_s=0.1, keep_times=False),
            ).raise_for_failures()
        found: dict[str, list[float]] = {"new": [], "unchanged": []}
        for _ in range(ROUNDS):
            shutil.rmtree(export / "stac", ignore_errors=True)
            for walls in found.values():
                run = measure([COMMAND_LINE, "index", str(export)], output)
                walls.append(run.process_wall_s)
    for name, walls in found.items():
        yield f"  {name:<10} {median(walls):>6.2f} s"
    rows = [{"packages": name, "wall_s": median(walls)} for name, walls in found.items()]
    save("indexing", {"rounds": ROUNDS, "count": PACKAGES, "rows": rows})
