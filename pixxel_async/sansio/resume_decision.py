"""What to do first with a package, from what an earlier run has left of it.

Rules:
    * A package that failed for a reason of its own stays failed, until its caller asks for failed
      ones, or gives a list of nothing else: the service refused it in its own words, packaging
      failed, the storage denies access to it, its bytes were wrong. What is final is in the tables
      of `retry_rules` and `error_codes`.
    * One that failed for any other reason is retried by the next run: the network, a setting (a
      rejected key, a proxy, a certificate, a private address of the storage), a bug of this
      library.
    * A known id is asked about first. It is a cache: where it is stale, the package is
      requested again, within the bounds for lost answers.
    * If the caller asks for failed packages, or repairs a folder, an id of a package that failed or
      was ready has one more chance: whatever keeps its bytes away leads to a new package.
    * A creation that was sent, and whose answer was not noted, may have made a package. It is sent
      again a bounded number of times, over all runs together.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ..config import PreviousFailures
from ..errors import (
    ApiError,
    AuthenticationError,
    ConfigError,
    CostLimitError,
    IntegrityError,
    InternalError,
    NotAZipError,
    OutOfDescriptorsError,
    PackageFailedError,
    PackageGoneError,
    PackageTimeoutError,
    PixxelError,
    ResponseError,
    SinkError,
    StorageError,
    TransferError,
    TransportError,
)
from ..models import PackageStatus
from .api.package_calls import is_word_of_work
from .package_state import State
from .resilience.retry_rules import Failure, failure_of
from .storage.error_codes import StorageErrorMeaning, is_final, meaning_of


class ResumeAction(Enum):
    """What is done first."""

    CREATE = "ask for a package"
    CREATE_AGAIN = "ask for a package once more, since the answer may have been lost"
    POLL = "ask whether it is ready"
    LEAVE_FAILED = "leave it failed"
    GIVE_UP = "fail it, since its creation was sent too often without an answer"


_OUTSIDE = (
    AuthenticationError,
    ConfigError,
    CostLimitError,
    NotAZipError,
    PackageGoneError,
    PackageTimeoutError,
    ResponseError,
    SinkError,
    InternalError,
    TransferError,
    TransportError,
)


def is_retryable_next_run(error: PixxelError) -> bool:
    """Return whether the next run retries a package that failed with this error."""
    match error:
        case AuthenticationError() | NotAZipError():
            return True
        case ApiError():
            return failure_of(error) is not Failure.FINAL
        case StorageError(status=status, code=code):
            return not is_final(status, code)
        case IntegrityError():
            return False
    return isinstance(error, _OUTSIDE)


NOWHERE_LOOKS = 3
"""The number of polls in a row with an error about the package after which its id is given up."""

WORDLESS_LOOKS = 6
"""The same for polls without a URL, and without a packaging status, of a package that had one."""

ABOUT_PACKAGE = frozenset({400, 404, 409, 410, 412, 422})
"""Statuses that concern one package even where the service's own form is missing."""

_LOST_OBJECTS = frozenset(
    {
        StorageErrorMeaning.EXPIRED,
        StorageErrorMeaning.FORBIDDEN,
        StorageErrorMeaning.GONE,
        StorageErrorMeaning.FINAL,
    }
)


@dataclass(slots=True)
class KnownId:
    """Whether the id of an earlier run still leads to a package.

    Attributes:
        was_ready: Whether the package had a URL once.
        is_last_chance: Whether a new package is requested whatever keeps this one away.
        looks: Looks in a row that led nowhere.
    """

    was_ready: bool
    is_last_chance: bool = False
    looks: int = 0

    def failed(self, error: PixxelError) -> bool:
        """Count a status call that failed; return whether the id is stale."""
        if not isinstance(error, ApiError) or isinstance(error, AuthenticationError):
            return False
        if failure_of(error) is Failure.FINAL:
            return True
        self.looks += error.status in ABOUT_PACKAGE
        return self.looks >= NOWHERE_LOOKS

    def answered(self, status: PackageStatus, word: str) -> bool:
        """Count a status call that was answered; return whether the id is stale."""
        if status is PackageStatus.FAILED:
            return True
        if status is PackageStatus.READY or is_word_of_work(word) or not self.was_ready:
            self.looks = 0
            return False
        self.looks += 1
        return self.looks >= WORDLESS_LOOKS


def is_out_of_reach(error: PixxelError) -> bool:
    """Return whether a transfer failed because of its storage, so that another place may help."""
    return isinstance(error, TransferError) and not isinstance(error, OutOfDescriptorsError)


def is_lost(error: PixxelError) -> bool:
    """Return whether a transfer failed because of its package, so that a new one may help."""
    match error:
        case StorageError(status=status, code=code):
            return meaning_of(status, code) in _LOST_OBJECTS
        case AuthenticationError():
            return False
        case ApiError():
            return failure_of(error) is Failure.FINAL
    return isinstance(error, (IntegrityError, PackageFailedError))


def failures_for(
    given: PreviousFailures, *, are_all_failed: bool, takes_up_itself: bool
) -> PreviousFailures:
    """Return what is done with a package that failed earlier: LEAVE or RETRY.

    Args:
        given: What the caller wants.
        are_all_failed: Whether all packages that the caller gives failed earlier.
        takes_up_itself: Whether the package failed for a reason outside it. Then it is retried
            in any case, and the bounds of its earlier runs hold.
    """
    if given is not PreviousFailures.AUTO:
        return given
    is_wanted = are_all_failed and not takes_up_itself
    return PreviousFailures.RETRY if is_wanted else PreviousFailures.LEAVE


def first(  # noqa: PLR0913 - the facts, keyword-only
    *,
    state: State,
    takes_up_itself: bool,
    download_id: str | None,
    is_unanswered: bool,
    recreated: int,
    recreate: int,
    failures: PreviousFailures,
) -> ResumeAction:
    """Decide.

    Args:
        state: Where the package stands.
        takes_up_itself: Whether a failed package failed for a reason outside it.
        download_id: The id that an earlier run has noted, or None.
        is_unanswered: Whether a creation was sent and no answer was noted.
        recreated: How often it was sent again already.
        recreate: How often it may be.
        failures: What the caller wants done with failed packages.
    """
    if failures is PreviousFailures.RETRY:
        recreated = 0 if state is State.FAILED else recreated
    elif state is State.FAILED and not takes_up_itself:
        return ResumeAction.LEAVE_FAILED
    if download_id is not None:
        return ResumeAction.POLL
    if is_unanswered:
        return ResumeAction.CREATE_AGAIN if recreated < recreate else ResumeAction.GIVE_UP
    return ResumeAction.CREATE
