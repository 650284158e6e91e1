"""Safe, distinct file names.

Rules:
    * A name is made of the kind, a readable part of the last id, and a digest of the key. The
      digest alone makes it distinct, also where file systems fold case or Unicode forms, and
      stable from run to run.
    * Only ASCII letters, digits, `-`, `_` and `.` stand in a name; no separator, no leading dot,
      no trailing dot, nothing that Windows reserves (the kind stands first).
    * Nothing that a storage sends (`Content-Disposition`) has a part in it.
"""

from __future__ import annotations

import hashlib
import re
from typing import assert_never

from ..downloads import (
    AoiDownload,
    CatalogDownload,
    Download,
    InsightDownload,
    JobDownload,
    TaskDownload,
)

READABLE_CHARS = 40
DIGEST_CHARS = 16
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")


def file_name(download: Download) -> str:
    """Return the final name of a package's file, at most 80 characters long."""
    readable = _UNSAFE.sub("-", _telling_id(download)).strip("-")[:READABLE_CHARS].strip("-")
    digest = hashlib.sha256(download.key.encode()).hexdigest()[:DIGEST_CHARS]
    return "-".join(part for part in (download.kind, readable, digest) if part) + ".zip"


def _telling_id(download: Download) -> str:
    match download:
        case InsightDownload(insight_id=telling) | JobDownload(job_id=telling):
            return telling
        case AoiDownload(aoi_id=telling) | TaskDownload(task_id=telling):
            return telling
        case CatalogDownload(catalog_ids=catalogs, order_item_ids=items):
            return (catalogs or items)[0]
    assert_never(download)
