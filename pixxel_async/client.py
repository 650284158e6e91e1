"""The client: composes its parts and owns their lifetimes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Self, Unpack

import httpx
from pydantic import SecretStr

from .addresses import BASE_URL, CA_BUNDLE, PROXY
from .client_runs import RunningClient
from .composition import ClientParts, compose
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
from .downloads import Download
from .errors import UsageError
from .export.export import Export
from .export.package_stream import PackageStream
from .export.source import Downloads
from .http.client_lifetime import OTHER_LOOP, ClientLifetime
from .http.engines import Engine
from .members import Member
from .models import DownloadResult, OnFailure, Package, SavedPackage
from .policy import choice
from .resources.nouns import Nouns
from .settings.layers import from_environment, resolve

MAX_FETCH_BYTES = 256 * 1024 * 1024


class PixxelClient(RunningClient, Nouns):
    """A client for the Pixxel API; use it as an async context manager.

        async with PixxelClient.from_env() as client:
            saved = await client.download(JobDownload(workflow_id="w", job_id="j"), "packages")

    Any number of tasks can share a client; its limits apply to all of them together. A client
    belongs to the event loop in which it is entered, once. Before that, in another loop, and after
    it is closed, its methods raise UsageError. Leaving the context interrupts what still runs and
    closes the connections; a client that was entered and is never closed warns (ResourceWarning).

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
        satellites: Calls for satellites, and the search for their images.
        archives: Calls for the archive of images.
        indices: Calls for indices.
        visualizations: Calls for visualizations.
        blocks: Calls for blocks.
        bandsets: Calls for bandsets.
        stores: Calls for stores, to which the service delivers.
        reports: Calls for the report of orders.
        packages: Requests packages without an export, and takes over requested ones.
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
        timeout: Timeouts | float | None = None,
        limits: Limits | None = None,
        retry: RetryPolicy | int | None = None,
        poll: PollPolicy | None = None,
        fetch: FetchPolicy | None = None,
        http_client: httpx.AsyncClient | None = None,
        storage_client: httpx.AsyncClient | None = None,
        engine: Engine | str = Engine.AUTO,
        preflight: bool = False,
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
            timeout: Time limits for connecting and for responses of the service; a number sets
                all of them, in seconds.
            limits: Concurrent calls, pending packages and transfers, and calls per second.
            retry: How often, and after what delay, a failed call is retried; a number is the number
                of attempts, including the first.
            poll: When pending packages are polled, and for how long.
            fetch: How packages are transferred and verified.
            http_client: An httpx or httpx2 client of yours for the calls of the service, with your
                hooks, mounts and proxies. You close it; it ignores `proxy` and `ca_bundle`.
            storage_client: A client of yours that transfers the packages instead of `engine`. You
                close it; it ignores `proxy` and `ca_bundle`.
            engine: What transfers packages: `libcurl`, `httpx`, or `auto` (libcurl if available).
            preflight: Run `check_key` once, before the first call: if the service cannot be used,
                an export ends before it requests anything.

        Raises:
            ConfigError: The key cannot be sent, an argument is invalid, or the certificates cannot
                be read.
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
        self._use = ClientLifetime()
        given: ClientParts = {
            "timeout": timeout,
            "limits": limits,
            "retry": retry,
            "poll": poll,
            "fetch": fetch,
            "http_client": http_client,
            "storage_client": storage_client,
            "engine": engine,
            "preflight": preflight,
        }
        parts = compose(settings, given, check_use=self._use.check)
        self._service, self._api, self._storage = parts.service, parts.api, parts.storage
        self._exporter = parts.exporter
        self.packages = self._exporter.packages
        super().__init__(self._api)

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
            "timeout": settings.timeouts if parts.get("timeout") is None else parts["timeout"],
            "limits": settings.limits if parts.get("limits") is None else parts["limits"],
            "poll": settings.poll if parts.get("poll") is None else parts["poll"],
            "fetch": settings.fetch if parts.get("fetch") is None else parts["fetch"],
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
        """Open the client, once.

        Raises:
            UsageError: It was opened before, or no event loop of asyncio runs.
        """
        self._use.enter()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the client."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections; a second call does nothing. It may be cancelled.

        Running exports end as if interrupted; callers of `download` and `wait` get UsageError.

        Raises:
            UsageError: The client belongs to another event loop. If that loop is closed, this
                ends the client's threads and leaves its connections to the operating system.
        """
        if self._use.is_closed:
            return
        if self._use.is_elsewhere:
            if self._use.is_loop_over:
                self._use.close()
                self._storage.abandon()
            raise UsageError(OTHER_LOOP)
        self._use.close()
        try:
            await self._exporter.aclose()
            await self._service.aclose()
        finally:
            await self._storage.aclose()

    async def ping(self) -> None:
        """Check that the service responds; it does not check the key.

        Raises:
            TransportError: No response of the service arrived, and no attempts are left.
            ApiError: The service responded with an error.
        """
        await self._api.ping()

    async def check_key(self) -> None:
        """Check that the service accepts the key.

        Raises:
            AuthenticationError: It rejects the key.
            TransportError: No response of the service arrived, and no attempts are left.
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
        return await self._exporter.wait(download)

    async def peek(self, download: Download) -> list[Member]:
        """Request a package, wait for it, and read what is in its ZIP, by one or two requests.

        Raises:
            RangesNotServedError: The storage does not serve byte ranges.
            PixxelError: As from `wait`; ArchiveError if the ZIP cannot be relied on.
        """
        return await self._exporter.peek(download)

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
        return await self._exporter.download(download, directory, folder)

    def stream(
        self, download: Download, *, directory: str | Path | None = None
    ) -> AbstractAsyncContextManager[PackageStream]:
        """Hand out the bytes of one package as they arrive, for a destination of your own.

            async with client.stream(JobDownload(workflow_id="w", job_id="j")) as body:
                async for chunk in body:
                    print(len(chunk), "of", body.size)

        The transfer resumes by itself, and the end of the iteration means that the package is
        verified. Until then the package takes up space in a temporary directory, which leaving the
        context removes.

        Args:
            download: The download.
            directory: Where to create that directory; by default the system decides.

        Raises:
            SinkError: On entering: the directory cannot be created.
            PixxelError: While iterating: the package could not be transferred or verified. Discard
                the bytes.
        """
        return self._exporter.stream(download, None if directory is None else Path(directory))

    async def fetch(self, download: Download, *, max_bytes: int = MAX_FETCH_BYTES) -> bytes:
        """Return the bytes of one package, verified.

        Args:
            download: The download.
            max_bytes: The most to hold in memory.

        Raises:
            SinkError: The package is larger.
            PixxelError: It could not be transferred or verified.
        """
        async with self.stream(download) as body:
            return await body.read(max_bytes)

    def download_many(
        self,
        downloads: Downloads,
        directory: str | Path,
        *,
        folder: FolderPolicy | None = None,
        on_failure: OnFailure | str = OnFailure.YIELD,
    ) -> AsyncGenerator[DownloadResult, None]:
        """Save many packages, and yield how each of them ended, in that order.

            async for result in client.download_many(downloads, "packages"):
                if result.error is None:
                    print(result.path)

        While the body of the loop is busy, few packages are saved ahead of it. Leaving the loop
        stops the export, at once within `contextlib.aclosing`; the next call resumes it.

        Args:
            downloads: An iterable or async iterable; duplicates are downloaded once.
            directory: The directory for the files; created if it is missing.
            folder: How to treat the directory and the files of earlier runs.
            on_failure: `yield` gives a result whose `error` is set, and whose `saved` and `path`
                raise it; `raise` raises it at once.

        Raises:
            InputError: `downloads` is a single download, a row, or not iterable.
            ConfigError: The path template of `folder` cannot be used.
            FolderBusyError: Another process exports into the directory.
            PixxelError: While iterating: all of the export had to stop, for example since the
                service rejected the key.
        """
        export = self._exporter.export(downloads, directory, folder)
        return self._exporter.results(export, choice(OnFailure, on_failure, "on_failure"))

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
            InputError: `downloads` is a single download, a row, or not iterable.
            ConfigError: The path template of `folder` cannot be used.
        """
        return self._exporter.export(downloads, directory, folder)
