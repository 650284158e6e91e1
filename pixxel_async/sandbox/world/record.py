"""The base of all listed records: how they become the service's JSON.

Rules:
    * The fields of a record have the names that the service's OpenAPI document gives them.
    * None is omitted. So are the children of a record, such as the assets of an AOI, which have
      their own calls.
    * Times have the form that the document shows for their kind.
    * `more` overrides all that, for additional fields and for malformed responses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

NOT_IN_DOCUMENT: Mapping[str, bool] = {"not_in_document": True}
"""Marks a field that is not part of the record's own document."""

LONG_AGO = datetime(2025, 1, 6, tzinfo=UTC)
"""The default creation time of a record."""


def with_zulu(time: datetime) -> str:
    """Return `2025-04-14T08:30:00Z`."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def with_offset(time: datetime) -> str:
    """Return `2025-04-14T08:30:00+00:00`."""
    return time.astimezone(UTC).isoformat()


def with_space(time: datetime) -> str:
    """Return `2025-04-14 08:30:00+00:00`, which is not strictly RFC 3339."""
    return time.astimezone(UTC).isoformat(" ")


@dataclass(frozen=True, kw_only=True)
class Record:
    """A record that the service lists.

    Attributes:
        created_at: When it was created; with a time zone.
        updated_at: When it was last changed; None for `created_at`.
        more: Fields of the document by name, which override all others.
    """

    created_at: datetime = LONG_AGO
    updated_at: datetime | None = None
    more: Mapping[str, Any] = field(default_factory=dict, metadata=NOT_IN_DOCUMENT)

    def __post_init__(self) -> None:
        """Validate the times.

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
            without: A field that this call omits.
            around: Fields of its parents, such as the id of its AOI.
        """
        values = {"updated_at": self.write_time(self.updated_at or self.created_at)}
        for name, value in self._values():
            if isinstance(value, datetime):
                values[name] = self.write_time(value)
            elif value is not None:
                values[name] = value
        values.pop(without, None)
        return {**values, **around, **self.more}

    def _values(self) -> list[tuple[str, Any]]:
        return [(one.name, getattr(self, one.name)) for one in fields(self) if not one.metadata]
