"""The state of a download package, and the saved file."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from pydantic import SecretStr

from .downloads import Download
from .errors import InternalError, PixxelError


class PackageStatus(StrEnum):
    """The status of packaging.

        package = await client.jobs.create_download("workflow-1", "job-1")
        if package.status is PackageStatus.PENDING:
            print("not ready yet")

    The service's own words map to these three.
    """

    PENDING = "pending"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """The latest state of a download package, as the service reports it.

        package = await client.wait(JobDownload(workflow_id="w", job_id="j"))
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

        saved = await client.download(JobDownload(workflow_id="w", job_id="j"), "packages")
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


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadResult:
    """How one of many downloads ended; made by `PixxelClient.download_many`.

        async for result in client.download_many(downloads, "packages"):
            if result.error is None:
                print(result.saved.path)

    Attributes:
        download: The requested download.
        error: Why it was not saved, or None.
    """

    download: Download
    error: PixxelError | None = None
    _saved: SavedPackage | None = field(default=None, repr=False)

    @property
    def saved(self) -> SavedPackage:
        """The saved file.

        Raises:
            PixxelError: The `error`, if it was not saved.
        """
        if self._saved is None:
            raise self.error or InternalError("a result without a file and without an error")
        return self._saved

    @property
    def path(self) -> Path:
        """The path of the saved file; raises as `saved`."""
        return self.saved.path


class OnFailure(StrEnum):
    """What `PixxelClient.download_many` does with a package that was not saved.

        results = client.download_many(downloads, "packages", on_failure=OnFailure.RAISE)
        print([result.path async for result in results])

    Either way, the next call resumes the others.
    """

    YIELD = "yield"
    """Its result has the error."""
    RAISE = "raise"
    """Its error ends the iteration; the next call resumes the other packages."""
