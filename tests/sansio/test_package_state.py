"""The states of a package."""

from __future__ import annotations

import itertools
import typing

import pytest

from pixxel_async import events
from pixxel_async.sansio.package_state import (
    TRANSITIONS,
    ImpossibleTransitionError,
    State,
    advance,
)

FACTS = typing.get_args(events.PackageEvent)
FINAL = {State.SAVED, State.SKIPPED, State.FAILED}


def test_every_fact_about_a_package_is_in_the_table() -> None:
    assert set(TRANSITIONS) == set(FACTS)


@pytest.mark.parametrize(
    ("state", "fact"), list(itertools.product(State, FACTS)), ids=lambda part: str(part)[-20:]
)
def test_what_the_table_does_not_hold_cannot_happen(
    state: State, fact: type[events.PackageEvent]
) -> None:
    if state in TRANSITIONS[fact]:
        assert advance(state, fact) is TRANSITIONS[fact][state]
        assert state not in FINAL
    else:
        with pytest.raises(ImpossibleTransitionError, match=fact.__name__):
            advance(state, fact)


def test_every_state_can_be_reached_and_every_unfinished_one_left() -> None:
    reached, edge = {State.QUEUED}, [State.QUEUED]
    while edge:
        state = edge.pop()
        for moves in TRANSITIONS.values():
            after = moves.get(state)
            if after is not None and after not in reached:
                reached.add(after)
                edge.append(after)
    assert reached == set(State)
    for state in set(State) - FINAL:
        assert TRANSITIONS[events.Failed][state] is State.FAILED


@pytest.mark.parametrize(
    ("timeline", "end"),
    [
        (["Requested", "Ready", "FetchStarted", "FetchProgress", "Saved"], State.SAVED),
        (["Requested", "Polled", "Polled", "Ready", "FetchStarted", "Saved"], State.SAVED),
        (["Recreated", "Requested", "Recreated", "Requested", "Ready"], State.READY),
        (["Requested", "Ready", "FetchStarted", "UrlRefreshed", "Saved"], State.SAVED),
        (["Requested", "Ready", "FetchStarted", "FetchInterrupted", "Failed"], State.FAILED),
        (["Requested", "Ready", "FetchStarted", "Polled", "Ready", "FetchStarted"], State.FETCHING),
        (["Retried", "Requested", "Retried", "Ready", "Retried"], State.READY),
        (["Skipped"], State.SKIPPED),
        (["Failed"], State.FAILED),
        (["Requested", "Ready", "Failed"], State.FAILED),
    ],
    ids=lambda part: "-".join(part) if isinstance(part, list) else str(part),
)
def test_stories_end_as_told(timeline: list[str], end: State) -> None:
    state = State.QUEUED
    for name in timeline:
        state = advance(state, getattr(events, name))
    assert state is end


@pytest.mark.parametrize(
    ("timeline", "impossible"),
    [
        ([], "Ready"),
        ([], "Saved"),
        ([], "Polled"),
        (["Requested"], "Skipped"),
        (["Requested"], "FetchStarted"),
        (["Requested", "Ready"], "Saved"),
        (["Requested", "Ready"], "Requested"),
        (["Requested", "Ready"], "Skipped"),
        (["Requested", "Ready", "FetchStarted"], "Requested"),
        (["Requested", "Ready", "FetchStarted", "Saved"], "Failed"),
        (["Requested", "Ready", "FetchStarted", "Saved"], "Saved"),
        (["Skipped"], "Requested"),
        (["Failed"], "Retried"),
    ],
    ids=lambda part: "-".join(part) if isinstance(part, list) else part,
)
def test_stories_that_nobody_can_tell_are_refused(timeline: list[str], impossible: str) -> None:
    state = State.QUEUED
    for name in timeline:
        state = advance(state, getattr(events, name))
    with pytest.raises(ImpossibleTransitionError):
        advance(state, getattr(events, impossible))
