"""Which checksums of the whole object a storage offers.

Rules:
    * `x-goog-hash` and `x-amz-checksum-*` describe the whole object.
    * `Content-MD5` describes what is sent (RFC 1864), so it counts with a whole answer only.
    * A composite checksum of S3 (`x-amz-checksum-type: COMPOSITE`, or a value ending in `-N`)
      is made of the parts of an upload, and says nothing about the bytes in a row.
    * An entity tag is no checksum, even where it looks like one.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

LENGTHS = {"sha256": 32, "sha1": 20, "md5": 16, "crc32": 4}
"""The checksums that can be computed here, strongest first, and their length in bytes."""


def offered(headers: Mapping[str, str], *, whole: bool) -> dict[str, bytes]:
    """Return the offered checksums by algorithm, strongest first.

    Args:
        headers: The answer's headers, looked up without regard to case.
        whole: Whether the answer carries the whole object.
    """
    found: dict[str, str] = {}
    for part in headers.get("x-goog-hash", "").split(","):
        name, _, value = part.strip().partition("=")
        found[name.lower()] = value
    if headers.get("x-amz-checksum-type", "").upper() != "COMPOSITE":
        for name in ("sha256", "sha1", "crc32"):
            found[name] = headers.get(f"x-amz-checksum-{name}", "")
    if whole and not found.get("md5"):
        found["md5"] = headers.get("content-md5", "")
    digests = {name: _digest(found.get(name, ""), length) for name, length in LENGTHS.items()}
    return {name: digest for name, digest in digests.items() if digest is not None}


def _digest(value: str, length: int) -> bytes | None:
    try:
        digest = base64.b64decode(value.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
    return digest if len(digest) == length else None
