"""Downloads one by one as they are saved, in memory, or as a stream."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
import threading
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from pixxel_async import (
    AuthenticationError,
    ConfigError,
    DownloadResult,
    FolderBusyError,
    InputError,
    IntegrityError,
    JobDownload,
    NotFoundError,
    OnFailure,
    PixxelClient,
    PixxelError,
    Saved,
    SinkError,
    UsageError,
)
from pixxel_async.export.event_bus import SETTLED_AHEAD
from pixxel_async.export.fetch_stage import SAVES
from pixxel_async.sandbox import ApiFault, PackageFault, Sandbox, Scenario, StorageFault

from ..support import QUICK_LIMITS, client_of, final_files, other_tasks, partials, quick_fetch

SMALL = Scenario(package_bytes=20_000)
LARGE = Scenario(package_bytes=3_000_000, size_spread=0)
SLOW = Scenario(package_bytes=600_000, size_spread=0, bytes_per_s=250_000)
JOB = JobDownload(workflow_id="w", job_id="j")


@pytest.fixture(autouse=True)
def _temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))


def left_behind(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "temporary").iterdir())


def jobs(number: int) -> list[JobDownload]:
    return [JobDownload(workflow_id="w", job_id=f"j{each}") for each in range(number)]


async def all_of(client: PixxelClient, number: int, folder: Path) -> list[DownloadResult]:
    return [result async for result in client.download_many(jobs(number), folder)]


# download_many


async def test_results_come_as_packages_are_saved(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        results = await all_of(client, 30, tmp_path)
        assert {result.download for result in results} == set(jobs(30))
        assert {result.saved.sha256 for result in results} == set(final_files(tmp_path).values())
        assert not any(result.saved.skipped for result in results)
        assert all(result.saved.skipped for result in await all_of(client, 30, tmp_path))


async def test_a_failure_is_a_result_that_raises_when_it_is_looked_at(tmp_path: Path) -> None:
    fault = ApiFault("status", on="downloadJob", status=404, times=1)
    scenario = Scenario(package_bytes=20_000, faults=(fault,))
    async with Sandbox(scenario) as sandbox, client_of(sandbox) as client:
        results = await all_of(client, 5, tmp_path)
    (failed,) = [result for result in results if result.error is not None]
    assert isinstance(failed.error, NotFoundError)
    with pytest.raises(NotFoundError):
        _ = failed.saved
    with pytest.raises(NotFoundError):
        _ = failed.path
    assert len(final_files(tmp_path)) == 4


async def test_a_failure_may_end_the_loop_and_a_later_one_resumes(tmp_path: Path) -> None:
    fault = ApiFault("status", on="downloadJob", status=404, times=1)
    scenario = Scenario(package_bytes=20_000, faults=(fault,))

    async def loop(client: PixxelClient) -> None:
        async for result in client.download_many(jobs(5), tmp_path, on_failure="raise"):
            assert result.error is None

    async with Sandbox(scenario) as sandbox, client_of(sandbox) as client:
        with pytest.raises(NotFoundError):
            await loop(client)
        assert other_tasks() == set()
        results = await all_of(client, 5, tmp_path)
        assert len([result for result in results if result.error is None]) >= 4


async def test_leaving_the_loop_stops_the_export(tmp_path: Path) -> None:
    async with Sandbox(SLOW) as sandbox, client_of(sandbox, fetch=quick_fetch()) as client:
        async with aclosing(client.download_many(jobs(20), tmp_path)) as results:
            async for _ in results:
                break
        assert other_tasks() == set()
        assert len(final_files(tmp_path)) < 20
        assert len(await all_of(client, 20, tmp_path)) == 20


def saved_in(folder: Path) -> int:
    return len(list(folder.glob("*.zip")))


async def test_a_slow_loop_has_few_files_ahead_of_it(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox, client_of(sandbox, limits=QUICK_LIMITS) as client:
        read, most = 0, 0
        async for _ in client.download_many(jobs(100), tmp_path):
            read += 1
            if read in {1, 20, 40}:
                most = max(most, await grown(tmp_path) - read)
        assert read == 100
        assert 0 < most <= SETTLED_AHEAD + SAVES


async def test_a_slow_reader_of_events_has_few_files_ahead_of_it(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox, client_of(sandbox, limits=QUICK_LIMITS) as client:
        async with client.export(jobs(100), tmp_path) as export:
            read, most = 0, 0
            async for event in export:
                read += isinstance(event, Saved)
                if isinstance(event, Saved) and read in {1, 20, 40}:
                    most = max(most, await grown(tmp_path) - read)
        assert export.report.is_complete
        assert 0 < most <= SETTLED_AHEAD + SAVES


async def grown(folder: Path) -> int:
    """Return how many files are saved when no more follow for a while."""
    before, quiet = saved_in(folder), 0
    while quiet < 40:
        await asyncio.sleep(0.01)
        quiet = quiet + 1 if saved_in(folder) == before else 0
        before = saved_in(folder)
    return before


async def test_a_rejected_key_is_raised_after_the_results(tmp_path: Path) -> None:
    results = []

    async def loop(client: PixxelClient) -> None:
        async for result in client.download_many(jobs(5), tmp_path):
            results.append(result)

    async with Sandbox(SMALL) as sandbox, PixxelClient("wrong", base_url=sandbox.api_url) as client:
        with pytest.raises(AuthenticationError):
            await loop(client)
    assert {type(result.error) for result in results} == {AuthenticationError}


async def test_wrong_arguments_are_refused_at_once(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        with pytest.raises(ConfigError, match="on_failure: 'explode' is not one of yield, raise"):
            client.download_many([JOB], tmp_path, on_failure="explode")
        with pytest.raises(InputError):
            client.download_many(JOB, tmp_path)  # type: ignore[arg-type]  # what is tested
    assert set(OnFailure) == {"yield", "raise"}


async def test_two_clients_of_one_process_are_told_to_share_one(tmp_path: Path) -> None:
    async with Sandbox(SLOW) as sandbox, client_of(sandbox) as one, client_of(sandbox) as two:
        async with one.export([JOB], tmp_path) as export:
            with pytest.raises(FolderBusyError, match="use one client for both"):
                await two.download(JOB, tmp_path)
            await export.finish()


# fetch and stream


async def test_a_package_comes_into_memory(tmp_path: Path) -> None:
    async with Sandbox(LARGE) as sandbox, client_of(sandbox) as client:
        whole = await client.fetch(JOB)
        assert hashlib.sha256(whole).hexdigest() == sandbox.expected_sha256(JOB.row())
    assert left_behind(tmp_path) == []


async def test_more_than_the_limit_is_refused_early(tmp_path: Path) -> None:
    async with Sandbox(SLOW) as sandbox, client_of(sandbox, fetch=quick_fetch()) as client:
        with pytest.raises(SinkError, match="max_bytes is 100000: raise it, or use `stream`"):
            await client.fetch(JOB, max_bytes=100_000)
        assert other_tasks() == set()
    assert left_behind(tmp_path) == []


async def test_a_stream_hands_out_bytes_while_they_arrive(tmp_path: Path) -> None:
    async with Sandbox(SLOW) as sandbox, client_of(sandbox, fetch=quick_fetch()) as client:
        async with client.stream(JOB) as body:
            chunks: list[bytes] = []
            async for chunk in body:
                if not chunks:
                    assert not list(tmp_path.glob("temporary/*/*.zip"))
                chunks.append(chunk)
        assert len(chunks) > 1
        whole = b"".join(chunks)
        assert body.size == len(whole)
        assert body.sha256 == hashlib.sha256(whole).hexdigest()
        assert body.sha256 == sandbox.expected_sha256(JOB.row())
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("fault", ["truncate", "reset", "stall", "expire"])
async def test_a_stream_goes_on_after_faults(tmp_path: Path, fault: str) -> None:
    faults = (StorageFault(fault, times=2),)  # type: ignore[arg-type]  # one of its actions
    scenario = Scenario(package_bytes=600_000, size_spread=0, faults=faults)
    fetch = quick_fetch(stall_timeout_s=0.5)
    async with Sandbox(scenario) as sandbox, client_of(sandbox, fetch=fetch) as client:
        whole = await client.fetch(JOB)
        assert hashlib.sha256(whole).hexdigest() == sandbox.expected_sha256(JOB.row())
        assert fault in [got.action for got in sandbox.gets]
    assert left_behind(tmp_path) == []


async def test_an_object_that_changes_while_it_is_streamed_is_no_package(tmp_path: Path) -> None:
    faults = (StorageFault("truncate", times=1), StorageFault("change_etag", times=1))
    scenario = Scenario(package_bytes=600_000, size_spread=0, bytes_per_s=600_000, faults=faults)
    async with Sandbox(scenario) as sandbox, client_of(sandbox, fetch=quick_fetch()) as client:
        received = bytearray()

        async def read() -> None:
            async with client.stream(JOB) as body:
                async for chunk in body:
                    received.extend(chunk)

        try:
            await read()
        except IntegrityError as error:
            assert "discard it" in str(error)  # noqa: PT017 - either outcome is right
        else:
            digest = hashlib.sha256(received).hexdigest()
            assert digest == sandbox.expected_sha256(JOB.row())
    assert left_behind(tmp_path) == []


async def test_a_package_that_cannot_be_made_is_raised(tmp_path: Path) -> None:
    scenario = Scenario(faults=(PackageFault("failed"),))
    async with Sandbox(scenario) as sandbox, client_of(sandbox) as client:
        with pytest.raises(PixxelError):
            await client.fetch(JOB)
    assert left_behind(tmp_path) == []


async def test_a_stream_may_be_left_early_or_cancelled(tmp_path: Path) -> None:
    async with Sandbox(SLOW) as sandbox, client_of(sandbox, fetch=quick_fetch()) as client:
        async with client.stream(JOB) as body:
            async for _ in body:
                break
        assert other_tasks() == set()
        fetching = asyncio.create_task(client.fetch(JOB))
        while not partials_below(tmp_path):  # noqa: ASYNC110 - files have no event
            await asyncio.sleep(0.005)
        fetching.cancel()
        await asyncio.wait([fetching])
        assert fetching.cancelled()
        assert other_tasks() == set()
    assert left_behind(tmp_path) == []
    assert partials(tmp_path) == []


def partials_below(tmp_path: Path) -> list[Path]:
    return list(tmp_path.glob("temporary/*/*.part"))


async def test_streams_run_side_by_side_and_closing_the_client_ends_them(tmp_path: Path) -> None:
    async with Sandbox(SLOW) as sandbox, client_of(sandbox) as client:
        wholes = await asyncio.gather(*(client.fetch(job) for job in jobs(5)))
        assert len({hashlib.sha256(whole).digest() for whole in wholes}) == 5
        fetching = asyncio.create_task(client.fetch(JOB))
        while not partials_below(tmp_path):  # noqa: ASYNC110 - files have no event
            await asyncio.sleep(0.005)
        await client.aclose()
        with pytest.raises(UsageError, match="closed"):
            await fetching
    assert left_behind(tmp_path) == []


async def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        with pytest.raises(SinkError, match="nowhere"):
            async with client.stream(JOB, directory=tmp_path / "nowhere"):
                pytest.fail("it was opened")


async def test_a_stream_that_is_cancelled_while_its_directory_is_made_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_made, may_return = threading.Event(), threading.Event()
    mkdtemp = tempfile.mkdtemp

    def slowly(**options: Any) -> str:
        made: str = mkdtemp(**options)
        is_made.set()
        may_return.wait()
        return made

    monkeypatch.setattr(tempfile, "mkdtemp", slowly)

    async def open_stream(client: PixxelClient) -> None:
        async with client.stream(JOB):
            pass

    async with Sandbox() as sandbox, client_of(sandbox) as client:
        opening = asyncio.create_task(open_stream(client))
        await asyncio.to_thread(is_made.wait)
        opening.cancel()
        asyncio.get_running_loop().call_soon(may_return.set)
        with pytest.raises(asyncio.CancelledError):
            await opening
    assert left_behind(tmp_path) == []
