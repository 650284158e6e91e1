"""Creates packages in a way that a later run can follow.

Rules:
    * That a creation is sent is noted before, for the kinds whose creation must not be repeated
      lightly; its answer is noted before anything else is done with it.
    * A creation that was sent, and whose answer was not noted, is sent again after a wait, and
      each time is counted and told. So is that of a package whose id leads nowhere.
"""

from __future__ import annotations

import anyio

from .. import events
from ..config import RetryPolicy
from ..errors import PackageGoneError, PixxelError, TransportError
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
"""An answer that cannot be read is one: a maintenance page, for all that is known."""


class CreateStage:
    """Asks for the packages of one export."""

    def __init__(  # noqa: PLR0913 - the parts that it joins, keyword-only
        self,
        requests: PackageRequests,
        gate: CallGate,
        *,
        retry: RetryPolicy,
        journal: Journal,
        space: DiskSpace,
        event_bus: EventBus,
    ) -> None:
        """Join what a creation needs.

        Args:
            requests: Sends the calls.
            gate: Ends them when the key is rejected.
            retry: How often a creation may be repeated.
            journal: Knows what was sent.
            space: Waits when the journal finds the disk full.
            event_bus: Takes the events.
        """
        self._requests = requests
        self._gate = gate
        self._recreate = retry.recreate
        self._journal = journal
        self._space = space
        self._event_bus = event_bus

    async def create(self, item: WorkItem) -> Package:
        """Ask for a package, and return the service's answer.

        Raises:
            PixxelError: The service refused, or the answer was lost as often as it may be.
            DiskStaysFullError: The journal could not be written.
        """
        return await self._create(item, lost=0)

    async def create_again(self, item: WorkItem) -> Package:
        """Ask for a package that an earlier run has asked for without noting an answer.

        Raises:
            PixxelError: As `create`.
            DiskStaysFullError: As `create`.
        """
        lost = item.row.recreated + 1
        error = TransportError("an earlier run sent it, and noted no answer")
        return await self._repeat(item, error, reason=f"the answer was lost ({error})", lost=lost)

    async def replace(self, item: WorkItem, error: PixxelError) -> Package:
        """Ask for a package in place of one whose id leads nowhere.

        Args:
            item: The package; its id is given up.
            error: Where the id leads.

        Raises:
            PackageGoneError: It may not be requested again.
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
        """Send a creation, each time noted right before; `lost` answers were lost until now."""

        def note_lost(now: int) -> None:
            nonlocal lost
            lost = now

        async def before() -> None:
            await self._put(item, is_unanswered=1, recreated=lost, download_id=None)

        try:
            return await self._gate.create(
                self._requests.create(item.download, lost=lost, note_lost=note_lost, before=before)
            )
        except PixxelError as error:
            # After any answer nothing is unanswered, also after one that another attempt follows.
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
