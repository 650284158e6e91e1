"""Our whole client as it comes: SHA-256, the structure of the ZIP, journal, sync."""

from __future__ import annotations

from pixxel_async.config import FetchPolicy, FolderPolicy

from .export import export
from .task import Task, run


async def download(task: Task) -> None:
    """Download all files."""
    await export(task, FetchPolicy(), FolderPolicy())


if __name__ == "__main__":
    run(download)
