"""The runs of jobs and insights that a journal holds, in memory: all exports of a folder share it.

Rules:
    * A row is on disk after `note` and `flush`. Until then nothing that it announces may be sent.
      A row that was noted is written when the journal closes, at the latest.
    * A damaged row may hide a creation: its run fails, and nothing is sent for it.
"""

from __future__ import annotations

import anyio

from ..errors import SinkError
from ..sansio.run_state import CostLedger
from .journal import Journal
from .models import Corruption, IntentRow


class Intents:
    """The rows by key, and what they have committed to.

    Attributes:
        ledger: The costs.
    """

    def __init__(self, journal: Journal) -> None:
        """Read nothing yet."""
        self.ledger = CostLedger()
        self._journal = journal
        self._rows: dict[str, IntentRow] = {}
        self._damaged: dict[str, Corruption] = {}
        self._loading = anyio.Lock()
        self._is_loaded = False

    async def load(self) -> None:
        """Read the journal, once.

        Raises:
            SinkError: It cannot be read.
        """
        async with self._loading:
            if self._is_loaded:
                return
            rows, damaged = await self._journal.intents()
            for row in rows:
                self._keep(row)
            self._damaged = {one.key: one for one in damaged}
            self._is_loaded = True

    def get(self, key: str) -> IntentRow | None:
        """Return the row of a run, or None.

        Raises:
            SinkError: It is damaged.
        """
        if (damage := self._damaged.get(key)) is not None:
            message = (
                f"the journal's row of this run is damaged ({damage.field} {damage.reason}), so it "
                "may have been created: look for it at the service and export it by its id, or "
                "restore the journal from a backup"
            )
            raise SinkError(message)
        return self._rows.get(key)

    @property
    def created_ids(self) -> frozenset[str]:
        """The ids of everything that the rows know."""
        return frozenset(row.created_id for row in self._rows.values() if row.created_id)

    def note(self, row: IntentRow) -> None:
        """Queue a row for the next commit."""
        self._keep(row)
        self._journal.note_intent(row)

    async def flush(self) -> None:
        """Return when every noted row is on disk.

        Raises:
            SinkError: The disk refused.
        """
        await self._journal.flush()

    def _keep(self, row: IntentRow) -> None:
        self._rows[row.key] = row
        self.ledger.set(row.key, row.committed)
