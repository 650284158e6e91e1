"""Throughput over time.

Rules:
    * From a TRANSFERRING step to the next step of the package in the same run, the received bytes
      are the growth of its file, spread evenly over the time between the two steps.
    * A file that shrank was restarted: its lost bytes had been received, and are counted.
    * Bytes that a killed run received after its last step are unknown and not counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..journal.models import Activity, ExportRecord, Step


@dataclass(frozen=True, slots=True)
class Arrival:
    """Bytes of one package that were received within an interval.

    Attributes:
        key: The key of the download.
        begins_at: Seconds since 1970.
        ends_at: Seconds since 1970; not before `begins_at`.
        bytes: The number of bytes, above zero.
    """

    key: str
    begins_at: float
    ends_at: float
    bytes: int


def arrivals_of(record: ExportRecord) -> list[Arrival]:
    """Return the received bytes in the order of their ends; expects a record after `tidy`."""
    last: dict[tuple[int, str], Step] = {}
    arrivals = []
    for step in record.steps:
        before = last.get((step.run, step.key))
        if before is not None and before.doing is Activity.TRANSFERRING:
            grown = step.size - before.size
            if grown > 0:
                ends_at = max(before.at, step.at)
                arrivals.append(Arrival(step.key, before.at, ends_at, grown))
        last[step.run, step.key] = step
    return arrivals


def bytes_by_bin(
    arrivals: Sequence[Arrival], x_of: Callable[[float], float], *, bins: int, width: float
) -> list[float]:
    """Return the bytes received in each bin of an axis.

    Args:
        arrivals: The received bytes.
        x_of: Maps seconds since 1970 to the axis; non-decreasing.
        bins: The number of bins, starting at zero; the outermost include everything beyond.
        width: The width of a bin.
    """
    received = [0.0] * bins
    for arrival in arrivals:
        begins, ends = x_of(arrival.begins_at) / width, x_of(arrival.ends_at) / width
        first, last = _within(begins, bins), _within(ends, bins)
        if first == last or ends <= begins:
            received[last] += arrival.bytes
            continue
        for number in range(first, last + 1):
            left = begins if number == first else number
            right = ends if number == last else number + 1
            received[number] += arrival.bytes * (right - left) / (ends - begins)
    return received


def _within(position: float, bins: int) -> int:
    return min(max(int(position), 0), bins - 1)
