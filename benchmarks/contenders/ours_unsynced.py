"""Our whole client as it comes, but that the system may write files when it likes."""

from __future__ import annotations

from pixxel_async.config import FetchPolicy, FolderPolicy, Sync

from .export import export
from .task import Task, run


async def download(task: Task) -> None:
    """Download all files."""
    await export(task, FetchPolicy(sync=Sync.NONE), FolderPolicy())


if __name__ == "__main__":
    run(download)
