"""Append, take whole, restart, complete, refuse."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.sansio.storage.range_requests import (
    NOT_FOR_RANGES,
    Append,
    Complete,
    Held,
    Part,
    Refuse,
    RequestWhole,
    Restart,
    TakeWhole,
    decide,
    is_about_range,
    part_headers,
    request_headers,
    some_part,
    some_part_headers,
    strong_tag,
    usable_part,
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
    assert part_headers(100, 200, '"v"') == {
        "Accept-Encoding": "identity",
        "Range": "bytes=100-199",
        "If-Range": '"v"',
    }


@pytest.mark.parametrize("held", [NOTHING, HELD])
def test_200_is_always_the_whole(held: Held) -> None:
    found = decide(held, 200, answer(Content_Length="7", ETag='"n"'))
    assert found == TakeWhole(total=7, validator='"n"')
    same = decide(held, 200, answer(Content_Length="1000", ETag='"v"'))
    assert same == TakeWhole(total=1000, validator='"v"')
    assert decide(held, 200, answer()) == TakeWhole(total=None, validator=None)
    weak = decide(held, 200, answer(ETag='W/"n"', Content_Length="x"))
    assert weak == TakeWhole(total=None, validator=None)


@pytest.mark.fault(70)
def test_200_with_less_than_the_object_has_is_not_the_whole() -> None:
    for length, tag in (("7", '"v"'), ("900", '"v"'), ("900", '"n"'), ("900", None)):
        headers = {"content-length": length} | ({} if tag is None else {"etag": tag})
        found = decide(HELD, 200, headers)
        assert isinstance(found, RequestWhole)
        assert f"{length} of 1000 bytes" in found.reason
        assert isinstance(decide(NOTHING, 200, headers), TakeWhole)
    unknown = Held(size=100, validator='"v"')
    assert isinstance(decide(unknown, 200, answer(Content_Length="7", ETag='"v"')), TakeWhole)


SAME = {"ETag": '"v"'}


@pytest.mark.fault(69)
@pytest.mark.parametrize("status", [200, 206])
@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("bytes 100-999/1000", Append(total=1000, end=1000)),
        ("Bytes 100-999/1000", Append(total=1000, end=1000)),
        ("bytes 100-999/*", Append(total=1000, end=1000)),
        ("bytes 64-999/1000", Append(total=1000, end=1000, skip=36)),
        ("bytes 0-999/1000", Append(total=1000, end=1000, skip=100)),
        ("bytes 100-499/1000", Append(total=1000, end=500)),
        ("bytes 99-100/1000", Append(total=1000, end=101, skip=1)),
    ],
)
def test_a_part_of_the_same_object_is_used_from_where_it_fits(
    told: str, found: Append, status: int
) -> None:
    size = found.end - (HELD.size - found.skip)
    assert (
        decide(HELD, status, answer(**SAME, Content_Range=told, Content_Length=str(size))) == found
    )
    without_length = decide(HELD, status, answer(**SAME, Content_Range=told))
    if status == 206 or told.startswith("bytes 0-999/1000"):
        assert without_length == found
    else:
        assert isinstance(without_length, RequestWhole)


@pytest.mark.fault(69)
@pytest.mark.parametrize("held", [NOTHING, HELD])
@pytest.mark.parametrize("status", [200, 206])
def test_a_part_that_covers_another_object_is_the_whole(held: Held, status: int) -> None:
    all_of_it = {"Content_Range": "bytes 0-499/500", "Content_Length": "500"}
    found = decide(held, status, answer(**all_of_it, ETag='"n"'))
    assert found == TakeWhole(total=500, validator='"n"')
    assert decide(held, status, answer(**all_of_it)) == TakeWhole(total=500, validator=None)


@pytest.mark.fault(69)
def test_a_first_part_is_taken_although_the_whole_was_requested() -> None:
    first = answer(Content_Range="bytes 0-99/1000", **SAME)
    assert decide(NOTHING, 206, first) == TakeWhole(total=1000, validator='"v"', end=100)
    all_of_it = decide(NOTHING, 206, answer(Content_Range="bytes 0-99/*", **SAME))
    assert all_of_it == TakeWhole(total=None, validator='"v"')
    for headers in (
        answer(Content_Range="bytes 0-99/1000"),
        answer(Content_Range="bytes 0-99/1000", ETag='W/"v"'),
        answer(Content_Range="bytes 1-999/1000", **SAME),
        answer(**SAME),
    ):
        assert isinstance(decide(NOTHING, 206, headers), Refuse)


@pytest.mark.fault(69)
def test_200_with_the_range_of_a_part_and_the_length_of_all_is_the_whole() -> None:
    headers = answer(Content_Range="bytes 100-999/1000", Content_Length="1000", **SAME)
    assert decide(HELD, 200, headers) == TakeWhole(total=1000, validator='"v"')


@pytest.mark.fault(49)
@pytest.mark.fault(70)
@pytest.mark.parametrize(
    ("headers", "word"),
    [
        (SAME, "Content-Range"),
        ({**SAME, "Content_Range": "bytes 100-999/1000, 0-1/1000"}, "Content-Range"),
        ({**SAME, "Content_Range": "items 100-999/1000"}, "Content-Range"),
        ({**SAME, "Content_Range": "bytes 100-1500/1000"}, "contradicts itself"),
        ({**SAME, "Content_Range": "bytes 100-99/1000"}, "contradicts itself"),
        ({**SAME, "Content_Range": "bytes 100-1500/*"}, "byte 1501 of 1000"),
        ({**SAME, "Content_Range": "bytes 101-999/1000"}, "bytes 101-999"),
        ({**SAME, "Content_Range": "bytes 0-99/1000"}, "bytes 0-99"),
        ({**SAME, "Content_Range": "bytes 100-998/999"}, "999 bytes, not 1000"),
        ({**SAME, "Content_Range": "bytes 100-1000/1001"}, "1001 bytes, not 1000"),
        (
            {**SAME, "Content_Range": "bytes 100-999/1000", "Content_Length": "899"},
            "899 bytes, not 900",
        ),
        (
            {
                **SAME,
                "Content_Range": "bytes 100-999/1000",
                "Content_Type": " Multipart/byteranges; boundary=x",
            },
            "several parts",
        ),
        ({"Content_Range": "bytes 100-999/1000"}, "without an ETag"),
        ({"Content_Range": "bytes 64-999/1000"}, "without an ETag"),
        ({"Content_Range": "bytes 100-999/1000", "ETag": ""}, "another ETag"),
        ({"Content_Range": "bytes 100-999/1000", "ETag": 'W/"v"'}, "another ETag"),
        ({"Content_Range": "bytes 100-999/1000", "ETag": '"v", "w"'}, "another ETag"),
    ],
)
def test_with_any_other_206_the_whole_is_requested(headers: dict[str, str], word: str) -> None:
    found = decide(HELD, 206, answer(**headers))
    assert isinstance(found, RequestWhole)
    assert word in found.reason


@pytest.mark.fault(49)
def test_a_part_of_another_object_starts_again() -> None:
    headers = answer(Content_Range="bytes 100-999/1000", ETag='"w"')
    found = decide(HELD, 206, headers)
    assert isinstance(found, Restart)
    assert "another ETag" in found.reason


@pytest.mark.parametrize("held", [NOTHING, Held(size=100), Held(validator='"v"')])
@pytest.mark.parametrize("status", [206, 412, 416])
def test_what_no_range_was_requested_for_is_refused(held: Held, status: int) -> None:
    found = decide(held, status, answer(Content_Range=f"bytes {held.size}-999/1001", **SAME))
    assert isinstance(found, Refuse if status != 206 or held.size else TakeWhole)


def test_416_completes_only_what_is_as_long_as_the_object() -> None:
    held = Held(size=1000, validator='"v"')
    assert decide(held, 416, answer(Content_Range="bytes */1000")) == Complete()
    assert decide(held, 416, answer(Content_Range="bytes */1000", **SAME)) == Complete()
    other = decide(held, 416, answer(Content_Range="bytes */1000", ETag='"w"'))
    assert isinstance(other, Restart)
    for value in ("bytes */999", "bytes */1001", "bytes 0-1/2", "bytes */1000, 7", ""):
        assert isinstance(decide(held, 416, answer(Content_Range=value)), Restart)
    for headers in ({}, {"Content_Type": "text/xml"}):
        assert isinstance(decide(held, 416, answer(**headers)), Restart)


def test_412_starts_again() -> None:
    assert isinstance(decide(HELD, 412, answer()), Restart)


@pytest.mark.parametrize("status", [200, 206])
@pytest.mark.parametrize(("held", "kind"), [(NOTHING, Refuse), (HELD, RequestWhole)])
def test_a_content_coding_is_refused(
    status: int, held: Held, kind: type[Refuse | RequestWhole]
) -> None:
    found = decide(held, status, answer(Content_Encoding="gzip"))
    assert isinstance(found, kind)
    assert "gzip" in found.reason
    for coding in (" Identity ", "identity", ""):
        usable = answer(Content_Encoding=coding, Content_Range="bytes 0-999/1000", **SAME)
        assert isinstance(decide(held, status, usable), Append | TakeWhole)
    long = decide(held, status, answer(Content_Encoding="x\x00" * 1000))
    assert isinstance(long, kind)
    assert len(long.reason) < 100
    assert long.reason.isprintable()


def usable(status: int, headers: dict[str, str]) -> Part | str:
    return usable_part(status, headers, first=100, end=200, total=1000, validator='"v"')


@pytest.mark.fault(69)
@pytest.mark.parametrize(
    ("status", "headers", "found"),
    [
        (206, {"Content_Range": "bytes 100-199/1000"}, Part(100, 200, 1000)),
        (206, {"Content_Range": "bytes 100-199/*"}, Part(100, 200, None)),
        (206, {"Content_Range": "bytes 64-255/1000"}, Part(64, 256, 1000)),
        (206, {"Content_Range": "bytes 100-100/1000"}, Part(100, 101, 1000)),
        (206, {"Content_Range": "bytes 0-999/1000"}, Part(0, 1000, 1000)),
        (
            200,
            {"Content_Range": "bytes 100-199/1000", "Content_Length": "100"},
            Part(100, 200, 1000),
        ),
        (206, {"Content_Range": "bytes 200-299/1000"}, "bytes 200-299 came instead of 100-199"),
        (206, {"Content_Range": "bytes 0-99/1000"}, "bytes 0-99 came"),
        (206, {"Content_Range": "bytes 100-199/999"}, "999 bytes, not 1000"),
        (206, {"Content_Range": "bytes 100-199/1000", "ETag": '"w"'}, "another ETag"),
        (206, {"Content_Range": "bytes 100-199/1000", "ETag": 'W/"v"'}, "another ETag"),
        (206, {"Content_Range": "bytes 100-199/1000", "Content_Encoding": "br"}, "br"),
        (206, {}, "Content-Range"),
        (200, {}, "all of the object"),
        (200, {"Content_Range": "bytes 100-199/1000", "Content_Length": "1000"}, "all of the"),
        (200, {"Content_Range": "bytes 100-199/1000"}, "Content-Range of a part"),
        (412, {}, "412"),
        (503, {}, "503"),
    ],
)
def test_a_part_has_to_be_of_the_object_and_to_hold_what_was_requested(
    status: int, headers: dict[str, str], found: Part | str
) -> None:
    judged = usable(status, answer(**{**SAME, **headers}))
    if isinstance(found, Part):
        assert judged == found
    else:
        assert isinstance(judged, str)
        assert found in judged


@pytest.mark.fault(49)
def test_a_part_without_an_etag_is_not_usable() -> None:
    judged = usable(206, answer(Content_Range="bytes 100-199/1000"))
    assert isinstance(judged, str)
    assert "without an ETag" in judged


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
        assert status in {200, 206}
        assert headers["etag"] == held.validator == '"v"'
        assert headers["content-range"].startswith(
            f"bytes {held.size - found.skip}-{found.end - 1}/"
        )
        assert 0 < held.size < found.end
        assert found.total is None or found.end <= found.total
        assert held.total in {None, found.total}
    if isinstance(found, Complete):
        assert headers["content-range"] == f"bytes */{held.size}"
        assert headers.get("etag", '"v"') == '"v"'
    if isinstance(found, Append | TakeWhole):
        assert headers.get("content-encoding", "") in {"", "identity"}
    if isinstance(found, RequestWhole | Restart | Complete):
        assert held.resumable  # or the same answer would come again and again
    if isinstance(found, TakeWhole) and found.end is not None:
        assert found.validator is not None
    is_refused_range = held.resumable and status in NOT_FOR_RANGES
    assert (found is None) == (status not in {200, 206, 412, 416} and not is_refused_range)


@given(
    size=st.integers(1, 1000),
    rest=st.integers(1, 1000),
    total_known=st.booleans(),
    total_told=st.booleans(),
    overlap=st.integers(0, 1000),
)
def test_the_rest_of_the_same_object_is_always_appended(
    *, size: int, rest: int, total_known: bool, total_told: bool, overlap: int
) -> None:
    total, skip = size + rest, min(overlap, size)
    held = Held(size=size, validator='"v"', total=total if total_known else None)
    told = total if total_told else "*"
    headers = {"content-range": f"bytes {size - skip}-{total - 1}/{told}", "etag": '"v"'}
    known = total if total_known or total_told else None
    assert decide(held, 206, headers) == Append(total=known, end=total, skip=skip)


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
    whole = TakeWhole(total=None, validator=None)
    assert found == whole or isinstance(found, Restart | RequestWhole)
    assert decide(NOTHING, 200, headers) == whole


@pytest.mark.parametrize("tag", ['"é"', '"a b"', '"a"b"', '"\x7f"'])
def test_a_tag_that_cannot_be_sent_back_is_no_validator(tag: str) -> None:
    assert strong_tag(tag) is None


@pytest.mark.parametrize("status", [304, 405, 501])
def test_a_status_that_says_that_ranges_are_not_served_leads_to_the_whole(status: int) -> None:
    assert isinstance(decide(HELD, status, {}), RequestWhole)
    assert decide(NOTHING, status, {}) is None


@pytest.mark.parametrize(
    ("status", "refused", "attempts", "is_about"),
    [
        (400, 2, 8, False),
        (400, 3, 8, True),
        (400, 1, 3, True),
        (500, 3, 8, True),
        (503, 7, 8, False),
        (429, 7, 8, False),
        (None, 5, 8, False),
        (None, 6, 8, True),
        (None, 1, 3, False),
    ],
)
def test_errors_in_a_row_may_be_about_the_range(
    status: int | None, refused: int, attempts: int, *, is_about: bool
) -> None:
    assert is_about_range(status, refused=refused, attempts=attempts) is is_about


@pytest.mark.parametrize(
    ("status", "headers", "found"),
    [
        (206, answer(content_range="bytes 90-99/100", content_length="10"), Part(90, 100, 100)),
        (200, answer(content_length="8"), Part(0, 8, 8)),
        (200, answer(content_length="11"), "all of the object came instead of a part"),
        (404, {}, "the storage answered 404 to the request for a part"),
        (
            206,
            answer(content_range="bytes 90-99/100", content_encoding="gzip"),
            "the part came with Content-Encoding gzip",
        ),
        (206, answer(content_range="bytes 90-99/*"), "a part came without the size of the object"),
        (206, answer(content_range="bytes 0-9/100"), "bytes 0-9 came instead of 90-99"),
    ],
)
def test_the_end_of_an_object_is_taken_only_as_requested(
    status: int, headers: dict[str, str], found: Part | str
) -> None:
    assert some_part_headers(None, 10)["Range"] == "bytes=-10"
    assert some_part(status, headers, None, 10) == found
