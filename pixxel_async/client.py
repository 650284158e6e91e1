"""The client: composes the parts and owns their lifetimes."""

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
from .transfer.bandwidth_limiter import Bandwidth
from .transfer.concurrency_limiter import ConcurrencyLimiter
from .transfer.errors import is_answer_of_host, is_failure_of_host


class ClientParts(TypedDict, total=False):
    """The arguments of `PixxelClient` that no variable of the environment can give."""

    timeout: Timeouts | None
    limits: Limits | None
    retry: RetryPolicy | None
    poll: PollPolicy | None
    fetch: FetchPolicy | None
    http_client: httpx.AsyncClient | None
    storage_client: httpx.AsyncClient | None
    engine: Engine | str


class PixxelClient:
    """A client of the Pixxel API; use it as an async context manager.

    One client may serve any number of tasks of one event loop, the one in which it is used first;
    in another one its methods raise UsageError, as they do after it was closed. Its limits hold for
    all tasks together. Leaving the context closes its connections; exports of it must have ended by
    then.

    Attributes:
        insights: Calls that concern insights.
        aois: Calls that concern areas of interest.
        jobs: Calls that concern jobs.
        tasks: Calls that concern tasks.
        catalogs: Calls that concern owned imagery.
        projects: Calls that concern projects.
        workflows: Calls that concern workflows.
        orders: Calls that concern orders.
        order_items: Calls that concern order items.
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
        """Prepare a client; nothing is sent.

        Args:
            api_key: The key from the workspace settings. It goes to `base_url` and nowhere else.
            base_url: https, or http for a loopback address.
            auth_scheme: `raw` sends the key as it is, `bearer` puts `Bearer` before it.
            proxy: `auto` takes what HTTPS_PROXY, ALL_PROXY and NO_PROXY say, `direct` takes none;
                else the URL of a proxy, for the service and for the storage. Loopback addresses
                are reached without one.
            ca_bundle: A file or folder of certificates to trust, in place of the usual ones;
                `auto` takes what SSL_CERT_FILE, SSL_CERT_DIR or REQUESTS_CA_BUNDLE say.
            allow_private_storage: Let the storage have a loopback, private or link-local address.
                One of the kind that `base_url` itself has is always allowed, the metadata service
                of a cloud never.
            timeout: Seconds for connecting and for answers of the service.
            limits: Calls, pending packages and transfers at once, and calls per second.
            retry: How often, and after how long, a failed call is tried again.
            poll: When pending packages are asked about, and for how long.
            fetch: How packages are transferred and verified.
            http_client: Sends the calls of the service, in place of a client of ours: of httpx or
                httpx2, with your hooks, mounts and proxies. It is not closed, and `proxy` and
                `ca_bundle` are its own.
            storage_client: Transfers the packages in place of an engine of ours; it is not closed,
                and `proxy` and `ca_bundle` are its own.
            engine: What transfers the packages: `libcurl`, `httpx`, or `auto`, which is libcurl
                wherever pycurl can be imported.

        Raises:
            ConfigError: The key cannot be sent, the base URL, the scheme or the proxy is wrong,
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
        ways = routes(settings.proxy)
        trusted = certificates(settings.ca_bundle)
        auth = KeyAuth(settings.api_key, settings.auth_scheme, passwords=ways.passwords)
        self._service = make_api_client(
            http_client,
            settings.base_url,
            auth,
            certificates=trusted,
            routes=ways,
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
            ways,
            addresses=addresses,
            redactor=auth.redactor,
        )
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
        """Make a client with what the environment says; no file is looked at.

        `PIXXEL_API_KEY` is needed; `PIXXEL_BASE_URL` and the other variables, one for each
        attribute of `Settings`, have defaults. The arguments are those of the constructor, and win
        over the environment.

        Raises:
            ConfigError: There is no key, or a variable is wrong.
        """
        return cls.from_settings(from_environment().settings(), **parts)

    @classmethod
    def from_config(cls, profile: str | None = None, **parts: Unpack[ClientParts]) -> Self:
        """Make a client with what environment and config file say, as the command line does.

        Args:
            profile: Which profile of the file; None takes `PIXXEL_PROFILE`, or else `default`.
            **parts: The other arguments of the constructor; they win over the environment, and
                that over the file.

        Raises:
            ConfigError: There is no key, a setting is wrong, or others may read a file that holds
                a secret.
        """
        return cls.from_settings(resolve({}, profile), **parts)

    @classmethod
    def from_settings(cls, settings: Settings, **parts: Unpack[ClientParts]) -> Self:
        """Make a client with settings; the other arguments of the constructor win over them.

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
            UsageError: It is closed, or was used in another event loop.
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
        """Close all connections; may be called twice, and cancelled.

        Raises:
            UsageError: The client was used in another event loop. If that loop is closed, the
                client's threads are ended, and its connections are left to the system.
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
        """Ask the service for a sign of life.

        The service answers without looking at the key.

        Raises:
            TransportError: No answer came, and the attempts are used up.
            ApiError: The service answered with an error.
        """
        await self._api.ping()

    async def check_key(self) -> None:
        """Ask the service whether it takes the key.

        Raises:
            AuthenticationError: It does not.
            TransportError: No answer came, and the attempts are used up.
            ApiError: The service answered with an error that says nothing of the key.
        """
        await self._api.check_key()

    async def wait(self, download: Download) -> Package:
        """Ask for a package and poll until it is ready; nothing is fetched.

        Returns:
            The package, with its signed URL.

        Raises:
            PackageFailedError: The service could not package it.
            PackageTimeoutError: It was not ready within the waiting limit.
            PixxelError: A call failed, and the attempts are used up.
        """
        return await wait(self._api, download, retry=self._retry, poll=self._poll)

    async def download(
        self, download: Download, directory: str | Path, *, folder: FolderPolicy | None = None
    ) -> SavedPackage:
        """Save one package; the same as an export of one.

        Any number of these may run at once, also into the same directory. A cancelled one leaves
        a partial that the next one takes up.

        Args:
            download: What to ask for.
            directory: Where the file goes; made if need be.
            folder: How the directory is treated; a package that failed earlier is tried again.

        Raises:
            FolderBusyError: Another process exports into the directory.
            PixxelError: Why it could not be saved; nothing lies under the final name then.
        """
        async with self.export([download], directory, folder=again(folder)) as export:
            report = await export.finish()
        return only_package(report)

    def export(
        self, downloads: Downloads, directory: str | Path, *, folder: FolderPolicy | None = None
    ) -> Export:
        """Save many packages: an async context manager that is iterated for events.

            async with client.export(downloads, "packages") as export:
                async for event in export:
                    ...
            print(len(export.report.saved))

        A failed package is an event, not an exception. Leaving the context early cancels what
        is under way; the next export into the directory goes on from there.

        Args:
            downloads: An iterable or an async iterable; doubles are done once.
            directory: Where the files go; made if need be.
            folder: How the directory is treated, and what earlier runs have left in it.

        Returns:
            The export, not yet begun. Entering it raises FolderBusyError if another process
            exports into the directory, and SinkError if it cannot be written.

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
        )
        path_namer(parts.folder.path_template)  # a wrong one is told before anything begins
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
