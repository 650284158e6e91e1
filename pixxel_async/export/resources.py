"""What a client lends to its exports."""

from __future__ import annotations

from dataclasses import dataclass

from ..config import FetchPolicy, FolderPolicy, Limits, PollPolicy, RetryPolicy
from ..http.circuit_breaker import CircuitBreakers
from ..http.service_calls import Api
from ..http.storage_client import StorageClient
from ..transfer.bandwidth_limiter import Bandwidth
from ..transfer.concurrency_limiter import ConcurrencyLimiter


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportResources:
    """The parts of one export.

    Attributes:
        api: Sends the calls; its rate and its bound hold for all exports together.
        storage: Opens signed URLs.
        slots: Bounds the transfers of all exports together.
        hosts: Hold transfers back from a storage that fails.
        bandwidth: Limits what they bring together, or None.
        limits: Bounds of one export.
        retry: How often, and after how long, calls are tried again.
        poll: When pending packages are asked about.
        fetch: How packages are transferred and verified.
        folder: How the export folder is treated.
    """

    api: Api
    storage: StorageClient
    slots: ConcurrencyLimiter
    hosts: CircuitBreakers
    bandwidth: Bandwidth | None
    limits: Limits
    retry: RetryPolicy
    poll: PollPolicy
    fetch: FetchPolicy
    folder: FolderPolicy
