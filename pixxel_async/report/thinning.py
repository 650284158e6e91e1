"""Which packages a timeline draws, when there are more than anybody can look at.

Rules:
    * Up to `DRAWN_PACKAGES`, all that did anything are drawn.
    * Of more, a quarter of the places is for failed ones, a quarter for the slowest, and the rest
      is filled evenly from all others, so that the shape of the whole stays. Order is kept.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..sansio.package_state import State
from .timeline import Story, slowest

DRAWN_PACKAGES = 1000


def drawn(stories: Sequence[Story], most: int = DRAWN_PACKAGES) -> list[Story]:
    """Return what is drawn of packages, in their order.

    Args:
        stories: All packages, in the order in which they were asked for.
        most: How many are drawn at most.
    """
    active = [story for story in stories if story.spans]
    if len(active) <= most:
        return active
    gave_up = [story for story in active if story.row.state is State.FAILED]
    chosen = {story.row.key for story in evenly(gave_up, most // 4)}
    chosen |= {story.row.key for story in slowest(active, most // 4)}
    others = [story for story in active if story.row.key not in chosen]
    chosen |= {story.row.key for story in evenly(others, most - len(chosen))}
    return [story for story in active if story.row.key in chosen]


def evenly(stories: Sequence[Story], count: int) -> list[Story]:
    """Return that many packages at equal distances, or all if there are no more."""
    if len(stories) <= count:
        return list(stories)
    return [stories[number * len(stories) // count] for number in range(count)]
