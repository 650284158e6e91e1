"""Records: what the service answers, and what an export leaves behind."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydantic import SecretStr

from .downloads import Download


class PackageStatus(StrEnum):
    """How far packaging has come, in three words for the service's many."""

    PENDING = "pending"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """The service's last answer about one download package.

    Attributes:
        download: What was asked for; None where only the id is known.
        status: Our reading of the answer; READY means that there is a signed URL.
        status_word: The service's own word, safe to be shown.
        download_id: The id that the status call takes; None where the service has none to give
            (insight, job and task packages are asked about by their own ids).
        signed_url: Where the ZIP lies. Who has it can read the package until it expires, so it
            is masked in `repr` and is never logged or stored.
    """

    download: Download | None
    status: PackageStatus
    status_word: str
    download_id: str | None
    signed_url: SecretStr | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPackage:
    """A verified file under its final name.

    Attributes:
        download: What was asked for.
        path: The file.
        bytes: Its size, in bytes.
        sha256: Its SHA-256, in hexadecimal; empty if it was saved without a checksum.
        skipped: True if it was there already, from an earlier run, and nothing was sent.
        checksum: Which checksum of the storage it agreed with (`md5`, `sha256` …), empty where
            the storage offered none that covers the whole object.
        extracted: The folder that it was extracted into, or None. If its ZIP was discarded,
            `path` is where that was.
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
