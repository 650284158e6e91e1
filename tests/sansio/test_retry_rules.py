"""What may be sent again, and when."""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async import (
    NotFoundError,
    PackageFailedError,
    RateLimitedError,
    ResponseError,
    RetryPolicy,
    TransportError,
)
from pixxel_async.sansio.resilience.retry_rules import (
    FINAL_STATUS,
    CallKind,
    Failure,
    Verdict,
    delay,
    delay_before_repeat,
    failure_of,
    failure_of_status,
    judge,
    read_retry_after,
)

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
PASSING = set(Failure) - {Failure.FINAL}


@pytest.mark.parametrize("kind", [CallKind.READ, CallKind.REPEATABLE])
def test_reading_and_repeating_is_retried_after_whatever_passes(kind: CallKind) -> None:
    for failure in Failure:
        expected = Verdict.RETRY if failure in PASSING else Verdict.GIVE_UP
        assert judge(kind, failure) is expected


def test_a_creation_is_retried_only_where_nothing_was_done() -> None:
    verdicts = {failure: judge(CallKind.CREATION, failure) for failure in Failure}
    assert verdicts == {
        Failure.NOT_SENT: Verdict.RETRY,
        Failure.THROTTLED: Verdict.RETRY,
        Failure.UNAVAILABLE: Verdict.RETRY,
        Failure.CONFLICT: Verdict.RETRY,
        Failure.REFUSED: Verdict.RETRY,
        Failure.LOST: Verdict.REPEAT_CREATION,
        Failure.BROKEN: Verdict.REPEAT_CREATION,
        Failure.UNREADABLE: Verdict.REPEAT_CREATION,
        Failure.FINAL: Verdict.GIVE_UP,
    }


def test_a_change_is_retried_only_where_nothing_was_done_and_nothing_is_in_the_way() -> None:
    retried = {failure for failure in Failure if judge(CallKind.CHANGE, failure) is Verdict.RETRY}
    assert retried == {
        Failure.NOT_SENT,
        Failure.THROTTLED,
        Failure.UNAVAILABLE,
        Failure.REFUSED,
    }
    others = {judge(CallKind.CHANGE, failure) for failure in set(Failure) - retried}
    assert others == {Verdict.GIVE_UP}


OF_SERVICE = {status: failure_of_status(status) for status in range(100, 1000)}
OF_OTHERS = {status: failure_of_status(status, from_service=False) for status in range(100, 1000)}


@pytest.mark.fault(72)
def test_only_the_service_itself_makes_a_status_final() -> None:
    final = {status for status, failure in OF_SERVICE.items() if failure is Failure.FINAL}
    assert final == set(FINAL_STATUS)
    assert all(FINAL_STATUS.values())
    others = {status for status, failure in OF_OTHERS.items() if failure is Failure.FINAL}
    assert others == {401}


@pytest.mark.fault(72)
def test_a_status_that_leaves_open_what_was_done_is_no_refusal() -> None:
    for found in (OF_SERVICE, OF_OTHERS):
        assert {found[status] for status in (101, 408, 500, 502, 504, 520, 522, 524, 599, 999)} == {
            Failure.BROKEN
        }
        assert {found[status] for status in (302, 307, 421, 423, 425, 451, 511, 521)} == {
            Failure.REFUSED
        }
        assert {found[status] for status in (503, 509, 529)} == {Failure.UNAVAILABLE}
        assert found[429] is Failure.THROTTLED


@pytest.mark.fault(72)
def test_a_repeat_of_a_creation_waits_for_longer_than_a_retry() -> None:
    policy = RetryPolicy()
    for jitter in (0.0, 1.0):
        waits = [delay_before_repeat(policy, attempt=n, jitter=jitter) for n in (1, 2)]
        assert sum(waits) >= 3
        assert waits[1] == 2 * waits[0]
    assert delay_before_repeat(policy, attempt=1, jitter=0, retry_after_s=7) == 7


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (TransportError("reset"), Failure.LOST),
        (TransportError("refused", sent=False), Failure.NOT_SENT),
        (RateLimitedError("busy", status=429), Failure.THROTTLED),
        (NotFoundError("none", status=404), Failure.FINAL),
        (NotFoundError("a page", status=404, from_service=False), Failure.REFUSED),
        (ResponseError("not JSON"), Failure.UNREADABLE),
        (PackageFailedError("failed", key="k"), Failure.FINAL),
        (asyncio.CancelledError(), Failure.FINAL),
        (ValueError("a bug"), Failure.FINAL),
    ],
)
def test_errors_are_classified(error: BaseException, failure: Failure) -> None:
    assert failure_of(error) is failure


@given(
    st.integers(1, 10_000),
    st.floats(0, 1),
    st.floats(0, 100),
    st.floats(0, 100),
)
def test_a_delay_lies_between_zero_and_a_bound_that_doubles(
    attempt: int, jitter: float, initial_s: float, max_s: float
) -> None:
    policy = RetryPolicy(initial_s=initial_s, max_s=max_s)
    found = delay(policy, attempt=attempt, jitter=jitter)
    assert 0 <= found <= max_s
    bound = min(max_s, initial_s * 2.0 ** min(attempt - 1, 32))
    assert found == pytest.approx(jitter * bound)


@given(st.floats(0, 1e9), st.floats(0, 1))
def test_what_the_server_asks_for_wins_up_to_a_limit(asked_s: float, jitter: float) -> None:
    policy = RetryPolicy(retry_after_max_s=300)
    found = delay(policy, attempt=1, jitter=jitter, retry_after_s=asked_s)
    assert found == min(asked_s, 300)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (" 7 ", 7),
        ("1.5", 1.5),
        ("0", 0),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90),
        (format_datetime(NOW - timedelta(hours=1), usegmt=True), 0),
        ("Mon, 23 Nov 2026 08:00:30", 30),
        ("999999999999", 999999999999),
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("nan", None),
        ("inf", None),
        ("Mon, 99 Nov 2026 08:00:30 GMT", None),
        ("Mon, 23 Nov 99999999999999999999 08:00:30 GMT", None),
        ("Mon, 23 Nov 2026 10:00:30 +0200", 30),
        ("9" * 5000, None),
        ("-inf", None),
        ("1 2", None),
    ],
)
def test_retry_after_is_read_in_both_forms(value: str | None, seconds: float | None) -> None:
    assert read_retry_after(value, now=NOW) == seconds


@given(st.text())
def test_any_retry_after_is_a_finite_number_or_nothing(value: str) -> None:
    found = read_retry_after(value, now=NOW)
    assert found is None or (found >= 0 and math.isfinite(found))


def test_the_bound_of_a_delay_doubles_from_the_first_on() -> None:
    policy = RetryPolicy(initial_s=0.5, max_s=30)
    found = [delay(policy, attempt=attempt, jitter=1) for attempt in range(1, 9)]
    assert found == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert delay(policy, attempt=3, jitter=0) == 0


def test_what_the_server_asks_for_wins_over_a_longer_delay_too() -> None:
    policy = RetryPolicy(initial_s=30, max_s=30)
    assert delay(policy, attempt=5, jitter=1, retry_after_s=0) == 0
    assert delay(policy, attempt=1, jitter=0, retry_after_s=9) == 9


@pytest.mark.parametrize("value", ["1_000", "٣", "1e3", "0x10", "9" * 400])
def test_what_only_looks_like_seconds_is_not_read(value: str) -> None:
    assert read_retry_after(value, now=NOW) is None
