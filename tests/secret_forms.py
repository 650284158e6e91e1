"""The forms in which a secret may come back, and whether a text reveals one.

Nothing here shares code with what is tested.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable
from urllib.parse import quote, unquote

JSON_ESCAPE = re.compile(r"\\+u([0-9a-fA-F]{4})")
GAPS = re.compile("\x1b\\[0m|[\\s\\\\\u200b\x00\u0301\ufe0f\u034f:|\"']+")


def _json_escaped(key: str) -> str:
    """Return a key as it stands in JSON in which every character is escaped."""
    return "".join(f"\\u{ord(char):04X}" for char in key)


def _in_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _mathematical(char: str) -> str:
    """Return a letter as a bold one, which JSON escapes in two halves."""
    if "a" <= char <= "z":
        return chr(ord(char) - ord("a") + 0x1D41A)
    return chr(ord(char) - ord("A") + 0x1D400) if "A" <= char <= "Z" else char


def _plain(char: str) -> str:
    """Return the letter that a full-width or a mathematical one looks like."""
    code = ord(char)
    if 0xFF00 < code < 0xFF5F:
        return chr(code - 0xFEE0)
    if 0x1D400 <= code < 0x1D434:
        return "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[code - 0x1D400]
    return char


FORMS: dict[str, Callable[[str], str]] = {
    "as it is": _in_json,
    "lower case": lambda key: _in_json(key.lower()),
    "upper case": lambda key: _in_json(key.upper()),
    "with Bearer": lambda key: _in_json(f"Bearer {key}"),
    "JSON": _json_escaped,
    "JSON in parts": lambda key: key.replace("/", "\\/").replace("+", "\\u002b"),
    "JSON twice": lambda key: _in_json(_json_escaped(key)),
    "percent": lambda key: quote(key, safe=""),
    "percent twice": lambda key: quote(quote(key, safe=""), safe=""),
    "percent, each": lambda key: "".join(f"%{ord(char):02x}" for char in key),
    "HTML": lambda key: _in_json(html.escape(key).replace("+", "&#43;").replace("/", "&sol;")),
    "HTML, each": lambda key: "".join(f"&#x{ord(char):x};" for char in key),
    "HTML of percent": lambda key: html.escape(quote(key, safe="")).replace("%", "&#37;"),
    "base64": lambda key: base64.b64encode(key.encode()).decode(),
    "base64 with a name": lambda key: base64.b64encode(f"user:{key}".encode()).decode(),
    "hex": lambda key: key.encode().hex(),
    "split by lines": lambda key: _in_json(f"{key[:5]}\n{key[5:9]}\n{key[9:]}"),
    "split by blanks": " ".join,
    "split unseen": "\u200b".join,
    "split by marks": "\ufe0f".join,
    "split by joiners": "\u034f".join,
    "split by colours": lambda key: _in_json("\x1b[0m".join(key)),
    "split by quotes": lambda key: _in_json('"'.join(key)),
    "accents": "\u0301".join,
    "hex with colons": lambda key: key.encode().hex(":"),
    "mathematical": lambda key: _in_json("".join(map(_mathematical, key))),
    "full-width": lambda key: "".join(chr(ord(char) + 0xFEE0) for char in key),
}
"""How a key may be written within a text of JSON, by name."""


def reveals(text: str, key: str) -> bool:
    """Return whether a text shows a key to somebody who decodes what there is to decode."""
    coded = [base64.b64encode(f"{before}{key}".encode()).decode() for before in ("", "user:")]
    needles = [key.lower(), key.encode().hex(), *(each[8:-4].lower() for each in coded)]
    for _ in range(4):
        seen = "".join(map(_plain, text))
        seen = GAPS.sub("", seen).lower()
        if any(needle in seen for needle in needles):
            return True
        text = JSON_ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
        text = html.unescape(unquote(text))
    return False
