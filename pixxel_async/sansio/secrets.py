"""Secrets that are known, cut out of whatever came from outside.

Rules:
    * A secret is found after decoding: in any case, with escapes of JSON, URLs and HTML, several
      times over, in full-width characters, in base64 and in hex, and with white space, punctuation,
      accents or colours of a terminal between its letters.
    * It is cut out where values come in, before anything is made of them: of all texts, names and
      numbers of the service's JSON, whatever the field, of errors, and of what a storage says.
    * A secret of fewer than six characters is not looked for: it would fit anywhere, and messages
      without those letters would tell nothing.
    * Where a secret is found but cannot be cut out alone, nothing of the text is shown.
"""

from __future__ import annotations

import json
import re
import unicodedata
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ..errors import PixxelError
from .escapes import unescaped

KEY_MASK = "[key]"
PASSWORD_MASK = "[password]"  # noqa: S105 - it stands in the place of one
SIGNATURE_MASK = "[signature]"

LEAST_CHARS = 6
"""Shorter secrets are not looked for."""
LEAST_SIGNATURE_CHARS = 8
"""Shorter values of a query are none: `host`, `3600`."""
LEAST_LETTERS = 8
"""A secret with fewer letters and digits is not looked for without its punctuation."""
MOST_CHARS = 65_536
"""Of a longer text that holds a secret nothing is kept."""

WINDOW_BYTES = 256 * 1024
OVERLAP_BYTES = 64 * 1024
"""A secret that is spread over more than this in a long body is not found."""

_GAPS = re.compile(r"[\s\x00-\x1f\x7f\xad\u180e\u200b-\u200f\u2028-\u202f\u2060-\u2064\ufeff]+")
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_CHAR = re.compile(f"{_COLOURS.pattern}|.", re.DOTALL)
_NO_LETTERS = re.compile(r"[\W_]+")
_ASCII_NO_LETTERS = bytes(code for code in range(128) if not chr(code).isalnum())
_URL_SAFE = str.maketrans("+/", "-_")


@dataclass(frozen=True, slots=True, repr=False)
class _Secret:
    """A secret as it is looked for.

    Attributes:
        needles: Its forms, squeezed.
        letters: The same without punctuation.
        mask: What stands in its place.
    """

    needles: tuple[str, ...]
    letters: tuple[str, ...]
    mask: str

    @classmethod
    def of(cls, text: str, mask: str) -> _Secret:
        """Prepare the search for a text."""
        encoded = [*_base64_forms(text), text.encode().hex()]
        url_safe = [form.translate(_URL_SAFE) for form in encoded]
        forms = map(_squeezed, (text, unescaped(text), *encoded, *url_safe))
        needles = dict.fromkeys(form for form in forms if len(form) >= LEAST_CHARS)
        letters = dict.fromkeys(map(_letters, needles))
        return cls(
            tuple(needles), tuple(each for each in letters if len(each) >= LEAST_LETTERS), mask
        )


