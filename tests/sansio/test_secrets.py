"""Known secrets are cut out, in whatever form they come back."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async import StorageError
from pixxel_async.sansio.escapes import unescaped
from pixxel_async.sansio.redact import redact
from pixxel_async.sansio.secrets import (
    KEY_MASK,
    LEAST_CHARS,
    MOST_CHARS,
    SIGNATURE_MASK,
    Redactor,
)

from ..secret_forms import FORMS, reveals

KEY = "Canary+5f1c/9a&Key=="
REDACTOR = Redactor([(KEY, KEY_MASK)])
EVERY_FORM = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
Form = Callable[[str], str]

pytestmark = pytest.mark.fault(60)


@EVERY_FORM
def test_the_forms_reveal_the_key(form: Form) -> None:
    assert reveals(json.loads(f'"{form(KEY)}"'), KEY)


@EVERY_FORM
def test_a_key_is_cut_out_of_a_text_in_every_form(form: Form) -> None:
    shown = REDACTOR.text(json.loads(f'"the key {form(KEY)} is unknown"'))
    assert not reveals(shown, KEY)
    assert shown.startswith("the key ")
    assert KEY_MASK in shown
    assert shown.endswith(" is unknown")


@EVERY_FORM
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32-le"])
def test_a_key_is_cut_out_of_every_place_of_an_answer(form: Form, encoding: str) -> None:
    said = form(KEY)
    body = f'{{"status": "{said}", "{said}": [1, null, true, {{"deep": ["{said}"]}}], "left": 1.5}}'
    clean = json.loads(REDACTOR.body(body.encode(encoding)))
    assert not reveals(json.dumps(clean, ensure_ascii=False), KEY)
    assert clean["left"] == 1.5
    (value,) = [value for value in clean.values() if isinstance(value, list)]
    assert value[:3] == [1, None, True]


@EVERY_FORM
def test_a_key_is_cut_out_of_a_page(form: Form) -> None:
    page = json.loads(f'"<html><p>{form(KEY)}</p></html>"').encode()
    assert not reveals(REDACTOR.body(page).decode(), KEY)


def test_an_answer_without_a_secret_stays_as_it_is() -> None:
    for body in (b"", b"PK\x03\x04\xff\xfe", b'{"a":  "\\u002F %2F &amp;"}', b"\\" * 50):
        assert REDACTOR.body(body) is body
    assert Redactor().body(KEY.encode()) == KEY.encode()
    assert not Redactor().finds(KEY)


def test_what_is_sent_on_stays_as_it_came() -> None:
    url = f"https://s.example/{KEY}?a=%2F"
    body = json.dumps({"signed_url": url, "id": KEY}).encode()
    assert json.loads(REDACTOR.body(body, sent_on="signed_url")) == {
        "signed_url": url,
        "id": KEY_MASK,
    }
    assert b"Canary" not in REDACTOR.body(body)
    absent = json.dumps([KEY]).encode()
    assert json.loads(REDACTOR.body(absent, sent_on="signed_url")) == [KEY_MASK]
    assert json.loads(REDACTOR.body(b'{"id": "' + KEY.encode() + b'"}', sent_on="url")) == {
        "id": KEY_MASK
    }


def test_a_number_may_be_a_key() -> None:
    redactor = Redactor([("1234567890", KEY_MASK)])
    assert json.loads(redactor.body(b'{"id": 1234567890, "n": 123, "yes": true}')) == {
        "id": KEY_MASK,
        "n": 123,
        "yes": True,
    }


@pytest.mark.parametrize("key", ["a", "key", "abcde", "%41%42%43"])
def test_a_short_secret_is_not_looked_for(key: str) -> None:
    text = "a key of abcde or ABC is in every message"
    assert Redactor([(key, KEY_MASK)]).text(text) == text


def test_the_shortest_secret_that_is_looked_for() -> None:
    key = "a1b2c3"
    assert len(key) == LEAST_CHARS
    assert Redactor([(key, KEY_MASK)]).text(f"{key} {key[1:]}") == f"{KEY_MASK} {key[1:]}"


@pytest.mark.parametrize("key", ["ab%41cdef", "ab&amp;cdef", "ab\\u0041cdef"])
def test_a_key_that_looks_escaped_is_found_as_it_is(key: str) -> None:
    assert Redactor([(key, KEY_MASK)]).text(f"<{key}>") == f"<{KEY_MASK}>"


def test_each_stretch_is_replaced_and_what_stands_between_stays() -> None:
    assert REDACTOR.text(f"1 {KEY} 2 {KEY.lower()}{KEY} 3") == "1 [key] 2 [key][key] 3"


def test_nothing_is_shown_of_a_text_that_cannot_be_cut() -> None:
    odd = "e\u0301" + "canary"  # one character once it is composed, two before
    redactor = Redactor([("\u00e9canary", KEY_MASK)])
    assert redactor.text(f"x {odd}") == KEY_MASK
    long = "x" * MOST_CHARS + KEY
    assert REDACTOR.text(long) == KEY_MASK


def test_an_answer_nested_too_deeply_is_taken_as_text() -> None:
    deep = b"[" * 100_000 + KEY.encode()
    assert b"Canary" not in REDACTOR.body(deep)


@EVERY_FORM
def test_the_values_of_a_signed_url_are_secrets_too(form: Form) -> None:
    signature = "Canary-Sig+na/ture"
    url = "https://s.example/a.zip?X-Amz-Expires=3600&X-Amz-Signature=Canary-Sig%2Bna%2Fture"
    redactor = Redactor([(KEY, KEY_MASK)]).and_those_of(url)
    shown = redactor.text(json.loads(f'"{form(signature)} of 3600 s, {form(KEY)}"'))
    assert SIGNATURE_MASK in shown
    assert KEY_MASK in shown
    assert "of 3600 s" in shown
    assert not reveals(shown, signature)
    assert not reveals(shown, KEY)


def test_a_broken_url_has_a_query_too() -> None:
    assert Redactor().and_those_of("https://[::1/a?sig=canary-sig").finds("Canary-Sig")


def test_an_error_loses_every_secret() -> None:
    error = StorageError(f"said {KEY}", status=403, code=KEY.lower())
    error.details = {KEY: [KEY]}
    REDACTOR.error(error)
    assert str(error) == "said [key] ([key])"
    assert error.details == {KEY_MASK: [KEY_MASK]}
    assert error.args == ("said [key]",)


@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=LEAST_CHARS, max_size=40),
    st.sampled_from(sorted(FORMS)),
    st.text(max_size=10),
)
def test_no_key_comes_through_in_any_form(key: str, form: str, around: str) -> None:
    redactor = Redactor([(key, KEY_MASK)])
    try:
        said = json.loads(f'"{FORMS[form](key)}"', strict=False)
    except ValueError:  # a key with a backslash or a quote, which this form leaves alone
        return
    assert not redactor.finds(redactor.text(f"{around}{said}{around}"))


@pytest.mark.parametrize(
    ("escaped", "plain"),
    [
        (r"\u0041\x42\u{43}\U00000044\105\/", "ABCDE/"),
        (r"a\nb", "a b"),
        ("\\\\\\u0041", "A"),
        ("%2541 &amp;amp; &#43;", "A & +"),
        ("\\", "\\"),
        ("100% & more", "100% & more"),
        ("\\" * 9, "\\" * 9),
        ("%" + "25" * 6 + "41", "%252541"),  # escaped more often than anybody does
    ],
)
def test_escapes_are_undone(escaped: str, plain: str) -> None:
    assert unescaped(escaped) == plain


@pytest.mark.parametrize(
    "escaped",
    [
        "".join(f"&#{ord(char)};" for char in "0123456789abcdef01234567"),
        "".join(f"\\u{ord(char):04x}" for char in "0123456789abcdef01234567"),
        "see https:&#47;&#47;s.example&#47;a&#63;sig=0123456789",
        "%3fsig%3d0123456789",
    ],
)
def test_an_unknown_secret_is_cut_out_where_it_is_escaped(escaped: str) -> None:
    assert not reveals(redact(escaped), "0123456789")


def test_a_secret_that_a_cut_falls_into_is_dropped() -> None:
    assert redact("word " * 30 + "canary-key-1") == "word " * 30 + "…"
    assert redact("word " * 31 + "canary-key") == "word " * 31 + "cana…"  # too little to tell
    assert redact("word " * 30 + "another 1") == "word " * 30 + "another 1"


@pytest.mark.parametrize("at", [0, 200_000, 262_140, 300_000, 500_000, 700_000])
def test_a_secret_is_found_wherever_it_stands_in_a_long_body(at: int) -> None:
    key = "canary-key-0f5b"
    body = json.dumps({"text": "x" * at + key + "y" * (800_000 - at)}).encode()
    clean = Redactor([(key, "[key]")]).body(body)
    assert key.encode() not in clean
