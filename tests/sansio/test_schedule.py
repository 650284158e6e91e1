"""When pending packages are due."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async import PollPolicy
from pixxel_async.sansio.polling.schedule import Pending, PollSchedule, interval

times = st.floats(0, 1e6)


@given(st.integers(0, 10_000), st.floats(0, 1), st.floats(1, 5), st.floats(0, 0.9))
def test_an_interval_lies_within_its_bounds(
    polls: int, jitter: float, factor: float, share: float
) -> None:
    policy = PollPolicy(initial_s=2, max_s=30, factor=factor, jitter=share)
    found = interval(policy, polls=polls, jitter=jitter)
    assert 2 * (1 - share) <= found <= 30 * (1 + share) * 1.0001


def test_intervals_grow_to_the_longest_and_stay_there() -> None:
    policy = PollPolicy(initial_s=2, max_s=30, factor=1.5, jitter=0)
    found = [interval(policy, polls=polls, jitter=0.5) for polls in range(10)]
    assert found[:3] == [2, 3, 4.5]
    assert found == sorted(found)
    assert found[-2:] == [30, 30]


def test_jitter_moves_an_interval_evenly_to_both_sides() -> None:
    policy = PollPolicy(initial_s=10, max_s=10, jitter=0.1)
    found = [interval(policy, polls=0, jitter=jitter) for jitter in (0, 0.5, 1)]
    assert found == pytest.approx([9, 10, 11])


@given(st.lists(times, min_size=1, max_size=60), times)
def test_packages_come_out_when_they_are_due_and_in_that_order(
    dues: list[float], now: float
) -> None:
    schedule: PollSchedule[int] = PollSchedule(PollPolicy())
    for number, due in enumerate(dues):
        schedule.put(Pending(item=number, since=0), due)
    assert len(schedule) == len(dues)
    assert schedule.next_due() == min(dues)
    taken = []
    while (pending := schedule.take(now)) is not None:
        assert pending.polls == 1
        taken.append(pending.item)
    expected = [number for number, due in enumerate(dues) if due <= now]
    assert taken == sorted(expected, key=lambda number: (dues[number], number))
    left = {pending.item for pending in schedule.drain()}
    assert left == set(range(len(dues))) - set(taken)
    assert schedule.next_due() is None
    assert len(schedule) == 0


@given(st.floats(0, 1000), st.floats(0, 1), st.integers(0, 50))
def test_the_last_poll_falls_on_the_waiting_limit(age_s: float, jitter: float, polls: int) -> None:
    schedule: PollSchedule[None] = PollSchedule(PollPolicy(wait_timeout_s=500))
    wait = schedule.wait(Pending(item=None, since=100, polls=polls), now=100 + age_s, jitter=jitter)
    assert wait >= 0
    assert age_s + wait <= max(500, age_s) + 1e-6


def test_an_interval_that_overflows_is_the_longest() -> None:
    policy = PollPolicy(initial_s=2, max_s=30, factor=5, jitter=0)
    assert interval(policy, polls=10_000, jitter=0.5) == 30


def test_the_wait_grows_with_the_polls_of_this_package() -> None:
    schedule: PollSchedule[None] = PollSchedule(PollPolicy(initial_s=2, factor=2, jitter=0))
    pending = Pending(item=None, since=0)
    waits = []
    for now in (0, 2, 6):
        wait = schedule.wait(pending, now=now, jitter=0.5)
        waits.append(wait)
        schedule.put(pending, now + wait)
        assert schedule.take(now + wait - 0.01) is None
        assert schedule.take(now + wait) is pending
    assert waits == [2, 4, 8]


def test_the_limit_counts_from_when_waiting_began() -> None:
    schedule: PollSchedule[None] = PollSchedule(
        PollPolicy(initial_s=10, jitter=0, wait_timeout_s=100)
    )
    pending = Pending(item=None, since=1000)
    found = [schedule.wait(pending, now=now, jitter=0.5) for now in (1050, 1090, 1095, 1100, 1200)]
    assert found == [10, 10, 5, 0, 0]
