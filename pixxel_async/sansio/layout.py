"""Lines of text that fit a terminal.

Rules:
    * A line breaks between words; a word is never cut. One that is longer than the line stays
      whole, and the terminal breaks it.
    * Lines after the first are indented to where their text begins.
    * A width of None means any: text for a pipe or a file is not wrapped.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from .redact import printable

SHOWN_CHARS = 100
GAP = "  "
LEAST_TEXT_CHARS = 16
"""Narrower columns of text are of no use: the text then goes below its label."""
INDENT = 4


def short(text: str, chars: int = SHOWN_CHARS) -> str:
    """Shorten a long text in the middle, because both ends identify it best; it is printable."""
    text = printable(text)
    if len(text) <= chars:
        return text
    tail = (chars - 1) // 2
    return f"{text[: chars - 1 - tail]}…{text[-tail:] if tail else ''}"


def wrapped(label: str, text: str, width: int | None) -> list[str]:
    """Return a label and its text as lines."""
    line = f"{label}{text}"
    if width is None or len(line) <= width:
        return [line]
    indent = len(label) if width - len(label) >= LEAST_TEXT_CHARS else INDENT
    return textwrap.wrap(
        line,
        width,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    )


def labelled(rows: Iterable[Sequence[str]], width: int | None = None) -> list[str]:
    """Return rows of labels and a text as lines; the labels stand in columns, all printable."""
    cells = [[printable(cell) for cell in row] for row in rows]
    chars = [max(map(len, column)) for column in list(zip(*cells, strict=True))[:-1]]
    lines = []
    for *labels, text in cells:
        label = "".join(f"{cell:<{wide}}{GAP}" for cell, wide in zip(labels, chars, strict=True))
        lines += wrapped(label, text, width)
    return lines
