"""What to do first with a package, from what an earlier run has left of it.

Rules:
    * A package that failed for a reason of its own (the service refused it, packaging failed, its
      bytes were wrong) stays failed, until its caller asks for failed ones.
    * One that failed for a reason outside it (the key, the network, the disk, the waiting limit, a
      bug of this library) is taken up again by itself.
    * A known id is asked about; nothing is created twice for it.
    * A creation that was sent, and whose answer was not noted, may have made a package. It is sent
      again a bounded number of times, over all runs together.
"""

from __future__ import annotations

from enum import Enum

from ..config import EarlierFailures
from ..errors import (
    AuthenticationError,
    ConnectionBrokenError,
    InternalError,
    PackageTimeoutError,
    PixxelError,
    RateLimitedError,
    ServerError,
    SinkError,
    StalledError,
    StorageError,
    StorageHostError,
    TransportError,
)
from .backoff import Failure, failure_of_status
from .lifecycle import State


class First(Enum):
    """What is done first."""

    CREATE = "ask for a package"
    CREATE_AGAIN = "ask for a package once more, since the answer may have been lost"
    POLL = "ask whether it is ready"
    LEAVE_FAILED = "leave it failed"
    GIVE_UP = "fail it, since its creation was sent too often without an answer"


_OUTSIDE = (
    AuthenticationError,
    RateLimitedError,
    ServerError,
    TransportError,
    PackageTimeoutError,
    SinkError,
    StalledError,
    ConnectionBrokenError,
    StorageHostError,
    InternalError,
)


def goes_on(error: PixxelError) -> bool:
    """Tell whether the next run takes up a package that failed with this by itself."""
    if isinstance(error, StorageError):
        return failure_of_status(error.status) is not Failure.FINAL
    return isinstance(error, _OUTSIDE)


def first(  # noqa: PLR0913 - the facts, keyword-only
    *,
    state: State,
    takes_up_itself: bool,
    download_id: str | None,
    is_unanswered: bool,
    recreated: int,
    recreate: int,
    failures: EarlierFailures,
) -> First:
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
    if failures is EarlierFailures.RETRY:
        recreated = 0 if state is State.FAILED else recreated
    elif state is State.FAILED and not takes_up_itself:
        return First.LEAVE_FAILED
    if download_id is not None:
        return First.POLL
    if is_unanswered:
        return First.CREATE_AGAIN if recreated < recreate else First.GIVE_UP
    return First.CREATE
