"""An export that is left early, at any point, leaves nothing behind that should not be there."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import anyio
import httpx
import psutil
import pytest

from pixxel_async import (
    Download,
    FetchProgress,
    FolderPolicy,
    Limits,
    PixxelClient,
    PreviousFailures,
    events,
)
from pixxel_async.sandbox import ApiFault, Sandbox, Scenario, StorageFault

from ..support import (
    QUICK_POLL,
    QUICK_RETRY,
    client_of,
    final_files,
    other_tasks,
    partials,
    quick_fetch,
    some_downloads,
)

RETRY_FAILED = FolderPolicy(previous_failures=PreviousFailures.RETRY)
SLOW = Scenario(package_bytes=600_000, size_spread=0, bytes_per_s=600_000)


def connections_to(sandbox: Sandbox) -> int:
    """Count the open connections of this process to a sandbox of this process."""
    ports = {int(url.rpartition(":")[2]) for url in (sandbox.api_url, sandbox.storage_url)}
    found = psutil.Process().net_connections("tcp4")
    return sum(1 for one in found if one.raddr and one.raddr.port in ports)


async def test_leaving_early_ends_tasks_and_connections_and_keeps_partials(tmp_path: Path) -> None:
    downloads = some_downloads(6)
    async with Sandbox(SLOW) as sandbox:
        async with client_of(sandbox, fetch=quick_fetch()) as client:
            async with client.export(downloads, tmp_path) as export:
                async for event in export:
                    if isinstance(event, FetchProgress) and event.bytes > 200_000:
                        break
            assert other_tasks() == set()
            assert len(final_files(tmp_path)) == len(export.report.saved)
            assert partials(tmp_path)
        assert connections_to(sandbox) == 0


async def test_a_cancelled_export_raises_the_cancellation_and_ends(tmp_path: Path) -> None:
    async with Sandbox(SLOW) as sandbox, client_of(sandbox) as client:
        with anyio.move_on_after(0.3) as scope:
            async with client.export(some_downloads(6), tmp_path) as export:
                await export.finish()
        assert scope.cancelled_caught
        assert other_tasks() == set()


async def test_an_error_of_the_caller_ends_the_export_and_comes_out(tmp_path: Path) -> None:
    async def stumble(client: PixxelClient) -> None:
        async with client.export(some_downloads(6), tmp_path) as export:
            async for _ in export:
                message = "the caller's own"
                raise LookupError(message)

    async with Sandbox(SLOW) as sandbox, client_of(sandbox) as client:
        with pytest.raises(LookupError, match="the caller's own"):
            await stumble(client)
        assert other_tasks() == set()


@pytest.mark.parametrize("flush_bytes", [64 * 1024, 16 * 1024 * 1024])
async def test_a_later_export_goes_on_from_the_flushed_mark(
    tmp_path: Path, flush_bytes: int
) -> None:
    (download,) = some_downloads(1)
    fetch = quick_fetch(flush_bytes=flush_bytes)
    async with Sandbox(SLOW) as sandbox, client_of(sandbox, fetch=fetch) as client:
        async with client.export([download], tmp_path) as export:
            async for event in export:
                if isinstance(event, FetchProgress) and event.bytes > 300_000:
                    break
        async with client.export([download], tmp_path) as export:
            offsets = [e.offset async for e in export if isinstance(e, events.FetchStarted)]
        assert offsets[0] >= 300_000
        assert sandbox.gets[-1].range == f"bytes={offsets[0]}-"
        (saved,) = export.report.saved
        assert saved.sha256 == sandbox.expected_sha256(download.row())
        assert export.report.received == saved.bytes - offsets[0]


@pytest.mark.fault(26)
async def test_a_later_export_waits_for_the_package_that_was_asked_for(tmp_path: Path) -> None:
    downloads = [d for d in some_downloads(24) if d.kind in {"aoi", "catalog"}]
    async with Sandbox() as sandbox, client_of(sandbox) as client:
        async with client.export(downloads, tmp_path) as export:
            asked = 0
            async for event in export:
                asked += isinstance(event, events.Requested)
                if asked == len(downloads):
                    break
        async with client.export(downloads, tmp_path) as export:
            report = await export.finish()
        posts = sandbox.counts["AOICreateDownload"] + sandbox.counts["CreateDownload"]
        assert posts == len(downloads)
    assert len(report.saved) + len(report.skipped) == len(downloads)


async def test_a_package_that_the_service_has_forgotten_is_asked_for_anew(tmp_path: Path) -> None:
    (download,) = [d for d in some_downloads(2) if d.kind == "aoi"]
    async with Sandbox(SLOW) as sandbox, client_of(sandbox) as client:
        async with client.export([download], tmp_path) as export:
            async for event in export:
                if isinstance(event, events.Requested):
                    break
    # Another sandbox knows nothing of that id. The grace for a 404 is for new packages only.
    poll = QUICK_POLL.model_copy(update={"not_found_grace_s": 3600})
    async with Sandbox() as sandbox, client_of(sandbox, poll=poll) as client:
        saved = await client.download(download, tmp_path)
        assert sandbox.counts["GetDownloadStatus"] > 1
        assert sandbox.counts["AOICreateDownload"] == 1
        assert saved.sha256 == sandbox.expected_sha256(download.row())


async def test_a_changed_object_is_fetched_anew_by_a_later_export(tmp_path: Path) -> None:
    (download,) = some_downloads(1)
    scenario = Scenario(
        package_bytes=600_000,
        size_spread=0,
        bytes_per_s=600_000,
        faults=(StorageFault("change_etag", times=1),),
    )
    async with Sandbox(scenario) as sandbox, client_of(sandbox, fetch=quick_fetch()) as client:
        async with client.export([download], tmp_path) as export:
            async for event in export:
                if isinstance(event, FetchProgress) and event.bytes > 300_000:
                    break
        saved = await client.download(download, tmp_path)
        assert [got.status for got in sandbox.gets] == [200, 200]
        assert saved.sha256 == sandbox.expected_sha256(download.row())


@pytest.mark.fault(38)
async def test_cancelled_after_any_number_of_steps_nothing_is_half_written(tmp_path: Path) -> None:
    """Cancel after n turns of the loop, for many n; then let one finish in the same folder."""
    faults = (ApiFault("status", status=500, rate=0.1), StorageFault("truncate", rate=0.2))
    scenario = Scenario(package_bytes=150_000, faults=faults)
    downloads = some_downloads(8)
    reached = 0
    async with Sandbox(scenario) as sandbox:
        expected = {sandbox.expected_sha256(download.row()) for download in downloads}
        for steps in [*range(1, 40), *range(40, 1000, 31)]:
            folder = tmp_path / str(steps // 100)
            async with client_of(sandbox, fetch=quick_fetch()) as client:
                exporting = asyncio.create_task(finish(client, folder, downloads))
                for _ in range(steps):
                    await asyncio.sleep(0)
                exporting.cancel()
                await asyncio.wait({exporting})
                reached += exporting.cancelled()
                assert other_tasks() == set()
            if folder.exists():
                assert set(final_files(folder).values()) <= expected
        for folder in tmp_path.iterdir():
            async with client_of(sandbox, fetch=quick_fetch()) as client:
                # A creation that was cancelled too often, or met too many faults, has failed.
                for _ in range(5):
                    await finish(client, folder, downloads, RETRY_FAILED)
                    if len(final_files(folder)) == len(downloads):
                        break
            assert set(final_files(folder).values()) == expected
            assert partials(folder) == []
    assert reached > 20


async def finish(
    client: PixxelClient,
    folder: Path,
    downloads: list[Download],
    policy: FolderPolicy | None = None,
) -> None:
    async with client.export(downloads, folder, folder=policy) as export:
        await export.finish()


async def test_many_downloads_at_once_share_a_folder(tmp_path: Path) -> None:
    downloads = some_downloads(8)
    async with Sandbox() as sandbox, client_of(sandbox) as client:
        doubled = [*downloads, *downloads]
        saved = await asyncio.gather(*(client.download(one, tmp_path) for one in doubled))
        assert len(sandbox.gets) == 8
    assert {one.path.name: one.sha256 for one in saved} == final_files(tmp_path)


async def test_transfers_at_once_are_bounded_over_all_exports_of_a_client(tmp_path: Path) -> None:
    running, most = 0, 0

    class Counting(httpx.AsyncBaseTransport):
        def __init__(self) -> None:
            self.inner = httpx.AsyncHTTPTransport()

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            nonlocal running, most
            running += 1
            most = max(most, running)
            response = await self.inner.handle_async_request(request)
            whole = await response.aread()
            running -= 1
            return httpx.Response(response.status_code, headers=response.headers, content=whole)

        async def aclose(self) -> None:
            await self.inner.aclose()

    scenario = Scenario(size_spread=0, bytes_per_s=64 * 1024 / 0.1)
    async with Sandbox(scenario) as sandbox, httpx.AsyncClient(transport=Counting()) as storage:
        async with PixxelClient(
            sandbox.api_key,
            base_url=sandbox.api_url,
            poll=QUICK_POLL,
            retry=QUICK_RETRY,
            limits=Limits(fetches=3, requests_per_second=1000),
            storage_client=storage,
        ) as client:
            first, second = some_downloads(12, seed=1), some_downloads(12, seed=2)
            await asyncio.gather(
                finish(client, tmp_path / "a", first), finish(client, tmp_path / "b", second)
            )
    assert most == 3
    digests = [hashlib.sha256(path.read_bytes()).digest() for path in tmp_path.rglob("*.zip")]
    assert len(set(digests)) == 24


async def test_a_cancelled_download_lets_another_one_of_the_same_go_on(tmp_path: Path) -> None:
    (download,) = some_downloads(1)
    async with Sandbox(SLOW) as sandbox, client_of(sandbox) as client:
        first = asyncio.create_task(client.download(download, tmp_path))
        second = asyncio.create_task(client.download(download, tmp_path))
        while not sandbox.gets:  # noqa: ASYNC110 - the sandbox has no event for it
            await asyncio.sleep(0.01)
        first.cancel()
        saved = await second
        assert first.cancelled()
        assert saved.sha256 == sandbox.expected_sha256(download.row())


async def test_a_cancellation_while_an_export_is_left_is_not_lost(tmp_path: Path) -> None:
    went_on = False

    async def leave_early(client: PixxelClient) -> None:
        nonlocal went_on
        async with client.export(some_downloads(6), tmp_path) as export:
            async for event in export:
                if isinstance(event, FetchProgress):
                    asyncio.get_running_loop().call_soon(leaving.cancel)
                    break
        await asyncio.sleep(0)
        went_on = True

    async with Sandbox(SLOW) as sandbox, client_of(sandbox, fetch=quick_fetch()) as client:
        leaving = asyncio.create_task(leave_early(client))
        await asyncio.wait({leaving})
        assert leaving.cancelled()
        assert not went_on
        assert other_tasks() == set()
