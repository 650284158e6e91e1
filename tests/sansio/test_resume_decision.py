"""What is done first with a package of an earlier run."""

from __future__ import annotations

import itertools

import pytest

from pixxel_async import errors
from pixxel_async.config import PreviousFailures
from pixxel_async.models import PackageStatus
from pixxel_async.sansio.package_state import State
from pixxel_async.sansio.resume_decision import (
    NOWHERE_LOOKS,
    WORDLESS_LOOKS,
    KnownId,
    ResumeAction,
    failures_for,
    first,
    is_lost,
    is_out_of_reach,
    is_retryable_next_run,
)

AUTO, LEAVE, RETRY = PreviousFailures


def decide(**facts: object) -> ResumeAction:
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
        ({}, ResumeAction.CREATE),
        ({"state": State.FETCHING}, ResumeAction.CREATE),
        ({"state": State.REQUESTED, "download_id": "d"}, ResumeAction.POLL),
        ({"is_unanswered": True}, ResumeAction.CREATE_AGAIN),
        ({"is_unanswered": True, "recreated": 1}, ResumeAction.CREATE_AGAIN),
        ({"is_unanswered": True, "recreated": 2}, ResumeAction.GIVE_UP),
        ({"is_unanswered": True, "recreate": 0}, ResumeAction.GIVE_UP),
        ({"state": State.FAILED}, ResumeAction.LEAVE_FAILED),
        ({"state": State.FAILED, "download_id": "d"}, ResumeAction.LEAVE_FAILED),
        ({"state": State.FAILED, "takes_up_itself": True}, ResumeAction.CREATE),
        ({"state": State.FAILED, "takes_up_itself": True, "download_id": "d"}, ResumeAction.POLL),
        ({"state": State.FAILED, "failures": RETRY}, ResumeAction.CREATE),
        ({"state": State.FAILED, "failures": RETRY, "download_id": "d"}, ResumeAction.POLL),
        (
            {"state": State.FAILED, "failures": RETRY, "is_unanswered": True, "recreated": 2},
            ResumeAction.CREATE_AGAIN,
        ),
        ({"failures": RETRY, "is_unanswered": True, "recreated": 2}, ResumeAction.GIVE_UP),
    ],
)
def test_what_is_done_first(facts: dict[str, object], expected: ResumeAction) -> None:
    assert decide(**facts) is expected


@pytest.mark.parametrize(
    ("given", "are_all_failed", "takes_up_itself", "expected"),
    [
        (AUTO, True, False, RETRY),
        (AUTO, True, True, LEAVE),  # it is retried anyway, within the bounds
        (AUTO, False, False, LEAVE),
        (LEAVE, True, False, LEAVE),
        (RETRY, False, True, RETRY),
    ],
)
def test_a_list_of_nothing_but_failed_packages_asks_for_a_retry(
    given: PreviousFailures,
    are_all_failed: bool,  # noqa: FBT001 - a fact
    takes_up_itself: bool,  # noqa: FBT001 - a fact
    expected: PreviousFailures,
) -> None:
    found = failures_for(given, are_all_failed=are_all_failed, takes_up_itself=takes_up_itself)
    assert found is expected


def test_a_known_id_is_never_created_again() -> None:
    for state, unanswered, failures in itertools.product(
        State, (False, True), (PreviousFailures.LEAVE, PreviousFailures.RETRY)
    ):
        done = decide(state=state, download_id="d", is_unanswered=unanswered, failures=failures)
        assert done in {ResumeAction.POLL, ResumeAction.LEAVE_FAILED}


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
        (errors.StorageError("x", status=403), True),
        (errors.StorageError("x", status=403, code="AccessDenied"), False),
        (errors.StorageError("x", status=403, code="SignatureDoesNotMatch"), False),
        (errors.StorageError("x", status=404, code="NoSuchKey"), True),
        (errors.StorageError("x", status=522), True),
        (errors.TransferError("the body ended early"), True),
        (errors.NotAZipError("a page"), True),
        (errors.PackageGoneError("x", key="k"), True),
        (errors.ConflictError("x", status=409), True),
        (errors.RedirectedError("x", status=302), True),
        (errors.PermissionDeniedError("a page", status=403, from_service=False), True),
        (errors.ConfigError("x"), True),
        (errors.RouteError("x"), True),
        (errors.StorageHostError("x"), True),
        (errors.AuthenticationError("x", status=401, from_service=False), True),
        (errors.UsageError("x"), False),
        (errors.IntegrityError("x"), False),
        (errors.PackageFailedError("x", key="k"), False),
        (errors.AnswerLostError("x", key="k"), False),
        (errors.EarlierFailureError("x", key="k"), False),
        (errors.NotFoundError("x", status=404), False),
        (errors.PermissionDeniedError("x", status=403), False),
        (errors.BadRequestError("x", status=400), False),
        (errors.InputError("x"), False),
        (errors.ResponseError("x"), True),
    ],
)
def test_what_lies_outside_a_package_is_taken_up_again(
    error: errors.PixxelError, *, expected: bool
) -> None:
    assert is_retryable_next_run(error) is expected


