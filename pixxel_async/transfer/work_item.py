"""A package on its way through the stages of one export."""

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
    """What the stages hand on.

    Attributes:
        download: What was asked for.
        row: What the journal remembers.
        since: When the service was asked, in seconds on the event loop's clock.
        url: The last signed URL, or None before there is one.
        stale_at: When it is about to expire, in seconds since 1970.
        status_word: The service's last word on it.
        lead: Whether its id, which comes from an earlier run, still leads to it; None for an id
            of this run.
        has_place: Whether it counts among the pending packages, whose number is limited.
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
        """Take a signed URL that came just now; so long before its end it is not used any more."""
        self.url = url
        if url is not None:
            self.stale_at = stale_at(
                url.get_secret_value(), received_at=time.time(), margin_s=margin_s
            )


def new_row(download: Download, name_of: Callable[[Download], str] = file_name) -> PackageRow:
    """Return the row of a package of which nothing is remembered."""
    return PackageRow(key=download.key, target=target_of(download), name=name_of(download))


def target_of(download: Download) -> str:
    """Return what a row has of a download."""
    return _to_text(download.row())


_to_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
