"""The peak memory of the command line over small packages and over large ones.

`pixxel-async export` runs in a separate process against a sandbox in this one; some calls and
transfers fail. The files are compared with the packages of the sandbox.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pixxel_async.sandbox import (
    ApiFault,
    PackagingTime,
    Sandbox,
    Scenario,
    StorageFault,
    demo_rows,
    sandbox_in_thread,
)

MIB = 1024 * 1024
SIZES = (1 * MIB, 64 * MIB)
PACKAGES = int(os.environ.get("PACKAGES", "200"))
FAULTS = (
    ApiFault("status", status=500, rate=0.02),
    ApiFault("status", status=429, retry_after="1", rate=0.005),
    ApiFault("reset", rate=0.01),
    ApiFault("lost", rate=0.01),
    StorageFault("truncate", rate=0.02),
    StorageFault("reset", rate=0.02),
    StorageFault("expired", rate=0.01),
)
"""About one call or transfer in twenty fails."""

KIB_OF_MAXRSS = 1 if sys.platform == "linux" else 1 / 1024


@dataclass(frozen=True)
class Run:
    """One export.

    Attributes:
        saved: Files with the right SHA-256.
        exit_code: Of the command.
        peak_mib: The peak resident memory of its process.
        wall_s: Its wall time.
        cpu_s: The CPU time of its process.
        gib: The total size of the files.
    """

    saved: int
    exit_code: int
    peak_mib: float
    wall_s: float
    cpu_s: float
    gib: float


def lines() -> Iterator[str]:
    """Export packages of each size, and yield the table."""
    yield f"Peak memory of `pixxel-async export` over {PACKAGES} packages, 1 in 20 requests failing"
    yield "   package   saved  exit      peak      wall       CPU     bytes"
    peaks = []
    for size in SIZES:
        run = export(size)
        peaks.append(run.peak_mib)
        yield (
            f"  {size // MIB:>4} MiB  {run.saved:>6}  {run.exit_code:>4}  {run.peak_mib:>4.0f} MiB"
            f"  {run.wall_s:>6.1f} s  {run.cpu_s:>6.1f} s  {run.gib:>5.2f} GiB"
        )
    yield f"  ratio of the peaks  {peaks[-1] / peaks[0]:.2f}"


def export(size: int) -> Run:
    """Export packages of one size, and measure the process."""
    scenario = Scenario(
        packaging=PackagingTime.uniform(0.1, 3), package_bytes=size, faults=FAULTS, seed=3
    )
    rows = demo_rows(PACKAGES, seed=7)
    with tempfile.TemporaryDirectory() as folder, sandbox_in_thread(scenario) as sandbox:
        manifest = Path(folder, "manifest.jsonl")
        manifest.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        out, found = Path(folder, "out"), Path(folder, "found.jsonl")
        command = ["-m", "pixxel_async.cli", "export", str(manifest), "--out", str(out), "--json"]
        rates = ["--requests-per-second", "200", "--poll-initial", "0.5", "--poll-max", "3"]
        environment = {
            **os.environ,
            "PIXXEL_API_KEY": sandbox.api_key,
            "PIXXEL_BASE_URL": sandbox.api_url,
        }
        began = time.monotonic()
        pid = os.posix_spawn(
            sys.executable,
            [sys.executable, *command, *rates, "--quiet"],
            environment,
            file_actions=[(os.POSIX_SPAWN_OPEN, 1, str(found), os.O_WRONLY | os.O_CREAT, 0o600)],
        )
        _, status, usage = os.wait4(pid, 0)
        wall_s = time.monotonic() - began
        files = list(out.glob("*.zip"))
        return Run(
            saved=count_right(found, out, sandbox),
            exit_code=os.waitstatus_to_exitcode(status),
            peak_mib=usage.ru_maxrss * KIB_OF_MAXRSS / 1024,
            wall_s=wall_s,
            cpu_s=usage.ru_utime + usage.ru_stime,
            gib=sum(file.stat().st_size for file in files) / 1024**3,
        )


def count_right(found: Path, out: Path, sandbox: Sandbox) -> int:
    """Count the files with the bytes of the sandbox."""
    right = 0
    for line in found.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["status"] == "saved":
            with (out / row["path"]).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            right += digest == row["sha256"] == sandbox.expected_sha256(row["target"])
    return right
