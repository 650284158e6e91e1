"""Finds a job or an insight whose creation was sent, and whose response was lost.

Rules:
    * Before a creation is sent, its list is read, and what stands there is recorded with the
      intent: what is new later, and not known to the journal, may be the lost one.
    * An insight carries a token in its metadata. The one with the token is the lost one, whatever
      else is new. If the list shows no metadata at all, a new insight cannot be identified.
    * A job carries nothing of its own: the call has no field for it. One creation at a time is
      under way for a workflow, and jobs of a workflow are alike; so a single new job is the lost
      one, even if somebody else created it at that moment: then none is created for this run. Of
      several new jobs, none can be chosen.
    * Times are those of the service. Only jobs of the last `NEAR_S` before the newest one are
      recorded by id; one that was created earlier cannot be new.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass

NEAR_S = 300.0
"""The clocks of a service may differ by less than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A job or an insight in a list.

    Attributes:
        id: Its id.
        created_s: When it was created, in seconds since 1970, or None if the service does not say.
        token: The token of its run, or empty.
        has_metadata: Whether the list shows metadata of it.
    """

    id: str
    created_s: float | None = None
    token: str = ""
    has_metadata: bool = False


@dataclass(frozen=True, slots=True)
class Before:
    """What a list held before a creation was sent.

    Attributes:
        since_s: Whatever was created earlier is old; None if no time is known.
        ids: What was created later, or at an unknown time.
    """

    since_s: float | None = None
    ids: frozenset[str] = frozenset()

    @classmethod
    def of(cls, listed: Collection[Listed]) -> Before:
        """Return what a list holds."""
        times = [one.created_s for one in listed if one.created_s is not None]
        since_s = max(times) - NEAR_S if times else None
        return cls(since_s, frozenset(one.id for one in listed if not _is_old(one, since_s)))

    @classmethod
    def from_text(cls, text: str) -> Before:
        """Return what `to_text` wrote.

        Raises:
            ValueError: It is something else.
        """
        loaded = json.loads(text)
        match loaded:
            case [None | float() | int() as since_s, [*ids]] if all(
                isinstance(one, str) for one in ids
            ):
                return cls(since_s, frozenset(ids))
        message = f"not what a list held: {text[:40]}"
        raise ValueError(message)

    def to_text(self) -> str:
        """Return it as JSON."""
        return json.dumps([self.since_s, sorted(self.ids)], separators=(",", ":"))

    def is_new(self, one: Listed) -> bool:
        """Return whether the list did not hold it."""
        return one.id not in self.ids and not _is_old(one, self.since_s)


@dataclass(frozen=True, slots=True)
class Search:
    """What is known of a lost creation.

    Attributes:
        before: What its list held before it was sent.
        token: Its token if the creation carries one; empty for a job.
        known: The ids that the journal knows.
    """

    before: Before
    token: str
    known: Collection[str]


@dataclass(frozen=True, slots=True)
class Findings:
    """What a list shows about a lost creation.

    Attributes:
        found: The id of what was created, or None.
        unclear: The ids of which one may be it, if that cannot be told.
    """

    found: str | None = None
    unclear: tuple[str, ...] = ()


def find(search: Search, listed: Iterable[Listed]) -> Findings:
    """Look for a lost creation in a list."""
    listed = tuple(listed)
    new = [one for one in listed if search.before.is_new(one) and one.id not in search.known]
    if search.token:
        marked = [one.id for one in listed if one.token == search.token]
        if marked:
            return Findings(found=marked[0])
        is_marked_list = any(one.has_metadata for one in listed)
        return Findings(unclear=() if is_marked_list else tuple(one.id for one in new))
    if len(new) == 1:
        return Findings(found=new[0].id)
    return Findings(unclear=tuple(one.id for one in new))


def _is_old(one: Listed, since_s: float | None) -> bool:
    return since_s is not None and one.created_s is not None and one.created_s < since_s
