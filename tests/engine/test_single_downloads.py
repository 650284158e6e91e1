"""Single downloads and waits of a client share one engine, and a cancelled one touches no other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from pixxel_async import (
    AuthenticationError,
    Download,
    ExistingFiles,
    FolderPolicy,
    JobDownload,
    NotFoundError,
    PackageStatus,
    PixxelClient,
    SavedPackage,
    SinkError,
)
from pixxel_async.export import single_downloads
from pixxel_async.journal.export_folder import HIDDEN, JOURNAL
from pixxel_async.journal.reader import read_record
from pixxel_async.sandbox import ApiFault, PackagingTime, Sandbox, Scenario

from ..support import (
    client_of,
    final_files,
    other_tasks,
    partials,
    quick_fetch,
    some_downloads,
)

SLOW = Scenario(package_bytes=600_000, size_spread=0, bytes_per_s=250_000)
SMALL = Scenario(package_bytes=20_000)
PACKAGING = Scenario(package_bytes=20_000, packaging=PackagingTime.constant(1))


def jobs(number: int) -> list[JobDownload]:
    return [JobDownload(workflow_id="w", job_id=f"j{each}") for each in range(number)]


async def turns(is_so: Callable[[], object]) -> None:
    """Let other tasks run until something is so."""
    while not is_so():  # noqa: ASYNC110 - files and the sandbox have no events
        await asyncio.sleep(0.005)


async def most_tasks(work: Awaitable[object]) -> int:
    """Return how many tasks there were at most, besides those of the sandbox."""
    running = asyncio.ensure_future(work)
    most = 0
    while not running.done():
        most = max(most, len(other_tasks()))
        await asyncio.sleep(0.005)
    await running
    return most


async def export(client: PixxelClient, downloads: list[JobDownload], folder: Path) -> object:
    async with client.export(downloads, folder) as running:
        return await running.finish()


async def gather(client: PixxelClient, downloads: list[JobDownload], folder: Path) -> object:
    return await asyncio.gather(*(client.download(one, folder) for one in downloads))


async def test_many_downloads_at_once_are_one_export(tmp_path: Path) -> None:
    number = 100
    calls, runs, tasks = [], [], []
    for name, save in (("a", export), ("b", gather)):
        async with Sandbox(PACKAGING) as sandbox, client_of(sandbox) as client:
            tasks.append(await most_tasks(save(client, jobs(number), tmp_path / name)))
            calls.append(sum(sandbox.counts.values()))
            assert len(sandbox.gets) == number
        runs.append(len(read_record(tmp_path / name).runs))
    assert runs == [1, 1]
    assert tasks[1] < number + 100
    assert calls[1] <= 1.2 * calls[0]
    assert final_files(tmp_path / "a") == final_files(tmp_path / "b")


async def test_callers_of_the_same_package_get_the_same_file(tmp_path: Path) -> None:
    (job,) = jobs(1)
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        first, second = await asyncio.gather(*(client.download(job, tmp_path) for _ in range(2)))
        assert first == second
        assert not first.skipped
        assert len(sandbox.gets) == 1
        assert (await client.download(job, tmp_path)).skipped
        assert other_tasks() == set()


async def test_a_download_that_has_ended_is_looked_at_again_while_others_run(
    tmp_path: Path,
) -> None:
    first, *others = jobs(6)
    async with Sandbox(SLOW) as sandbox, client_of(sandbox) as client:
        running = [asyncio.create_task(client.download(one, tmp_path)) for one in others]
        saved = await client.download(first, tmp_path)
        saved.path.unlink()
        again = await client.download(first, tmp_path)
        assert again.sha256 == saved.sha256
        assert again.path.exists()
        await asyncio.gather(*running)
        assert len(final_files(tmp_path)) == 6
        assert len(sandbox.gets) == 7


Moment = Callable[[Sandbox, Path], object]

MOMENTS: dict[str, tuple[Scenario, Moment]] = {
    "at once": (SLOW, lambda *_: True),
    "created": (PACKAGING, lambda sandbox, _: sandbox.counts["downloadJob"] >= 6),
    "polled": (PACKAGING, lambda sandbox, _: sandbox.counts["downloadJob"] >= 12),
    "transferring": (SLOW, lambda _, folder: len(list(folder.glob("*.part"))) == 6),
}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("dropped", [0, 3, 5])
async def test_a_cancelled_download_touches_no_other(
    tmp_path: Path, moment: str, dropped: int
) -> None:
    scenario, is_now = MOMENTS[moment]
    async with Sandbox(scenario) as sandbox, client_of(sandbox, fetch=quick_fetch()) as client:
        tasks = [asyncio.create_task(client.download(job, tmp_path)) for job in jobs(6)]
        await asyncio.sleep(0)
        await turns(lambda: is_now(sandbox, tmp_path))
        tasks[dropped].cancel()
        with pytest.raises(asyncio.CancelledError):
            await tasks[dropped]
        at_once = asyncio.create_task(client.download(jobs(6)[dropped], tmp_path))
        others = [task for task in tasks if task is not tasks[dropped]]
        saved = [*await asyncio.gather(*others), await at_once]
        assert {one.sha256 for one in saved} == set(final_files(tmp_path).values())
        assert len(final_files(tmp_path)) == 6
        assert partials(tmp_path) == []
        assert other_tasks() == set()


async def test_what_a_cancelled_download_has_received_is_kept(tmp_path: Path) -> None:
    first, second = jobs(2)
    async with Sandbox(SLOW) as sandbox, client_of(sandbox, fetch=quick_fetch()) as client:
        kept = asyncio.create_task(client.download(first, tmp_path))
        dropped = asyncio.create_task(client.download(second, tmp_path))
        await turns(lambda: all(one.stat().st_size > 200_000 for one in tmp_path.glob("*.part")))
        await turns(lambda: len(partials(tmp_path)) == 2)
        dropped.cancel()
        await asyncio.wait([dropped])
        assert len(partials(tmp_path)) == 2
        await client.download(second, tmp_path)
        await kept
        assert 206 in [got.status for got in sandbox.gets]


async def test_when_all_are_cancelled_the_folder_is_free(tmp_path: Path) -> None:
    async with Sandbox(SLOW) as sandbox, client_of(sandbox) as client, client_of(sandbox) as other:
        tasks = [asyncio.create_task(client.download(job, tmp_path)) for job in jobs(4)]
        await turns(lambda: partials(tmp_path))
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert all(task.cancelled() for task in tasks)
        assert other_tasks() == set()
        saved = await asyncio.gather(*(other.download(job, tmp_path) for job in jobs(4)))
        assert len(saved) == 4


async def test_a_failure_is_raised_where_it_belongs(tmp_path: Path) -> None:
    fault = ApiFault("status", on="downloadJob", status=404, times=1)
    scenario = Scenario(package_bytes=20_000, faults=(fault,))
    async with Sandbox(scenario) as sandbox, client_of(sandbox) as client:
        results = await asyncio.gather(
            *(client.download(job, tmp_path) for job in jobs(5)), return_exceptions=True
        )
    kinds = [type(one) for one in results]
    assert (kinds.count(SavedPackage), kinds.count(NotFoundError)) == (4, 1)


async def test_a_rejected_key_ends_all_and_the_next_call_tries_again(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox:
        async with PixxelClient("wrong", base_url=sandbox.api_url) as client:
            for _ in range(2):
                results = await asyncio.gather(
                    *(client.download(job, tmp_path) for job in jobs(5)), return_exceptions=True
                )
                assert [type(one) for one in results] == [AuthenticationError] * 5
            assert other_tasks() == set()


async def test_a_folder_that_cannot_be_used_fails_each_of_them(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        results = await asyncio.gather(
            *(client.download(job, tmp_path / "file") for job in jobs(3)), return_exceptions=True
        )
    assert [type(one) for one in results] == [SinkError] * 3


async def test_a_journal_that_is_lost_fails_those_that_are_left(tmp_path: Path) -> None:
    async with Sandbox(SLOW) as sandbox, client_of(sandbox) as client:
        tasks = [asyncio.create_task(client.download(job, tmp_path)) for job in jobs(4)]
        await turns(lambda: partials(tmp_path))
        (tmp_path / HIDDEN / JOURNAL).unlink()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    errors = [one for one in results if not isinstance(one, SavedPackage)]
    assert errors
    assert all("journal was deleted" in str(error) for error in errors)


async def test_other_policies_have_exports_of_their_own(tmp_path: Path) -> None:
    (job,) = jobs(1)
    careful = FolderPolicy(existing_files=ExistingFiles.VERIFY)
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        both = await asyncio.gather(
            client.download(job, tmp_path), client.download(job, tmp_path, folder=careful)
        )
        assert sorted(one.skipped for one in both) == [False, True]
        assert len(sandbox.gets) == 1


async def test_an_export_of_single_downloads_takes_a_bounded_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(single_downloads, "MOST_PACKAGES", 4)
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        await gather(client, jobs(10), tmp_path)
    assert len(final_files(tmp_path)) == 10
    assert len(read_record(tmp_path).runs) == 3


# Waits.


async def test_many_waits_share_one_schedule() -> None:
    async def wait(client: PixxelClient, downloads: list[Download]) -> None:
        packages = await asyncio.gather(*(client.wait(one) for one in downloads))
        assert {package.status for package in packages} == {PackageStatus.READY}

    async with Sandbox(PACKAGING) as sandbox, client_of(sandbox) as client:
        tasks = await most_tasks(wait(client, some_downloads(100)))
        assert tasks < 100 + 100
        assert other_tasks() == set()


async def test_a_cancelled_wait_is_not_polled_any_more_and_touches_no_other() -> None:
    async with Sandbox(PACKAGING) as sandbox, client_of(sandbox) as client:
        first, second = (asyncio.create_task(client.wait(job)) for job in jobs(2))
        await turns(lambda: sandbox.counts["downloadJob"] >= 4)
        first.cancel()
        await asyncio.wait([first])
        before = sum(call.path.endswith("j0/download") for call in sandbox.calls)
        assert (await second).status is PackageStatus.READY
        assert sum(call.path.endswith("j0/download") for call in sandbox.calls) <= before + 1
        assert other_tasks() == set()
