"""Packages that a client takes over: requested elsewhere, or known by nothing but a signed URL.

Rules:
    * An adopted package is polled by its own id and fetched by its own URL; no other is requested.
    * A URL is used as it is. If the storage refuses it, the service is asked for a fresh one, but
      not if nothing is known except the URL.
    * The URL itself is not kept anywhere: a package without ids is named by the last part of its
      path and by a digest, both without the query.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any, Literal, cast
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from ..downloads import DIGEST_CHARS, BaseDownload, Download, parse_download
from ..errors import InputError, PackageGoneError
from ..models import Package
from ..sansio.api.package_calls import needs_id
from ..sansio.redact import redact

URL_KIND = "url"
SHOWN_CHARS = 40
NO_IDS = (
    "its signed URL does not work any more, and no ids came with it to request a fresh one: get "
    "one, such as with pixxel-async wait"
)


class UrlDownload(BaseDownload, frozen=True):
    """A package of which only a signed URL is known.

    Attributes:
        name: The last part of its path, shortened.
        digest: Distinguishes it from others of this name.
    """

    kind: Literal["url"] = "url"
    name: str
    digest: str

    @classmethod
    def of(cls, url: SecretStr) -> UrlDownload:
        """Return the same for each URL of an object, whatever its signature."""
        unsigned = url.get_secret_value().partition("#")[0].partition("?")[0]
        digest = hashlib.sha256(unsigned.encode()).hexdigest()[:DIGEST_CHARS]
        path = urlsplit(unsigned).path
        name = unquote(path.rstrip("/").rpartition("/")[2], errors="replace")
        return cls(
            name=redact(name.removesuffix(".zip"), chars=SHOWN_CHARS) or "package", digest=digest
        )


def parse_target(row: Any) -> Download:
    """Return the download of a row of the journal, which may be one of a URL.

    Raises:
        InputError: It is neither.
    """
    if isinstance(row, dict) and row.get("kind") == URL_KIND:
        return cast("Download", UrlDownload.model_validate(row))
    return parse_download(row)


class AdoptedPackages:
    """The packages that a client has taken over, until they are requested."""

    def __init__(self) -> None:
        """Start with none."""
        self._packages: dict[str, Package] = {}
        self._refusals: dict[str, str] = {}

    def add(self, package: Package, refusal: str = "") -> Download:
        """Take over a package; `refusal` says why its URL cannot be renewed, if so.

        Returns:
            What stands for it in a wait or an export.

        Raises:
            InputError: It has neither a URL nor what its status call needs.
        """
        download = package.download
        has_id = package.download_id is not None or (download and not needs_id(download))
        if package.signed_url is None and not has_id:
            message = "a package without a signed URL needs its download, and its download_id"
            raise InputError(message)
        if download is None:
            url = package.signed_url or SecretStr("")
            # Not one of the union: there is no call for it, and no manifest may have it.
            download = cast("Download", UrlDownload.of(url))
            package = replace(package, download=download)
        self._packages[download.key] = package
        if refusal:
            self._refusals[download.key] = refusal
        return download

    def __contains__(self, download: Download) -> bool:
        """Return whether a download stands for a package that is not requested yet."""
        return bool(self._packages) and download.key in self._packages

    def take(self, download: Download) -> Package | None:
        """Return, once, the package that a download stands for."""
        return self._packages.pop(download.key, None) if self._packages else None

    def check_renewal(self, download: Download) -> None:
        """Allow a call to the service about a package.

        Raises:
            PackageGoneError: Nothing is known of it but its URL.
        """
        refusal = self._refusals.get(download.key) if self._refusals else None
        if str(download.kind) == URL_KIND:
            refusal = refusal or NO_IDS
        if refusal:
            raise PackageGoneError(refusal, key=download.key)
