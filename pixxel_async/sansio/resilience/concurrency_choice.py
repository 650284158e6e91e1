"""How many concurrent transfers suit a link, given the throughput of several numbers of them.

Rules:
    * The lowest number that reaches nearly the highest throughput: each additional transfer costs
      memory, and a connection of the storage and of everyone who shares the link.
    * A number at which the storage refused or aborted a transfer is not recommended, nor is any
      higher one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..percentiles import Percentiles

NEARLY = 0.95
"""Two measurements of the same link differ by about the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The throughput of a number of concurrent transfers.

    Attributes:
        fetches: The number.
        bytes_per_s: The throughput of all of them together.
        error: The first error, or empty.
        first_byte_s: Seconds from a request to its response; None if not measured.
    """

    fetches: int
    bytes_per_s: float
    error: str = ""
    first_byte_s: Percentiles | None = None


def fetches_to_set(steps: Sequence[Step]) -> int | None:
    """Return the recommended number of transfers, or None if nothing was received.

    Args:
        steps: In order of increasing numbers.
    """
    allowed: list[Step] = []
    for step in steps:
        if step.error:
            break
        allowed.append(step)
    highest = max((step.bytes_per_s for step in allowed), default=0.0)
    if highest == 0:
        return None
    return next(step.fetches for step in allowed if step.bytes_per_s >= NEARLY * highest)
