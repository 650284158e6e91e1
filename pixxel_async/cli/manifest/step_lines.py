"""The lines that `request`, `wait` and `fetch` hand on: one JSON object for each package.

    {"key": …, "target": {"kind": "aoi", …}, "download_id": "…", "status": "pending", "url": null,
     "expires_at": null, "error": null}

Rules:
    * A line has all that the next step needs: the manifest row, the id of the status call, the URL.
    * A manifest row is a line of a package that is not requested yet. A URL alone is one, too.
    * Only `wait` writes URLs. No message repeats one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pydantic import SecretStr

from ...display.event_text import name_of
from ...downloads import Download, parse_download
from ...errors import InputError, PixxelError
from ...models import Package, PackageStatus
from ...sansio.api.package_calls import needs_id
from ...sansio.storage.url_expiry import expires_at
from .reader import URL_STARTS

FIELDS = ("key", "target", "download_id", "status", "url", "expires_at", "error")


class Status(StrEnum):
    """How far a package has come."""

    NEW = "new"
    SENT = "sent"
    PENDING = "pending"
    READY = "ready"
    FAILED = "failed"


_STATUSES = frozenset(Status)
_ERROR = ("type", "message")
FETCH = "pixxel-async fetch"
_STATUS_OF = {
    PackageStatus.PENDING: Status.PENDING,
    PackageStatus.READY: Status.READY,
    PackageStatus.FAILED: Status.FAILED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLine:
    """A package between two steps.

    Attributes:
        download: What is requested; None if only a URL is known.
        status: NEW for a manifest row, SENT for a creation without a recorded response.
        download_id: The id of its status call, or None.
        url: Its signed URL, or None.
        error: Why it failed or was not ready in time: `type` and `message`; None if it was.
    """

    download: Download | None
    status: Status = Status.NEW
    download_id: str | None = None
    url: SecretStr | None = None
    error: dict[str, str] | None = None

    @property
    def key(self) -> str:
        """The key of the download; empty if only a URL is known."""
        return "" if self.download is None else self.download.key

    @property
    def is_known(self) -> bool:
        """Whether the next step needs no creation for it."""
        has_id = self.download is not None and (
            self.download_id is not None or not needs_id(self.download)
        )
        return self.url is not None or (has_id and self.status in {Status.PENDING, Status.READY})

    def package(self) -> Package:
        """Return the package that the line describes."""
        return Package(
            download=self.download,
            status=PackageStatus.PENDING if self.url is None else PackageStatus.READY,
            status_word="",
            download_id=self.download_id,
            signed_url=self.url,
        )

    def now(self, package: Package) -> StepLine:
        """Return the line with what the service has said of it, and without a URL."""
        return replace(
            self,
            status=_STATUS_OF[package.status],
            download_id=package.download_id,
            url=None,
            error=None,
        )

    def failed(self, error: PixxelError, status: Status = Status.FAILED) -> StepLine:
        """Return the line of a package that a step could not deal with."""
        told = {"type": type(error).__name__, "message": str(error)}
        return replace(self, status=status, url=None, error=told)

    def __str__(self) -> str:
        """Return why it failed, for people."""
        name = "a URL" if self.download is None else name_of(self.download)
        reason = "it failed in an earlier step" if self.error is None else self.error["message"]
        return f"failed      {name}: {reason}"

    def text(self) -> str:
        """Return the line as JSON, in ASCII; it has the URL, which is a secret."""
        url = None if self.url is None else self.url.get_secret_value()
        end = None if url is None else expires_at(url)
        row = {
            "key": self.key or None,
            "target": self.download and self.download.row(),
            "download_id": self.download_id,
            "status": self.status.value,
            "url": url,
            "expires_at": None if end is None else datetime.fromtimestamp(end, UTC).isoformat(),
            "error": self.error,
        }
        return json.dumps(row, ensure_ascii=True)


def parse_line(row: Any) -> StepLine:
    """Read a line of a step, a manifest row, or a URL.

    Args:
        row: The decoded JSON, or a text that is a URL.

    Raises:
        InputError: It is none of these; the message names the field and the remedy.
    """
    if isinstance(row, str):
        return StepLine(download=None, status=Status.READY, url=_url(row))
    if not isinstance(row, dict) or not ("target" in row or "url" in row):
        return StepLine(download=parse_download(row))
    for field in row:
        if field not in FIELDS:
            message = f'unknown field "{field}"; the fields of a line are {", ".join(FIELDS)}'
            raise InputError(message)
    line = StepLine(
        download=_target(row),
        status=_status(row.get("status")),
        download_id=_text("download_id", row.get("download_id")),
        url=None if row.get("url") is None else _url(row["url"]),
        error=_error(row.get("error")),
    )
    if line.download is not None and row.get("key") not in {None, line.download.key}:
        message = 'field "key": does not belong to "target"; remove it'
        raise InputError(message)
    if line.status in {Status.PENDING, Status.READY} and not line.is_known:
        message = (
            'field "download_id" is missing, so that the package cannot be found again: run '
            "pixxel-async request, and give the lines that it prints"
        )
        raise InputError(message)
    return line


def parse_line_with_ids(row: Any) -> StepLine:
    """Read a line as `parse_line` does, but not one of which only a URL is known.

    Raises:
        InputError: Its message names the field and the remedy.
    """
    line = parse_line(row)
    if line.download is None:
        message = 'field "target" is missing: give a line with nothing but a URL to ' + FETCH
        raise InputError(message)
    return line


def parse_line_to_fetch(row: Any) -> StepLine:
    """Read a line as `parse_line` does, but not one of a package that is not requested.

    Raises:
        InputError: Its message names the field and the remedy.
    """
    line = parse_line(row)
    if line.status is Status.NEW:
        message = (
            'field "download_id" is missing: run pixxel-async request and pixxel-async wait first, '
            "or save it with pixxel-async export"
        )
        raise InputError(message)
    return line


def _target(row: dict[str, Any]) -> Download | None:
    target = row.get("target")
    if target is None and row.get("url") is not None:
        return None
    try:
        return parse_download(target)
    except InputError as error:
        message = f'field "target": {error}'
        raise InputError(message) from None


def _status(value: object) -> Status:
    if value is None:
        return Status.PENDING
    if value in _STATUSES:
        return Status(str(value))
    message = f'field "status": give one of {", ".join(Status)}'
    raise InputError(message)


def _text(field: str, value: object) -> str | None:
    if value is None or (isinstance(value, str) and value):
        return value
    message = f'field "{field}": give a text that is not empty, or null'
    raise InputError(message)


def _url(value: object) -> SecretStr:
    if isinstance(value, str) and value.lower().startswith(URL_STARTS):
        return SecretStr(value)
    message = 'field "url": is not a URL: it starts with https://'
    raise InputError(message)


def _error(value: object) -> dict[str, str] | None:
    if value is None:
        return None
    if isinstance(value, dict) and all(isinstance(value.get(name), str) for name in _ERROR):
        return {name: value[name] for name in _ERROR}
    message = 'field "error": give an object with "type" and "message", or null'
    raise InputError(message)
