"""Made-up events, for displays and summaries."""

from __future__ import annotations

from pathlib import Path

from pixxel_async import JobDownload, SavedPackage, events
from pixxel_async.display.base import Display
from pixxel_async.downloads import Download
from pixxel_async.errors import NotFoundError, PixxelError
from pixxel_async.export.summary import Report

FOLDER = Path("/packages").absolute()
JOB = JobDownload(workflow_id="w", job_id="j")
NAME = "job-j-0123456789abcdef.zip"


def job(number: int) -> JobDownload:
    return JobDownload(workflow_id="w", job_id=f"j{number}")


def started(total: int | None) -> events.Started:
    return events.Started(at_s=0, total=total)


def requested(download: Download = JOB) -> events.Requested:
    return events.Requested(at_s=0.5, key=download.key, download_id=None)


def ready(download: Download = JOB) -> events.Ready:
    return events.Ready(at_s=3, key=download.key, waited_s=2.5, polls=2)


def fetch_started(download: Download = JOB, offset: int = 0) -> events.FetchStarted:
    return events.FetchStarted(at_s=3, key=download.key, name=NAME, offset=offset)


def progressed(size: int, total: int | None = 2_000_000) -> events.FetchProgress:
    return events.FetchProgress(at_s=4, key=JOB.key, bytes=size, total=total)


def package(download: Download = JOB, *, skipped: bool = False) -> SavedPackage:
    return SavedPackage(
        download=download, path=FOLDER / NAME, bytes=2_000_000, sha256="ab" * 32, skipped=skipped
    )


def saved(download: Download = JOB) -> events.Saved:
    return events.Saved(
        at_s=5, key=download.key, saved=package(download), received=2_500_000, transferred_s=1.5
    )


def skipped(download: Download = JOB) -> events.Skipped:
    return events.Skipped(at_s=1, key=download.key, saved=package(download, skipped=True))


def failed(download: Download = JOB, error: PixxelError | None = None) -> events.Failed:
    reason = error or NotFoundError("no such job", status=404)
    return events.Failed(at_s=2, key=download.key, download=download, error=reason)


def report_of(*told: events.Event) -> Report:
    report = Report()
    for event in told:
        report.add(event)
    return report


def tell(display: Display, *told: events.Event) -> Report:
    """Show events as an export would: counted first, progress uncounted."""
    report = Report()
    for event in told:
        if not isinstance(event, events.FetchProgress):
            report.add(event)
        display.show(event, report)
    return report
