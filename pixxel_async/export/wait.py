"""Waits for one package without fetching it."""

from __future__ import annotations

import random

import anyio

from .. import events
from ..config import FolderPolicy, PollPolicy, PreviousFailures, RetryPolicy
from ..downloads import Download
from ..http.service_calls import Api
from ..models import Package, PackageStatus, SavedPackage
from ..sansio.polling.schedule import Pending, PollSchedule
from ..settings.packaging_times import PackagingTimes
from .package_requests import PackageRequests, raise_if_failed
from .poll_stage import remembering
from .summary import Report


async def wait(
    api: Api,
    download: Download,
    retry: RetryPolicy,
    poll: PollPolicy,
    times: PackagingTimes | None,
) -> Package:
    """Request a package and poll until it is ready.

    Args:
        api: Sends the calls.
        download: The download.
        retry: How often a failed call is retried.
        poll: When the package is polled.
        times: The packaging times of earlier exports; None keeps none.

    Raises:
        PackageFailedError: The service could not package it.
        PackageTimeoutError: It was not ready within the waiting limit.
        PixxelError: A call failed, and the attempts are used up.
    """
    requests = PackageRequests(api, retry=retry, poll=poll, emit=_discard, clock=anyio.current_time)
    schedule: PollSchedule[None] = PollSchedule(poll)
    async with remembering(schedule, times):
        package = await requests.create(download)
        download_id = package.download_id
        now = anyio.current_time()
        raise_if_failed(package, download)
        if package.status is PackageStatus.READY:
            return package
        pending = Pending(item=None, since=now)
        if times is not None:  # alone, it learns nothing within this call
            pending = schedule.begin(None, since=now, now=now, kind=download.kind)
        age_s = 0.0  # at the last call: a response may be read long after it arrived
        while True:
            requests.raise_if_timed_out(download, age_s=age_s, status_word=package.status_word)
            await anyio.sleep(
                schedule.wait(
                    pending,
                    now=anyio.current_time(),
                    jitter=random.random(),  # noqa: S311 - jitter is not a secret
                )
            )
            pending.polls += 1
            age_s = anyio.current_time() - pending.since
            polled = await requests.poll(download, download_id, age_s=age_s)
            if polled is None:
                continue
            package = polled
            schedule.saw(pending, package.status, now=anyio.current_time())
            raise_if_failed(package, download)
            if package.status is PackageStatus.READY:
                return package


async def _discard(_event: events.Event) -> None:
    """Drop an event: nothing reads it."""


def again(folder: FolderPolicy | None) -> FolderPolicy:
    """Return the policy to request one package: retry it if it failed in an earlier run."""
    retry = {"previous_failures": PreviousFailures.RETRY}
    return (folder or FolderPolicy()).model_copy(update=retry)


def only_package(report: Report) -> SavedPackage:
    """Return the package of an export of a single download.

    Raises:
        PixxelError: Why it was not saved.
    """
    for failed in report.failed:
        raise failed.error
    if report.stopped is not None:  # the disk stayed full
        raise report.stopped
    return (report.saved or report.skipped)[0]
