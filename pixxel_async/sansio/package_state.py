"""The states of a package in an export, as a table.

Rules:
    * A fact moves a package from one state to another; what the table does not hold cannot
      happen, and is a bug.
    * SAVED, SKIPPED and FAILED are final; each package ends in exactly one of them.
    * A package may be requested twice: if the id of an earlier run is stale, which may show
      as late as in its transfer.
    * A package goes back from FETCHING to PENDING if the service, asked for a fresh URL, says
      that the package is not ready any more.
"""

from __future__ import annotations

from enum import StrEnum

from .. import events


class State(StrEnum):
    """Where a package stands."""

    QUEUED = "queued"
    REQUESTED = "requested"
    READY = "ready"
    FETCHING = "fetching"
    SAVED = "saved"
    SKIPPED = "skipped"
    FAILED = "failed"


TRANSITIONS: dict[type[events.PackageEvent], dict[State, State]] = {
    events.RowDamaged: {State.QUEUED: State.QUEUED},
    events.Requested: {State.QUEUED: State.REQUESTED, State.REQUESTED: State.REQUESTED},
    events.Recreated: {
        State.QUEUED: State.QUEUED,
        State.REQUESTED: State.REQUESTED,
        State.READY: State.REQUESTED,
        State.FETCHING: State.REQUESTED,
    },
    events.Retried: {
        State.QUEUED: State.QUEUED,
        State.REQUESTED: State.REQUESTED,
        State.READY: State.READY,
        State.FETCHING: State.FETCHING,
    },
    events.RetryThrottled: {
        State.QUEUED: State.QUEUED,
        State.REQUESTED: State.REQUESTED,
        State.READY: State.READY,
        State.FETCHING: State.FETCHING,
    },
    events.Polled: {State.REQUESTED: State.REQUESTED, State.FETCHING: State.REQUESTED},
    events.Ready: {State.REQUESTED: State.READY},
    events.FetchStarted: {State.READY: State.FETCHING},
    events.FetchProgress: {State.FETCHING: State.FETCHING},
    events.FetchInterrupted: {State.FETCHING: State.FETCHING},
    events.UrlRefreshed: {State.FETCHING: State.FETCHING},
    events.Saved: {State.FETCHING: State.SAVED},
    events.Skipped: {State.QUEUED: State.SKIPPED},
    events.Failed: {
        State.QUEUED: State.FAILED,
        State.REQUESTED: State.FAILED,
        State.READY: State.FAILED,
        State.FETCHING: State.FAILED,
    },
}


class ImpossibleTransitionError(AssertionError):
    """The engine told a story that the table does not hold: a bug, not a fault outside."""


def advance(state: State, fact: type[events.PackageEvent]) -> State:
    """Return the state after a fact.

    Raises:
        ImpossibleTransitionError: The fact cannot happen in this state.
    """
    try:
        return TRANSITIONS[fact][state]
    except KeyError:
        message = f"{fact.__name__} cannot happen to a package that is {state}"
        raise ImpossibleTransitionError(message) from None
