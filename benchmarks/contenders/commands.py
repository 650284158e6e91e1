"""The command line of each contender: the one place that lists them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from ..nginx import program
from .task import Task

ONE_TRANSFER = "ours, one transfer each"
BUSY = "ours, busy event loop"
CURL = "curl -Z"
CURL_THEN_OPENSSL = "curl -Z, openssl dgst"
PYTHON = {
    "ours": "ours_fetcher",
    ONE_TRANSFER: "ours_one_transfer",
    BUSY: "ours_busy",
    "ours, engine httpx": "ours_httpx",
    "ours, whole export": "ours_export",
    "ours, verified": "ours_verified",
    "ours, verified, no fsync": "ours_unsynced",
    "httpx + aiofiles": "httpx_aiofiles",
    "aiohttp + aiofiles": "aiohttp_aiofiles",
    "parfive": "parfive_files",
    "obstore": "obstore_http",
}


def command(contender: str, task: Task, folder: Path) -> list[str]:
    """Return what to start, in the folder of this repository.

    Args:
        contender: One of `CONTENDERS`.
        task: What it shall do.
        folder: Where files may lie that tell it so.

    Raises:
        MissingError: It is not installed.
    """
    if contender in TOOLS:
        return TOOLS[contender](task, folder)
    task.write(folder / "task.json")
    module = f"{__package__}.{PYTHON[contender]}"
    return [sys.executable, "-m", module, str(folder / "task.json")]


def curl(task: Task, folder: Path) -> list[str]:
    """Return `curl -Z` with a config file of URLs."""
    config = folder / "curl.conf"
    config.write_text(
        "".join(
            f'url = "{url}"\noutput = "{Path(task.folder, name)}"\n'
            for url, name in zip(task.urls, task.names, strict=True)
        ),
        encoding="ascii",
    )
    return [
        *(program("curl"), "--disable", "--no-progress-meter", "--fail", "--parallel"),
        *("--parallel-max", str(task.concurrency), "--cacert", task.ca_file),
        *("--noproxy", "*", "--config", str(config)),
    ]


def curl_then_openssl(task: Task, folder: Path) -> list[str]:
    """Return a shell that runs `curl -Z`, and then one `openssl dgst` over all of the files."""
    script = 'cd "$1" && openssl="$2" && shift 2 && "$@" && "$openssl" dgst -sha256 *.zip >sums'
    fetch = curl(task, folder)
    return ["/bin/sh", "-c", script, "sh", task.folder, program("openssl"), *fetch]


def aria2c(task: Task, folder: Path, *, split: int = 1) -> list[str]:
    """Return `aria2c`, with so many connections a file."""
    listed = folder / "aria2.txt"
    listed.write_text(
        "".join(f"{url}\n  out={name}\n" for url, name in zip(task.urls, task.names, strict=True)),
        encoding="ascii",
    )
    return [
        *(program("aria2c", "aria2"), "--no-conf", "--quiet", f"-j{task.concurrency}"),
        *(f"--max-connection-per-server={split}", f"--split={split}", "--min-split-size=8M"),
        *("--file-allocation=none", f"--ca-certificate={task.ca_file}", "--dir", task.folder),
        *("--input-file", str(listed)),
    ]


def aria2c_split(task: Task, folder: Path) -> list[str]:
    """Return `aria2c`, with all connections shared among the files."""
    return aria2c(task, folder, split=max(1, task.concurrency // len(task.urls)))


ARIA2C_SPLIT = "aria2c, several a file"
TOOLS: dict[str, Callable[[Task, Path], list[str]]] = {
    CURL: curl,
    CURL_THEN_OPENSSL: curl_then_openssl,
    "aria2c": aria2c,
    ARIA2C_SPLIT: aria2c_split,
}
JUDGED = (CURL, "ours", CURL_THEN_OPENSSL, "ours, verified", BUSY)
PEERS = (
    *("ours, whole export", "ours, engine httpx", "aria2c", "httpx + aiofiles"),
    *("aiohttp + aiofiles", "parfive", "obstore"),
)
CONTENDERS = JUDGED + PEERS
