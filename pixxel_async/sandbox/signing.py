"""Creates and checks signed URLs in the forms of four storages.

Rules:
    * The signature is an HMAC-SHA256 over the exact request target. A client that rewrites a
      single escape is refused.
    * Each form states its expiry differently.
    * Object names contain bytes that careless clients rewrite: `%2F`, `+`, `%20`, `//`, `~`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

STYLES = ("s3", "gcs", "azure", "cloudfront")

_SIGNATURE = {
    "s3": "X-Amz-Signature",
    "gcs": "X-Goog-Signature",
    "azure": "sig",
    "cloudfront": "Signature",
}


@dataclass(frozen=True)
class Signer:
    """Signs and checks request targets.

    Attributes:
        secret: The key of the HMAC.
    """

    secret: bytes

    def target(self, path: str, style: str, *, now: float, lifetime_s: int) -> str:
        """Return path and query of a signed URL.

        Args:
            path: The object's path, percent-encoded.
            style: One of `STYLES`.
            now: Seconds since 1970.
            lifetime_s: How long it is valid.
        """
        query = _QUERIES[style](now, lifetime_s)
        signature = quote(self._signature(f"{path}?{query}"), safe="")
        return f"{path}?{query}&{_SIGNATURE[style]}={signature}"

    def is_genuine(self, target: str, style: str) -> bool:
        """Return whether `target` created a request target."""
        unsigned, _, signature = target.rpartition(f"&{_SIGNATURE[style]}=")
        return hmac.compare_digest(
            quote(self._signature(unsigned), safe="").encode(), signature.encode()
        )

    def _signature(self, text: str) -> str:
        digest = hmac.digest(self.secret, text.encode(), hashlib.sha256)
        return base64.b64encode(digest).decode("ascii")


def expiry(target: str) -> float:
    """Return when a signed request target expires, in seconds since 1970."""
    if found := re.search(r"X-(?:Amz|Goog)-Date=(\w+)&X-(?:Amz|Goog)-Expires=(\d+)", target):
        signed = datetime.strptime(found[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return signed.timestamp() + int(found[2])
    if found := re.search(r"[?&]se=([^&]+)", target):
        return datetime.fromisoformat(found[1].replace("%3A", ":")).timestamp()
    found = re.search(r"[?&]Expires=(\d+)", target)
    return float(found[1]) if found else 0.0


def _version_4(prefix: str, algorithm: str, scope: str) -> Callable[[float, int], str]:
    def query(now: float, lifetime_s: int) -> str:
        moment = datetime.fromtimestamp(math.ceil(now), UTC)
        credential = quote(f"SANDBOX/{moment:%Y%m%d}/{scope}", safe="")
        return (
            f"{prefix}-Algorithm={algorithm}&{prefix}-Credential={credential}"
            f"&{prefix}-Date={moment:%Y%m%dT%H%M%SZ}&{prefix}-Expires={lifetime_s}"
            f"&{prefix}-SignedHeaders=host"
        )

    return query


def _azure(now: float, lifetime_s: int) -> str:
    end = datetime.fromtimestamp(math.ceil(now) + lifetime_s, UTC)
    return f"sv=2024-11-04&sr=b&sp=r&se={quote(f'{end:%Y-%m-%dT%H:%M:%SZ}', safe='')}"


def _cloudfront(now: float, lifetime_s: int) -> str:
    return f"Expires={math.ceil(now) + lifetime_s}&Key-Pair-Id=SANDBOX"


_QUERIES: dict[str, Callable[[float, int], str]] = {
    "s3": _version_4("X-Amz", "AWS4-HMAC-SHA256", "sandbox-1/s3/aws4_request"),
    "gcs": _version_4("X-Goog", "GOOG4-HMAC-SHA256", "auto/storage/goog4_request"),
    "azure": _azure,
    "cloudfront": _cloudfront,
}
