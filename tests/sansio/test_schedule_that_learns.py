"""When packages are due that learn from each other."""

from __future__ import annotations

import itertools
import math
import random
from statistics import mean, median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixxel_async import PackageStatus, PollMethod, PollPolicy
from pixxel_async.sansio.polling.schedule import SPARE, PollSchedule

from .polled import poll_all

BACKOFF = PollPolicy(method=PollMethod.BACKOFF)
LEARNING = PollPolicy()


def lognormal(rng: random.Random, scale_s: float) -> float:
    return scale_s * math.exp(rng.gauss(0, 0.8))


def bimodal(rng: random.Random, scale_s: float) -> float:
    return scale_s * rng.choice((1 / 3, 3)) * rng.uniform(0.85, 1.15)


def exponential(rng: random.Random, scale_s: float) -> float:
    return rng.expovariate(1 / scale_s)


def constant(rng: random.Random, scale_s: float) -> float:
    return scale_s * rng.uniform(0.99, 1.01)


def ratios(took: list[float]) -> tuple[float, float]:
    """Return polls and mean delay of learning, as shares of those of backoff."""
    learning, backoff = poll_all(took, LEARNING), poll_all(took, BACKOFF)
    polls = learning.mean_polls / backoff.mean_polls
    return polls, learning.mean_delay_s / backoff.mean_delay_s


@pytest.mark.untraced
@pytest.mark.parametrize(
    ("draw", "most"),
    [(lognormal, 0.6), (bimodal, 0.4), (exponential, 0.7), (constant, 0.15)],
)
def test_packages_are_seen_sooner_and_with_no_more_polls(draw: object, most: float) -> None:
    found = []
    for seed in range(2):
        rng = random.Random(seed)  # noqa: S311 - no secret
        found.append(ratios([draw(rng, 60.0) for _ in range(500)]))  # type: ignore[operator]  # one of the four
    assert mean(polls for polls, _ in found) <= 1.02
    assert mean(delay for _, delay in found) <= most


@pytest.mark.untraced
@pytest.mark.parametrize("scale_s", [10.0, 60.0, 300.0])
@pytest.mark.parametrize("draw", [lognormal, bimodal, exponential])
def test_a_few_packages_are_seen_no_later(draw: object, scale_s: float) -> None:
    found = []
    for seed in range(25):
        rng = random.Random(seed)  # noqa: S311 - no secret
        found.append(ratios([draw(rng, scale_s) for _ in range(10)]))  # type: ignore[operator]  # one of the three
    assert mean(polls for polls, _ in found) <= 1.06
    assert mean(delay for _, delay in found) <= 1.05


def test_one_package_alone_is_polled_by_backoff() -> None:
    policy = PollPolicy(jitter=0)
    seen = poll_all([200], policy)
    expected = poll_all([200], BACKOFF.model_copy(update={"jitter": 0}))
    assert seen.polls[0] == pytest.approx(expected.polls[0], rel=0.06)


def test_those_that_are_created_later_skip_polls_that_bring_nothing() -> None:
    took = [50.0] * 300
    seen = poll_all(took, LEARNING, every_s=1)
    early = [len(polls) for polls in seen.polls[:40]]
    late = list(seen.polls[150:])
    assert mean(map(len, late)) < mean(early)
    assert median(polls[-1] for polls in late) < 52
    assert sum(1 for polls in late for age_s in polls if age_s < 15) < len(late) / 2


def test_packages_that_never_get_ready_are_polled_as_seldom_as_by_backoff() -> None:
    seen = poll_all([math.inf] * 30, LEARNING, until_s=1000)
    backoff = poll_all([math.inf] * 30, BACKOFF, until_s=1000)
    assert seen.mean_polls <= backoff.mean_polls * 1.05
    gaps = [b - a for ages in seen.polls for a, b in itertools.pairwise(ages)]
    assert max(gaps) <= 30 * 1.001


@pytest.mark.untraced
def test_a_wait_beyond_all_that_was_seen_falls_back_to_backoff() -> None:
    seen = poll_all([*[20.0] * 200, 2000.0], LEARNING)
    last = [age for age in seen.polls[-1] if age > 200]
    gaps = [b - a for a, b in itertools.pairwise(last)]
    assert all(20 <= gap <= 30.001 for gap in gaps)


def test_news_reach_those_that_wait() -> None:
    schedule: PollSchedule[int] = PollSchedule(PollPolicy(jitter=0))
    for number in range(100):
        new = schedule.begin(number, since=0, now=0, kind="job")
        schedule.put(new, schedule.wait(new, now=0, jitter=0.5))
    now = 0.0
    while (due := schedule.next_due()) is not None and due < 20:
        now = due
        if (pending := schedule.take(now)) is not None:
            schedule.saw(pending, PackageStatus.PENDING, now=now)
            schedule.put(pending, now + schedule.wait(pending, now=now, jitter=0.5))
    before = schedule.next_due()
    assert before is not None
    seen = 0
    while (due := schedule.next_due()) is not None and due < before + 2:
        if (pending := schedule.take(due)) is not None:
            seen += 1
            schedule.saw(pending, PackageStatus.READY, now=due)
    assert seen > 60


