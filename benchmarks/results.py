"""Stores results as JSON in the folder named by `RESULTS`, if it is set."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .nginx import SEARCHED

FOLDER = "RESULTS"
PACKAGES = (
    "pixxel-async",
    "pycurl",
    "httpx",
    "aiofiles",
    "aiohttp",
    "parfive",
    "obstore",
    "uvloop",
)
LOAD_AT_START = round(os.getloadavg()[0], 1)
"""The load average before the benchmarks."""

PROGRAMS = {"nginx": "-v", "curl": "--version", "openssl": "version", "aria2c": "--version"}


def save(name: str, result: Mapping[str, Any]) -> None:
    """Write `NAME.json`, with a description of the machine."""
    if folder := os.environ.get(FOLDER):
        path = Path(folder) / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"machine": machine(), **result}, indent=1, default=plain)
        path.write_text(text + "\n", encoding="utf-8")


def plain(value: object) -> float:
    """Convert a number that JSON does not support."""
    return float(str(value))


def machine() -> dict[str, Any]:
    """Describe the machine, without its name."""
    return {
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "load_at_start": LOAD_AT_START,
        "kernel": platform.release().partition("-")[0],
        "python": platform.python_version(),
        "programs": {name: version_of(name, option) for name, option in PROGRAMS.items()},
        "packages": {name: found for name in PACKAGES if (found := version_or_none(name))},
    }


def cpu_model() -> str:
    """Return the model name of the processor."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def version_of(program: str, option: str) -> str | None:
    """Return the first line of the version output of a program, or None if it is missing."""
    path = shutil.which(program, path=SEARCHED)
    if path is None:
        return None
    said = subprocess.run(  # noqa: S603 - a program of the table above
        [path, option], capture_output=True, text=True, check=False
    )
    return (said.stdout or said.stderr).strip().splitlines()[0]


def version_or_none(package: str) -> str | None:
    """Return the version of a package, or None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
