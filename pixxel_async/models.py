"""The state of a download package, and the saved file."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydantic import SecretStr

from .downloads import Download


class PackageStatus(StrEnum):
    """The status of packaging; the service's own words map to these three."""

    PENDING = "pending"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """The latest state of a download package, as the service reports it.

        package = await client.wait(JobDownload(workflow_id="w-1", job_id="j-1"))
        if package.signed_url is not None:
            url = package.signed_url.get_secret_value()

    Attributes:
        download: The requested download; None if only the id is known.
        status: The status; READY means that there is a signed URL.
        status_word: The service's own status, safe to print.
        download_id: The id for the status call; None for insights, jobs and tasks, which are
            polled by their own ids.
        signed_url: The URL of the ZIP. Anyone who has it can read the package until it expires,
            so it is masked in `repr` and never logged or stored.
    """

    download: Download | None
    status: PackageStatus
    status_word: str
    download_id: str | None
    signed_url: SecretStr | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPackage:
    """A verified file under its final name.

        saved = await client.download(JobDownload(workflow_id="w-1", job_id="j-1"), "packages")
        print(saved.path, saved.bytes, saved.sha256)

    Attributes:
        download: The requested download.
        path: The file.
        bytes: Its size, in bytes.
        sha256: Its SHA-256, in hexadecimal; empty if it was saved without a checksum.
        skipped: True if an earlier run saved it and nothing was sent.
        checksum: The kind of the storage's checksum that it matches (`md5`, `sha256` …); empty if
            the storage offers none that covers the whole object.
        extracted: The directory into which it was extracted, or None. If the ZIP was discarded,
            `path` is where it was.
    """

    download: Download
    path: Path
    bytes: int
    sha256: str
    skipped: bool = False
    checksum: str = ""
    extracted: Path | None = None

    @property
    def key(self) -> str:
        """The key of the download."""
        return self.download.key
