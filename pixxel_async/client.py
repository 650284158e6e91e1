"""The client: composes its parts and owns their lifetimes."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self, TypedDict, Unpack

import httpx
from pydantic import SecretStr

from .addresses import BASE_URL, CA_BUNDLE, PROXY
from .config import (
    AuthScheme,
    FetchPolicy,
    FolderPolicy,
    Limits,
    PollPolicy,
    RetryPolicy,
    Settings,
    Timeouts,
    check_settings,
)
from .destinations.paths import absolute_path
from .downloads import Download
from .errors import UsageError
from .export.event_bus import EventBus
from .export.export import Export
from .export.pipeline import Pipeline
from .export.resources import ExportResources
from .export.source import Downloads
from .export.wait import again, only_package, wait
from .http.api_client import make_api_client
from .http.auth import KeyAuth
from .http.circuit_breaker import CircuitBreakers
from .http.client_lifetime import OTHER_LOOP, ClientLifetime
from .http.clients import check_urls
from .http.engines import Engine, storage_engine
from .http.service_calls import Api
from .http.storage_client import StorageClient
from .journal.export_folder import ExportFolder, OpenFolders
from .models import Package, SavedPackage
from .resources.aois import Aois
from .resources.catalogs import Catalogs
from .resources.insights import Insights
from .resources.jobs import Jobs
from .resources.order_items import OrderItems
from .resources.orders import Orders
from .resources.projects import Projects
from .resources.tasks import Tasks
from .resources.workflows import Workflows
from .sansio.files.filenames import path_namer
from .sansio.storage.address_policy import AddressPolicy
from .settings.layers import from_environment, resolve
from .settings.network import certificates, routes
from .settings.packaging_times import packaging_times
from .transfer.bandwidth_limiter import Bandwidth
from .transfer.concurrency_limiter import ConcurrencyLimiter
from .transfer.errors import is_answer_of_host, is_failure_of_host


class ClientParts(TypedDict, total=False):
    """The arguments of `PixxelClient` that no environment variable can set."""

    timeout: Timeouts | None
    limits: Limits | None
    retry: RetryPolicy | None
    poll: PollPolicy | None
    fetch: FetchPolicy | None
    http_client: httpx.AsyncClient | None
    storage_client: httpx.AsyncClient | None
    engine: Engine | str


class PixxelClient:
    """A client for the Pixxel API; use it as an async context manager.

        async with PixxelClient.from_env() as client:
            saved = await client.download(JobDownload(workflow_id="w", job_id="j"), "packages")

    Any number of tasks can share a client; its limits apply to all of them together. A client
    belongs to the event loop that first uses it. In another loop, and after it is closed, its
    methods raise UsageError. Leaving the context closes its connections; finish its exports first.

    Attributes:
        insights: Calls for insights.
        aois: Calls for areas of interest.
        jobs: Calls for jobs.
        tasks: Calls for tasks.
        catalogs: Calls for owned imagery.
        projects: Calls for projects.
        workflows: Calls for workflows.
        orders: Calls for orders.
        order_items: Calls for order items.
    """

    def __init__(  # noqa: PLR0913 - every part is a parameter with a named default
        self,
        api_key: str | SecretStr,
        *,
        base_url: str = BASE_URL,
        auth_scheme: AuthScheme | str = AuthScheme.RAW,
        proxy: str | SecretStr = PROXY,
        ca_bundle: str | Path = CA_BUNDLE,
        allow_private_storage: bool = False,
        timeout: Timeouts | None = None,
        limits: Limits | None = None,
        retry: RetryPolicy | None = None,
        poll: PollPolicy | None = None,
        fetch: FetchPolicy | None = None,
        http_client: httpx.AsyncClient | None = None,
        storage_client: httpx.AsyncClient | None = None,
        engine: Engine | str = Engine.AUTO,
    ) -> None:
        """Create a client; nothing is sent.

        Args:
            api_key: The key from the workspace settings. It is sent to `base_url` only.
            base_url: An https URL, or http for a loopback address.
            auth_scheme: `raw` sends the bare key, `bearer` puts `Bearer` before it.
            proxy: `auto` follows HTTPS_PROXY, ALL_PROXY and NO_PROXY, `direct` uses no proxy;
                otherwise the URL of a proxy for the service and the storage. Loopback addresses
                bypass the proxy.
            ca_bundle: A file or directory of certificates to trust instead of the default ones;
                `auto` follows SSL_CERT_FILE, SSL_CERT_DIR and REQUESTS_CA_BUNDLE.
            allow_private_storage: Allow storage at loopback, private and link-local addresses. The
                kind of address that `base_url` has is always allowed, a cloud's metadata service
                never.
            timeout: Time limits, in seconds, for connecting and for responses of the service.
            limits: Concurrent calls, pending packages and transfers, and calls per second.
            retry: How often, and after what delay, a failed call is retried.
            poll: When pending packages are polled, and for how long.
            fetch: How packages are transferred and verified.
            http_client: An httpx or httpx2 client of yours for the calls of the service, with your
                hooks, mounts and proxies. You close it; it ignores `proxy` and `ca_bundle`.
            storage_client: A client of yours that transfers the packages instead of `engine`. You
                close it; it ignores `proxy` and `ca_bundle`.
            engine: What transfers the packages: `libcurl`, `httpx`, or `auto`, which is libcurl
                if pycurl can be imported.

        Raises:
            ConfigError: The key cannot be sent, the base URL, the scheme or the proxy is invalid,
                or the certificates cannot be read.
        """
        settings = check_settings(
            {
                "api_key": api_key,
                "base_url": base_url,
                "auth_scheme": auth_scheme,
                "proxy": proxy,
                "ca_bundle": str(ca_bundle),
                "allow_private_storage": allow_private_storage,
            }
        )
        check_urls(settings.base_url, settings.proxy)
        self._use = ClientLifetime()
        self._timeouts = timeout or Timeouts()
        self._limits = limits or Limits()
        self._retry = retry or RetryPolicy()
        self._poll = poll or PollPolicy()
        self._fetch = fetch or FetchPolicy()
        proxies = routes(settings.proxy)
        trusted = certificates(settings.ca_bundle)
        auth = KeyAuth(settings.api_key, settings.auth_scheme, passwords=proxies.passwords)
        self._service = make_api_client(
            http_client,
            settings.base_url,
            auth,
            certificates=trusted,
            routes=proxies,
            timeouts=self._timeouts,
            limits=self._limits,
        )
        self._api = Api(
            self._service,
            limits=self._limits,
            retry=self._retry,
            poll_max_s=self._poll.max_s,
            check_use=self._use.check,
        )
        addresses = AddressPolicy.of(
            settings.base_url, allow_private_storage=settings.allow_private_storage
        )
        self._storage = StorageClient(
            storage_engine(
                Engine(engine),
                client=storage_client,
                certificates=trusted,
                timeouts=self._timeouts,
                addresses=addresses,
            ),
            proxies,
            addresses=addresses,
            redactor=auth.redactor,
        )
        self._times = packaging_times(settings.base_url)
        self._folders = OpenFolders()
        self._slots = ConcurrencyLimiter(self._limits)
        self._hosts = CircuitBreakers(
            is_failure=is_failure_of_host, is_answer=is_answer_of_host, redactor=auth.redactor
        )
        limit = self._limits.bytes_per_second
        self._bandwidth = None if limit is None else Bandwidth(limit)
        self.insights = Insights(self._api)
        self.aois = Aois(self._api)
        self.jobs = Jobs(self._api)
        self.tasks = Tasks(self._api)
        self.catalogs = Catalogs(self._api)
        self.projects = Projects(self._api)
        self.workflows = Workflows(self._api)
        self.orders = Orders(self._api)
        self.order_items = OrderItems(self._api)

    @classmethod
    def from_env(cls, **parts: Unpack[ClientParts]) -> Self:
        """Create a client from environment variables; no file is read.

        `PIXXEL_API_KEY` is required; `PIXXEL_BASE_URL` and the other variables, one per attribute
        of `Settings`, have defaults.

        Args:
            **parts: Arguments of the constructor; they override the environment.

        Raises:
            ConfigError: The key is missing, or a variable is invalid.
        """
        return cls.from_settings(from_environment().settings(), **parts)

    @classmethod
    def from_config(cls, profile: str | None = None, **parts: Unpack[ClientParts]) -> Self:
        """Create a client from environment variables and the config file, as the CLI does.

        Args:
            profile: The profile in the file; None means `PIXXEL_PROFILE`, or else `default`.
            **parts: Arguments of the constructor; they override the environment, which overrides
                the file.

        Raises:
            ConfigError: The key is missing, a setting is invalid, or other users may read a file
                that contains a secret.
        """
        return cls.from_settings(resolve({}, profile), **parts)

    @classmethod
    def from_settings(cls, settings: Settings, **parts: Unpack[ClientParts]) -> Self:
        """Create a client from settings.

        Args:
            settings: The settings.
            **parts: Arguments of the constructor; they override the settings.

        Raises:
            ConfigError: The key cannot be sent, or the certificates cannot be read.
        """
        chosen: ClientParts = {
            **parts,
            "timeout": parts.get("timeout") or settings.timeouts,
            "limits": parts.get("limits") or settings.limits,
            "poll": parts.get("poll") or settings.poll,
            "fetch": parts.get("fetch") or settings.fetch,
        }
        return cls(
            settings.api_key,
            base_url=settings.base_url,
            auth_scheme=settings.auth_scheme,
            proxy=settings.proxy,
            ca_bundle=settings.ca_bundle,
            allow_private_storage=settings.allow_private_storage,
            **chosen,
        )

    async def __aenter__(self) -> Self:
        """Return the client.

        Raises:
            UsageError: It is closed, or belongs to another event loop.
        """
        self._use.check()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the client."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections; a second call does nothing. It may be cancelled.

        Raises:
            UsageError: The client belongs to another event loop. If that loop is closed, this
                ends the client's threads and leaves its connections to the operating system.
        """
        if self._use.is_closed:
            return
        if self._use.is_elsewhere:
            if self._use.is_loop_over:
                self._use.is_closed = True
                self._storage.abandon()
            raise UsageError(OTHER_LOOP)
        self._use.is_closed = True
        try:
            await self._service.aclose()
        finally:
            await self._storage.aclose()

    async def ping(self) -> None:
        """Check that the service responds; it does not check the key.

        Raises:
            TransportError: No response arrived, and no attempts are left.
            ApiError: The service responded with an error.
        """
        await self._api.ping()

    async def check_key(self) -> None:
        """Check that the service accepts the key.

        Raises:
            AuthenticationError: It rejects the key.
            TransportError: No response arrived, and no attempts are left.
            ApiError: The service responded with an error that does not concern the key.
        """
        await self._api.check_key()

    async def wait(self, download: Download) -> Package:
        """Request a package and poll until it is ready, without downloading it.

        Cancelling stops the polling.

        Returns:
            The package, with its signed URL.

        Raises:
            PackageFailedError: Packaging failed.
            PackageTimeoutError: It was not ready within `PollPolicy.wait_timeout_s`.
            PixxelError: A call failed, and no attempts are left.
        """
        return await wait(self._api, download, self._retry, self._poll, self._times)

    async def download(
        self, download: Download, directory: str | Path, *, folder: FolderPolicy | None = None
    ) -> SavedPackage:
        """Save one package; equivalent to an export of one download.

        Any number of calls can run at once, even with the same directory. A cancelled call leaves
        a partial file that the next call resumes.

        Args:
            download: The download to save.
            directory: The directory for the file; created if it is missing.
            folder: How to treat the directory; a package that failed earlier is always retried.

        Returns:
            The saved file.

        Raises:
            FolderBusyError: Another process exports into the directory.
            PixxelError: The package could not be saved; no file has its final name.
        """
        async with self.export([download], directory, folder=again(folder)) as export:
            report = await export.finish()
        return only_package(report)

    def export(
        self, downloads: Downloads, directory: str | Path, *, folder: FolderPolicy | None = None
    ) -> Export:
        """Save many packages: an async context manager that yields events.

            async with client.export(downloads, "packages") as export:
                async for event in export:
                    ...
            print(len(export.report.saved))

        A failed package is an event, not an exception. Leaving the context early, or being
        cancelled, stops the export; the next export into the directory resumes it.

        Args:
            downloads: An iterable or async iterable; duplicates are downloaded once.
            directory: The directory for the files; created if it is missing.
            folder: How to treat the directory and the files of earlier runs.

        Returns:
            The export, not started yet. Entering it raises FolderBusyError if another process
            exports into the directory, and SinkError if the directory is not writable.

        Raises:
            ConfigError: The path template of `folder` cannot be used.
        """
        parts = ExportResources(
            api=self._api,
            storage=self._storage,
            slots=self._slots,
            hosts=self._hosts,
            bandwidth=self._bandwidth,
            limits=self._limits,
            retry=self._retry,
            poll=self._poll,
            fetch=self._fetch,
            folder=folder or FolderPolicy(),
            packaging_times=self._times,
        )
        path_namer(parts.folder.path_template)  # fail early if it is invalid
        return Export(
            downloads,
            absolute_path(directory),
            folders=self._folders,
            check_use=self._use.check,
            pipeline=lambda folder, event_bus: self._pipeline(parts, folder, event_bus),
        )

    def _pipeline(
        self, parts: ExportResources, folder: ExportFolder, event_bus: EventBus
    ) -> Pipeline:
        self._storage.prepare()
        return Pipeline(parts, folder, event_bus)
