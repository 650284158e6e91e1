"""How a list is walked: what to ask for next, which records are new, and when to stop.

The service pages in three ways: by `offset` and `limit`, told with a total, by `page_num` and
`page_size`, told with a count, and by `limit` and the `next_token` of the page before. Some lists
come whole.

Rules:
    * No record is yielded twice: ids that were seen are passed over.
    * The next offset is counted from the records received, not from those requested:
      a service may have a limit of its own.
    * A page without records is the end. So is reaching the total, where there is one; a total of
      0 beside records is none.
    * A total that shrinks means that records have moved forward, past the place that was reached:
      the walk steps back as far, so that none is missed.
    * Five pages in a row without a new record end the walk, unless the total still sinks below
      what it ever was. (A few are usual while records are added in front.)
    * If the walk ends with a page that brought nothing new, although there must be more, the
      service repeats its pages, and that is an error.
    * The first numbered page is requested without a number, since the service does not document
      whether it counts from 0 or from 1. It then continues with 2; if the list ends before the
      count, page 1 is requested as well, as the last one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from ...errors import ResponseError

PAGE_SIZE = 50
"""Records a page: the greatest number that the service's document shows for any list."""

BARREN_PAGES = 5
"""The number of pages in a row without a new record that ends a walk."""


class Paging(Enum):
    """How the service divides a list."""

    OFFSET = "offset"
    NUMBERED = "numbered"
    TOKEN = "token"  # noqa: S105 - of a page
    WHOLE = "whole"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Which page to ask for.

    Attributes:
        paging: How the list is divided.
        size: Records a page.
        offset: How many records to pass over, where that is how.
        number: The number of the page, where that is how; None for the first.
        token: What the page before told, where that is how; empty for the first.
    """

    paging: Paging
    size: int
    offset: int = 0
    number: int | None = None
    token: str = ""

    @property
    def values(self) -> dict[str, int | str]:
        """What the service takes, by name."""
        match self.paging:
            case Paging.OFFSET:
                return {"offset": self.offset, "limit": self.size}
            case Paging.NUMBERED:
                size: dict[str, int | str] = {"page_size": self.size}
                return size if self.number is None else {"page_num": self.number, **size}
            case Paging.TOKEN:
                limit: dict[str, int | str] = {"limit": self.size}
                return {**limit, "next_token": self.token} if self.token else limit
            case _:
                return {}


class PageWalk:
    """One walk through a list.

    Attributes:
        ask: Which page to ask for next; None at the end.
    """

    def __init__(self, paging: Paging, *, size: int = PAGE_SIZE) -> None:
        """Begin before the first page."""
        self.ask: Ask | None = Ask(paging=paging, size=size)
        self._seen: set[str] = set()
        self._total: int | None = None
        self._least: int | None = None
        self._shrunk = 0
        self._barren = 0
        self._repeats = False
        self._is_last = False
        self._longest = 0

    @property
    def missing(self) -> int:
        """How many records fewer came than the service has told of; only right at the end."""
        return max(0, (self._least or 0) - len(self._seen))

    def take(self, ids: Sequence[str], total: int | None, token: str = "") -> list[int]:
        """Take a page, the answer to `ask`.

        Args:
            ids: The ids of its records.
            total: How many there are in all, as far as the service tells.
            token: The token of the next page, if the service returns one.

        Returns:
            The places in the page of the records that are new.

        Raises:
            ResponseError: The service repeats its pages, although there are more records.
        """
        ask = self.ask
        if ask is None:
            return []
        new = []
        for place, one in enumerate(ids):
            if one not in self._seen:
                self._seen.add(one)
                new.append(place)
        is_moving = self._note(total)
        self._barren = 0 if new or is_moving else self._barren + 1
        self._repeats = bool(ids) and not new and not self._is_last
        self.ask = self._after(ask, len(ids), token)
        if self._barren >= BARREN_PAGES and not self._is_last:
            self.ask = None
        if self.ask is None and self._repeats and self.missing:
            message = f"the service repeats a page: {len(self._seen)} of {self._least} records came"
            raise ResponseError(message)
        return new

    def _note(self, total: int | None) -> bool:
        """Keep the total; tell whether it is less than ever before."""
        if not total:
            self._shrunk = 0
            return False
        self._shrunk = max(0, (self._total or 0) - total)
        is_least = self._least is not None and total < self._least
        self._total = total
        self._least = min(total, self._least or total)
        return is_least

    def _after(self, ask: Ask, count: int, token: str) -> Ask | None:
        """Return which page follows one of so many records."""
        match ask.paging:
            case Paging.OFFSET:
                return self._after_offset(ask, count)
            case Paging.NUMBERED:
                return self._after_number(ask, count)
            case Paging.TOKEN if token and token != ask.token:
                return Ask(paging=ask.paging, size=ask.size, token=token)
            case _:
                return None

    def _after_offset(self, ask: Ask, count: int) -> Ask | None:
        if self._shrunk and ask.offset:
            offset = max(0, ask.offset - self._shrunk)
        elif count and (self._total is None or ask.offset + count < self._total):
            offset = ask.offset + count
        else:
            return None
        return Ask(paging=ask.paging, size=ask.size, offset=offset)

    def _after_number(self, ask: Ask, count: int) -> Ask | None:
        self._longest = max(self._longest, count)
        number = ask.number or 1
        if self._is_last:
            return None
        if self._shrunk and number > 1:
            following = number - 1
        elif count and (self._total is None or number * self._longest < self._total):
            following = number + 1
        elif self.missing and not self._repeats:
            following, self._is_last = 1, True
        else:
            return None
        return Ask(paging=ask.paging, size=ask.size, number=following)
