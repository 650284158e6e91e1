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
    """A verified package that does not have its final name yet.

    Attributes:
        transfer: Its download; the holder must save or abandon it.
        checksum: The checksum of the storage that matched, or empty.
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
        """Leave it to a later run; shielded from cancellation."""
        with anyio.CancelScope(shield=True), suppress(SinkError):
            try:
                await self.transfer.leave()
            finally:
                await self.transfer.partial.aclose()
