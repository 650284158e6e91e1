"""The two ways in which lists are paged.

Rules:
    * Most lists have an offset and a limit, and tell the total; projects have numbered pages, and
      tell the count. The document gives no first page: it is 1 here.
    * Where the document names no default, a page is of ten records.
    * A page never has more records than the scenario's `page_size`, whatever is asked for, and
      the answer tells the limit that was used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from .filters import Document

TEN = 10
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)

Page: TypeAlias = tuple[Sequence[Document], dict[str, Any]]
"""The records of a page, and what the answer says of the paging."""


@dataclass(frozen=True)
class ByOffset:
    """`offset` and `limit`.

    Attributes:
        default: How many records a page has.
    """

    default: int = TEN
    names = frozenset({"offset", "limit"})

    def page(self, given: Mapping[str, str], found: Sequence[Document], most: int | None) -> Page:
        """Cut out a page.

        Raises:
            ValueError: A number is none, or is too small.
        """
        offset = whole("offset", given.get("offset", "0"), at_least=0)
        limit = whole("limit", given.get("limit", str(self.default)), at_least=1)
        return cut(found, offset, limit, most)


@dataclass(frozen=True)
class ByNumber:
    """`page_num`, from 1, and `page_size`.

    Attributes:
        default: How many records a page has.
    """

    default: int = TEN
    names = frozenset({"page_num", "page_size"})

    def page(self, given: Mapping[str, str], found: Sequence[Document], most: int | None) -> Page:
        """Cut out a page.

        Raises:
            ValueError: A number is none, or is too small.
        """
        number = whole("page_num", given.get("page_num", "1"), at_least=1)
        size = whole("page_size", given.get("page_size", str(self.default)), at_least=1)
        size = min(size, most or size)
        start = (number - 1) * size
        return found[start : start + size], {"count": len(found)}


class NotPaged:
    """All at once."""

    names: frozenset[str] = frozenset()

    def page(self, given: Mapping[str, str], found: Sequence[Document], most: int | None) -> Page:  # noqa: ARG002 - as the others
        """Return all."""
        return found, {}


Paging: TypeAlias = ByOffset | ByNumber | NotPaged


def cut(found: Sequence[Document], offset: int, limit: int, most: int | None) -> Page:
    """Cut out a page by offset and limit, of at most `most` records."""
    limit = min(limit, most or limit)
    pagination = {"limit": limit, "offset": offset, "total": len(found)}
    return found[offset : offset + limit], {"pagination": pagination}


def whole(name: str, text: str, *, at_least: int) -> int:
    """Read a whole number.

    Raises:
        ValueError: It is none, or is too small.
    """
    if not _WHOLE.fullmatch(text) or int(text) < at_least:
        reason = f"{name} is a whole number from {at_least} on, not {text!r}"
        raise ValueError(reason)
    return int(text)
