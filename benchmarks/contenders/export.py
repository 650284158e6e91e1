"""A whole export of the client, for `ours_export` and `ours_verified`.

Each package is ready at once; responses to creations contain the URLs.
"""

from __future__ import annotations

from pathlib import Path

from pixxel_async import JobDownload, Limits, PixxelClient, PollPolicy
from pixxel_async.config import FetchPolicy, FolderPolicy

from .task import Task

NO_LIMIT_PER_S = 1e9
POLL = PollPolicy(keep_times=False)


async def export(task: Task, fetch: FetchPolicy, folder: FolderPolicy) -> None:
    """Save all packages.

    Raises:
        RuntimeError: Some packages were not saved.
    """
    downloads = [
        JobDownload(workflow_id=task.workflow_id, job_id=Path(name).stem) for name in task.names
    ]
    limits = Limits(
        fetches=task.concurrency,
        requests=task.concurrency,
        requests_per_second=NO_LIMIT_PER_S,
    )
    async with (
        PixxelClient(
            "a-key-of-the-benchmark",
            base_url=task.api_url,
            ca_bundle=task.ca_file,
            proxy="direct",
            limits=limits,
            poll=POLL,
            fetch=fetch,
        ) as client,
        client.export(downloads, task.folder, folder=folder) as exporting,
    ):
        report = await exporting.finish()
    if len(report.saved) != len(downloads):
        message = f"{len(report.saved)} of {len(downloads)} were saved"
        raise RuntimeError(message)
