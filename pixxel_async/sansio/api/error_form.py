"""What the service answers in place of a result, as a typed error.

Rules:
    * Errors are documented as `{"error": {"code", "message", "details"}}`. Whatever else comes is
      taken as text, and may come from something in front of the service (`from_service`).
    * Of a redirect only the host is shown: the rest of its URL may hold a secret.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ...errors import ApiError, api_error_class
from ..redact import redact, redact_all
from .json_body import load

MESSAGE_CHARS = 300
REDIRECTION = 3
"""The class of statuses, RFC 9110 section 15.4."""


def status_error(
    operation: str,
    status_code: int,
    body: bytes,
    *,
    retry_after_s: float | None,
    location: str | None,
) -> ApiError | None:
    """Return the typed error of an answer, or None for one of 2xx.

    Args:
        operation: The operation id of the call.
        status_code: The HTTP status.
        body: The whole body.
        retry_after_s: The Retry-After header, read.
        location: The Location header.
    """
    if 200 <= status_code < 300:  # noqa: PLR2004 - the 2xx class, RFC 9110 section 15.3
        return None
    code, message, details, from_service = _error_parts(body)
    if location is not None and status_code // 100 == REDIRECTION:
        message = f"redirects to {host_of(location)}, which is not followed with the key"
    return api_error_class(status_code)(
        message or "no message",
        status=status_code,
        operation=operation,
        code=code,
        details=details,
        retry_after_s=retry_after_s,
        from_service=from_service,
    )


def host_of(location: str) -> str:
    """Return the host of a Location header; its path and query may hold secrets."""
    try:
        host = urlsplit(location).hostname
    except ValueError:  # half an IPv6 address
        return "an invalid address"
    return redact(host) if host else "another path of the same host"


def _error_parts(body: bytes) -> tuple[str, str, Any, bool]:
    """Return code, message, details, and whether they came in the service's own form."""
    try:
        return _documented_parts(load(body))
    except ValueError:  # no JSON, or more of it than is meant well
        return "", _one_line(body.decode("utf-8", "replace")), None, False


def _documented_parts(data: Any) -> tuple[str, str, Any, bool]:
    error = data.get("error") if isinstance(data, Mapping) else None
    if isinstance(error, Mapping):
        code, message = error.get("code"), error.get("message")
        return (
            _one_line(str(code)) if code is not None else "",
            _one_line(str(message)) if message is not None else "",
            redact_all(error.get("details")),
            code is not None or message is not None,
        )
    return "", _one_line(error if isinstance(error, str) else json.dumps(data)), None, False


def _one_line(text: str) -> str:
    return redact(" ".join(text.split()), chars=MESSAGE_CHARS)
