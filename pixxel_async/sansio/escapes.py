"""Texts without their escapes: what a reader would decode them to.

Rules:
    * Escapes of JSON, of URLs and of HTML are undone, in this order, until nothing changes; four
      times at most, since nobody escapes a text more often.
    * Two escapes that are the halves of a character (UTF-16) become that character.
    * An escape that stands for nothing stays as it is.
"""

from __future__ import annotations

import html
import re
from urllib.parse import unquote

ROUNDS = 4
_MARKS = re.compile(r"[\\%&]")
# At most eight backslashes at once: an unbounded run would be searched again from each of its ends.
_BACKSLASHED = re.compile(
    r"\\{1,8}(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|u\{([0-9a-fA-F]{1,5})\}|U000([0-9a-fA-F]{5})"
    r"|([0-3][0-7]{2})|([^\\]))",
    re.DOTALL,
)
_HALVES = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_BLANKS = frozenset("nrtfvb")
_OCTAL_GROUP, _CHAR_GROUP = 5, 6


def unescaped(text: str) -> str:
    """Return a text with its escapes undone."""
    for _ in range(ROUNDS):
        if not _MARKS.search(text):
            break
        before = text
        if "\\" in text:
            text = _joined(_BACKSLASHED.sub(_char, text))
        if "%" in text:
            text = unquote(text)
        if "&" in text:
            text = html.unescape(text)
        if text == before:
            break
    return text


def _joined(text: str) -> str:
    """Return a text in which the halves of characters are joined; a single half stays."""
    if not _HALVES.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _char(match: re.Match[str]) -> str:
    group = match.lastindex or 0
    if group == _CHAR_GROUP:
        return " " if match[group] in _BLANKS else match[group]
    return chr(int(match[group], 8 if group == _OCTAL_GROUP else 16))