def waiting(count: int, policy: PollPolicy = LEARNING) -> PollSchedule[int]:
    schedule: PollSchedule[int] = PollSchedule(policy)
    for number in range(count):
        new = schedule.begin(number, since=0, now=0, kind="job")
        schedule.put(new, schedule.wait(new, now=0, jitter=0.5))
    return schedule


def test_kinds_learn_apart() -> None:
    schedule = waiting(1)
    catalog = schedule.begin(2, since=0, now=0, kind="catalog")
    before = schedule.wait(catalog, now=0, jitter=0.5)
    learner = schedule._kinds["job"].learner
    for _ in range(50):
        learner.join()
        learner.ready(0, 0.5, backoff=1)
    assert schedule.wait(catalog, now=0, jitter=0.5) == before
    job = schedule.begin(3, since=0, now=0, kind="job")
    assert schedule.wait(job, now=0, jitter=0.5) < before


def test_what_is_drained_comes_once_and_what_follows_is_due_when_it_was_said() -> None:
    schedule = waiting(50)
    taken = schedule.take(1000)
    assert taken is not None
    drained = {pending.item for pending in schedule.drain()}
    assert drained == set(range(50)) - {taken.item}
    assert len(schedule) == 0
    assert schedule.next_due() is None
    schedule.saw(taken, PackageStatus.PENDING, now=1000)
    schedule.put(taken, 1000)
    assert schedule.take(1000) is taken


def test_news_bring_back_nothing_that_is_drained() -> None:
    schedule = waiting(60)
    taken = [pending for _ in range(40) if (pending := schedule.take(1000)) is not None]
    assert schedule.drain()
    for number, pending in enumerate(taken):
        schedule.saw(pending, PackageStatus.READY, now=0.5 + number / 100)
    assert schedule.next_due() is None


def test_by_backoff_nothing_is_learned() -> None:
    schedule: PollSchedule[int] = PollSchedule(BACKOFF)
    pending = schedule.begin(1, since=0, now=0, kind="job")
    assert pending.kind is None
    schedule.saw(pending, PackageStatus.READY, now=5)
    assert schedule.wait(pending, now=0, jitter=0.5) == 2


def test_a_package_that_failed_is_not_reckoned_with() -> None:
    schedule = waiting(2)
    taken = schedule.take(100)
    assert taken is not None
    schedule.saw(taken, PackageStatus.FAILED, now=100)
    schedule.saw(taken, PackageStatus.FAILED, now=100)
    assert len(schedule) == 1
    assert taken.kind is None


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.floats(0, 300), st.booleans()), min_size=1, max_size=60),
    st.floats(1, 100),
)
def test_the_last_poll_falls_on_the_waiting_limit(
    plan: list[tuple[float, bool]], limit_s: float
) -> None:
    policy = PollPolicy(wait_timeout_s=limit_s)
    took = [took_s if is_ready else math.inf for took_s, is_ready in plan]
    schedule: PollSchedule[int] = PollSchedule(policy)
    last: dict[int, float] = {}
    for number in range(len(took)):
        new = schedule.begin(number, since=0, now=0, kind="job")
        schedule.put(new, schedule.wait(new, now=0, jitter=0.5))
    while (due := schedule.next_due()) is not None:
        assert due <= limit_s * (1 + 1e-9)
        pending = schedule.take(due)
        if pending is None:
            continue
        last[pending.item] = due
        if due >= took[pending.item]:
            schedule.saw(pending, PackageStatus.READY, now=due)
        elif due >= limit_s:
            schedule.saw(pending, PackageStatus.FAILED, now=due)
        else:
            schedule.saw(pending, PackageStatus.PENDING, now=due)
            schedule.put(pending, due + schedule.wait(pending, now=due, jitter=0.5))
    for number, took_s in enumerate(took):
        assert last[number] == pytest.approx(limit_s) or last[number] >= took_s


@pytest.mark.untraced
def test_the_heap_does_not_grow_with_the_news() -> None:
    schedule = waiting(500)
    most = 0
    took = [random.Random(n).expovariate(1 / 60) for n in range(500)]  # noqa: S311 - no secret
    while (due := schedule.next_due()) is not None:
        pending = schedule.take(due)
        if pending is None:
            continue
        if due >= took[pending.item]:
            schedule.saw(pending, PackageStatus.READY, now=due)
        else:
            schedule.saw(pending, PackageStatus.PENDING, now=due)
            schedule.put(pending, due + schedule.wait(pending, now=due, jitter=0.5))
        most = max(most, len(schedule._heap) - 2 * len(schedule))
    assert most <= SPARE + 8


def test_time_in_the_queue_earns_no_polls() -> None:
    prompt, late = waiting(1), waiting(1)
    for schedule, now in ((prompt, None), (late, 500.0)):
        due = schedule.next_due()
        assert due is not None
        pending = schedule.take(now or due)
        assert pending is not None
        schedule.saw(pending, PackageStatus.PENDING, now=now or due)
    earned = [schedule._kinds["job"].learner.credit for schedule in (prompt, late)]
    assert earned[0] == earned[1]
