"""How often the estimate of the time left holds, over simulated exports.

Packages are created at the rate limit, polled by the schedule that exports use, and transferred
over one link in the order in which they are seen. Each time a certain share of the packages has
been seen ready, the estimate is compared with the truth. (At a share of the true duration it could
not be calibrated: the truth would have chosen the moment.)
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev
from typing import Any

from pixxel_async import PackageStatus, PollPolicy
from pixxel_async.sansio.polling.earlier_exports import Observation
from pixxel_async.sansio.polling.schedule import PollSchedule
from pixxel_async.sansio.polling.time_left import Estimate, Link, Wait, creations, time_left

from .results import save
from .simulation import KIND, SHAPES, learned, times

SCALE_S = 60.0
RATE = 20.0
MEAN_BYTES = 100e6
SIZE_SIGMA = 0.5
SPEED_SIGMA = 0.2
"""By how much the throughput varies from package to package."""
SPREAD = 0.15
"""The uncertainty of the throughput, as exports take it."""
MOMENTS = (0.3, 0.5, 0.7, 0.9)
"""Shares of the packages that have been seen ready."""
COUNTS = {10: 100, 100: 40, 1000: 4}
"""Rounds of each number of packages."""
LINKS = {"fast": 1e9, "slow": 20e6}
"""Bytes per second: packages are waited for, or the link is."""
EARLIER = {"cold": (), "warm": (10,) * 20}


@dataclass(slots=True)
class Transfers:
    """One link that transfers packages in the order in which they are seen.

    Attributes:
        ends: When each transfer ends.
        sizes: The size of each, in bytes.
        took: How long each took, in seconds.
    """

    ends: list[float]
    sizes: list[float]
    took: list[float]

    def add(self, seen: float, size: float, bytes_per_s: float) -> None:
        """Transfer a package as soon as the link is free."""
        begin = max(seen, self.ends[-1] if self.ends else 0.0)
        self.ends.append(begin + size / bytes_per_s)
        self.sizes.append(size)
        self.took.append(size / bytes_per_s)

    def link(self, now: float) -> Link:
        """Return what is left to transfer, and what has been seen of the link."""
        ended = sum(1 for end in self.ends if end <= now)
        left, known = 0.0, ended
        if ended < len(self.ends):
            left_s = min(self.ends[ended] - now, self.took[ended])
            left = self.sizes[ended] * left_s / self.took[ended]
            known += left_s < self.took[ended]
        sizes = self.sizes[:known]
        return Link(
            ready=len(self.ends) - known,
            bytes=int(left) if known > ended else 0,
            sizes=known,
            mean_bytes=fmean(sizes) if sizes else 0.0,
            deviation_bytes=pstdev(sizes) if sizes else 0.0,
            bytes_per_s=sum(self.sizes[:ended]) / sum(self.took[:ended]) if ended else 0.0,
            spread=SPREAD,
        )


Snapshot = tuple[float, Estimate | None]


def export(
    took: Sequence[float], *, seed: int, bytes_per_s: float, known: Sequence[Observation]
) -> tuple[list[Snapshot], float]:
    """Simulate an export, and return the estimates at `MOMENTS` and when it ended."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    schedule: PollSchedule[int] = PollSchedule(PollPolicy())
    schedule.recall({KIND: known})
    transfers = Transfers([], [], [])
    snapshots: list[Snapshot] = []
    moments = [math.ceil(share * len(took)) for share in MOMENTS]
    created, now = 0, 0.0
    while created < len(took) or len(schedule):
        due = schedule.next_due()
        if created == len(took):
            now = max(now, due or 0.0)
        if created < len(took) and (due is None or due > now or created % 2):
            pending = schedule.begin(created, since=now, now=now, kind=KIND)
            schedule.put(pending, now + schedule.wait(pending, now=now, jitter=rng.random()))
            created += 1
        elif (taken := schedule.take(now)) is not None:
            if now >= taken.since + took[taken.item]:
                schedule.saw(taken, PackageStatus.READY, now=now)
                size = MEAN_BYTES * math.exp(rng.gauss(0, SIZE_SIGMA))
                transfers.add(now, size, bytes_per_s * math.exp(rng.gauss(0, SPEED_SIGMA)))
                while moments and len(transfers.ends) >= moments[0]:
                    moments.pop(0)
                    waits = [*schedule.waits(now), *to_create(len(took) - created, schedule)]
                    snapshots.append((now, time_left(waits, transfers.link(now))))
            else:
                schedule.saw(taken, PackageStatus.PENDING, now=now)
                schedule.put(taken, now + schedule.wait(taken, now=now, jitter=rng.random()))
        now += 1 / RATE
    return snapshots, transfers.ends[-1]


def to_create(count: int, schedule: PollSchedule[int]) -> list[Wait]:
    """Return the packages that are not created yet."""
    return creations(count, RATE, schedule.usual_curve())


def lines(counts: dict[int, int] | None = None) -> Iterator[str]:
    """Simulate, and yield how often the truth lies below the median and below the bound."""
    kept: dict[str, Any] = {}
    yield "share of estimates that the truth does not exceed: median / bound (median ÷ truth)"
    for name, earlier in EARLIER.items():
        known = {
            shape: [learned(shape, SCALE_S, earlier, seed=seed) for seed in range(4)]
            for shape in SHAPES
        }
        for link, bytes_per_s in LINKS.items():
            for count, rounds in (counts or COUNTS).items():
                parts = []
                for shape in SHAPES:
                    found = Coverage()
                    for seed in range(rounds):
                        found.add(
                            *export(
                                times(shape, SCALE_S, count, seed),
                                seed=seed,
                                bytes_per_s=bytes_per_s,
                                known=known[shape][seed % 4],
                            )
                        )
                    kept[f"{name}, {link}, {count}, {shape}"] = found.row()
                    parts.append(f"{shape} {found}")
                yield f"  {name} {link} {count:>5}  {'   '.join(parts)}"
    yield f"  all: median {_mean(kept, 0):.2f}, bound {_mean(kept, 1):.2f}"
    save("time_left", kept)


def _mean(kept: dict[str, list[float]], at: int) -> float:
    return fmean(row[at] for row in kept.values() if row)


class Coverage:
    """How often estimates held."""

    def __init__(self) -> None:
        """Start with none."""
        self._under_median: list[bool] = []
        self._under_bound: list[bool] = []
        self._ratios: list[float] = []

    def add(self, snapshots: Sequence[Snapshot], end: float) -> None:
        """Compare the estimates at `MOMENTS` of one export with the truth."""
        for at, made in snapshots:
            if made is not None:
                self._under_median.append(end - at <= made.median_s)
                self._under_bound.append(end - at <= made.p90_s)
                self._ratios.append(made.median_s / (end - at))

    def row(self) -> list[float]:
        """Return both shares and the middle ratio; empty if there was no estimate."""
        if not self._ratios:
            return []
        middle = sorted(self._ratios)[len(self._ratios) // 2]
        return [fmean(self._under_median), fmean(self._under_bound), middle, len(self._ratios)]

    def __str__(self) -> str:
        """Return them as text."""
        if not (row := self.row()):
            return "-"
        return f"{row[0]:.2f} / {row[1]:.2f} ({row[2]:.2f})"
