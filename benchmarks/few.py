"""A few large packages from a storage that limits each connection.

nginx gives a connection `STRICT_RATE` and refuses more than `STRICT_MOST` of them, so a client with
one connection for each file leaves most of them unused.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

from .contenders.commands import ARIA2C_SPLIT, CURL, ONE_TRANSFER
from .file_sets import MIB, FileSet, memory_folder
from .nginx import STRICT_MOST, STRICT_RATE, MissingError, nginx
from .processes import Measured
from .results import save
from .transfers import Stand

ROUNDS = int(os.environ.get("FEW_ROUNDS", "1"))
FILES = FileSet("96mib", 2, 96 * MIB)
CONTENDERS = (CURL, ONE_TRANSFER, "ours", ARIA2C_SPLIT)


def lines() -> Iterator[str]:
    """Measure in turns, and yield the table."""
    yield (
        f"{FILES.count} of {FILES.name}, {STRICT_RATE // MIB} MiB/s a connection, at most "
        f"{STRICT_MOST} of them, medians of {ROUNDS} rounds"
    )
    found: dict[str, list[Measured]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-", dir=memory_folder()) as folder:
        served = Path(folder, "served")
        served.mkdir()
        FILES.make(served)
        with nginx(served) as server:
            limited = replace(server, http=server.strict)
            stand = Stand(limited, Path(folder), concurrency=STRICT_MOST)
            for number in range(ROUNDS):
                for contender in CONTENDERS:
                    try:
                        measured = stand.once(contender, FILES, "http", compare=number == 0)
                    except MissingError as missing:
                        yield f"  {contender}: skipped, {missing}"
                    else:
                        found.setdefault(contender, []).append(measured)
    walls = {name: median(run.wall_s for run in runs) for name, runs in found.items()}
    yield f"  {'':<26} {'wall':>9}  ÷ {ONE_TRANSFER}"
    for name, wall_s in walls.items():
        yield f"  {name:<26} {wall_s:>7.1f} s  {wall_s / walls[ONE_TRANSFER]:.2f}"
    rows = [{"contender": name, "wall_s": wall_s} for name, wall_s in walls.items()]
    save("few", {"rounds": ROUNDS, "files": FILES.count, "rows": rows})
