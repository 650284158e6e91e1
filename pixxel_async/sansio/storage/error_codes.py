"""What an error of the storage means for a transfer.

Rules:
    * The table lists what is not simply tried again, each row with its reason. Whatever is not in
      it passes: a status that no list names, an error page of something in front of the storage.
    * Each storage says in its own way that a signed URL has expired: S3 with 403 AccessDenied or
      400 ExpiredToken, Google with 400 ExpiredToken or 403, Azure with 403 AuthenticationFailed,
      CloudFront with 403 AccessDenied. All of them mean: ask the service for a fresh URL.
    * A storage that serves only so many at once may say so with any status, or with a bare 403,
      which looks like an expired URL. Who is refused with a fresh URL therefore tries again alone.
    * AccessDenied with a fresh URL, while nothing else runs, is about the package: final.
    * An object that is not there may be a moment late. It is looked for a few times; then the
      package is requested again, in this run or the next.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from ..redact import as_text, first_line, redact


class StorageErrorMeaning(Enum):
    """What to do about an error of the storage."""

    EXPIRED = "ask for a fresh URL"
    FORBIDDEN = "ask for a fresh URL; final if it does not help"
    CROWDED = "try again later, with fewer transfers"
    GONE = "try again a few times; then the object is gone"
    PASSING = "try again later"
    FINAL = "give up"


CODES: dict[str, tuple[StorageErrorMeaning, str]] = {
    # What expires.
    "ExpiredRequest": (StorageErrorMeaning.EXPIRED, "the URL has expired"),
    "ExpiredToken": (StorageErrorMeaning.EXPIRED, "the signer's token has expired (S3, Google)"),
    "RequestExpired": (StorageErrorMeaning.EXPIRED, "the URL has expired"),
    "RequestTimeTooSkewed": (StorageErrorMeaning.EXPIRED, "the URL was signed by another clock"),
    "TokenRefreshRequired": (StorageErrorMeaning.EXPIRED, "the signer's token has to be renewed"),
    "InvalidToken": (StorageErrorMeaning.EXPIRED, "the signer's token is no longer valid"),
    "AuthenticationFailed": (StorageErrorMeaning.EXPIRED, "the URL has expired (Azure)"),
    "InvalidAccessKeyId": (
        StorageErrorMeaning.EXPIRED,
        "the signer's key was replaced",
    ),
    # What may have expired, or is refused for good.
    "AccessDenied": (StorageErrorMeaning.FORBIDDEN, "expired (S3, CloudFront), or not allowed"),
    "AllAccessDisabled": (StorageErrorMeaning.FORBIDDEN, "access to the object is switched off"),
    "AuthorizationFailure": (StorageErrorMeaning.FORBIDDEN, "expired, or not allowed (Azure)"),
    "AuthorizationPermissionMismatch": (
        StorageErrorMeaning.FORBIDDEN,
        "the URL does not allow it (Azure)",
    ),
    # Too much at once, whatever the status.
    "EgressIsOverAccountLimit": (StorageErrorMeaning.CROWDED, "too many bytes (Azure)"),
    "OperationTimedOut": (StorageErrorMeaning.CROWDED, "too busy (Azure)"),
    "ProvisionedThroughputExceededException": (StorageErrorMeaning.CROWDED, "too many requests"),
    "RequestLimitExceeded": (StorageErrorMeaning.CROWDED, "too many requests"),
    "RequestThrottled": (StorageErrorMeaning.CROWDED, "too many requests"),
    "ServerBusy": (StorageErrorMeaning.CROWDED, "too many requests or bytes (Azure)"),
    "SlowDown": (StorageErrorMeaning.CROWDED, "too many requests (S3)"),
    "Throttling": (StorageErrorMeaning.CROWDED, "too many requests"),
    "ThrottlingException": (StorageErrorMeaning.CROWDED, "too many requests"),
    "TooManyRequests": (StorageErrorMeaning.CROWDED, "too many requests"),
    "rateLimitExceeded": (StorageErrorMeaning.CROWDED, "too many requests (Google)"),
    "userRateLimitExceeded": (
        StorageErrorMeaning.CROWDED,
        "too many requests of one user (Google)",
    ),
    "UserRateLimitExceeded": (
        StorageErrorMeaning.CROWDED,
        "too many requests of one user (Google)",
    ),
    "dailyLimitExceeded": (StorageErrorMeaning.CROWDED, "too many requests today (Google)"),
    "RESOURCE_EXHAUSTED": (StorageErrorMeaning.CROWDED, "a quota is used up (Google)"),
    # What is not there.
    "NoSuchKey": (StorageErrorMeaning.GONE, "the object was deleted"),
    "NoSuchVersion": (StorageErrorMeaning.GONE, "the object was replaced"),
    "NoSuchBucket": (StorageErrorMeaning.GONE, "the bucket was deleted"),
    "BlobNotFound": (StorageErrorMeaning.GONE, "the object was deleted (Azure)"),
    "ContainerNotFound": (StorageErrorMeaning.GONE, "the container was deleted (Azure)"),
    "ResourceNotFound": (StorageErrorMeaning.GONE, "the object was deleted (Azure)"),
    "BlobArchived": (StorageErrorMeaning.GONE, "the object was moved to an archive (Azure)"),
    "InvalidObjectState": (StorageErrorMeaning.GONE, "the object was moved to an archive (S3)"),
    # What is wrong with the URL as the service has made it.
    "AuthorizationHeaderMalformed": (StorageErrorMeaning.FINAL, "the URL is signed in a wrong way"),
    "AuthorizationQueryParametersError": (
        StorageErrorMeaning.FINAL,
        "the URL is signed in a wrong way",
    ),
    "InvalidArgument": (StorageErrorMeaning.FINAL, "the URL has a wrong parameter"),
    "InvalidBucketName": (StorageErrorMeaning.FINAL, "the URL names no bucket"),
    "InvalidQueryParameterValue": (
        StorageErrorMeaning.FINAL,
        "the URL has a wrong parameter (Azure)",
    ),
    "InvalidURI": (StorageErrorMeaning.FINAL, "the URL cannot be read"),
    "KeyTooLongError": (StorageErrorMeaning.FINAL, "the URL names no possible object"),
    "MethodNotAllowed": (StorageErrorMeaning.FINAL, "the URL does not allow GET"),
    "SignatureDoesNotMatch": (
        StorageErrorMeaning.FINAL,
        "the URL was changed or signed in a wrong way",
    ),
}
"""The storages' own codes: what is done, and why."""

