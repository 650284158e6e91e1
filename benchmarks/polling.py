"""The delay and the number of polls of each policy, on a virtual clock.

Learning, exponential backoff (2 s, growing by half up to 30 s) and a fixed interval of 5 s poll
packages that are all created at once, without a rate limit. Two are compared at equal polls: a
sweep of the budget gives the frontier of learning, and its delay is interpolated where it makes
as many polls as backoff. Less delay with fewer polls counts too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import mean
from typing import Any

from pixxel_async import PollMethod, PollPolicy
from pixxel_async.sansio.polling.earlier_exports import Observation

from .optimum import least_delay_s
from .results import save
from .simulation import SHAPES, Outcome, learned, simulate, times

SCALE_S = 60.0
SCALES_S = (10.0, 60.0, 180.0, 600.0)
PACKAGES = 500
MANY = 100_000
COUNTS = (10, 50, 500)
ROUNDS = 5
BUDGETS = (0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0, 3.0)
STRETCHES = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
INTERVALS_S = (2.5, 5.0, 7.5, 10.0, 15.0, 20.0)
RATE = 20.0
FEW = 10
EARLIER = {
    "none": (),
    "one of 10": (FEW,),
    "5 of 10": (FEW,) * 5,
    "20 of 10": (FEW,) * 20,
    "one of 500": (PACKAGES,),
}
CHANGE = "20 of 10"
CHANGED_S = (20.0, 180.0)
WARM_STARTS = 10
WARM_ROUNDS = 200
WARM_BUDGETS = (0.85, 1.0, 1.2)

LEARNING = PollPolicy()
BACKOFF = PollPolicy(method=PollMethod.BACKOFF)


def fixed(interval_s: float) -> PollPolicy:
    """Return the policy of a fixed interval."""
    return PollPolicy(method=PollMethod.BACKOFF, initial_s=interval_s, max_s=interval_s, factor=1)


POLICIES = {"learning": LEARNING, "backoff": BACKOFF, "fixed 5 s": fixed(5.0)}
Point = tuple[float, float]


def lines() -> Iterator[str]:
    """Simulate, and yield the tables."""
    kept: dict[str, Any] = {"scale_s": SCALE_S, "rounds": ROUNDS}
    yield f"scale {SCALE_S:g} s, {ROUNDS} rounds of {PACKAGES} packages, one of {MANY}"
    yield "               packages  policy     polls/package  mean delay  99th percentile"
    kept["policies"] = {}
    for shape in SHAPES:
        for count in (PACKAGES, MANY):
            rounds = ROUNDS if count == PACKAGES else 1
            for name, policy in POLICIES.items():
                found = summary(shape, SCALE_S, count, policy, rounds=rounds)
                kept["policies"][f"{shape}, {count}, {name}"] = found
                yield (
                    f"  {shape:12} {count:>8}  {name:10} {found['polls']:12.2f}"
                    f" {found['mean_s']:9.2f} s {found['late_s']:13.2f} s"
                )
    yield ""
    yield f"mean delay at equal polls ÷ that of backoff, {PACKAGES} packages"
    kept["frontiers"], kept["ratios"] = {}, {}
    for shape in SHAPES:
        frontiers = frontiers_of(shape)
        kept["frontiers"][shape] = frontiers
        kept["ratios"][shape] = found = compared(shape, frontiers)
        yield (
            f"  {shape:12} learning {found['learning']:5.2f}   the distribution known beforehand"
            f" {found['known']:5.2f}"
        )
    yield ""
    yield from around(kept)
    yield ""
    yield from warm(kept)
    yield ""
    yield from changed(kept)
    save("polling", kept)


def around(kept: dict[str, Any]) -> Iterator[str]:
    """Yield the results at other scales, with fewer packages, and under the rate limit."""
    yield "learning ÷ backoff, budget of 1: polls / mean delay"
    kept["around"] = {}
    for label, scale_s, count, rate in (
        *((f"{PACKAGES} packages, {scale:g} s", scale, PACKAGES, math.inf) for scale in SCALES_S),
        *((f"{count} packages", SCALE_S, count, math.inf) for count in COUNTS),
        (f"{PACKAGES} packages, {RATE:g} calls a second", SCALE_S, PACKAGES, RATE),
    ):
        parts = []
        for shape in SHAPES:
            rounds = ROUNDS * max(1, PACKAGES // count // 2)
            found, plain = (
                summary(shape, scale_s, count, policy, rounds=rounds, rate=rate)
                for policy in (LEARNING, BACKOFF)
            )
            ratio = (found["polls"] / plain["polls"], found["mean_s"] / plain["mean_s"])
            kept["around"][f"{label}, {shape}"] = ratio
            parts.append(f"{shape} {ratio[0]:.2f} / {ratio[1]:.2f}")
        yield f"  {label:34} {'   '.join(parts)}"


def warm(kept: dict[str, Any]) -> Iterator[str]:
    """Yield what a few packages gain from earlier exports."""
    yield f"{FEW} packages after earlier exports, learning ÷ backoff"
    yield "  earlier: polls / mean delay / mean delay at equal polls"
    kept["warm"] = {}
    for label, counts in EARLIER.items():
        parts = []
        for shape in SHAPES:
            known = [learned(shape, SCALE_S, counts, seed=seed) for seed in range(WARM_STARTS)]
            backoff = summary(shape, SCALE_S, FEW, BACKOFF, rounds=WARM_ROUNDS)
            points = [
                (found["polls"] / backoff["polls"], found["mean_s"] / backoff["mean_s"])
                for budget in WARM_BUDGETS
                for found in [
                    summary(
                        shape,
                        SCALE_S,
                        FEW,
                        PollPolicy(budget=budget),
                        rounds=WARM_ROUNDS,
                        known=known,
                    )
                ]
            ]
            polls, delay = points[WARM_BUDGETS.index(1.0)]
            found = (polls, delay, at_polls(points, 1.0))
            kept["warm"][f"{label}, {shape}"] = found
            parts.append(f"{shape} {found[0]:.2f} / {found[1]:.2f} / {found[2]:.2f}")
        yield f"  {label:18} {'   '.join(parts)}"


def changed(kept: dict[str, Any]) -> Iterator[str]:
    """Yield what earlier exports cost if packaging takes another time than before."""
    yield f"{FEW} packages after {CHANGE} of another scale, learning ÷ backoff: polls / mean delay"
    kept["changed"] = {}
    for scale_s in CHANGED_S:
        for label, counts in (("at once", ()), ("the export after", (FEW,))):
            parts = []
            for shape in SHAPES:
                known = [
                    learned(
                        shape,
                        scale_s,
                        counts,
                        seed=seed + WARM_STARTS,
                        known=learned(shape, SCALE_S, EARLIER[CHANGE], seed=seed),
                    )
                    for seed in range(WARM_STARTS)
                ]
                found, plain = (
                    summary(shape, scale_s, FEW, policy, rounds=WARM_ROUNDS, known=known)
                    for policy in (LEARNING, BACKOFF)
                )
                ratio = (found["polls"] / plain["polls"], found["mean_s"] / plain["mean_s"])
                kept["changed"][f"{scale_s:g} s, {label}, {shape}"] = ratio
                parts.append(f"{shape} {ratio[0]:.2f} / {ratio[1]:.2f}")
            yield f"  {scale_s:>4g} s, {label:17} {'   '.join(parts)}"


def summary(  # noqa: PLR0913 - what is simulated
    shape: str,
    scale_s: float,
    count: int,
    policy: PollPolicy,
    *,
    rounds: int = ROUNDS,
    rate: float = math.inf,
    known: Sequence[Sequence[Observation]] = ((),),
) -> dict[str, float]:
    """Return the means of several rounds; they start from the `known` observations in turn."""
    found: list[Outcome] = [
        simulate(
            times(shape, scale_s, count, seed),
            policy,
            seed=seed,
            rate=rate,
            known=known[seed % len(known)],
        )
        for seed in range(rounds)
    ]
    return {
        "polls": mean(outcome.polls for outcome in found),
        "mean_s": mean(outcome.mean_s for outcome in found),
        "late_s": mean(outcome.late_s for outcome in found),
    }


def frontiers_of(shape: str) -> dict[str, list[Point]]:
    """Return polls per package and mean delay of each policy over a range of its parameter."""
    ranges = {
        "learning": [PollPolicy(budget=budget) for budget in BUDGETS],
        "backoff": [
            PollPolicy(method=PollMethod.BACKOFF, initial_s=2 * stretch, max_s=30 * stretch)
            for stretch in STRETCHES
        ],
        "fixed": [fixed(interval_s) for interval_s in INTERVALS_S],
    }
    return {
        name: [
            (found["polls"], found["mean_s"])
            for policy in policies
            for found in [summary(shape, SCALE_S, PACKAGES, policy)]
        ]
        for name, policies in ranges.items()
    }


def compared(shape: str, frontiers: dict[str, list[Point]]) -> dict[str, float]:
    """Return the delays at the number of polls of backoff, as shares of its delay."""
    polls, delay_s = frontiers["backoff"][STRETCHES.index(1.0)]
    took = [took_s for seed in range(40) for took_s in times(shape, SCALE_S, PACKAGES, seed)]
    known_s = least_delay_s(took, polls, BACKOFF.max_s)
    return {
        "learning": at_polls(frontiers["learning"], polls) / delay_s,
        "known": known_s / delay_s,
    }


def at_polls(points: Sequence[Point], polls: float) -> float:
    """Return the least delay at `polls` or fewer, interpolated between the points of a sweep."""
    ordered = sorted(points)
    delays = [delay_s for made, delay_s in ordered if made <= polls]
    for (less, before_s), (more, after_s) in pairwise(ordered):
        if less <= polls < more:
            delays.append(before_s + (after_s - before_s) * (polls - less) / (more - less))
    return min(delays)
