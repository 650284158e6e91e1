"""What is done first with a package of an earlier run."""

from __future__ import annotations

import itertools

import pytest

from pixxel_async import errors
from pixxel_async.config import EarlierFailures
from pixxel_async.sansio.lifecycle import State
from pixxel_async.sansio.resume import First, first, goes_on

LEAVE, RETRY = EarlierFailures.LEAVE, EarlierFailures.RETRY


def decide(**facts: object) -> First:
    """Decide about a package of which nothing is known but the facts."""
    nothing = {
        "state": State.QUEUED,
        "takes_up_itself": False,
        "download_id": None,
        "is_unanswered": False,
        "recreated": 0,
        "recreate": 2,
        "failures": LEAVE,
    }
    return first(**{**nothing, **facts})  # type: ignore[arg-type]  # the names are right


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, First.CREATE),
        ({"state": State.FETCHING}, First.CREATE),
        ({"state": State.REQUESTED, "download_id": "d"}, First.POLL),
        ({"is_unanswered": True}, First.CREATE_AGAIN),
        ({"is_unanswered": True, "recreated": 1}, First.CREATE_AGAIN),
        ({"is_unanswered": True, "recreated": 2}, First.GIVE_UP),
        ({"is_unanswered": True, "recreate": 0}, First.GIVE_UP),
        ({"state": State.FAILED}, First.LEAVE_FAILED),
        ({"state": State.FAILED, "download_id": "d"}, First.LEAVE_FAILED),
        ({"state": State.FAILED, "takes_up_itself": True}, First.CREATE),
        ({"state": State.FAILED, "takes_up_itself": True, "download_id": "d"}, First.POLL),
        ({"state": State.FAILED, "failures": RETRY}, First.CREATE),
        ({"state": State.FAILED, "failures": RETRY, "download_id": "d"}, First.POLL),
        (
            {"state": State.FAILED, "failures": RETRY, "is_unanswered": True, "recreated": 2},
            First.CREATE_AGAIN,
        ),
        ({"failures": RETRY, "is_unanswered": True, "recreated": 2}, First.GIVE_UP),
    ],
)
def test_what_is_done_first(facts: dict[str, object], expected: First) -> None:
    assert decide(**facts) is expected


def test_a_known_id_is_never_created_again() -> None:
    for state, unanswered, failures in itertools.product(
        State, (False, True), (EarlierFailures.LEAVE, EarlierFailures.RETRY)
    ):
        done = decide(state=state, download_id="d", is_unanswered=unanswered, failures=failures)
        assert done in {First.POLL, First.LEAVE_FAILED}


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (errors.AuthenticationError("x", status=401), True),
        (errors.RateLimitedError("x", status=429), True),
        (errors.ServerError("x", status=500), True),
        (errors.TransportError("x"), True),
        (errors.PackageTimeoutError("x", key="k"), True),
        (errors.SinkError("x"), True),
        (errors.StalledError("x"), True),
        (errors.ConnectionBrokenError("x"), True),
        (errors.StorageError("x", status=503), True),
        (errors.StorageError("x", status=429), True),
        (errors.StorageError("x", status=403), False),
        (errors.IntegrityError("x"), False),
        (errors.PackageFailedError("x", key="k"), False),
        (errors.AnswerLostError("x", key="k"), False),
        (errors.EarlierFailureError("x", key="k"), False),
        (errors.NotFoundError("x", status=404), False),
        (errors.PermissionDeniedError("x", status=403), False),
        (errors.BadRequestError("x", status=400), False),
        (errors.InputError("x"), False),
        (errors.ResponseError("x"), False),
    ],
)
def test_what_lies_outside_a_package_is_taken_up_again(
    error: errors.PixxelError, *, expected: bool
) -> None:
    assert goes_on(error) is expected
