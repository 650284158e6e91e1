"""The cost of syncing files before they get their names.

The same verified exports as in `transfers`, but into a folder on a disk: that of temporary files,
or the one named by `DISK`. Unsynced data may still be in memory when the export ends; the disk is
synced between the runs, outside of the measured time.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from .file_sets import SETS, memory_folder
from .nginx import nginx
from .processes import Measured
from .results import save
from .transfers import Stand

ROUNDS = int(os.environ.get("ROUNDS", "5"))
CASES = (("4mib", "http"), ("64kib", "http"))
SYNCED, UNSYNCED = "ours, verified", "ours, verified, no fsync"


def lines() -> Iterator[str]:
    """Measure in turns, and yield the table."""
    yield f"Exports into a folder on a disk, medians of {ROUNDS} rounds"
    yield f"  {'':<24} {'synced':>9} {'not synced':>11} {'ratio':>6}"
    rows = []
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir=memory_folder()) as memory,
        tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("DISK")) as disk,
    ):
        served = Path(memory, "served")
        served.mkdir()
        with nginx(served) as server:
            stand = Stand(server, Path(memory), Path(disk))
            for name, scheme in CASES:
                files = SETS[name]
                files.make(served)
                found: dict[str, list[Measured]] = {SYNCED: [], UNSYNCED: []}
                for _ in range(ROUNDS):
                    for contender, runs in found.items():
                        runs.append(stand.once(contender, files, scheme))
                        os.sync()
                synced, unsynced = (median(run.wall_s for run in runs) for runs in found.values())
                rows.append({"files": name, "synced_s": synced, "unsynced_s": unsynced})
                yield (
                    f"  {files.count:>5,} of {files.name:<15} {synced:>7.2f} s {unsynced:>9.2f} s"
                    f" {synced / unsynced:>6.2f}"
                )
    save("syncing", {"rounds": ROUNDS, "rows": rows})
