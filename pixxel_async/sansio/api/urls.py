"""Paths and queries of calls: what an id holds stays within its place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, urlencode

_PLAIN = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*")
"""Nothing to escape, as in almost every id: unreserved characters (RFC 3986 section 2.3)."""


def path_of(*segments: str) -> str:
    """Return a path, each segment percent-encoded."""
    return "".join(["/" + segment(text) for text in segments])


def query_of(values: Mapping[str, str | int]) -> str:
    """Return a query with its question mark, or nothing if there are no values."""
    return f"?{urlencode(values, quote_via=quote, safe='')}" if values else ""


def segment(text: str) -> str:
    """Escape a segment of a path; dots too where they would be a step (RFC 3986 section 5.2.4)."""
    if _PLAIN.fullmatch(text):  # asked first, since `quote` takes several times as long
        return text
    if text in {".", ".."}:
        return text.replace(".", "%2E")
    return quote(text, safe="")
