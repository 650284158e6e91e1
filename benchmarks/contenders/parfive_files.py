"""parfive, one connection a file, with pieces of a size that suits it."""

from __future__ import annotations

import ssl

import aiohttp
import parfive
from parfive.config import SessionConfig

from .task import Task, run

CHUNK_BYTES = 64 * 1024


async def download(task: Task) -> None:
    """Download all files."""
    context = ssl.create_default_context(cafile=task.ca_file)

    def session(config: SessionConfig) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=task.concurrency, ssl=context)
        return aiohttp.ClientSession(connector=connector, headers=config.headers)

    downloader = parfive.Downloader(
        max_conn=task.concurrency,
        max_splits=1,
        progress=False,
        config=SessionConfig(chunksize=CHUNK_BYTES, aiohttp_session_generator=session),
    )
    for url, name in zip(task.urls, task.names, strict=True):
        downloader.enqueue_file(url, path=task.folder, filename=name)
    results = await downloader.run_download()
    if results.errors:
        raise results.errors[0].exception


if __name__ == "__main__":
    run(download)
