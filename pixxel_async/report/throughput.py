"""How fast bytes came, over time.

Rules:
    * Between two steps of a package in one run, of which the first is TRANSFERRING, as many bytes
      came as its file grew by. They are spread evenly over the time between the two.
    * A file that shrank was begun anew: what it lost had come all the same, and was counted.
    * What a killed run received after its last step is not known, and not counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..journal.models import Activity, ExportRecord, Step


@dataclass(frozen=True, slots=True)
class Arrival:
    """Bytes of one package that came within a stretch of time.

    Attributes:
        key: The key of the download.
        begins_at: In seconds since 1970.
        ends_at: Likewise; not before `begins_at`.
        bytes: How many; above zero.
    """

    key: str
    begins_at: float
    ends_at: float
    bytes: int


def arrivals_of(record: ExportRecord) -> list[Arrival]:
    """Return what came, in the order in which it had come.

    Args:
        record: A tidy one.
    """
    lasting: dict[tuple[int, str], Step] = {}
    arrivals = []
    for step in record.steps:
        before = lasting.get((step.run, step.key))
        if before is not None and before.doing is Activity.TRANSFERRING:
            grown = step.size - before.size
            if grown > 0:
                ends_at = max(before.at, step.at)
                arrivals.append(Arrival(step.key, before.at, ends_at, grown))
        lasting[step.run, step.key] = step
    return arrivals


def bytes_by_bin(
    arrivals: Sequence[Arrival], x_of: Callable[[float], float], *, bins: int, width: float
) -> list[float]:
    """Return how many bytes came in each of some equally long stretches of an axis.

    Args:
        arrivals: What came.
        x_of: Leads from seconds since 1970 to the axis; never falls.
        bins: How many stretches, from zero on; what lies beyond is counted in the outermost.
        width: The length of a stretch.
    """
    come = [0.0] * bins
    for arrival in arrivals:
        begins, ends = x_of(arrival.begins_at) / width, x_of(arrival.ends_at) / width
        first, last = _within(begins, bins), _within(ends, bins)
        if first == last or ends <= begins:
            come[last] += arrival.bytes
            continue
        for number in range(first, last + 1):
            left = begins if number == first else number
            right = ends if number == last else number + 1
            come[number] += arrival.bytes * (right - left) / (ends - begins)
    return come


def _within(position: float, bins: int) -> int:
    return min(max(int(position), 0), bins - 1)
