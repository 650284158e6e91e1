"""What a client shares with its exports."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..config import FetchPolicy, FolderPolicy, Limits, PollPolicy, RetryPolicy
from ..http.circuit_breaker import CircuitBreakers
from ..http.service_calls import Api
from ..http.storage_client import StorageClient
from ..settings.packaging_times import PackagingTimes
from ..transfer.bandwidth_limiter import Bandwidth
from ..transfer.concurrency_limiter import ConcurrencyLimiter
from .adopted import AdoptedPackages
from .run_requests import RunTurns


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportResources:
    """Clients, shared limits and policies of one export.

    Attributes:
        api: Sends the calls; all exports share its rate limit and its concurrency.
        storage: Opens signed URLs.
        slots: Bounds the transfers of all exports together.
        hosts: The circuit breakers of storage hosts.
        bandwidth: Limits the throughput of all exports together, or None.
        limits: The limits of this export.
        retry: When calls are retried.
        poll: When pending packages are polled.
        fetch: How packages are transferred and verified.
        folder: How files in the export folder are handled.
        adopted: Packages that need not be requested.
        packaging_times: What earlier exports observed; None keeps nothing.
        turns: Creates jobs and insights one at a time in each list.
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
    adopted: AdoptedPackages = field(default_factory=AdoptedPackages)
    packaging_times: PackagingTimes | None = None
    turns: RunTurns = field(default_factory=RunTurns)
