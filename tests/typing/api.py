"""What users write: both checkers accept every line, without a plugin."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import assert_never, assert_type

from pydantic import SecretStr

from pixxel_async import (
    Aoi,
    AoiDownload,
    Asset,
    AuthScheme,
    Catalog,
    CatalogDownload,
    Checksum,
    ConcurrencyChanged,
    ConfigError,
    Download,
    Event,
    ExistingFiles,
    Export,
    ExportFailedError,
    Extraction,
    Failed,
    FetchInterrupted,
    FetchPolicy,
    FetchProgress,
    FetchStarted,
    Finding,
    FolderPolicy,
    HostFailed,
    HostOverloaded,
    HostRecovered,
    InputError,
    InsightDownload,
    Interrupted,
    Job,
    JobDownload,
    Limits,
    Package,
    PackageEvent,
    PackageStatus,
    Paused,
    PixxelClient,
    PixxelError,
    Polled,
    PollMethod,
    PollPolicy,
    PreviousFailures,
    Progress,
    RateLimited,
    Ready,
    Recreated,
    Report,
    Requested,
    Resumed,
    Retried,
    RetryPolicy,
    RetryThrottled,
    RowDamaged,
    RunCreated,
    RunFailed,
    RunFinished,
    RunPolled,
    RunSearched,
    Saved,
    SavedPackage,
    Settings,
    Skipped,
    Started,
    Stopped,
    Sync,
    Task,
    TaskDownload,
    TimeLeft,
    Timeouts,
    UnknownFiles,
    UrlRefreshed,
    Verify,
    download_sync,
    export_sync,
    parse_download,
    verify,
)

Timeouts(answer_s=5)
Limits(requests_per_second=5)
Limits(fetches=4, bytes_per_second=10_000_000)
Limits(fetches="auto")
RetryPolicy(attempts=3)
PollPolicy(initial_s=1, method=PollMethod.BACKOFF)
FetchPolicy(verify=Verify.CONTENTS, checksum=Checksum.NONE, sync=Sync.NONE)
FolderPolicy(
    previous_failures=PreviousFailures.RETRY,
    existing_files=ExistingFiles.VERIFY,
    unknown_files=UnknownFiles.REPLACE,
    extraction=Extraction.KEEP_ZIP,
)

ids: Sequence[str] = ["a", "b"]
InsightDownload(aoi_id="a", insight_id="i")
InsightDownload(aoi_id="a", insight_id="i", inputs=["x"], outputs=("y",))
AoiDownload(aoi_id="a", asset_ids=ids)
JobDownload(workflow_id="w", job_id="j")
TaskDownload(workflow_id="w", job_id="j", task_id="t")
CatalogDownload(catalog_ids=["a", "b"])
CatalogDownload(order_item_ids=[text for text in ids if text])
assert_type(CatalogDownload(catalog_ids=ids).catalog_ids, Sequence[str])
assert_type(parse_download({"kind": "job"}).key, str)

PixxelClient("key")
PixxelClient(SecretStr("key"), auth_scheme="bearer", ca_bundle=Path("ca.pem"), proxy="direct")
PixxelClient("key", auth_scheme=AuthScheme.BEARER, timeout=5.0, retry=3, limits=Limits(requests=2))
PixxelClient("key", timeout=5, retry=RetryPolicy(), poll=PollPolicy(), fetch=FetchPolicy())
assert_type(PixxelClient.from_env(timeout=5, limits=Limits(fetches=2)), PixxelClient)
assert_type(PixxelClient.from_config("work", retry=2), PixxelClient)
PixxelClient.from_settings(Settings(api_key=SecretStr("key"), fetches=3))


def handle(event: Event) -> str:  # noqa: C901, PLR0911, PLR0912 - every event
    match event:
        case Started(total=total):
            return f"{total}"
        case Saved(saved=saved) | Skipped(saved=saved):
            return assert_type(saved, SavedPackage).sha256
        case Failed(download=download, error=error):
            assert_type(error, PixxelError)
            return f"{download.key}: {error.message}"
        case Polled() | Ready():
            return f"{event.key} {event.polls}"
        case FetchStarted(offset=number) | FetchInterrupted(offset=number):
            return f"{event.key} {number}"
        case FetchProgress(bytes=number):
            return f"{number}"
        case Requested() | Recreated() | Retried() | RowDamaged():
            return event.key
        case RetryThrottled() | UrlRefreshed():
            return event.key
        case RateLimited() | HostFailed() | HostRecovered() | HostOverloaded():
            return f"{event.at_s}"
        case TimeLeft(median_s=median_s, p90_s=p90_s):
            return f"{median_s} {p90_s}"
        case ConcurrencyChanged(fetches=fetches):
            return f"{fetches}"
        case Paused() | Resumed():
            return "disk"
        case Stopped(error=error):
            return error.message
        case RunCreated(created_id=created_id):
            return created_id
        case RunSearched() | RunPolled() | RunFinished() | RunFailed():
            return event.key
        case Interrupted(left=left):
            return f"{left}"
        case _:
            assert_never(event)


def key_of(event: Event) -> str:
    if isinstance(event, PackageEvent):
        return event.key
    return ""


def ids_of(download: Download) -> Sequence[str]:
    match download:
        case InsightDownload(aoi_id=aoi, insight_id=insight):
            return [aoi, insight]
        case AoiDownload(asset_ids=assets):
            return assets
        case JobDownload() | TaskDownload():
            return [download.job_id]
        case CatalogDownload():
            return download.catalog_ids or download.order_item_ids
        case _:
            assert_never(download)


async def generated() -> AsyncIterator[Download]:
    yield JobDownload(workflow_id="w", job_id="j")


async def use(client: PixxelClient) -> None:
    jobs = [JobDownload(workflow_id="w", job_id="j")]
    mixed = [JobDownload(workflow_id="w", job_id="j"), CatalogDownload(catalog_ids=["a"])]
    client.export(mixed, "packages")
    assert_type(client.export(jobs, "packages"), Export)
    client.export((job for job in jobs), Path("packages"))
    client.export(generated(), "packages", folder=FolderPolicy())
    client.export({"one": jobs[0]}.values(), "packages")
    async with client.export([*jobs, CatalogDownload(catalog_ids=["a"])], "packages") as export:
        async for event in export:
            handle(event)
        report = await export.finish()
    assert_type(report, Report)
    assert_type(report.failed, list[Failed])
    client.export([failed.download for failed in report.failed], "packages")
    try:
        report.raise_for_failures()
    except ExportFailedError as error:
        assert_type(error.failed, tuple[Failed, ...])
    except (ConfigError, InputError) as error:
        assert_type(error.code, str)
    assert_type(await client.download(jobs[0], "packages"), SavedPackage)
    package = assert_type(await client.wait(jobs[0]), Package)
    assert_type(package.status, PackageStatus)
    async for aoi in client.aois.list(project_ids=["p"]):
        assert_type(aoi, Aoi)
        async for asset in client.aois.list_assets(aoi.id):
            assert_type(asset, Asset)
        assert_type(await client.insights.create_download(aoi.id, "i", inputs=["x"]), Package)
    async for catalog in client.catalogs.search(bbox=[1, 2, 3, 4]):
        assert_type(catalog, Catalog)
    job = assert_type(await client.jobs.get("w", "j"), Job)
    assert_type(job.tasks, tuple[Task, ...])
    async for finding in verify("packages"):
        assert_type(finding, Finding)


def use_blocking() -> None:
    jobs = [JobDownload(workflow_id="w", job_id="j")]
    report = export_sync(jobs, "packages", api_key="key", timeout=5, progress=Progress.NONE)
    assert_type(report, Report)
    assert_type(download_sync(jobs[0], "packages", retry=2, limits=Limits()), SavedPackage)
