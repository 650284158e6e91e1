"""What one would try first works, or its error says what to do."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

from pixxel_async import (
    AoiDownload,
    AuthenticationError,
    CatalogDownload,
    ConfigError,
    Download,
    ExportFailedError,
    FolderPolicy,
    InputError,
    InsightDownload,
    JobDownload,
    Limits,
    PackageFailedError,
    PixxelClient,
    Report,
    RetryPolicy,
    Settings,
    TaskDownload,
    Timeouts,
    UsageError,
    download_sync,
    export_sync,
)
from pixxel_async.sandbox import PackageFault, Sandbox, Scenario, sandbox_in_thread

from .support import QUICK_LIMITS, QUICK_POLL, QUICK_RETRY, client_of

JOBS = [JobDownload(workflow_id="w", job_id=name) for name in ("one", "two")]
ROW = JOBS[0].row()
SMALL = Scenario(package_bytes=20_000)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with sandbox_in_thread(SMALL) as running:
        yield running


# Plain numbers.


def test_a_number_of_seconds_sets_all_time_limits() -> None:
    assert Timeouts.of(5, "timeout") == Timeouts(connect_s=5, answer_s=5, creation_s=5)
    assert RetryPolicy.of(3, "retry") == RetryPolicy(attempts=3)
    assert RetryPolicy.of(None, "retry") == RetryPolicy()


async def test_a_client_takes_numbers(sandbox: Sandbox, tmp_path: Path) -> None:
    async with client_of(sandbox, timeout=5.0, retry=3) as client:
        assert (await client.download(JOBS[0], tmp_path)).bytes > 0
    settings = Settings.model_validate({"api_key": "key", "base_url": sandbox.api_url})
    async with PixxelClient.from_settings(settings, timeout=5.0, retry=1) as client:
        await client.ping()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"timeout": 0}, "Timeouts.connect_s: "),
        ({"timeout": -1.0}, "Timeouts.connect_s: "),
        ({"timeout": float("nan")}, "Timeouts.connect_s: "),
        ({"timeout": "5"}, "timeout: give a Timeouts or a number, not a value of type str"),
        ({"timeout": True}, "timeout: give a Timeouts or a number"),
        ({"retry": 0}, "RetryPolicy.attempts: "),
        ({"retry": 2.5}, "RetryPolicy.attempts: "),
        ({"retry": False}, "retry: give a RetryPolicy or a number, not a value of type bool"),
        ({"limits": {"fetches": 4}}, "limits: give a Limits, not a value of type dict"),
        ({"limits": 5}, "limits: give a Limits"),
        ({"poll": 2}, "poll: give a PollPolicy"),
        ({"fetch": []}, "fetch: give a FetchPolicy"),
        ({"engine": "curl"}, "engine: "),
        ({"base_url": "api.pixxel.space"}, "base_url"),
    ],
)
def test_a_wrong_argument_is_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        PixxelClient("key", **arguments)
    settings = Settings.model_validate({"api_key": "key"})
    if "base_url" not in arguments:
        with pytest.raises(ConfigError, match=message):
            PixxelClient.from_settings(settings, **arguments)


def test_a_slip_in_a_field_names_the_field_that_was_meant() -> None:
    with pytest.raises(ConfigError, match="did you mean requests_per_second"):
        Limits(request_per_second=5)  # type: ignore[call-arg]  # that is the slip
    with pytest.raises(ConfigError, match="it has previous_failures, existing_files"):
        FolderPolicy(zzz=5)  # type: ignore[call-arg]  # likewise


# Downloads.


@pytest.mark.parametrize(
    "make",
    [
        lambda: InsightDownload(aoi_id="", insight_id="i"),
        lambda: InsightDownload(aoi_id="a", insight_id="i", inputs=[""]),
        lambda: AoiDownload(aoi_id="", asset_ids=["s"]),
        lambda: AoiDownload(aoi_id="a", asset_ids=[]),
        lambda: JobDownload(workflow_id="w", job_id=""),
        lambda: TaskDownload(workflow_id="w", job_id="j", task_id=""),
        CatalogDownload,
        lambda: CatalogDownload(catalog_ids=[]),
        lambda: CatalogDownload(catalog_ids=[""]),
        lambda: CatalogDownload(catalog_ids="abc"),
        lambda: CatalogDownload(catalog_ids=["a"], order_item_ids=["b"]),
        lambda: JobDownload.model_validate({"workflow_id": "w", "job_id": ""}),
    ],
)
def test_a_wrong_download_is_an_input_error(make: Callable[[], object]) -> None:
    with pytest.raises(InputError):
        make()


CALLS: dict[str, Callable[[PixxelClient], Any]] = {
    "create insight": lambda client: client.insights.create_download("a", ""),
    "create aoi": lambda client: client.aois.create_download("", ["s"]),
    "create aoi of nothing": lambda client: client.aois.create_download("a", []),
    "create job": lambda client: client.jobs.create_download("", "j"),
    "create task": lambda client: client.tasks.create_download("w", "j", ""),
    "create catalog": lambda client: client.catalogs.create_download(),
    "get aoi download": lambda client: client.aois.get_download("a", ""),
    "get catalog download": lambda client: client.catalogs.get_download(""),
    "get aoi": lambda client: client.aois.get(""),
    "get project": lambda client: client.projects.get(""),
    "wait": lambda client: client.wait(ROW),  # type: ignore[arg-type]  # no download
    "wait for nothing": lambda client: client.wait(None),  # type: ignore[arg-type]  # likewise
}


@pytest.mark.parametrize("name", CALLS)
async def test_a_call_without_an_id_sends_nothing(sandbox: Sandbox, name: str) -> None:
    async with client_of(sandbox) as client:
        with pytest.raises(InputError):
            await CALLS[name](client)
    assert sandbox.calls == []


def test_ids_are_any_sequence_and_are_stored_as_a_tuple() -> None:
    download = CatalogDownload(catalog_ids=["a", "b", "a"])
    assert download == CatalogDownload(catalog_ids=("a", "b"))
    assert hash(download) == hash(CatalogDownload(catalog_ids=("a", "b")))
    with pytest.raises(InputError, match=r"catalog_ids.*is a single string; give a list of ids"):
        CatalogDownload(catalog_ids="a")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (JOBS[0], "a single JobDownload: put it into a list"),
        (ROW, "not a value of type dict"),
        ("job.jsonl", "not a value of type str"),
        (None, "not None"),
        ([ROW], r"downloads\[0\] .* type dict.*parse_download"),
        ([*JOBS, "j"], r"downloads\[2\] .* type str"),
    ],
)
async def test_what_is_no_list_of_downloads_is_named_at_once(
    sandbox: Sandbox, tmp_path: Path, given: Any, message: str
) -> None:
    async with client_of(sandbox) as client:
        with pytest.raises(InputError, match=message):
            async with client.export(given, tmp_path):
                raise AssertionError
        with pytest.raises(InputError, match=message):
            export_sync(given, tmp_path, api_key=sandbox.api_key, base_url=sandbox.api_url)
        with pytest.raises(InputError):
            await client.download(given, tmp_path) if given is not JOBS[0] else await client.wait(
                [given]  # type: ignore[arg-type]  # a list in place of one
            )
    assert not list(tmp_path.iterdir())
    assert sandbox.calls == []


async def numbered() -> AsyncIterator[Download]:
    for job in JOBS:
        yield job


@pytest.mark.parametrize(
    ("downloads", "total"),
    [
        (JOBS, 2),
        (tuple(JOBS), 2),
        (set(JOBS), 2),
        (dict(enumerate(JOBS)).values(), 2),
        (iter(JOBS), None),
        ((job for job in JOBS), None),
        (numbered(), None),
    ],
    ids=["list", "tuple", "set", "values", "iterator", "generator", "async generator"],
)
async def test_any_iterable_is_fine(
    sandbox: Sandbox, tmp_path: Path, downloads: Any, total: int | None
) -> None:
    async with client_of(sandbox) as client, client.export(downloads, tmp_path) as export:
        assert export.report.total == total
        report = await export.finish()
    report.raise_for_failures()
    assert len(report.saved) == 2


# Other loops.


def test_under_trio_the_error_says_what_to_do(sandbox: Sandbox, tmp_path: Path) -> None:
    async def try_it() -> None:
        with pytest.raises(UsageError, match="asyncio"):
            async with PixxelClient("key"):
                raise AssertionError
        client = PixxelClient("key")
        with pytest.raises(UsageError, match=r"trio\.to_thread"):
            await client.wait(JOBS[0])
        with pytest.raises(UsageError, match="asyncio"):
            async with client.export(JOBS, tmp_path):
                raise AssertionError

        def export() -> Report:
            return export_sync(
                JOBS,
                tmp_path,
                api_key=sandbox.api_key,
                base_url=sandbox.api_url,
                poll=QUICK_POLL,
            )

        assert (await trio.to_thread.run_sync(export)).is_complete

    trio.run(try_it)


# What failed.

SOME_FAIL = Scenario(package_bytes=20_000, faults=(PackageFault("failed", only='"two"'),))
QUICK: dict[str, Any] = {"poll": QUICK_POLL, "retry": QUICK_RETRY, "limits": QUICK_LIMITS}


def test_a_rejected_key_raises(sandbox: Sandbox, tmp_path: Path) -> None:
    wrong: dict[str, Any] = {"api_key": "wrong", "base_url": sandbox.api_url, **QUICK}
    with pytest.raises(AuthenticationError) as caught:
        export_sync(JOBS, tmp_path, **wrong)
    assert "0 packages were saved" in "".join(traceback.format_exception(caught.value))
    with pytest.raises(AuthenticationError):
        download_sync(JOBS[0], tmp_path, **wrong)


def test_failures_can_be_raised(tmp_path: Path) -> None:
    with sandbox_in_thread(SOME_FAIL) as sandbox:
        given: dict[str, Any] = {"api_key": sandbox.api_key, "base_url": sandbox.api_url, **QUICK}
        report = export_sync(JOBS, tmp_path, **given)
        with pytest.raises(ExportFailedError) as caught:
            report.raise_for_failures()
    error = caught.value
    assert [failed.download for failed in error.failed] == [JOBS[1]]
    assert str(error).startswith("1 of 2 packages failed: job:w/two: ")
    assert error.total == 2
    assert isinstance(error.__cause__, PackageFailedError)
    twin = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert [failed.download for failed in twin.failed] == [JOBS[1]]


async def test_a_message_names_a_few_failures_and_counts_the_others(tmp_path: Path) -> None:
    jobs = [JobDownload(workflow_id="w", job_id=f"j{number}") for number in range(7)]
    async with Sandbox(Scenario(faults=(PackageFault("failed"),))) as sandbox:
        async with client_of(sandbox) as client, client.export(iter(jobs), tmp_path) as export:
            with pytest.raises(UsageError, match="not ended"):
                export.report.raise_for_failures()
            report = await export.finish()
            with pytest.raises(ExportFailedError, match=r"^7 packages failed: .*; and 4 more$"):
                report.raise_for_failures()


async def test_an_interrupted_export_is_not_taken_for_a_complete_one(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        async with client.export(JOBS, tmp_path) as export:
            export.interrupt()
            report = await export.finish()
        with pytest.raises(UsageError, match="run it again"):
            report.raise_for_failures()


async def test_a_rejected_key_is_raised_for_failures(sandbox: Sandbox, tmp_path: Path) -> None:
    async with PixxelClient("wrong", base_url=sandbox.api_url) as client:
        async with client.export(JOBS, tmp_path) as export:
            report = await export.finish()
    with pytest.raises(AuthenticationError):
        report.raise_for_failures()
