"""Simulates polling on a virtual clock, through the schedule that exports use.

Nothing sleeps and nothing is sent: a package becomes ready at a random time, and polls get an
immediate response.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pixxel_async import PackageStatus, PollPolicy
from pixxel_async.sansio.polling.earlier_exports import Observation, merged
from pixxel_async.sansio.polling.schedule import Findings, PollSchedule

KIND = "job"
WARM_SEED = 10_000
"""Earlier exports draw other times."""

Draw = Callable[[random.Random, float], float]


def lognormal(rng: random.Random, scale_s: float) -> float:
    """Draw with a median of `scale_s` and a sigma of 0.8."""
    return scale_s * math.exp(rng.gauss(0, 0.8))


def bimodal(rng: random.Random, scale_s: float) -> float:
    """Draw around a third of `scale_s` or around three times of it, each with a spread of 10 %."""
    return scale_s * rng.choice((1 / 3, 3)) * max(0.1, rng.gauss(1, 0.1))


def exponential(rng: random.Random, scale_s: float) -> float:
    """Draw with a mean of `scale_s`."""
    return rng.expovariate(1 / scale_s)


def constant(rng: random.Random, scale_s: float) -> float:
    """Draw `scale_s` ± 1 %."""
    return scale_s * rng.uniform(0.99, 1.01)


SHAPES: dict[str, Draw] = {
    "lognormal": lognormal,
    "bimodal": bimodal,
    "exponential": exponential,
    "constant": constant,
}


def times(shape: str, scale_s: float, count: int, seed: int) -> list[float]:
    """Return the packaging time of each package, in seconds."""
    rng = random.Random(f"{shape} {seed}")  # noqa: S311 - no secret
    return [SHAPES[shape](rng, scale_s) for _ in range(count)]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a simulation.

    Attributes:
        polls: Polls per package.
        delays: The seconds between ready and seen, of each package, sorted.
        findings: What the export observed; empty for backoff.
    """

    polls: float
    delays: list[float]
    findings: dict[str, Findings]

    @property
    def mean_s(self) -> float:
        """The mean delay."""
        return math.fsum(self.delays) / len(self.delays)

    @property
    def late_s(self) -> float:
        """The 99th percentile of the delay."""
        return self.delays[math.ceil(0.99 * len(self.delays)) - 1]


def simulate(
    took: Sequence[float],
    policy: PollPolicy,
    *,
    seed: int = 0,
    rate: float = math.inf,
    known: Sequence[Observation] = (),
) -> Outcome:
    """Create packages and poll them until each is seen ready.

    Args:
        took: The packaging time of each, in seconds.
        policy: The polling policy.
        seed: Of the jitter.
        rate: Creations and polls per second; they alternate while both are due.
        known: What earlier exports observed.
    """
    rng = random.Random(seed)  # noqa: S311 - no secret
    schedule: PollSchedule[int] = PollSchedule(policy)
    schedule.recall({KIND: known})
    delays = []
    created = polls = 0
    now = 0.0
    while created < len(took) or len(schedule):
        due = schedule.next_due()
        is_create = created < len(took) and (due is None or due > now or polls > created)
        if is_create:
            pending = schedule.begin(created, since=now, now=now, kind=KIND)
            schedule.put(pending, now + schedule.wait(pending, now=now, jitter=rng.random()))
            created += 1
            now += 1 / rate
            continue
        now = max(now, due or 0.0)
        taken = schedule.take(now)
        if taken is None:
            continue
        polls += 1
        ready_at = taken.since + took[taken.item]
        if now >= ready_at:
            delays.append(now - ready_at)
            schedule.saw(taken, PackageStatus.READY, now=now)
        else:
            schedule.saw(taken, PackageStatus.PENDING, now=now)
            schedule.put(taken, now + schedule.wait(taken, now=now, jitter=rng.random()))
        now += 1 / rate
    return Outcome(polls / len(took), sorted(delays), schedule.findings())


def learned(
    shape: str,
    scale_s: float,
    counts: Sequence[int],
    *,
    seed: int,
    known: Sequence[Observation] = (),
) -> list[Observation]:
    """Return what is kept after exports of that many packages, one after another."""
    for number, count in enumerate(counts):
        took = times(shape, scale_s, count, WARM_SEED + 100 * seed + number)
        findings = simulate(took, PollPolicy(), seed=number, known=known).findings[KIND]
        known = merged(known, findings.earlier_weight, findings.new)
    return list(known)
