"""The random sources of generated records.

Rules:
    * The same seed gives the same records.
    * Each record has its own source, named by its kind and numbers, so that a larger world starts
      with the records of a smaller one.
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
"""The period in which top-level records are created."""

USERS = 3
T = TypeVar("T")


@dataclass(frozen=True)
class Maker:
    """Generates the values of records."""

    seed: int

    def chance(self, *parts: object) -> Random:
        """Return the random source of a record."""
        return Random(":".join(str(part) for part in (self.seed, "world", *parts)))  # noqa: S311 - repeatable, not for secrets

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
        """Return when a top-level record was created."""
        return later(FIRST_DAY, self.chance("day", *parts), SPAN)


def later(start: datetime, chance: Random, at_most: timedelta) -> datetime:
    """Return a time after another one, with microseconds."""
    microseconds = int(at_most / timedelta(microseconds=1))
    return start + timedelta(microseconds=chance.randrange(1, microseconds))


def nth(words: Sequence[T], *numbers: int) -> T:
    """Return the words in rotation."""
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
