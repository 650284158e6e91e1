"""A package whose bytes have been received and verified."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import anyio

from ..errors import SinkError
from .attempt import Transfer
from .work_item import WorkItem


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedPackage:
    """A package whose bytes are there and right, not yet under its final name.

    Attributes:
        transfer: What brought them; who holds this saves or abandons it.
        checksum: Which checksum of the storage they agreed with, or empty.
        began: When the transfer began, in seconds on the event loop's clock.
    """

    transfer: Transfer
    checksum: str
    began: float

    @property
    def item(self) -> WorkItem:
        """The package."""
        return self.transfer.item

    async def abandon(self) -> None:
        """Leave it to a later run; not to be interrupted."""
        with anyio.CancelScope(shield=True), suppress(SinkError):
            try:
                await self.transfer.leave()
            finally:
                await self.transfer.partial.aclose()
