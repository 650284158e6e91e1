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
        journal: Stores the marks.
        watchdog: Cancels attempts that stall.
        space: Tracks free disk space.
        bandwidth: Limits throughput, or None.
        slots: Limits concurrency.
        policy: When to write and to sync.
        at_once_bytes: Packages up to this size need no check of free disk space.
        progress: Takes a package's key, the size of its file, and the total if known.
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
