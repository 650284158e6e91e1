"""A package that passes through the stages of one export."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import SecretStr

from ..downloads import Download
from ..journal.models import PackageRow
from ..sansio.files.filenames import file_name
from ..sansio.resume_decision import KnownId
from ..sansio.storage.url_expiry import stale_at


@dataclass(slots=True, eq=False)
class WorkItem:
    """What the stages pass to each other.

    Attributes:
        download: The requested download.
        row: Its journal row.
        since: When the service received the request, in seconds on the event loop's clock.
        url: The last signed URL, or None.
        stale_at: When to stop using it, in seconds since 1970.
        status_word: The last status that the service reported.
        lead: Whether an id of an earlier run is still valid; None for an id of this run.
        has_place: Whether it counts towards the limit on pending packages.
    """

    download: Download
    row: PackageRow
    since: float = 0.0
    url: SecretStr | None = None
    stale_at: float = 0.0
    status_word: str = ""
    lead: KnownId | None = None
    has_place: bool = False

    @property
    def key(self) -> str:
        """The key of the download."""
        return self.row.key

    def take_url(self, url: SecretStr | None, *, margin_s: float) -> None:
        """Store a new signed URL, which becomes stale `margin_s` seconds before it expires."""
        self.url = url
        if url is not None:
            self.stale_at = stale_at(
                url.get_secret_value(), received_at=time.time(), margin_s=margin_s
            )


def new_row(download: Download, name_of: Callable[[Download], str] = file_name) -> PackageRow:
    """Return the row of a package without history."""
    return PackageRow(key=download.key, target=target_of(download), name=name_of(download))


def target_of(download: Download) -> str:
    """Return the target column of a download."""
    return to_text(download.row())


to_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
