"""The start time of imports and of commands.

Each is a separate process, in turns, compared with a Python that imports httpx and pydantic, the
minimum for a client built on them.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from .processes import Measured, measure
from .results import save

ROUNDS = int(os.environ.get("START_ROUNDS", "9"))
YARDSTICK = 'python -c "import httpx, pydantic"'
COMMAND_LINE = str(Path(sys.executable).with_name("pixxel-async"))
COMMANDS = {
    YARDSTICK: [sys.executable, "-c", "import httpx, pydantic"],
    'python -c "import pixxel_async"': [sys.executable, "-c", "import pixxel_async"],
    'python -c "from pixxel_async import PixxelClient"': [
        sys.executable,
        "-c",
        "from pixxel_async import PixxelClient",
    ],
    "pixxel-async --version": [COMMAND_LINE, "--version"],
    "pixxel-async --help": [COMMAND_LINE, "--help"],
    "pixxel-async export --help": [COMMAND_LINE, "export", "--help"],
}


def lines() -> Iterator[str]:
    """Measure in turns, and yield the table."""
    yield f"Wall time of whole processes, median of {ROUNDS} rounds"
    found: dict[str, list[Measured]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        output = Path(folder, "said")
        for command in COMMANDS.values():
            measure(command, output)  # compiles modules at their first import
        for _ in range(ROUNDS):
            for name, command in COMMANDS.items():
                found[name].append(measure(command, output))
    walls = {name: median(run.process_wall_s for run in runs) for name, runs in found.items()}
    yield f"  {'':<50} {'wall':>8} {'ratio':>6}"
    rows = []
    for name, wall_s in walls.items():
        ratio = wall_s / walls[YARDSTICK]
        yield f"  {name:<50} {wall_s:>6.3f} s {ratio:>6.2f}"
        rows.append({"command": name, "wall_s": wall_s, "ratio": ratio})
    save("start", {"rounds": ROUNDS, "rows": rows})
