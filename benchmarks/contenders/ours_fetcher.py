"""Our fetcher alone, doing what curl does: no service, no hash, no sync.

The stage is put together as `engine.pipeline` does, and takes signed URLs as they are. What it
fetches gets its final name.
"""

from __future__ import annotations

import time
from pathlib import Path

import anyio
from pixxel_async.transport.storage import StorageClient
from pydantic import SecretStr

from pixxel_async import JobDownload, events
from pixxel_async.config import (
    EXPIRY_MARGIN_S,
    FetchPolicy,
    FolderPolicy,
    Limits,
    RetryPolicy,
    Timeouts,
)
from pixxel_async.engine.fetcher import Fetcher
from pixxel_async.engine.folder import ExportFolder
from pixxel_async.engine.item import Item, new_row
from pixxel_async.engine.slots import Slots
from pixxel_async.engine.space import Space
from pixxel_async.engine.troubles import is_failure_of_host
from pixxel_async.http.circuit_breaker import HostGuards
from pixxel_async.settings.network import connections

from .policies import like_curl
from .task import Task, run


async def download(task: Task) -> None:
    """Download all of it, as curl does."""
    await fetch_all(task, *like_curl())


async def fetch_all(task: Task, fetch_policy: FetchPolicy, folder_policy: FolderPolicy) -> None:
    """Download all of it, under these policies."""
    transport = connections(SecretStr("direct"), task.ca_file)(task.concurrency)
    folder = await ExportFolder.open(Path(task.folder))
    storage = StorageClient(transport, timeouts=Timeouts())
    fetcher = a_fetcher(folder, storage, task, fetch_policy)
    items = (an_item(url, name) for url, name in zip(task.urls, task.names, strict=True))

    async def fetch_one_by_one() -> None:
        for item in items:
            arrived = await fetcher.fetch(item)
            await arrived.transfer.partial.commit(folder_policy.foreign_files)
            await arrived.transfer.partial.aclose()

    try:
        async with anyio.create_task_group() as watching:
            watching.start_soon(fetcher.watchdog.run)
            async with anyio.create_task_group() as tasks:
                for _ in range(task.concurrency):
                    tasks.start_soon(fetch_one_by_one)
            watching.cancel_scope.cancel()
    finally:
        await folder.aclose()
        await transport.aclose()
        storage.close()


def an_item(url: str, name: str) -> Item:
    """Return a package that is ready."""
    download = JobDownload(workflow_id="w", job_id=name)
    item = Item(download, new_row(download, lambda _: name))
    item.take_url(SecretStr(url), margin_s=EXPIRY_MARGIN_S)
    return item


def a_fetcher(
    folder: ExportFolder, storage: StorageClient, task: Task, policy: FetchPolicy
) -> Fetcher:
    """Join the parts as a pipeline does."""

    async def emit(_: events.Event) -> None: ...

    async def fresh_url(_: Item) -> SecretStr | None:
        return None

    return Fetcher(
        storage,
        folder,
        policy=policy,
        folder_policy=FolderPolicy(),
        retry=RetryPolicy(),
        slots=Slots(Limits(fetches=task.concurrency)),
        hosts=HostGuards(is_failure=is_failure_of_host),
        space=Space(folder.sink, FolderPolicy(), emit=emit, clock=time.monotonic),
        bandwidth=None,
        fresh_url=fresh_url,
        emit=emit,
        emit_or_drop=lambda _: None,
        count_received=lambda _: None,
        clock=time.monotonic,
    )


if __name__ == "__main__":
    run(download)
