"""Builds the parts of a client from its settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypedDict

import httpx

from .config import FetchPolicy, FolderPolicy, Limits, PollPolicy, RetryPolicy, Settings, Timeouts
from .export.exporter import Exporter
from .export.resources import ExportResources
from .http.api_client import ApiClient, make_api_client
from .http.auth import KeyAuth
from .http.circuit_breaker import CircuitBreakers
from .http.clients import check_urls
from .http.engines import Engine, storage_engine
from .http.service_calls import Api
from .http.storage_client import StorageClient
from .settings.network import addresses, certificates, routes
from .settings.packaging_times import packaging_times
from .transfer.bandwidth_limiter import Bandwidth
from .transfer.concurrency_limiter import ConcurrencyLimiter
from .transfer.errors import is_answer_of_host, is_failure_of_host


class ClientParts(TypedDict, total=False):
    """The arguments of `PixxelClient` that no environment variable can set."""

    timeout: Timeouts | float | None
    limits: Limits | None
    retry: RetryPolicy | int | None
    poll: PollPolicy | None
    fetch: FetchPolicy | None
    http_client: httpx.AsyncClient | None
    storage_client: httpx.AsyncClient | None
    engine: Engine | str
    preflight: bool


@dataclass(frozen=True, slots=True)
class Parts:
    """What a client consists of.

    Attributes:
        service: Sends the calls of the service.
        api: The calls.
        storage: Gets signed URLs.
        exporter: The exports, downloads and waits.
    """

    service: ApiClient
    api: Api
    storage: StorageClient
    exporter: Exporter


def compose(settings: Settings, given: ClientParts, *, check_use: Callable[[], None]) -> Parts:
    """Build the parts of a client; nothing is sent.

    Args:
        settings: The settings that the environment may contain.
        given: The other arguments of the client.
        check_use: Raises if the client cannot be used here and now.

    Raises:
        ConfigError: A part cannot be used.
    """
    check_urls(settings.base_url, settings.proxy)
    timeouts = Timeouts.of(given.get("timeout"), "timeout")
    limits = Limits.of(given.get("limits"), "limits")
    retry = RetryPolicy.of(given.get("retry"), "retry")
    poll = PollPolicy.of(given.get("poll"), "poll")
    proxies = routes(settings.proxy)
    trusted = certificates(settings.ca_bundle)
    auth = KeyAuth(settings.api_key, settings.auth_scheme, passwords=proxies.passwords)
    service = make_api_client(
        given.get("http_client"),
        settings.base_url,
        auth,
        certificates=trusted,
        routes=proxies,
        timeouts=timeouts,
        limits=limits,
    )
    api = Api(
        service,
        limits=limits,
        retry=retry,
        poll_max_s=poll.max_s,
        check_use=check_use,
        preflight=given.get("preflight", False),
    )
    allowed = addresses(settings)
    storage = StorageClient(
        storage_engine(
            given.get("engine", Engine.AUTO),
            client=given.get("storage_client"),
            certificates=trusted,
            timeouts=timeouts,
            addresses=allowed,
        ),
        proxies,
        addresses=allowed,
        redactor=auth.redactor,
    )
    per_second = limits.bytes_per_second
    resources = ExportResources(
        api=api,
        storage=storage,
        slots=ConcurrencyLimiter(limits),
        hosts=CircuitBreakers(
            is_failure=is_failure_of_host, is_answer=is_answer_of_host, redactor=auth.redactor
        ),
        bandwidth=None if per_second is None else Bandwidth(per_second),
        limits=limits,
        retry=retry,
        poll=poll,
        fetch=FetchPolicy.of(given.get("fetch"), "fetch"),
        folder=FolderPolicy(),
        packaging_times=packaging_times(settings.base_url),
    )
    return Parts(service, api, storage, Exporter(resources, check_use))
