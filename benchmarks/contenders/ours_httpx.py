"""Our fetcher alone, doing what curl does, with the engine on httpx."""

from __future__ import annotations

from pixxel_async.http.engines import Engine

from .ours_fetcher import fetch_all
from .policies import like_curl
from .task import Task, run


async def download(task: Task) -> None:
    """Download all files."""
    await fetch_all(task, *like_curl(), engine=Engine.HTTPX)


if __name__ == "__main__":
    run(download)
