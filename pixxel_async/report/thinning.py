"""Which packages a timeline draws, when there are more than anybody can look at.

Rules:
    * Up to `DRAWN_PACKAGES`, all that did anything are drawn.
    * Of more, a quarter of the places is for failed ones, a quarter for the slowest, and the rest
      is filled evenly from all others, so that the shape of the whole stays. Order is kept.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..sansio.package_state import State
from .timeline import Timeline, slowest

DRAWN_PACKAGES = 1000


def drawn(timelines: Sequence[Timeline], most: int = DRAWN_PACKAGES) -> list[Timeline]:
    """Return what is drawn of packages, in their order.

    Args:
        timelines: All packages, in the order in which they were asked for.
        most: How many are drawn at most.
    """
    active = [timeline for timeline in timelines if timeline.spans]
    if len(active) <= most:
        return active
    gave_up = [timeline for timeline in active if timeline.row.state is State.FAILED]
    chosen = {timeline.row.key for timeline in evenly(gave_up, most // 4)}
    chosen |= {timeline.row.key for timeline in slowest(active, most // 4)}
    others = [timeline for timeline in active if timeline.row.key not in chosen]
    chosen |= {timeline.row.key for timeline in evenly(others, most - len(chosen))}
    return [timeline for timeline in active if timeline.row.key in chosen]


def evenly(timelines: Sequence[Timeline], count: int) -> list[Timeline]:
    """Return that many packages at equal distances, or all if there are no more."""
    if len(timelines) <= count:
        return list(timelines)
    return [timelines[number * len(timelines) // count] for number in range(count)]