@pytest.mark.fault(71)
@pytest.mark.parametrize("status", [400, 403, 404, 410, 422])
def test_an_id_that_the_service_itself_refuses_leads_nowhere(status: int) -> None:
    assert KnownId(was_ready=False).failed(errors.api_error_class(status)("x", status=status))


@pytest.mark.fault(71)
@pytest.mark.parametrize("status", [400, 404, 409, 410])
def test_an_id_is_given_up_after_a_few_pages_about_it(status: int) -> None:
    error = errors.api_error_class(status)("a page", status=status, from_service=False)
    lead = KnownId(was_ready=False)
    found = [lead.failed(error) for _ in range(NOWHERE_LOOKS)]
    assert found == [False] * (NOWHERE_LOOKS - 1) + [True]


@pytest.mark.fault(71)
@pytest.mark.parametrize(
    "error",
    [
        errors.AuthenticationError("x", status=401),
        errors.TransportError("reset"),
        errors.ServerError("x", status=520),
        errors.RedirectedError("x", status=302),
        errors.PermissionDeniedError("a page", status=403, from_service=False),
        errors.ResponseError("a page"),
    ],
)
def test_trouble_of_the_service_says_nothing_of_an_id(error: errors.PixxelError) -> None:
    lead = KnownId(was_ready=True)
    assert not any(lead.failed(error) for _ in range(100))


@pytest.mark.fault(71)
def test_a_package_that_had_a_url_and_has_none_is_given_up() -> None:
    lead = KnownId(was_ready=True)
    found = [lead.answered(PackageStatus.PENDING, "mislaid") for _ in range(WORDLESS_LOOKS)]
    assert found == [False] * (WORDLESS_LOOKS - 1) + [True]
    lead = KnownId(was_ready=True)
    for _ in range(100):
        assert not lead.answered(PackageStatus.PENDING, "success")
        assert not lead.answered(PackageStatus.PENDING, "in_progress")
    assert not any(
        KnownId(was_ready=False).answered(PackageStatus.PENDING, "mislaid") for _ in range(100)
    )
    assert lead.answered(PackageStatus.FAILED, "expired")


@pytest.mark.fault(71)
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (errors.StorageError("x", status=404), True),
        (errors.StorageError("x", status=403, code="AccessDenied"), True),
        (errors.StorageError("x", status=403, code="SlowDown"), False),
        (errors.StorageError("x", status=503), False),
        (errors.IntegrityError("x"), True),
        (errors.NotAZipError("x"), True),
        (errors.PackageFailedError("x", key="k"), True),
        (errors.NotFoundError("x", status=404), True),
        (errors.ServerError("x", status=500), False),
        (errors.AuthenticationError("x", status=401), False),
        (errors.StalledError("x"), False),
        (errors.SinkError("x"), False),
    ],
)
def test_a_new_package_helps_only_where_the_old_one_is_to_blame(
    error: errors.PixxelError, *, expected: bool
) -> None:
    assert is_lost(error) is expected


def test_another_place_helps_where_the_storage_is_to_blame_and_not_this_machine() -> None:
    assert is_out_of_reach(errors.StorageError("it is gone", status=500))
    assert not is_out_of_reach(errors.OutOfDescriptorsError("too many open files"))
    assert not is_out_of_reach(errors.PackageFailedError("it failed", key="k"))
