"""Whether the id of a package leads nowhere any more, so that the package is requested anew.

The decisions are those of `sansio.resume.KnownId`; here they are asked for one package.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Protocol

from ..config import PreviousFailures
from ..errors import ApiError, PackageFailedError, PackageTimeoutError, PixxelError
from ..models import Package
from ..sansio.api.package_calls import is_gone_word, is_word_of_work, needs_id
from ..sansio.package_state import State
from ..sansio.redact import redact
from ..sansio.resume_decision import KnownId, is_lost, is_out_of_reach
from ..transfer.call_gate import CallGate
from ..transfer.disk_space import DiskStaysFullError
from ..transfer.work_item import WorkItem
from .create_stage import CreateStage
from .package_requests import PackageRequests

NO_ANSWER = "no answer yet"
"""Stands for the status word while the service gives none."""


class _StaleIdError(PackageFailedError):
    """The id of a package leads nowhere."""


def known_id_of(item: WorkItem, failures: PreviousFailures) -> KnownId:
    """Return what is known of an id that an earlier run has noted."""
    row = item.row
    # A package that was saved is QUEUED again; one that was only requested is REQUESTED.
    was_ready = row.state is State.QUEUED or (row.attempts > 0 and row.state is not State.REQUESTED)
    is_last_chance = failures is PreviousFailures.RETRY and (was_ready or row.state is State.FAILED)
    return KnownId(was_ready=was_ready, is_last_chance=is_last_chance)


async def poll_package(
    item: WorkItem, requests: PackageRequests, gate: CallGate, *, age_s: float
) -> Package | None:
    """Ask how far a package has come; None if the next look may tell more.

    Raises:
        PackageFailedError: The id leads nowhere.
        PixxelError: As `PackageRequests.poll`.
    """
    transient: list[PixxelError] = []
    package = await gate.ask(
        requests.poll(
            item.download,
            item.row.download_id,
            age_s=age_s if item.lead is None else math.inf,
            on_transient=transient.append,
        )
    )
    if package is None:
        item.status_word = NO_ANSWER
        if item.lead is not None and item.lead.failed(transient[0]):
            raise _StaleIdError(str(transient[0]), key=item.key)
    return package


def raise_if_url_missing(item: WorkItem, package: Package) -> None:
    """Count an answer without a URL, and raise if there were enough of them.

    Raises:
        PackageFailedError: The package had a URL once, and has none any more.
    """
    if item.lead is not None and item.lead.answered(package.status, package.status_word):
        message = f'its status is "{redact(package.status_word)}", without a URL'
        raise _StaleIdError(message, key=item.key)


def is_stale_id(item: WorkItem, error: PixxelError) -> bool:
    """Tell whether what a look has ended with means that the id leads nowhere."""
    if not needs_id(item.download):
        return False
    match error:
        case _StaleIdError():
            return True
        case PackageFailedError():
            return item.lead is not None or is_gone_word(item.status_word)
        case PackageTimeoutError():
            is_waiting = is_word_of_work(item.status_word) or item.status_word == NO_ANSWER
            return item.lead is not None and (item.lead.is_last_chance or not is_waiting)
        case ApiError():
            return item.lead is not None and item.lead.failed(error)
    return False


class OnCreated(Protocol):
    """Takes a package that was requested just now."""

    def __call__(self, item: WorkItem, package: Package, *, kind: str | None) -> Awaitable[None]:
        """Take it."""
        ...


class PackageReplacement:
    """Requests packages anew whose ids lead nowhere."""

    def __init__(
        self,
        create_stage: CreateStage,
        *,
        on_created: OnCreated,
        fail: Callable[[WorkItem, PixxelError], Awaitable[None]],
        end_early: Callable[[PixxelError], Awaitable[None]],
    ) -> None:
        """Join what a replacement needs.

        Args:
            create_stage: Requests packages.
            on_created: Takes a package that was requested.
            fail: Ends a package that failed.
            end_early: Ends the export, such as when the disk stays full.
        """
        self._create_stage = create_stage
        self._on_created = on_created
        self._fail = fail
        self._end_early = end_early

    async def replace(self, item: WorkItem, error: PixxelError) -> None:
        """Request a new package in place of one that the service or the storage has let go of.

        Raises:
            PixxelError: As `CreateStage.replace`.
            DiskStaysFullError: As `CreateStage.replace`.
        """
        package = await self._create_stage.replace(item, error)
        await self._on_created(item, package, kind=item.download.kind)

    async def fetch_failed(self, item: WorkItem, error: PixxelError) -> None:
        """Request a package anew whose transfer failed, or end it."""
        try:
            if may_be_replaced(item, error):
                await self.replace(item, error)
                return
        except DiskStaysFullError as full:
            await self._end_early(full.error)
            return
        except PixxelError as other:
            error = other
        await self._fail(item, error)


def may_be_replaced(item: WorkItem, error: PixxelError) -> bool:
    """Tell whether a package whose transfer failed is requested anew.

    One of this run is not: the next run takes it up. What the service itself says when it is asked
    for a fresh URL counts in any run.
    """
    if not needs_id(item.download):
        return False
    if item.lead is not None and item.lead.is_last_chance and is_out_of_reach(error):
        return True
    if not is_lost(error):
        return False
    return item.lead is not None or isinstance(error, (ApiError, PackageFailedError))
