"""The two kinds of paging.

Rules:
    * Most lists have an offset and a limit, and return the total. Projects have numbered pages and
      return the count; the document does not define the first page, here it is 1.
    * Where the document names no default, a page has ten records.
    * A page never has more records than the scenario's `page_size`; the response states the limit
      that was used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from .filters import Document

TEN = 10
_WHOLE_NUMBER = re.compile(r"[+-]?\d+", re.ASCII)

Page: TypeAlias = tuple[Sequence[Document], dict[str, Any]]
"""The records of a page, and the paging fields of the response."""


@dataclass(frozen=True)
class ByOffset:
    """`offset` and `limit`.

    Attributes:
        default: The number of records on a page.
    """

    default: int = TEN
    names = frozenset({"offset", "limit"})

    def page(self, given: Mapping[str, str], found: Sequence[Document], most: int | None) -> Page:
        """Return a page.

        Raises:
            ValueError: A parameter is not a number, or is too small.
        """
        offset = whole_number("offset", given.get("offset", "0"), at_least=0)
        limit = whole_number("limit", given.get("limit", str(self.default)), at_least=1)
        return page_at(found, offset, limit, most)


@dataclass(frozen=True)
class ByNumber:
    """`page_num`, from 1, and `page_size`.

    Attributes:
        default: The number of records on a page.
    """

    default: int = TEN
    names = frozenset({"page_num", "page_size"})

    def page(self, given: Mapping[str, str], found: Sequence[Document], most: int | None) -> Page:
        """Return a page.

        Raises:
            ValueError: A parameter is not a number, or is too small.
        """
        number = whole_number("page_num", given.get("page_num", "1"), at_least=1)
        size = whole_number("page_size", given.get("page_size", str(self.default)), at_least=1)
        size = min(size, most or size)
        start = (number - 1) * size
        return found[start : start + size], {"count": len(found)}


class NotPaged:
    """Everything on one page."""

    names: frozenset[str] = frozenset()

    def page(self, given: Mapping[str, str], found: Sequence[Document], most: int | None) -> Page:  # noqa: ARG002 - as the others
        """Return all."""
        return found, {}


Paging: TypeAlias = ByOffset | ByNumber | NotPaged


def page_at(found: Sequence[Document], offset: int, limit: int, most: int | None) -> Page:
    """Return a page by offset and limit, of at most `most` records."""
    limit = min(limit, most or limit)
    pagination = {"limit": limit, "offset": offset, "total": len(found)}
    return found[offset : offset + limit], {"pagination": pagination}


def whole_number(name: str, text: str, *, at_least: int) -> int:
    """Read a whole number.

    Raises:
        ValueError: It is not a whole number, or is too small.
    """
    if not _WHOLE_NUMBER.fullmatch(text) or int(text) < at_least:
        reason = f"{name} is a whole number from {at_least} on, not {text!r}"
        raise ValueError(reason)
    return int(text)
