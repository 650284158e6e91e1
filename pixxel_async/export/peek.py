"""Looks into packages: their members, without a transfer of the rest.

Rules:
    * A package is requested and waited for as usual. Then its directory is read through its signed
      URL, which is replaced when the storage refuses it.
    * Packages are looked into at once as far as transfer slots are free, and as long as their host
      is up.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping

import anyio
from pydantic import SecretStr

from ..downloads import Download
from ..errors import (
    ConnectionBrokenError,
    OutOfDescriptorsError,
    PackageTimeoutError,
    StalledError,
)
from ..http.circuit_breaker import News
from ..http.storage_client import RefusedHosts
from ..http.storage_response import StorageResponse
from ..members import Member
from ..models import Package
from ..sansio.files.directory_search import public_members
from ..sansio.resilience.retry_rules import delay
from ..transfer.archive_reader import Archive, read_archive
from ..transfer.downloader import MAX_REFRESHES
from ..transfer.errors import ObjectGoneError, RefusedError, RetryableError, redact_errors
from .package_requests import PackageRequests
from .resources import ExportResources

NOT_READY = "the service has no fresh signed URL: the package is not ready any more"


class Peeks:
    """The looks of a client into packages."""

    def __init__(
        self,
        resources: ExportResources,
        requests: PackageRequests,
        wait: Callable[[Download], Awaitable[Package]],
    ) -> None:
        """Send nothing yet; `wait` requests a package and waits for it."""
        self._resources = resources
        self._requests = requests
        self._wait = wait
        self._refused = RefusedHosts()

    async def peek(self, download: Download) -> list[Member]:
        """Return the members of a package; see `PixxelClient.peek`."""
        package = await self._wait(download)
        url, failures, refreshes = package.signed_url, 0, 0
        while True:
            try:
                if url is None:
                    raise PackageTimeoutError(NOT_READY, key=download.key)
                return public_members((await self._read(url)).listing)
            except (RefusedError, ObjectGoneError) as refused:
                refreshes += 1
                if refreshes > MAX_REFRESHES:
                    raise refused.error from None
                await self._pause(refreshes - 1)
                url = await self._requests.fresh_url(download, package.download_id)
            except RetryableError as failure:
                failures += 1
                if failures >= self._resources.fetch.attempts:
                    raise failure.error from None
                await self._pause(failures)

    async def _read(self, url: SecretStr) -> Archive:
        resources = self._resources
        breaker = resources.hosts.of(url)
        async with (
            resources.slots.lock_of(breaker.host).shared(),
            breaker.request(_report_nothing),
            resources.slots,
        ):
            try:
                with (
                    redact_errors(resources.storage.redactor, url),
                    anyio.fail_after(resources.fetch.stall_timeout_s),
                ):
                    return await read_archive(lambda headers: self._get(url, headers))
            except TimeoutError:
                limit = resources.fetch.stall_timeout_s
                message = f"the directory of the package did not arrive within {limit:g} s"
                raise RetryableError(StalledError(message)) from None
            except (ConnectionBrokenError, OutOfDescriptorsError) as error:
                raise RetryableError(error) from None

    async def _get(self, url: SecretStr, headers: Mapping[str, str]) -> StorageResponse:
        return await self._resources.storage.get(url, headers, refused=self._refused)

    async def _pause(self, attempt: int) -> None:
        jitter = random.random()  # noqa: S311 - jitter is not a secret
        if attempt:
            await anyio.sleep(delay(self._resources.retry, attempt=attempt, jitter=jitter))


async def _report_nothing(_news: News) -> None:
    """Nobody reads which hosts fail."""
