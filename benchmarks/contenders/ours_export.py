"""Our whole client, saving as curl does: no hash, no sync; with service and journal."""

from __future__ import annotations

from .export import export
from .policies import like_curl
from .task import Task, run


async def download(task: Task) -> None:
    """Download all files."""
    await export(task, *like_curl())


if __name__ == "__main__":
    run(download)