class Redactor:
    """Knows some secrets, and cuts them out of what is given to it."""

    def __init__(self, secrets: Iterable[tuple[str, str]] = ()) -> None:
        """Take secrets, each with what is shown in its place."""
        self._secrets = tuple(
            _Secret.of(text, mask) for text, mask in secrets if len(text) >= LEAST_CHARS
        )

    def and_those_of(self, url: str) -> Redactor:
        """Return one that knows the values in the query of a signed URL, too."""
        both = Redactor()
        both._secrets = self._secrets + tuple(
            _Secret.of(value, SIGNATURE_MASK) for value in _signatures(url)
        )
        return both

    def finds(self, text: str) -> bool:
        """Return whether a text holds a secret, in whatever form."""
        if not self._secrets:
            return False
        squeezed = _squeezed(text)
        if self._holds(squeezed):
            return True
        plain = unescaped(text)
        return plain != text and self._holds(_squeezed(plain))

    def _holds(self, squeezed: str) -> bool:
        letters = _letters(squeezed)
        return any(
            any(needle in squeezed for needle in secret.needles)
            or any(needle in letters for needle in secret.letters)
            for secret in self._secrets
        )

    def text(self, text: str) -> str:
        """Return a text without secrets; one that holds none stays as it is."""
        if not self.finds(text):
            return text
        if len(text) > MOST_CHARS:
            return KEY_MASK
        text = self._masked(text)
        if self.finds(text):
            text = self._masked(unescaped(text))
        return KEY_MASK if self.finds(text) else text

    def _masked(self, text: str) -> str:
        for secret in self._secrets:
            for needle in secret.needles:
                text = _replaced(text, needle, secret.mask, _squeezed)
            for needle in secret.letters:
                text = _replaced(text, needle, secret.mask, lambda char: _letters(_squeezed(char)))
        return text

    def value(self, value: Any) -> Any:
        """Return a JSON value without secrets: in texts, names and numbers."""
        match value:
            case str():
                return self.text(value)
            case list():
                return [self.value(part) for part in value]
            case dict():
                return {self.text(name): self.value(part) for name, part in value.items()}
            case int() | float() if not isinstance(value, bool):
                return self.text(str(value)) if self.finds(str(value)) else value
            case _:
                return value

    def body(self, body: bytes, *, sent_on: str = "") -> bytes:
        """Return the body of an answer without secrets; one that holds none stays as it is.

        Args:
            body: JSON, or any text.
            sent_on: A field of the outermost object that goes out again byte for byte and is shown
                to nobody.
        """
        encoding = json.detect_encoding(body)
        if not any(self.finds(part.decode(encoding, "replace")) for part in _windows(body)):
            return body
        try:
            data = json.loads(body)
            clean = self.value(data)
            if sent_on and isinstance(data, dict) and sent_on in data:
                clean[sent_on] = data[sent_on]
            return json.dumps(clean).encode()
        except (ValueError, RecursionError):  # no JSON, or nested too deeply to be meant well
            return self.text(body.decode(encoding, "replace")).encode("utf-8", "replace")

    def error(self, error: PixxelError) -> None:
        """Cut the secrets out of an error."""
        error.message = self.text(error.message)
        error.code = self.text(error.code)
        error.details = self.value(error.details)
        error.args = tuple(self.value(part) for part in error.args)


def _windows(body: bytes) -> Iterator[bytes]:
    """Yield a body in parts that overlap: a search in all of it would need several copies."""
    for start in range(0, max(1, len(body) - OVERLAP_BYTES), WINDOW_BYTES - OVERLAP_BYTES):
        yield body[start : start + WINDOW_BYTES]


def _signatures(url: str) -> list[str]:
    """Return the values of a query, decoded."""
    try:
        query = urlsplit(url).query
    except ValueError:  # half an IPv6 address
        query = url.partition("?")[2]
    return [value for _, value in parse_qsl(query) if len(value) >= LEAST_SIGNATURE_CHARS]


def _squeezed(text: str) -> str:
    """Return a text in the form in which secrets are compared."""
    if "\x1b" in text:
        text = _COLOURS.sub("", text)
    if text.isascii():
        text = "".join(text.split())
        return (text if text.isprintable() else _GAPS.sub("", text)).lower()
    return _GAPS.sub("", unicodedata.normalize("NFKC", text)).casefold()


def _letters(squeezed: str) -> str:
    """Return the letters and digits of a squeezed text, without accents."""
    data = squeezed.encode("utf-8", "surrogatepass").translate(None, _ASCII_NO_LETTERS)
    text = data.decode("utf-8", "surrogatepass")
    return text if text.isascii() else _NO_LETTERS.sub("", unicodedata.normalize("NFKD", text))


def _replaced(text: str, needle: str, mask: str, squeeze: Callable[[str], str]) -> str:
    """Replace each stretch of a text that is `needle` once it is squeezed."""
    squeezed, places, ends = [], [], []
    for char in _CHAR.finditer(text):
        for folded in squeeze(char[0]):
            squeezed.append(folded)
            places.append(char.start())
            ends.append(char.end())
    found = "".join(squeezed)
    shown, done, at = [], 0, found.find(needle)
    while at >= 0:
        shown += [text[done : places[at]], mask]
        end = at + len(needle)
        done = ends[end - 1]
        at = found.find(needle, end)
    return "".join(shown) + text[done:]


def _base64_forms(text: str) -> list[str]:
    """Return what is the same in base64 wherever the text begins, such as behind `Bearer `."""
    data = text.encode()
    forms = []
    for before in range(3):
        bits_before, bits = 8 * before, 8 * (before + len(data))
        coded = b64encode(b"\0" * before + data).decode().rstrip("=")
        forms.append(coded[-(-bits_before // 6) : bits // 6])
    return [form for form in forms if len(form) >= LEAST_CHARS]
