"""Creates packages in a way that a later run can follow.

Rules:
    * That a creation is sent is noted before, for the kinds whose creation must not be repeated
      lightly; its answer is noted before anything else is done with it.
    * A creation that was sent, and whose answer was not noted, is sent again after a wait, and
      each time is counted and told.
"""

from __future__ import annotations

import anyio

from .. import events
from ..errors import PixxelError, TransportError
from ..models import Package
from ..sansio.backoff import Verdict, failure_of, judge
from ..sansio.lifecycle import State
from ..sansio.wire import creation, needs_id
from .asking import Asker
from .gate import Gate
from .item import Item
from .journal import Journal
from .outlet import Outlet
from .space import Space


class Creator:
    """Asks for the packages of one export."""

    def __init__(
        self, asker: Asker, gate: Gate, *, journal: Journal, space: Space, outlet: Outlet
    ) -> None:
        """Join what a creation needs.

        Args:
            asker: Sends the calls.
            gate: Ends them when the key is rejected.
            journal: Knows what was sent.
            space: Waits when the journal finds the disk full.
            outlet: Takes the events.
        """
        self._asker = asker
        self._gate = gate
        self._journal = journal
        self._space = space
        self._outlet = outlet

    async def create(self, item: Item) -> Package:
        """Ask for a package, and return the service's answer.

        Raises:
            PixxelError: The service refused, or the answer was lost as often as it may be.
            DiskStaysFullError: The journal could not be written.
        """
        has_id = needs_id(item.download)
        if has_id:
            await self._put(item, is_unanswered=1, download_id=None)
        package = await self._send(item, has_id=has_id)
        item.since = anyio.current_time()
        item.is_remembered = False
        if has_id:
            await self._put(
                item,
                state=State.REQUESTED,
                download_id=package.download_id,
                is_unanswered=0,
                error="",
                error_type="",
            )
        await self._outlet.emit(
            events.Requested(
                at_s=self._outlet.clock(), key=item.key, download_id=package.download_id
            )
        )
        return package

    async def create_again(self, item: Item) -> Package:
        """Ask for a package that an earlier run has asked for without noting an answer.

        Raises:
            PixxelError: As `create`.
            DiskStaysFullError: As `create`.
        """
        self._note_lost(item, item.row.recreated + 1)
        lost = TransportError("an earlier run sent it, and noted no answer")
        await self._gate.ask(self._asker.wait_to_recreate(item.download, item.row.recreated, lost))
        return await self.create(item)

    async def _send(self, item: Item, *, has_id: bool) -> Package:
        ask = self._gate.create if has_id else self._gate.ask
        try:
            return await ask(
                self._asker.create(
                    item.download,
                    lost=item.row.recreated,
                    note_lost=lambda lost: self._note_lost(item, lost),
                )
            )
        except PixxelError as error:
            verdict = judge(creation(item.download).kind, failure_of(error))
            if verdict is not Verdict.REPEAT_CREATION and self._gate.rejected is None:
                # The service has surely made nothing.
                item.row = item.row.changed(is_unanswered=0)
            raise

    async def _put(self, item: Item, **changes: object) -> None:
        item.row = item.row.changed(**changes)
        await self._space.write(lambda: self._journal.put(item.row))

    def _note_lost(self, item: Item, lost: int) -> None:
        item.row = item.row.changed(recreated=lost)
        self._journal.note(item.row)
