"""What may be shown of a text from outside."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.sansio.redact import first_line, printable, redact, redact_all


@given(st.text())
def test_no_control_character_comes_through(text: str) -> None:
    hidden = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    for shown in (printable(text), redact(text), first_line(text.encode("utf-8", "replace"))):
        assert not any(unicodedata.category(char) in hidden for char in shown)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("día 日本", "día 日本"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\nb\tc\x7f", "a\\nb\\tc\\x7f"),
        ("\u202eevil\u2028", "\\u202eevil\\u2028"),
    ],
)
def test_what_people_can_read_stays(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "GET https://s.example/a.zip?X-Amz-Signature=abc failed",
            "GET https://s.example/a.zip?… failed",
        ),
        ("<a href='/x?sig=1'>", "<a href='/x?…'>"),
        ("key 0123456789abcdef0123456789 here", "key … here"),
        (
            "catalog 47435e2b-d8c4-51ff-9de9-2be3bfc92276 is gone",
            "catalog 47435e2b-d8c4-51ff-9de9-2be3bfc92276 is gone",
        ),
    ],
)
def test_what_may_be_a_secret_is_cut_out(text: str, shown: str) -> None:
    assert redact(text) == shown


@given(st.text(alphabet="abcdefXYZ0123456789+/=_%-", min_size=24, max_size=100))
def test_a_long_token_is_never_shown(token: str) -> None:
    assert redact(f"signature {token} end") == "signature … end"


def test_a_long_text_is_cut() -> None:
    shown = redact("word " * 100)
    assert len(shown) == 160
    assert shown.endswith("…")


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (b"", ""),
        (b"\xef\xbb\xbf\r\n  <html>\r\n<body>", "<html>"),
        (b"\xff\xfe", r"\xff\xfe"),
        ("d\u00e9j\u00e0\nvu".encode(), "d\u00e9j\u00e0"),
        ("d\u00e9j\u00e0".encode()[:-1], "d\u00e9j"),  # cut within a character
        ("\u20ac\U0001f6f0".encode()[:-1], "\u20ac"),
        (b"d\xe9j\xe0 vu", r"d\xe9j\xe0 vu"),
        (b"\xe2", r"\xe2"),
        (b"text\x00more", "binary data"),
        (b"first line\n\x01\x02", "binary data"),
        (b"\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        (b"one line", "one line"),
    ],
)
def test_the_first_line_of_a_body_tells_what_came(body: bytes, line: str) -> None:
    assert first_line(body) == line


SIGNED = st.text(st.characters(exclude_characters="\"'<>", exclude_categories=["Z", "Cc", "Cs"]))


@given(SIGNED, st.text(max_size=20))
def test_no_signature_of_a_url_comes_through(query: str, words: str) -> None:
    url = f"https://storage.example/a.zip?{query}&X-Amz-Signature=canary"
    for shown in (redact(f"{url} {words}"), first_line(f"{url}\n{words}".encode())):
        assert "canary" not in shown
        assert "Signature" not in shown


def test_a_run_is_a_secret_from_24_characters_on() -> None:
    assert redact("a" * 23) == "a" * 23
    assert redact("a" * 24) == "…"
    assert redact("g" * 8 + "-4444" * 3 + "-" + "1" * 12) == "…"


def test_a_text_of_just_the_length_is_not_cut() -> None:
    assert redact("word " * 32) == "word " * 32
    assert redact("word " * 32 + "x")[-1] == "…"


@pytest.mark.parametrize("char", ["\x9b", "\u200d", "\ue000", "\u2029", "\ud800", "\U000e0001"])
def test_what_a_terminal_may_obey_is_escaped(char: str) -> None:
    assert printable(f"a{char}") == "a" + char.encode("unicode_escape").decode()


def test_every_text_of_a_json_value_is_redacted_and_the_rest_stays() -> None:
    url = "https://s.example/x?sig=canary"
    value: dict[str, object] = {
        "urls": [url, {"deep": [url]}],
        url: None,
        "n": 1,
        "f": 1.5,
        "yes": True,
        "e": {},
    }
    cut = "https://s.example/x?…"
    assert redact_all(value) == {
        "urls": [cut, {"deep": [cut]}],
        cut: None,
        "n": 1,
        "f": 1.5,
        "yes": True,
        "e": {},
    }


leaves = st.none() | st.booleans() | st.integers() | st.just("https://s.example/x?sig=canary")
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(leaves.map(str), inner, max_size=3),
    max_leaves=10,
)


@given(values)
def test_no_signature_of_a_json_value_comes_through(value: object) -> None:
    shown = redact_all(value)
    assert "canary" not in json.dumps(shown)
    assert type(shown) is type(value)


def test_the_longest_text_shown_may_be_chosen() -> None:
    assert redact("word " * 10, chars=50) == "word " * 10
    assert redact("word " * 10, chars=49) == ("word " * 10)[:48] + "…"
