"""Packages without an export: requested in one place, waited for and fetched in another."""

from __future__ import annotations

from ..downloads import Download
from ..http.service_calls import Before
from ..models import Package
from .adopted import AdoptedPackages
from .package_requests import PackageRequests


class Packages:
    """Requests packages, and takes over requested ones; `PixxelClient.packages`.

        package = await client.packages.request(JobDownload(workflow_id="w", job_id="j"))
        saved = await client.download(client.packages.adopt(package), "packages")

    The two calls may be in different programs, as with `pixxel-async request` and `fetch`.
    """

    def __init__(self, requests: PackageRequests, adopted: AdoptedPackages) -> None:
        """Send requests through `requests`."""
        self._requests = requests
        self._adopted = adopted

    async def request(self, download: Download, *, before: Before | None = None) -> Package:
        """Request a package, without waiting until it is ready.

        For an AOI or a catalog, each call creates a new package; for the other kinds, the same call
        reports on it.

        Args:
            download: The download to request.
            before: Awaited right before each call that may create a package, including retries.

        Returns:
            The package, usually pending.

        Raises:
            PixxelError: A call failed, and no attempts are left. The response to a creation may
                be lost; it is then sent again as often as `RetryPolicy.recreate` allows.
        """
        return await self._requests.create(download, before=before)

    def adopt(self, package: Package, *, refusal: str = "") -> Download:
        """Take over a package that was requested elsewhere, such as in another process.

            package = await client.packages.request(JobDownload(workflow_id="w-1", job_id="j-1"))
            package = await client.wait(client.packages.adopt(package))

        Args:
            package: With its `download` and the `download_id` that its status call needs, or with
                nothing but a `signed_url`.
            refusal: Why no fresh URL can be requested when this one has expired; empty if one can,
                or if the package has no ids anyway.

        Returns:
            A download for `wait`, `download` or `export` of this client. The first of them uses the
            package as it is, and requests no other.

        Raises:
            InputError: The package has too little of these.
        """
        return self._adopted.add(package, refusal)
