"""aiohttp and aiofiles, 64 KiB at a time, limited by a semaphore."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import aiofiles
import aiohttp
from yarl import URL

from .task import Task, run

CHUNK_BYTES = 64 * 1024


async def download(task: Task) -> None:
    """Download all files."""
    slots = asyncio.Semaphore(task.concurrency)
    context = ssl.create_default_context(cafile=task.ca_file)
    connector = aiohttp.TCPConnector(limit=task.concurrency, ssl=context)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def save(url: str, name: str) -> None:
            async with slots, session.get(URL(url, encoded=True)) as response:
                response.raise_for_status()
                async with aiofiles.open(Path(task.folder, name), "wb") as file:
                    async for chunk in response.content.iter_chunked(CHUNK_BYTES):
                        await file.write(chunk)

        await asyncio.gather(*map(save, task.urls, task.names))


if __name__ == "__main__":
    run(download)
