"""The chance behind made-up records.

Rules:
    * The same seed gives the same records.
    * Each record has a source of its own, named by its kind and its numbers, so that the first
      records stay what they are when there are more of them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from random import Random
from typing import Any, TypeVar
from uuid import UUID

FIRST_DAY = datetime(2025, 1, 6, tzinfo=UTC)
SPAN = timedelta(days=270)
"""Over which the creation of what stands on its own is spread."""

USERS = 3
T = TypeVar("T")


@dataclass(frozen=True)
class Maker:
    """Makes up what records are made of."""

    seed: int

    def chance(self, *parts: object) -> Random:
        """Return the source of chance of one record."""
        return Random(":".join(str(part) for part in (self.seed, "world", *parts)))  # noqa: S311 - repeatable chance, no secret

    def id(self, *parts: object) -> str:
        """Return the id of one record."""
        digest = sha256(repr((self.seed, "id", *parts)).encode()).digest()
        return str(UUID(bytes=digest[:16], version=4))

    def user(self, number: int) -> str:
        """Return the id of one of a few users."""
        return self.id("user", number % USERS)

    @property
    def org(self) -> str:
        """The id of the workspace."""
        return self.id("org")

    def day(self, *parts: object) -> datetime:
        """Return when something that stands on its own was made."""
        return later(FIRST_DAY, self.chance("day", *parts), SPAN)


def later(start: datetime, chance: Random, at_most: timedelta) -> datetime:
    """Return a time after another one, to the microsecond, as services have it."""
    microseconds = int(at_most / timedelta(microseconds=1))
    return start + timedelta(microseconds=chance.randrange(1, microseconds))


def nth(words: Sequence[T], *numbers: int) -> T:
    """Return a word, in turn."""
    return words[sum(numbers) % len(words)]


def duration(seconds: int) -> str:
    """Return seconds as `2m30s`."""
    minutes, rest = divmod(seconds, 60)
    return f"{minutes}m{rest}s"


def raw_json(value: Any) -> list[int]:
    """Return JSON, byte by byte."""
    return list(json.dumps(value).encode())


def rectangle(west: float, south: float, east: float, north: float) -> dict[str, Any]:
    """Return a GeoJSON polygon."""
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [[[round(x, 5), round(y, 5)] for x, y in ring]]}
