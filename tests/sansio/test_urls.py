"""Segments of paths: what is in them stays within them."""

from __future__ import annotations

from urllib.parse import quote

from hypothesis import example, given
from hypothesis import strategies as st

from pixxel_async.sansio.api.urls import path_of

NEARLY_PLAIN = st.text("aZ09-._~ /%?#\u00e9\n", max_size=12)


@given(st.one_of(st.text(max_size=20), NEARLY_PLAIN))
@example("0f8fad5b-d9cb-469f-a165-70867728950e")
@example(".hidden")
@example("...")
@example("a\n")
@example("a/../b")
def test_what_needs_no_escape_goes_as_it_is_and_all_else_is_escaped(text: str) -> None:
    if text not in {".", ".."}:
        assert path_of("v0", text) == f"/v0/{quote(text, safe='')}"


def test_a_segment_is_never_a_step() -> None:
    assert path_of(".", "..") == "/%2E/%2E%2E"


def test_no_segments_are_no_path() -> None:
    assert path_of() == ""
