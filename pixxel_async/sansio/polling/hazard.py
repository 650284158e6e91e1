"""The hazard of becoming ready, smoothed over as many ages as it takes.

Method:
    * A bin's hazard is taken from a window around it that grows until it holds `ENOUGH` events, by
      `REACH` bins either way at most: narrow where many become ready at nearly one age, wide where
      few do. This is a nearest-neighbour bandwidth: B. W. Silverman, "Density Estimation for
      Statistics and Data Analysis" (1986), section 2.5.
    * The window counts as `WINDOW_EVENTS` events, and the bin's own events and exposure as
      what they are: the mean of a Gamma posterior. So a sharp edge stays sharp where much was seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

ENOUGH = 5.0
REACH = 8
WINDOW_EVENTS = 2.0
PRIOR_PACKAGES = 0.5
"""The prior weighs as much as if so many packages had been watched."""


def smooth(
    events: Sequence[float],
    exposures: Sequence[float],
    widths: Sequence[float],
    priors: Sequence[float],
) -> list[float]:
    """Return the hazard of each bin, in 1/s.

    Args:
        events: How many became ready in each bin.
        exposures: The seconds that packages spent unready in it.
        widths: Its length in seconds.
        priors: The hazard where nothing was seen.
    """
    count = len(widths)
    all_events = list(accumulate(events, initial=0.0))
    all_exposures = list(accumulate(exposures, initial=0.0))
    found = []
    for at, (width, prior) in enumerate(zip(widths, priors, strict=True)):
        low, high = at, at + 1
        for _ in range(REACH):
            if all_events[high] - all_events[low] >= ENOUGH:
                break
            low, high = max(0, low - 1), min(count, high + 1)
        weight = PRIOR_PACKAGES * width
        seen = max(0.0, all_exposures[high] - all_exposures[low]) + weight
        near = (max(0.0, all_events[high] - all_events[low]) + prior * weight) / seen
        weight = min(WINDOW_EVENTS / near, seen) if near > 0 else seen
        found.append((max(0.0, events[at]) + near * weight) / (max(0.0, exposures[at]) + weight))
    return found
