"""When a signed URL expires, read from the URL itself.

The service documents no lifetime. The storages write it into the query:
    * `X-Amz-Date` and `X-Amz-Expires`: S3, AWS Signature Version 4
    * `X-Goog-Date` and `X-Goog-Expires`: Google Cloud Storage, V4
    * `se`: Azure Blob Storage, shared access signature
    * `Expires`: S3 and Google V2, CloudFront, in seconds since 1970
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from urllib.parse import unquote_plus

_SAID = re.compile(
    r"(?:^|(?<=&))(x-amz-date|x-amz-expires|x-goog-date|x-goog-expires|se|expires)=([^&]+)",
    re.IGNORECASE,
)
"""Taking all of a query apart takes several times as long, and signatures are long."""


def expires_at(url: str) -> float | None:
    """Return when a signed URL expires, in seconds since 1970, or None if it does not say."""
    text = url.partition("?")[2].partition("#")[0]
    query = {name.lower(): unquote_plus(value) for name, value in reversed(_SAID.findall(text))}
    for prefix in ("x-amz", "x-goog"):
        signed = _iso_date(query.get(f"{prefix}-date", ""))
        lifetime = _number(query.get(f"{prefix}-expires", ""))
        if signed is not None and lifetime is not None:
            return signed + lifetime
    if "se" in query:
        return _iso_date(query["se"])
    return _number(query.get("expires", ""))


def stale_at(url: str, *, received_at: float, margin_s: float) -> float:
    """Return when a signed URL is about to expire, in seconds since 1970; infinity for never.

    A URL that never had twice the margin is stale after half of its life. One that seems to have
    been born expired says more about our clock than about the URL: the storage decides.

    Args:
        url: The signed URL.
        received_at: When the service gave it, in seconds since 1970.
        margin_s: How much has to be left.
    """
    end = expires_at(url)
    if end is None or end <= received_at:
        return math.inf
    return end - min(margin_s, (end - received_at) / 2)


def _iso_date(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp()


def _number(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdigit() else None
