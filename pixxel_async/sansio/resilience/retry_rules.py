"""May a failed call be sent again, and after how long.

Rules:
    * The table below lists what is final, with the reason, and it holds only where the service
      itself says so, in its own error form. Everything else passes: a status that no list names,
      an error page of a gateway, a redirect to a login page.
    * A call that reads, or that may be repeated, is retried after any passing failure.
    * A creation (POST) is retried only where the service surely did nothing: the request was
      not sent, or it was refused (429, 503, a redirect, a 4xx). Where the answer was lost, or the
      status leaves open what was done (500, 504, 520), the service may have created a package;
      that is REPEAT_CREATION, which callers bound and count.
    * A change that a caller asks for, such as an order, is retried like a creation, except after
      409: a name that is taken stays so. It is never repeated where it may have been done.
    * The server's delay wins (Retry-After, RFC 9110 section 10.2.3), up to a limit. Else the
      delay is drawn evenly from zero to a bound that doubles: full jitter, as in the article
      "Exponential Backoff and Jitter" of the AWS Architecture Blog (2015).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum

from ...config import RetryPolicy
from ...errors import ApiError, ResponseError, RouteError, TransportError

MAX_EXPONENT = 32
"""Above this the bound is at its maximum anyhow, and 2ⁿ would only overflow."""


class CallKind(Enum):
    """What sending a call twice would mean."""

    READ = "read"
    """GET: nothing."""
    REPEATABLE = "repeatable"
    """PUT: the service reports on the package that is there."""
    CREATION = "creation"
    """POST: a second package."""
    CHANGE = "change"
    """A second order, job or store; or nothing is left to delete."""


class Failure(Enum):
    """How a call failed, as far as a retry is concerned."""

    NOT_SENT = "not sent"
    LOST = "answer lost"
    THROTTLED = "429"
    UNAVAILABLE = "503"
    CONFLICT = "409"
    REFUSED = "refused for the moment"
    BROKEN = "5xx"
    UNREADABLE = "unreadable answer"
    FINAL = "final"


class Verdict(Enum):
    """What may be done about a failure."""

    RETRY = "retry"
    REPEAT_CREATION = "repeat the creation"
    GIVE_UP = "give up"


_PASSING = frozenset(Failure) - {Failure.FINAL}
_NOTHING_DONE = frozenset(
    {Failure.NOT_SENT, Failure.THROTTLED, Failure.UNAVAILABLE, Failure.CONFLICT, Failure.REFUSED}
)
SENT_ONCE = frozenset({CallKind.CREATION, CallKind.CHANGE})
"""Kinds of calls that may not be sent twice without a decision."""

RETRYABLE: dict[CallKind, frozenset[Failure]] = {
    CallKind.READ: _PASSING,
    CallKind.REPEATABLE: _PASSING,
    CallKind.CREATION: _NOTHING_DONE,
    CallKind.CHANGE: _NOTHING_DONE - {Failure.CONFLICT},
}

_SECONDS = re.compile(r"[0-9]{1,300}(\.[0-9]{1,300})?")

UNAUTHORIZED = 401
CONFLICT = 409
FINAL_STATUS: dict[int, str] = {
    400: "the request is invalid, and would be invalid again",
    401: "the key is not accepted",
    402: "the account does not cover it",
    403: "the key has no permission for it",
    404: "the service does not have it",
    405: "the service does not know the call",
    406: "the service cannot answer in JSON",
    410: "the service had it, and has deleted it",
    411: "the request lacks its length",
    413: "the list of ids is too long",
    414: "the ids are too long",
    415: "the service does not read JSON",
    422: "the service understands the request, and refuses its values",
    501: "the service does not have this call",
    505: "the service does not speak HTTP/1.1",
}
"""Statuses that end a call where the service's own error form comes with them, and why.

