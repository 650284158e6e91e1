"""How many transfers at once suit a link, from what several numbers of them have brought.

Rules:
    * The fewest that bring nearly the most: each transfer more costs memory, and the storage and
      whoever shares the link a connection, so it has to be worth something.
    * A number that the storage refused, or broke off, is none to set, and nor is a higher one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

NEARLY = 0.95
"""Two measurements of the same link differ by about as much as is missing here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a number of transfers brought together.

    Attributes:
        fetches: The number.
        bytes_per_s: What came, in bytes a second.
        trouble: The first error, or empty.
    """

    fetches: int
    bytes_per_s: float
    trouble: str = ""


def fetches_to_set(steps: Sequence[Step]) -> int | None:
    """Return the number of transfers to set, or None if nothing came.

    Args:
        steps: By rising numbers.
    """
    borne: list[Step] = []
    for step in steps:
        if step.trouble:
            break
        borne.append(step)
    most = max((step.bytes_per_s for step in borne), default=0.0)
    if most == 0:
        return None
    return next(step.fetches for step in borne if step.bytes_per_s >= NEARLY * most)