STATUSES: dict[int, tuple[StorageErrorMeaning, str]] = {
    401: (StorageErrorMeaning.EXPIRED, "the URL is not accepted any more"),
    403: (StorageErrorMeaning.EXPIRED, "expired; or too much at once, in front of the storage"),
    404: (StorageErrorMeaning.GONE, "the object was deleted, or is a moment late"),
    410: (StorageErrorMeaning.GONE, "the object was deleted"),
    429: (StorageErrorMeaning.CROWDED, "too many requests"),
    509: (StorageErrorMeaning.CROWDED, "the bandwidth is used up"),
    529: (StorageErrorMeaning.CROWDED, "overloaded"),
}
"""The same for answers without such a code."""

DENIALS = frozenset({400, 401, 403})
"""With these a code of EXPIRED or FORBIDDEN is taken at its word."""

_CODE = re.compile(
    rb"<Code>\s*([A-Za-z0-9_.-]{1,64})\s*</Code>"
    rb'|"(?:reason|code|Code|status)"\s*:\s*"([A-Za-z0-9_.-]{1,64})"'
)
_MESSAGE = re.compile(rb'<Message>([^<]{1,500})|"message"\s*:\s*"([^"\\]{1,500})')
_TOO_MUCH = re.compile(
    rb"slow ?down|rate.?limit|over the account limit|too many (?:concurrent|connections|requests)"
    rb"|(?:concurren\w*|connection|bandwidth|download|request)s? (?:limit|quota)|throttl"
    rb"|server.?busy|quota ?exceeded|limit ?exceeded",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageProblem:
    """An error of the storage, read.

    Attributes:
        meaning: What to do.
        code: The storage's own code, or empty.
        message: For people, without secrets.
    """

    meaning: StorageErrorMeaning
    code: str
    message: str


def read_error(status: int, body: bytes) -> StorageProblem:
    """Read an answer that is neither 200 nor about ranges.

    Args:
        status: The HTTP status.
        body: The first bytes of the body.
    """
    code = _code(body)
    said = _MESSAGE.search(body)
    text = as_text(said[1] or said[2]).strip() if said else ""
    message = redact(text) if text else first_line(body)
    meaning = meaning_of(status, code)
    if meaning in _MAY_BE_CROWDED and _TOO_MUCH.search(body):
        meaning = StorageErrorMeaning.CROWDED
    return StorageProblem(
        meaning=meaning,
        code=code,
        message=f"the storage answered {status}" + (f": {message}" if message else ""),
    )


_MAY_BE_CROWDED = frozenset(
    {StorageErrorMeaning.EXPIRED, StorageErrorMeaning.FORBIDDEN, StorageErrorMeaning.PASSING}
)


def _code(body: bytes) -> str:
    """Return the storage's own code; of several in JSON, the first that the table has."""
    found = [(match[1] or match[2]).decode("ascii") for match in _CODE.finditer(body)]
    return next((code for code in found if code in CODES), found[0] if found else "")


def meaning_of(status: int, code: str) -> StorageErrorMeaning:
    """Return what an error of the storage means.

    Args:
        status: The HTTP status.
        code: The storage's own code, or empty.
    """
    of_status = STATUSES[status][0] if status in STATUSES else StorageErrorMeaning.PASSING
    if code not in CODES:
        return of_status
    of_code = CODES[code][0]
    if (
        of_code in {StorageErrorMeaning.EXPIRED, StorageErrorMeaning.FORBIDDEN}
        and status not in DENIALS
    ):
        return of_status
    return of_code


def is_final(status: int, code: str) -> bool:
    """Return whether an error that outlasts all attempts is final, for later runs, too."""
    return meaning_of(status, code) in {StorageErrorMeaning.FINAL, StorageErrorMeaning.FORBIDDEN}


def not_a_zip(body: bytes) -> str | None:
    """Tell why the first bytes of a body cannot be a ZIP, or return None if they may be one.

    Args:
        body: At least four bytes, or the whole body if it is shorter.
    """
    if body[:4] in {b"PK\x03\x04", b"PK\x05\x06"}:
        return None
    if not body:
        return "nothing came where a ZIP is due"
    return f"no ZIP came, but: {first_line(body[:512])}"
