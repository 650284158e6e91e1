"""Creates packages, and records each step in the journal so that a later run can resume.

Rules:
    * For the kinds whose creation is not idempotent, the journal records the call before it is
      sent, and the response before anything else happens with it.
    * A creation that was sent without a recorded response is sent again after a delay. Each repeat
      is counted and reported. The same holds for a package whose id is stale.
"""

from __future__ import annotations

import anyio

from .. import events
from ..config import RetryPolicy
from ..errors import PackageGoneError, PixxelError, RouteError, TransportError
from ..journal.journal import Journal
from ..models import Package
from ..sansio.api.package_calls import needs_id
from ..sansio.package_state import State
from ..sansio.resilience.retry_rules import Failure, failure_of
from ..transfer.call_gate import CallGate
from ..transfer.disk_space import DiskSpace
from ..transfer.work_item import WorkItem
from .event_bus import EventBus
from .package_requests import PackageRequests

_UNANSWERED = frozenset({Failure.LOST})
"""Includes an unreadable response: it may be a maintenance page."""


class CreateStage:
    """Creates the packages of one export."""

    def __init__(  # noqa: PLR0913 - dependencies, keyword-only
        self,
        requests: PackageRequests,
        gate: CallGate,
        *,
        retry: RetryPolicy,
        journal: Journal,
        space: DiskSpace,
        event_bus: EventBus,
    ) -> None:
        """Take the dependencies; `gate` ends the calls when the service rejects the key."""
        self._requests = requests
        self._gate = gate
        self._recreate = retry.recreate
        self._journal = journal
        self._space = space
        self._event_bus = event_bus

    async def create(self, item: WorkItem) -> Package:
        """Request a package, and return the service's response.

        Raises:
            PixxelError: The service refused, or no repeat is left after a lost response.
            DiskStaysFullError: The journal could not be written.
        """
        return await self._create(item, lost=0)

    async def create_again(self, item: WorkItem) -> Package:
        """Request a package again whose response an earlier run did not record.

        Raises:
            PixxelError: As `create`.
            DiskStaysFullError: As `create`.
        """
        lost = item.row.recreated + 1
        error = TransportError("an earlier run sent it, and recorded no response")
        return await self._repeat(item, error, reason=f"the response was lost ({error})", lost=lost)

    async def replace(self, item: WorkItem, error: PixxelError) -> Package:
        """Request a new package in place of one whose id is stale.

        Args:
            item: The package; it loses its id.
            error: What showed that the id is stale.

        Raises:
            PackageGoneError: No repeat is left.
            PixxelError: As `create`.
            DiskStaysFullError: As `create`.
        """
        lost = item.row.recreated + 1
        if lost > self._recreate:
            raise _gone(item, error, self._recreate)
        item.row = item.row.without_partial()
        item.url = None
        reason = f"the service no longer has the earlier package ({error})"
        return await self._repeat(item, error, reason=reason, lost=lost)

    async def _repeat(
        self, item: WorkItem, error: PixxelError, *, reason: str, lost: int
    ) -> Package:
        await self._gate.ask(
            self._requests.wait_to_recreate(item.download, lost, error, reason=reason)
        )
        return await self._create(item, lost=lost)

    async def _create(self, item: WorkItem, *, lost: int) -> Package:
        has_id = needs_id(item.download)
        package = await (self._send_recorded(item, lost) if has_id else self._send(item))
        item.since = anyio.current_time()
        item.lead = None
        if has_id:
            await self._put(
                item,
                state=State.REQUESTED,
                download_id=package.download_id,
                is_unanswered=0,
                error="",
                error_type="",
            )
        await self._event_bus.emit(
            events.Requested(
                at_s=self._event_bus.clock(), key=item.key, download_id=package.download_id
            )
        )
        return package

    async def _send(self, item: WorkItem) -> Package:
        return await self._gate.ask(self._requests.create(item.download))

    async def _send_recorded(self, item: WorkItem, lost: int) -> Package:
        """Send a creation, and record it right before each attempt.

        `lost` is how many responses to it were lost so far.
        """
        row, lost_before = item.row, lost

        def note_lost(now: int) -> None:
            nonlocal lost
            lost = now

        async def before() -> None:
            await self._put(item, is_unanswered=1, recreated=lost, download_id=None)

        try:
            return await self._gate.create(
                self._requests.create(item.download, lost=lost, note_lost=note_lost, before=before)
            )
        except RouteError:
            if lost == lost_before:  # nothing was sent: the next run starts where this one did
                item.row = row
                self._journal.note(row)
            raise
        except PixxelError as error:
            # Any response settles the creation, even one that another attempt follows.
            if failure_of(error) not in _UNANSWERED and self._gate.rejected is None:
                item.row = item.row.changed(is_unanswered=0, recreated=0)
            raise

    async def _put(self, item: WorkItem, **changes: object) -> None:
        item.row = item.row.changed(**changes)
        await self._space.write(lambda: self._journal.put(item.row))


def _gone(item: WorkItem, error: PixxelError, recreate: int) -> PackageGoneError:
    remedy = (
        f"it was requested again {recreate} times already; --retry-failed requests it once more"
        if recreate
        else "run again without --no-recreate to request it again"
    )
    message = f"the service no longer has the package of an earlier run ({error}): {remedy}"
    return PackageGoneError(message, key=item.key)
