"""Append, take whole, restart, complete, refuse."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.sansio.ranges import (
    Append,
    Complete,
    Held,
    Refuse,
    Restart,
    TakeWhole,
    decide,
    request_headers,
    strong_tag,
)

HELD = Held(size=100, validator='"v"', total=1000)
NOTHING = Held()


def answer(**headers: str) -> dict[str, str]:
    return {name.replace("_", "-").lower(): value for name, value in headers.items()}


def test_a_range_is_asked_for_only_with_a_strong_validator() -> None:
    assert request_headers(HELD) == {
        "Accept-Encoding": "identity",
        "Range": "bytes=100-",
        "If-Range": '"v"',
    }
    for held in (NOTHING, Held(size=100), Held(validator='"v"')):
        assert request_headers(held) == {"Accept-Encoding": "identity"}


@pytest.mark.parametrize("held", [NOTHING, HELD])
def test_200_is_always_the_whole(held: Held) -> None:
    found = decide(held, 200, answer(Content_Length="7", ETag='"n"'))
    assert found == TakeWhole(total=7, validator='"n"')
    assert decide(held, 200, answer()) == TakeWhole(total=None, validator=None)
    weak = decide(held, 200, answer(ETag='W/"n"', Content_Length="x"))
    assert weak == TakeWhole(total=None, validator=None)


@pytest.mark.parametrize(
    ("headers", "total"),
    [
        ({"Content_Range": "bytes 100-999/1000"}, 1000),
        ({"Content_Range": "Bytes 100-999/1000", "ETag": '"v"'}, 1000),
        ({"Content_Range": "bytes 100-999/*"}, 1000),
    ],
)
def test_206_from_where_we_end_is_appended(headers: dict[str, str], total: int) -> None:
    assert decide(HELD, 206, answer(**headers)) == Append(total=total)


@pytest.mark.parametrize(
    ("headers", "word"),
    [
        ({}, "Content-Range"),
        ({"Content_Range": "bytes 100-999/1000, 0-1/1000"}, "Content-Range"),
        ({"Content_Range": "bytes 99-999/1000"}, "from byte 99"),
        ({"Content_Range": "bytes 100-998/999"}, "999 bytes, not 1000"),
        ({"Content_Range": "bytes 100-1500/1000"}, "does not reach the end"),
        ({"Content_Type": "multipart/byteranges"}, "Content-Range"),
        ({"Content_Range": "bytes 0-999/1000"}, "from byte 0"),
        ({"Content_Range": "bytes 101-999/1000"}, "from byte 101"),
        ({"Content_Range": "bytes 100-500/1000"}, "does not reach the end"),
        ({"Content_Range": "bytes 100-1000/1001"}, "1001 bytes, not 1000"),
        ({"Content_Range": "bytes 100-999/1000", "ETag": '"w"'}, "another ETag"),
        ({"Content_Range": "bytes 100-999/1000", "ETag": 'W/"v"'}, "another ETag"),
    ],
)
def test_any_other_206_starts_again(headers: dict[str, str], word: str) -> None:
    found = decide(HELD, 206, answer(**headers))
    assert isinstance(found, Restart)
    assert word in found.reason


@pytest.mark.parametrize("held", [NOTHING, Held(size=100), Held(validator='"v"')])
def test_a_part_that_was_not_asked_for_starts_again(held: Held) -> None:
    found = decide(held, 206, answer(Content_Range=f"bytes {held.size}-999/1000"))
    assert isinstance(found, Restart)


def test_416_completes_only_what_is_as_long_as_the_object() -> None:
    held = Held(size=1000, validator='"v"')
    assert decide(held, 416, answer(Content_Range="bytes */1000")) == Complete()
    for value in ("bytes */999", "bytes */1001", "bytes 0-1/2", "bytes */1000, 7", ""):
        assert isinstance(decide(held, 416, answer(Content_Range=value)), Restart)
    for headers in ({}, {"Content_Type": "text/xml"}):
        assert isinstance(decide(held, 416, answer(**headers)), Restart)
    for unsure in (NOTHING, Held(size=1000)):
        whole = answer(Content_Range=f"bytes */{unsure.size}")
        assert isinstance(decide(unsure, 416, whole), Restart)


def test_412_starts_again() -> None:
    assert isinstance(decide(HELD, 412, answer()), Restart)


@pytest.mark.parametrize("status", [200, 206])
def test_a_content_coding_is_refused(status: int) -> None:
    found = decide(HELD, status, answer(Content_Encoding="gzip"))
    assert isinstance(found, Refuse)
    assert "gzip" in found.reason
    for coding in (" Identity ", "identity", ""):
        assert not isinstance(decide(HELD, status, answer(Content_Encoding=coding)), Refuse)
    long = decide(HELD, status, answer(Content_Encoding="x" * 1000))
    assert isinstance(long, Refuse)
    assert len(long.reason) < 100


@pytest.mark.parametrize("status", [301, 400, 403, 404, 500, 503])
def test_other_statuses_say_nothing_about_ranges(status: int) -> None:
    assert decide(HELD, status, answer(Content_Range="bytes 100-999/1000")) is None


@pytest.mark.parametrize("tag", [None, "", '"', "v", 'W/"v"', "'v'", '"v', 'v"'])
def test_a_weak_or_broken_tag_is_no_validator(tag: str | None) -> None:
    assert strong_tag(tag) is None


ranges = st.builds(
    "bytes {}-{}/{}".format,
    st.integers(0, 200),
    st.integers(0, 2000),
    st.integers(0, 2000) | st.just("*"),
)
tags = st.sampled_from(['"v"', '"w"', 'W/"v"', "", "x"])
answers = st.fixed_dictionaries(
    {},
    optional={
        "content-range": ranges | st.text(max_size=20),
        "content-length": st.integers(0, 2000).map(str) | st.text(max_size=5),
        "etag": tags,
        "content-encoding": st.sampled_from(["", "identity", "gzip", "br"]),
    },
)
helds = st.builds(
    Held,
    size=st.integers(0, 1000),
    validator=st.none() | st.just('"v"'),
    total=st.none() | st.integers(0, 2000),
)


statuses = st.sampled_from([200, 206, 412, 416]) | st.integers(100, 599)


@given(helds, statuses, answers)
def test_two_objects_are_never_mixed(held: Held, status: int, headers: dict[str, str]) -> None:
    found = decide(held, status, headers)
    if isinstance(found, Append):
        assert status == 206
        assert held.size > 0
        assert held.validator == '"v"'
        assert headers.get("etag", held.validator) == held.validator
        assert headers["content-range"].startswith(f"bytes {held.size}-")
        assert found.total is None or held.total in {None, found.total}
    if isinstance(found, Complete):
        assert headers["content-range"] == f"bytes */{held.size}"
    if isinstance(found, Append | TakeWhole):
        assert headers.get("content-encoding", "") in {"", "identity"}
    assert (found is None) == (status not in {200, 206, 412, 416})


@given(
    size=st.integers(1, 1000),
    rest=st.integers(1, 1000),
    total_known=st.booleans(),
    total_told=st.booleans(),
    tag_told=st.booleans(),
)
def test_the_rest_of_the_same_object_is_always_appended(
    *, size: int, rest: int, total_known: bool, total_told: bool, tag_told: bool
) -> None:
    total = size + rest
    held = Held(size=size, validator='"v"', total=total if total_known else None)
    headers = {"content-range": f"bytes {size}-{total - 1}/{total if total_told else '*'}"}
    if tag_told:
        headers["etag"] = '"v"'
    known = total if total_known or total_told else None
    assert decide(held, 206, headers) == Append(total=known)


@pytest.mark.parametrize("length", ["\u00b2", "\u0661", "-1", "1.0", "+1", " ", "0x1"])
def test_a_length_that_is_no_number_is_not_known(length: str) -> None:
    assert decide(HELD, 200, answer(Content_Length=length)) == TakeWhole(total=None, validator=None)


@pytest.mark.parametrize("status", [200, 206, 416])
@pytest.mark.parametrize(
    "headers",
    [
        {"content-length": "9" * 5000},
        {"content-range": "bytes 100-9/" + "9" * 5000},
        {"content-range": "bytes */" + "9" * 5000},
        {"content-range": "bytes 100-٩٩٩/*"},
    ],
)
def test_a_number_that_is_no_size_is_not_read(status: int, headers: dict[str, str]) -> None:
    found = decide(HELD, status, headers)
    assert found == TakeWhole(total=None, validator=None) or isinstance(found, Restart)


@pytest.mark.parametrize("last", [50, 500, 5000])
def test_a_part_that_does_not_end_at_the_known_total_is_not_appended(last: int) -> None:
    found = decide(HELD, 206, {"content-range": f"bytes 100-{last}/*"})
    assert isinstance(found, Restart)


@pytest.mark.parametrize("tag", ['"é"', '"a b"', '"a"b"', '"\x7f"'])
def test_a_tag_that_cannot_be_sent_back_is_no_validator(tag: str) -> None:
    assert strong_tag(tag) is None
