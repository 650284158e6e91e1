"""What all listed records share: how they become the service's JSON.

Rules:
    * The fields of a record have the names that the service's OpenAPI document gives them.
    * None is left out. What lies inside a record, such as the assets of an AOI, is told by calls
      of its own, and is left out too.
    * Times are written in the form that the document shows for their kind.
    * `more` is laid over all that: for fields that are not here, and for answers that are wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

NOT_TOLD: Mapping[str, bool] = {"not_told": True}
"""Marks a field that does not stand in the record's own document."""

LONG_AGO = datetime(2025, 1, 6, tzinfo=UTC)
"""When a record was made, unless it says otherwise."""


def with_zulu(time: datetime) -> str:
    """Return `2025-04-14T08:30:00Z`."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def with_offset(time: datetime) -> str:
    """Return `2025-04-14T08:30:00+00:00`."""
    return time.astimezone(UTC).isoformat()


def with_space(time: datetime) -> str:
    """Return `2025-04-14 08:30:00+00:00`, which is not RFC 3339 to the letter."""
    return time.astimezone(UTC).isoformat(" ")


@dataclass(frozen=True, kw_only=True)
class Record:
    """Something that the service lists.

    Attributes:
        created_at: When it was made; with a time zone.
        updated_at: When it was last changed; None for when it was made.
        more: Fields of the document by name, laid over all others.
    """

    created_at: datetime = LONG_AGO
    updated_at: datetime | None = None
    more: Mapping[str, Any] = field(default_factory=dict, metadata=NOT_TOLD)

    def __post_init__(self) -> None:
        """Refuse a time that could be any.

        Raises:
            ValueError: A time has no zone.
        """
        for name, value in self._values():
            if isinstance(value, datetime) and value.tzinfo is None:
                reason = f"{type(self).__name__}: {name} needs a time zone, such as UTC"
                raise ValueError(reason)

    @staticmethod
    def write_time(time: datetime) -> str:
        """Return a time in the form of this kind."""
        return with_zulu(time)

    def document(self, *, without: str = "", **around: Any) -> dict[str, Any]:
        """Return its JSON.

        Args:
            without: A field that this call does not tell.
            around: Fields that come from where the record stands, such as the id of its AOI.
        """
        told = {"updated_at": self.write_time(self.updated_at or self.created_at)}
        for name, value in self._values():
            if isinstance(value, datetime):
                told[name] = self.write_time(value)
            elif value is not None:
                told[name] = value
        told.pop(without, None)
        return {**told, **around, **self.more}

    def _values(self) -> list[tuple[str, Any]]:
        return [(one.name, getattr(self, one.name)) for one in fields(self) if not one.metadata]
