"""How close the wall time of an export comes to its lower bound.

A sandbox in another process takes random times to create packages. No export can end before the
last package is ready, nor before late packages are transferred: the bound is the latest "time
when ready, plus the transfer of this package and those that are ready later". The throughput for
that is measured in advance, with sequential plain GETs.

Packaging starts with the request, so late requests move the bound. The output therefore includes
the duration of the creations, which the rate limits.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from pixxel_async.sandbox import PackagingTime, Sandbox, Scenario, demo_rows, sandbox_in_thread

from .file_sets import memory_folder
from .processes import measure
from .results import save

PACKAGES = int(os.environ.get("PIPELINE_PACKAGES", "500"))
ROUNDS = int(os.environ.get("PIPELINE_ROUNDS", "3"))
PACKAGING_S = (0.5, 20.0)
PACKAGE_BYTES = 1024 * 1024
RATES = {"20 calls a second (the default)": 20.0, "100 calls a second": 100.0}
PROBES = 20
CREATIONS = frozenset(
    {"downloadInsights", "AOICreateDownload", "downloadJob", "downloadTask", "CreateDownload"}
)


def lines() -> Iterator[str]:
    """Export in turns, and yield the table."""
    low, high = PACKAGING_S
    yield (
        f"{PACKAGES} packages of about 1 MiB, packaged within {low:g} to {high:g} s, "
        f"median of {ROUNDS} rounds"
    )
    yield f"  {'':<34} {'took':>8} {'bound':>8} {'ratio':>6} {'created within':>15}"
    rows = []
    for name, per_second in RATES.items():
        runs = [once(per_second, seed) for seed in range(ROUNDS)]
        row = {key: median(run[key] for run in runs) for key in runs[0]}
        rows.append({"rate": name, "requests_per_second": per_second, **row})
        yield (
            f"  {name:<34} {row['took_s']:>6.2f} s {row['bound_s']:>6.2f} s"
            f" {row['ratio']:>6.3f} {row['created_within_s']:>13.2f} s"
        )
    save("pipeline", {"packages": PACKAGES, "rounds": ROUNDS, "rows": rows})


def once(per_second: float, seed: int) -> dict[str, float]:
    """Export once.

    Raises:
        RuntimeError: Some package was not saved.
    """
    scenario = Scenario(
        packaging=PackagingTime.uniform(*PACKAGING_S), package_bytes=PACKAGE_BYTES, seed=seed
    )
    with tempfile.TemporaryDirectory(prefix="bench-", dir=memory_folder()) as folder:
        bytes_per_s = throughput()
        with sandbox_in_thread(scenario) as sandbox:
            task = Path(folder, "task.json")
            parameters = {
                "rows": demo_rows(PACKAGES, seed=seed),
                "requests_per_second": per_second,
                "api_key": sandbox.api_key,
                "api_url": sandbox.api_url,
                "folder": str(Path(folder, "out")),
            }
            task.write_text(json.dumps(parameters), encoding="utf-8")
            module = f"{__package__}.contenders.pipeline_ours"
            ran = measure([sys.executable, "-m", module, str(task)], Path(folder, "said")).printed
            if ran["saved"] != PACKAGES:
                message = f"{ran['saved']} of {PACKAGES} packages were saved"
                raise RuntimeError(message)
            return against_bound(sandbox, ran, bytes_per_s)


def against_bound(sandbox: Sandbox, ran: Mapping[str, Any], bytes_per_s: float) -> dict[str, float]:
    """Compare the wall time of an export with its lower bound."""
    began_at = ran["began_at"]
    ready = [(package.ready_at - began_at, package.content().size) for package in sandbox.packages]
    first: dict[str, float] = {}
    for call in sandbox.calls:
        if call.operation in CREATIONS:
            first.setdefault(f"{call.path} {call.body!r}", call.at)
    took_s, bound_s = ran["ended_at"] - began_at, least_s(ready, bytes_per_s)
    return {
        "took_s": took_s,
        "bound_s": bound_s,
        "ratio": took_s / bound_s,
        "latest_ready_s": max(at for at, _ in ready),
        "created_within_s": max(first.values()) - began_at,
    }


def least_s(ready: Iterable[tuple[float, int]], bytes_per_s: float) -> float:
    """Return the least time in which packages can be transferred.

    Args:
        ready: The time when each is ready, in seconds, and its size in bytes.
        bytes_per_s: The throughput.
    """
    least, behind = 0.0, 0
    for at, size in sorted(ready, reverse=True):
        behind += size
        least = max(least, at + behind / bytes_per_s)
    return least


def throughput() -> float:
    """Return the throughput of a sandbox to a plain client, in bytes per second."""
    scenario = Scenario(packaging=PackagingTime.constant(0), package_bytes=PACKAGE_BYTES)
    with sandbox_in_thread(scenario) as sandbox:
        urls = [signed_url(sandbox, f"job-{number}") for number in range(PROBES)]
        storage = http.client.HTTPConnection(urlsplit(sandbox.storage_url).netloc)
        received, began = 0, time.perf_counter()
        for url in urls:
            parts = urlsplit(url)
            storage.request("GET", f"{parts.path}?{parts.query}")
            received += len(storage.getresponse().read())
        took_s = time.perf_counter() - began
        storage.close()
    return received / took_s


def signed_url(sandbox: Sandbox, job_id: str) -> str:
    """Request a package that is ready at once."""
    service = http.client.HTTPConnection(urlsplit(sandbox.api_url).netloc)
    path = f"/v0/workflows/w/jobs/{job_id}/download"
    while True:
        service.request("PUT", path, headers={"Authorization": sandbox.api_key})
        if url := json.loads(service.getresponse().read())["signed_url"]:
            service.close()
            return str(url)
