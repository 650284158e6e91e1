"""Lines that fit a terminal."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.sansio.layout import labelled, short, wrapped

WORDS = st.text(st.characters(codec="ascii", categories=("L", "N", "P")), min_size=1, max_size=30)


@given(st.lists(WORDS, min_size=1, max_size=12), st.integers(5, 120))
def test_a_line_breaks_between_words_and_loses_none(words: list[str], width: int) -> None:
    lines = wrapped("label  ", " ".join(words), width)
    assert " ".join(lines).split() == ["label", *words]
    for line in lines:
        assert len(line) <= width or len(line.split()) == 1


def test_later_lines_begin_below_the_text() -> None:
    assert wrapped("failed  ", "one two three four five", 24) == [
        "failed  one two three",
        "        four five",
    ]


def test_a_pipe_gets_one_line() -> None:
    text = "word " * 50
    assert wrapped("failed  ", text, None) == [f"failed  {text}"]


def test_labels_stand_in_columns_and_steer_no_terminal() -> None:
    assert labelled([("a", "one"), ("long", "two\x1b")]) == ["a     one", r"long  two\x1b"]
    assert labelled([]) == []


def test_long_texts_are_shortened_in_the_middle() -> None:
    assert short("a" * 30, 9) == "aaaa…aaaa"
    assert short("short", 9) == "short"
    assert short("ab\x1b", 60) == r"ab\x1b"


@given(st.text(), st.integers(1, 50))
def test_a_shortened_text_fits(text: str, chars: int) -> None:
    assert len(short(text, chars)) <= chars
