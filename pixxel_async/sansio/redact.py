"""What may be shown of a text that came from outside.

Rules:
    * The query of a URL holds its signature: it is cut off.
    * A long run of letters and digits may be a signature or a key: it is cut out, also where its
      characters are escaped.
    * A word that the end of a cut text falls into is dropped if it is long: it may be part of a
      secret that is only recognised whole.
    * Control characters never reach a terminal or a report.
    * Bytes that are not text are not shown, or as escapes where they are few.

`sansio.secrets` cuts out the secrets that are known.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from .escapes import unescaped

SHOWN_CHARS = 160
PART_CHARS = 6
"""A cut word of fewer characters tells too little of a secret to be one."""
_QUERY = re.compile(r"\?[^\s\"'<>]*")
_TOKEN = re.compile(r"[A-Za-z0-9+/=_%-]{24,}")
_URL_QUERY = re.compile(r"(?<=://)([^\s\"'<>?]*)\?[^\s\"'<>]*")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_BINARY = re.compile(rb"[\x00-\x07\x0e-\x1a\x1c-\x1f\x7f]")
"""Control characters that no page and no error message holds; escape sequences are left."""
_ENDS_WITHIN_CHAR = re.compile(rb"[\xc2-\xf4][\x80-\xbf]{0,2}\Z")
NOT_TEXT = "binary data"
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def printable(text: str) -> str:
    """Return the text with control characters written as escapes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char.encode("unicode_escape").decode()
        if unicodedata.category(char) in _HIDDEN_CATEGORIES
        else char
        for char in text
    )


def as_text(body: bytes) -> str:
    """Decode the beginning of a body that should be text; binary data is only named as such."""
    if _BINARY.search(body):
        return NOT_TEXT
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start and _ENDS_WITHIN_CHAR.fullmatch(body, error.start):
            return body[: error.start].decode("utf-8")
        return body.decode("utf-8", "backslashreplace")


def first_line(body: bytes) -> str:
    """Return the first line of a body, short, printable and without secrets."""
    text = as_text(body).lstrip("\ufeff \t\r\n")
    return redact(text.split("\n", 1)[0].rstrip())


def redact(text: str, *, chars: int = SHOWN_CHARS) -> str:
    """Return the text printable, without what may be a secret, and at most `chars` long."""
    text = _without_runs(text)
    plain = unescaped(text)
    if plain != text and (hidden := _without_runs(plain)) != plain:
        text = hidden
    text = printable(text)
    return text if len(text) <= chars else _cut(text, chars - 1) + "…"


def _without_runs(text: str) -> str:
    """Cut out queries, and runs that may be secrets."""
    text = _QUERY.sub("?…", text)
    return _TOKEN.sub(lambda match: match[0] if _UUID.fullmatch(match[0]) else "…", text)


def _cut(text: str, chars: int) -> str:
    """Cut a text, and drop the word that the cut falls into if it is long."""
    shown = text[:chars]
    start = max(shown.rfind(" "), shown.rfind("…")) + 1
    is_cut = text[chars] not in " …"
    return shown[:start] if is_cut and chars - start >= PART_CHARS else shown


def redact_all(value: Any) -> Any:
    """Return a JSON value with each text in it redacted."""
    match value:
        case str():
            return redact(value)
        case list():
            return [redact_all(part) for part in value]
        case dict():
            return {redact(name): redact_all(part) for name, part in value.items()}
        case _:
            return value


def without_queries(value: Any) -> Any:
    """Return a JSON value in which the URLs have lost their queries, which may be signatures."""
    match value:
        case str():
            return _URL_QUERY.sub(r"\1?…", value)
        case list():
            return [without_queries(part) for part in value]
        case dict():
            return {name: without_queries(part) for name, part in value.items()}
        case _:
            return value
