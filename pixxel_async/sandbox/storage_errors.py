"""How four storages say no, each in its own way."""

from __future__ import annotations

from datetime import UTC, datetime
from xml.sax.saxutils import escape

from .reply import Reply

BAD_REQUEST, FORBIDDEN, NOT_FOUND, NOT_ALLOWED = 400, 403, 404, 405
REQUEST_ID = "5A4D0B0C5A4D0B0C"


def refusal(status: int, code: str, message: str, *, more: str = "") -> Reply:
    """Return an error as XML, the way that S3 writes it and the others nearly do."""
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message>{more}"
        f"<RequestId>{REQUEST_ID}</RequestId></Error>"
    )
    return Reply.of(status, text.encode(), {"content-type": "application/xml"})


def expired(style: str, *, end: float, now: float) -> Reply:
    """Return what a storage says to a URL whose time is over."""
    match style:
        case "s3":
            more = f"<Expires>{_iso(end)}</Expires><ServerTime>{_iso(now)}</ServerTime>"
            return refusal(FORBIDDEN, "AccessDenied", "Request has expired", more=more)
        case "gcs":
            more = f"<Details>Request signature expired at: {_iso(end)}</Details>"
            message = "The provided token has expired."
            return refusal(BAD_REQUEST, "ExpiredToken", message, more=more)
        case "azure":
            more = f"<AuthenticationErrorDetail>Signed expiry time [{_iso(end)}] has passed</AuthenticationErrorDetail>"  # noqa: E501 - one element
            message = "Server failed to authenticate the request."
            return refusal(FORBIDDEN, "AuthenticationFailed", message, more=more)
        case _:
            return refusal(FORBIDDEN, "AccessDenied", "Access denied")


def mismatch() -> Reply:
    """Return what a storage says to a URL that it has not signed."""
    message = "The request signature we calculated does not match the signature you provided."
    return refusal(FORBIDDEN, "SignatureDoesNotMatch", message)


def no_such_key() -> Reply:
    """Return what a storage says to the path of no object."""
    return refusal(NOT_FOUND, "NoSuchKey", "The specified key does not exist.")


def not_allowed(method: str) -> Reply:
    """Return what a storage says to a method that the URL is not signed for."""
    if method == "HEAD":
        return mismatch()
    return refusal(NOT_ALLOWED, "MethodNotAllowed", "The method is not allowed.")


def _iso(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}"