401 ends it whatever comes with it: gateways in front of a service check keys, too.
"""

STATUSES: dict[int, Failure] = {
    408: Failure.BROKEN,
    429: Failure.THROTTLED,
    503: Failure.UNAVAILABLE,
    509: Failure.UNAVAILABLE,  # bandwidth limit exceeded
    511: Failure.REFUSED,  # a network that wants a login first (RFC 6585)
    521: Failure.REFUSED,  # from a CDN: the service refuses connections
    523: Failure.REFUSED,  # from a CDN: no route to the service
    525: Failure.REFUSED,  # from a CDN: the TLS handshake with the service failed
    526: Failure.REFUSED,  # from a CDN: the service's certificate is invalid
    529: Failure.UNAVAILABLE,  # overloaded
    530: Failure.REFUSED,  # from a CDN: the service's name has no address
}
"""What passes in a way of its own; the others pass as their class does."""


def failure_of_status(status: int, *, from_service: bool = True) -> Failure:
    """Classify an HTTP status that is not 2xx.

    Args:
        status: The status.
        from_service: Whether the service's own error form came with it.
    """
    if status == UNAUTHORIZED or (from_service and status in FINAL_STATUS):
        return Failure.FINAL
    if status == CONFLICT and from_service:
        return Failure.CONFLICT
    if status in STATUSES:
        return STATUSES[status]
    is_refusal = 300 <= status < 500  # noqa: PLR2004 - 3xx and 4xx: nothing was done
    return Failure.REFUSED if is_refusal else Failure.BROKEN


def failure_of(error: BaseException) -> Failure:
    """Classify an error of a call; what is not named here is final, cancellation included."""
    match error:
        case RouteError():
            return Failure.FINAL
        case TransportError(sent=sent):
            return Failure.LOST if sent else Failure.NOT_SENT
        case ApiError(status=status, from_service=from_service):
            return failure_of_status(status, from_service=from_service)
        case ResponseError():
            return Failure.UNREADABLE
        case _:
            return Failure.FINAL


def judge(kind: CallKind, failure: Failure) -> Verdict:
    """Decide whether a call of this kind may be sent again after such a failure."""
    if failure in RETRYABLE[kind]:
        return Verdict.RETRY
    if kind is CallKind.CREATION and failure in _PASSING:
        return Verdict.REPEAT_CREATION
    return Verdict.GIVE_UP


def delay(
    policy: RetryPolicy, *, attempt: int, jitter: float, retry_after_s: float | None = None
) -> float:
    """Return the seconds to wait after a failed attempt.

    Args:
        policy: The bounds.
        attempt: Which attempt failed, from 1.
        jitter: A number drawn evenly from 0 to 1.
        retry_after_s: The server's Retry-After delay; it wins, up to `policy.retry_after_max_s`.
    """
    if retry_after_s is not None:
        return min(retry_after_s, policy.retry_after_max_s)
    bound = policy.initial_s * 2.0 ** min(attempt - 1, MAX_EXPONENT)
    return jitter * min(policy.max_s, bound)


def delay_before_repeat(
    policy: RetryPolicy, *, attempt: int, jitter: float, retry_after_s: float | None = None
) -> float:
    """Return the seconds to wait before a creation is repeated.

    Each repeat may cost a second package, and there are only a few: they wait for longer than
    retries do, and never for next to nothing, so that they outlast a short outage.

    Args:
        policy: The bounds.
        attempt: 1 for the first repeat.
        jitter: A number drawn evenly from 0 to 1.
        retry_after_s: The server's Retry-After delay; it wins.
    """
    return delay(
        policy,
        attempt=attempt + 2,
        jitter=0.5 + jitter / 2,
        retry_after_s=retry_after_s,
    )


def read_retry_after(value: str | None, *, now: datetime) -> float | None:
    """Read a Retry-After header.

    Args:
        value: The header: seconds or an HTTP date. Fractions of seconds are taken, too.
        now: The time of day, with a zone.

    Returns:
        Seconds, never negative; None where the header is absent or makes no sense.
    """
    if value is None:
        return None
    text = value.strip()
    return float(text) if _SECONDS.fullmatch(text) else _seconds_until(text, now)


def _seconds_until(date: str, now: datetime) -> float | None:
    try:
        then = parsedate_to_datetime(date)
    except (ValueError, TypeError, OverflowError):
        return None
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    return max(0.0, (then - now).total_seconds())
