"""May a failed call be sent again, and after how long.

Rules:
    * What may be retried is named, by what the call is and how it failed. Nothing else is.
    * A call that reads, or that may be repeated, is retried after any passing failure.
    * A creation (POST) is retried only where the service surely did nothing: the request was
      not sent, or the service refused it as too much (429, 503). Where the answer was lost, the
      service may have created a package; that is REPEAT_CREATION, which callers bound and count.
    * The server's delay wins (Retry-After, RFC 9110 section 10.2.3), up to a limit. Else the
      delay is drawn evenly from zero to a bound that doubles: full jitter, as in the article
      "Exponential Backoff and Jitter" of the AWS Architecture Blog (2015).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum

from ..config import RetryPolicy
from ..errors import ApiError, ResponseError, RouteError, TransportError

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


class Failure(Enum):
    """How a call failed, as far as a retry is concerned."""

    NOT_SENT = "not sent"
    LOST = "answer lost"
    THROTTLED = "429"
    UNAVAILABLE = "503"
    BROKEN = "5xx"
    UNREADABLE = "unreadable answer"
    FINAL = "final"


class Verdict(Enum):
    """What may be done about a failure."""

    RETRY = "retry"
    REPEAT_CREATION = "repeat the creation"
    GIVE_UP = "give up"


_PASSING = frozenset(Failure) - {Failure.FINAL}
_NOTHING_DONE = frozenset({Failure.NOT_SENT, Failure.THROTTLED, Failure.UNAVAILABLE})

RETRYABLE: dict[CallKind, frozenset[Failure]] = {
    CallKind.READ: _PASSING,
    CallKind.REPEATABLE: _PASSING,
    CallKind.CREATION: _NOTHING_DONE,
}

_SECONDS = re.compile(r"[0-9]{1,300}(\.[0-9]{1,300})?")
_BROKEN_STATUS = frozenset({408, 500, 502, 504})


def failure_of_status(status: int) -> Failure:
    """Classify an HTTP status of 400 or above."""
    if status == 429:  # noqa: PLR2004 - Too Many Requests
        return Failure.THROTTLED
    if status == 503:  # noqa: PLR2004 - Service Unavailable
        return Failure.UNAVAILABLE
    return Failure.BROKEN if status in _BROKEN_STATUS else Failure.FINAL


def failure_of(error: BaseException) -> Failure:
    """Classify an error of a call; what is not named here is final, cancellation included."""
    match error:
        case RouteError():
            return Failure.FINAL
        case TransportError(sent=sent):
            return Failure.LOST if sent else Failure.NOT_SENT
        case ApiError(status=status):
            return failure_of_status(status)
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
        retry_after_s: What the server asked for; it wins, up to `policy.retry_after_max_s`.
    """
    if retry_after_s is not None:
        return min(retry_after_s, policy.retry_after_max_s)
    bound = policy.initial_s * 2.0 ** min(attempt - 1, MAX_EXPONENT)
    return jitter * min(policy.max_s, bound)


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
