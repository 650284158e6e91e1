"""Our fetcher alone, doing what curl does, with one transfer for each file however large."""

from __future__ import annotations

import sys

from .ours_fetcher import fetch_all
from .policies import like_curl
from .task import Task, run


async def download(task: Task) -> None:
    """Download all files."""
    fetch_policy, folder_policy = like_curl()
    one = fetch_policy.model_copy(update={"segment_bytes": sys.maxsize})
    await fetch_all(task, one, folder_policy)


if __name__ == "__main__":
    run(download)
