"""What all transfers of an export share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..config import FetchPolicy
from ..http.storage_client import RefusedHosts, StorageClient
from ..http.storage_response import BandwidthLimiter
from ..journal.journal import Journal
from .concurrency_limiter import ConcurrencyLimiter
from .disk_space import DiskSpace
from .stall_monitor import StallMonitor


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferContext:
    """What all transfers of an export share.

    Attributes:
        storage: Opens signed URLs.
        refused: Hosts that the storage client need not try again.
        journal: Keeps the marks.
        watchdog: Looks at each transfer from time to time, and cancels an attempt that stalls.
        space: Tells whether the disk has room.
        bandwidth: Holds back what comes too fast, or None.
        slots: Told what comes.
        policy: When to write and to sync.
        at_once_bytes: A package up to this size is received without a look at the disk's free
            space.
        progress: Told the key of a package, the size of its file, and the total if it is known.
    """

    storage: StorageClient
    refused: RefusedHosts
    journal: Journal
    watchdog: StallMonitor
    space: DiskSpace
    bandwidth: BandwidthLimiter | None
    slots: ConcurrencyLimiter
    policy: FetchPolicy
    at_once_bytes: int
    progress: Callable[[str, int, int | None], None]
