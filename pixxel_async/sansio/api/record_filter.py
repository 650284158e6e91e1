"""Which records match, decided by the client.

Rules:
    * A status is compared without regard to case, and `-` and a space count as `_`: the service
      spells statuses in more than one way.
    * A name is compared completely; `*`, `?` and `[…]` in it are wildcards, as in a shell.
    * Created after a time includes that time, created before it does not: so intervals that
      follow one another have no gap and no overlap.
    * A record without a time is in no interval, and one without a status has none of those asked
      for. Both are counted separately, so that nothing is silently dropped.
    * A project is compared only where the record names one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from fnmatch import fnmatchcase

from ...records import Catalog, Project, Record

_WILDCARDS = frozenset("*?[")


class Verdict(Enum):
    """Whether a record is wanted, and why not."""

    TAKE = "take"
    OTHER = "other"
    STATUS = "status"
    NO_TIME = "no time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """What is wanted; what is empty or None does not matter.

    Attributes:
        statuses: Status words, as `word` returns them.
        names: Names or patterns, any of which may match.
        project_ids: The projects.
        created_after: The first moment.
        created_before: The moment after the last.
    """

    statuses: frozenset[str] = frozenset()
    names: tuple[str, ...] = ()
    project_ids: tuple[str, ...] = ()
    created_after: datetime | None = None
    created_before: datetime | None = None

    @property
    def plain_name(self) -> str | None:
        """The name, if there is one and it is no pattern: then the service can filter by it."""
        if len(self.names) != 1 or _WILDCARDS & set(self.names[0]):
            return None
        return self.names[0]

    def judge(self, record: Record) -> Verdict:
        """Decide about a record; the status comes last, since that is what is reported."""
        if not (self._has_name(record) and self._has_project(record)):
            return Verdict.OTHER
        if self.created_after or self.created_before:
            if record.created_at is None:
                return Verdict.NO_TIME
            if self.created_after and record.created_at < self.created_after:
                return Verdict.OTHER
            if self.created_before and record.created_at >= self.created_before:
                return Verdict.OTHER
        if self.statuses and word(status_of(record)) not in self.statuses:
            return Verdict.STATUS
        return Verdict.TAKE

    def _has_name(self, record: Record) -> bool:
        if not self.names:
            return True
        return any(fnmatchcase(name, want) for name in names_of(record) for want in self.names)

    def _has_project(self, record: Record) -> bool:
        named = getattr(record, "project_id", "")
        return not self.project_ids or named in {"", *self.project_ids}


def word(status: str) -> str:
    """Return a status word in the form in which words are compared."""
    return "_".join(status.strip().lower().replace("-", " ").replace("_", " ").split())


def words(statuses: Iterable[str]) -> frozenset[str]:
    """Return status words in the form in which words are compared."""
    return frozenset(map(word, statuses))


def status_of(record: Record) -> str:
    """Return the status of a record; of an image it is that of its delivery."""
    if isinstance(record, Catalog):
        return record.delivery_status
    return str(getattr(record, "status", ""))


def names_of(record: Record) -> tuple[str, ...]:
    """Return the names of a record; a project has two."""
    if isinstance(record, Project):
        return (record.name, record.title)
    return (str(getattr(record, "name", "")),)
