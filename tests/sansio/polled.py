"""Packages that are polled on a virtual clock, through the schedule."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from pixxel_async import PackageStatus, PollPolicy
from pixxel_async.sansio.polling.schedule import PollSchedule


@dataclass
class Seen:
    """What came of it.

    Attributes:
        polls: The ages at which each package was polled.
        delays: The seconds between ready and seen.
    """

    polls: list[list[float]]
    delays: list[float] = field(default_factory=list)

    @property
    def mean_polls(self) -> float:
        return sum(map(len, self.polls)) / len(self.polls)

    @property
    def mean_delay_s(self) -> float:
        return sum(self.delays) / len(self.delays)


def poll_all(
    took: list[float], policy: PollPolicy, *, every_s: float = 0.0, until_s: float = 1e9
) -> Seen:
    """Create packages one after another, and poll them until all were seen ready.

    Args:
        took: How long the packaging of each takes, in seconds.
        policy: When they are polled.
        every_s: Between creations.
        until_s: When to stop looking.
    """
    rng = random.Random(5)  # noqa: S311 - no secret
    schedule: PollSchedule[int] = PollSchedule(policy)
    seen = Seen([[] for _ in took])
    created = 0
    while created < len(took) or len(schedule):
        due = schedule.next_due()
        birth = created * every_s
        if created < len(took) and (due is None or birth <= due):
            new = schedule.begin(created, since=birth, now=birth, kind="job")
            schedule.put(new, birth + schedule.wait(new, now=birth, jitter=rng.random()))
            created += 1
            continue
        assert due is not None
        if due > until_s:
            break
        pending = schedule.take(due)
        if pending is None:
            continue
        age_s = due - pending.since
        seen.polls[pending.item].append(age_s)
        if age_s >= took[pending.item]:
            seen.delays.append(age_s - took[pending.item])
            schedule.saw(pending, PackageStatus.READY, now=due)
        else:
            schedule.saw(pending, PackageStatus.PENDING, now=due)
            schedule.put(pending, due + schedule.wait(pending, now=due, jitter=rng.random()))
    return seen
