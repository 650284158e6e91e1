"""The files of the package that one `client.download` enters, and the tasks that it creates.

No request fails. The sandbox runs in this process, the client in another one.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pixxel_async.sandbox import PackagingTime, Scenario, sandbox_in_thread

from .file_sets import MIB
from .processes import measure
from .results import save

ENGINES = ("libcurl", "httpx")
PACKAGING_S = float(os.environ.get("TRACE_PACKAGING_S", "0.1"))
"""0 makes the package ready at once, without polls."""

SCENARIO = Scenario(packaging=PackagingTime.constant(PACKAGING_S), package_bytes=MIB)


def lines() -> Iterator[str]:
    """Trace a download with each engine, and yield the table."""
    yield "One client.download without a fault: files of pixxel_async entered, tasks, threads"
    rows = []
    for engine in ENGINES:
        row = once(engine)
        rows.append({"engine": engine, **row})
        yield (
            f"  {engine:<10} {len(row['files']):>4} files {row['tasks']:>4} tasks"
            f" {row['threads']:>4} threads"
        )
        if os.environ.get("TRACE_FILES"):
            yield from (f"    {file}" for file in row["files"])
    save("trace", {"rows": rows})


def once(engine: str) -> dict[str, Any]:
    """Trace one download."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, sandbox_in_thread(SCENARIO) as box:
        task = Path(folder, "task.json")
        parameters = {
            "api_key": box.api_key,
            "api_url": box.api_url,
            "engine": engine,
            "folder": str(Path(folder, "out")),
        }
        task.write_text(json.dumps(parameters), encoding="utf-8")
        module = f"{__package__}.contenders.traced_download"
        found = measure([sys.executable, "-m", module, str(task)], Path(folder, "said"))
        return dict(found.printed)
