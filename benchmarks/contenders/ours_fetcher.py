"""Our fetcher alone, doing what curl does: no service, no hash, no sync.

It is composed as in `export.pipeline`, and gets signed URLs. Fetched files get their final
names.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import anyio
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
from pixxel_async.http.circuit_breaker import CircuitBreakers
from pixxel_async.http.engines import Engine, storage_engine
from pixxel_async.http.storage_client import WITH_LOOPBACK, StorageClient
from pixxel_async.http.tls import Certificates
from pixxel_async.journal.export_folder import ExportFolder
from pixxel_async.sansio.api.proxy_rules import Routes
from pixxel_async.transfer.call_gate import CallGate
from pixxel_async.transfer.concurrency_limiter import ConcurrencyLimiter
from pixxel_async.transfer.disk_space import DiskSpace
from pixxel_async.transfer.downloader import Downloader
from pixxel_async.transfer.errors import is_answer_of_host, is_failure_of_host
from pixxel_async.transfer.work_item import WorkItem, new_row

from .policies import like_curl
from .task import Task, run


async def download(task: Task) -> None:
    """Download all files, as curl does."""
    await fetch_all(task, *like_curl())


async def fetch_all(
    task: Task,
    fetch_policy: FetchPolicy,
    folder_policy: FolderPolicy,
    *,
    engine: Engine = Engine.LIBCURL,
) -> None:
    """Download all files under these policies."""
    folder = await ExportFolder.open(Path(task.folder))
    storage = make_storage_client(engine, task.ca_file)
    fetcher = make_fetcher(
        folder, storage, ConcurrencyLimiter(Limits(fetches=task.concurrency)), fetch_policy
    )
    items = (an_item(url, name) for url, name in zip(task.urls, task.names, strict=True))

    async def fetch_one_by_one() -> None:
        for item in items:
            arrived = await fetcher.fetch(item)
            await arrived.transfer.partial.commit(folder_policy.unknown_files)
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
        await storage.aclose()


def an_item(url: str, name: str) -> WorkItem:
    """Return a package that is ready."""
    download = JobDownload(workflow_id="w", job_id=name)
    item = WorkItem(download, new_row(download, lambda _: name))
    item.take_url(SecretStr(url), margin_s=EXPIRY_MARGIN_S)
    return item


def make_storage_client(engine: Engine, ca_file: str | None = None) -> StorageClient:
    """Return a client of the storage on this machine, without a proxy."""
    return StorageClient(
        storage_engine(
            engine,
            client=None,
            certificates=Certificates(file=ca_file),
            timeouts=Timeouts(),
            addresses=WITH_LOOPBACK,
        ),
        Routes(),
    )


def make_fetcher(
    folder: ExportFolder,
    storage: StorageClient,
    slots: ConcurrencyLimiter,
    policy: FetchPolicy,
    *,
    count_received: Callable[[int], None] = lambda _: None,
) -> Downloader:
    """Compose a downloader as a pipeline does."""

    async def emit(_: events.Event) -> None: ...

    async def fresh_url(_: WorkItem) -> SecretStr | None:
        return None

    return Downloader(
        storage,
        folder,
        policy=policy,
        folder_policy=FolderPolicy(),
        retry=RetryPolicy(),
        gate=CallGate(),
        slots=slots,
        hosts=CircuitBreakers(is_failure=is_failure_of_host, is_answer=is_answer_of_host),
        space=DiskSpace(folder.sink, FolderPolicy(), emit=emit, clock=time.monotonic),
        bandwidth=None,
        fresh_url=fresh_url,
        emit=emit,
        emit_or_drop=lambda _: None,
        count_received=count_received,
        clock=time.monotonic,
    )


if __name__ == "__main__":
    run(download)
