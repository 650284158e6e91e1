"""Replaces packages with stale ids: detects that an id is stale, and requests a new package.

`sansio.resume_decision.KnownId` decides; this module applies it to one package.
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
"""The status word while the service has given none."""


class _StaleIdError(PackageFailedError):
    """The id of a package is stale."""


def known_id_of(item: WorkItem, failures: PreviousFailures) -> KnownId:
    """Return what is known of an id that an earlier run recorded."""
    row = item.row
    # A package that was saved is QUEUED again; one that was only requested is REQUESTED.
    was_ready = row.state is State.QUEUED or (row.attempts > 0 and row.state is not State.REQUESTED)
    is_last_chance = failures is PreviousFailures.RETRY and (was_ready or row.state is State.FAILED)
    return KnownId(was_ready=was_ready, is_last_chance=is_last_chance)


async def poll_package(
    item: WorkItem, requests: PackageRequests, gate: CallGate, *, age_s: float
) -> Package | None:
    """Request the status of a package; return None after a transient error.

    Raises:
        PackageFailedError: The id is stale.
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
    """Count a response without a URL, and raise after too many in a row.

    Raises:
        PackageFailedError: The package once had a URL, and no longer does.
    """
    if item.lead is not None and item.lead.answered(package.status, package.status_word):
        message = f'its status is "{redact(package.status_word)}", without a URL'
        raise _StaleIdError(message, key=item.key)


def is_stale_id(item: WorkItem, error: PixxelError) -> bool:
    """Whether the error of a poll means that the id is stale."""
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
    """Receives a package that was just created."""

    def __call__(self, item: WorkItem, package: Package, *, kind: str | None) -> Awaitable[None]:
        """Handle the package."""
        ...


class PackageReplacement:
    """Requests new packages in place of those with stale ids."""

    def __init__(
        self,
        create_stage: CreateStage,
        *,
        on_created: OnCreated,
        fail: Callable[[WorkItem, PixxelError], Awaitable[None]],
        end_early: Callable[[PixxelError], Awaitable[None]],
    ) -> None:
        """Take the dependencies.

        Args:
            create_stage: Creates packages.
            on_created: Receives a new package.
            fail: Fails a package.
            end_early: Ends the export, such as when the disk stays full.
        """
        self._create_stage = create_stage
        self._on_created = on_created
        self._fail = fail
        self._end_early = end_early

    async def replace(self, item: WorkItem, error: PixxelError) -> None:
        """Request a new package in place of one that the service or the storage no longer has.

        Raises:
            PixxelError: As `CreateStage.replace`.
            DiskStaysFullError: As `CreateStage.replace`.
        """
        package = await self._create_stage.replace(item, error)
        await self._on_created(item, package, kind=item.download.kind)

    async def fetch_failed(self, item: WorkItem, error: PixxelError) -> None:
        """Replace a package whose transfer failed, or fail it."""
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
    """Whether to replace a package whose transfer failed.

    A package of this run is not replaced: the next run retries it. An error of the service's own
    call for a fresh URL counts in any run.
    """
    if not needs_id(item.download):
        return False
    if item.lead is not None and item.lead.is_last_chance and is_out_of_reach(error):
        return True
    if not is_lost(error):
        return False
    return item.lead is not None or isinstance(error, (ApiError, PackageFailedError))
