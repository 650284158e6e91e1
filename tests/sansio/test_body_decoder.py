"""Bodies of API answers: decoded piece by piece, and kept within a limit."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.sansio.api.body_decoder import (
    MAX_ERROR_BYTES,
    SLACK_BYTES,
    STEP_BYTES,
    BodyTooLongError,
    BoundedBody,
    ContentCodingError,
    coding_of,
)

MIB = 1024 * 1024
LIMIT = 4 * MIB


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
}


def read(body: BoundedBody, data: bytes, size: int = 65536) -> bytes:
    """Give a body its bytes in pieces, and return what it holds."""
    for start in range(0, len(data), size):
        body.take(data[start : start + size])
    return body.finish()


@given(
    data=st.binary(max_size=300),
    repeated=st.sampled_from([1, 1000]),
    coding=st.sampled_from([*ENCODERS, "raw"]),
    size=st.integers(1, 500),
)
def test_what_was_encoded_comes_out_however_it_is_cut(
    data: bytes, repeated: int, coding: str, size: int
) -> None:
    plain = data * repeated
    encoded = raw_deflate(plain) if coding == "raw" else ENCODERS[coding](plain)
    body = BoundedBody(["deflate" if coding == "raw" else coding], len(plain) or 1)
    assert read(body, encoded, size) == plain


@pytest.mark.parametrize(
    ("values", "coding"),
    [
        ([], None),
        (["", "identity", " Identity , "], None),
        (["GZIP"], "gzip"),
        (["identity", "x-gzip"], "gzip"),
        (["deflate,"], "deflate"),
    ],
)
def test_one_coding_at_most_is_found(values: Iterable[str], coding: str | None) -> None:
    assert coding_of(values) == coding


@pytest.mark.fault(55)
@pytest.mark.parametrize(
    "values",
    [["gzip, gzip"], ["gzip", "gzip"], ["deflate, identity, gzip"], ["br"], ["zstd"], ["x" * 999]],
)
def test_several_codings_and_those_that_were_not_requested_are_refused(values: list[str]) -> None:
    with pytest.raises(ContentCodingError) as caught:
        BoundedBody(values, LIMIT)
    assert len(str(caught.value)) < 120
    body = BoundedBody(values, LIMIT, is_error=True)
    assert read(body, b"anything") == b""


@pytest.mark.fault(55)
@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@pytest.mark.parametrize("is_error", [False, True])
def test_a_body_that_expands_is_cut_off_at_its_limit(coding: str, is_error: bool) -> None:  # noqa: FBT001 - a parameter
    bomb = ENCODERS[coding](bytes(16 * LIMIT))
    assert len(bomb) < LIMIT // 32
    tracemalloc.start()
    try:
        body = BoundedBody([coding], LIMIT, is_error=is_error)
        with pytest.raises(BodyTooLongError):
            read(body, bomb)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak <= 2 * LIMIT


@pytest.mark.fault(55)
@pytest.mark.parametrize("coding", ["", "gzip"])
def test_an_answer_of_the_largest_size_takes_no_more_than_twice_that(coding: str) -> None:
    plain = bytes(range(256)) * (LIMIT // 256)
    encoded = ENCODERS[coding](plain)
    tracemalloc.start()
    try:
        found = read(BoundedBody([coding], LIMIT), encoded)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == plain
    assert peak <= 2 * LIMIT
    with pytest.raises(BodyTooLongError):
        read(BoundedBody([coding], LIMIT - 1), encoded)


@pytest.mark.fault(55)
def test_a_coding_that_brings_nothing_is_no_way_around_the_limit() -> None:
    endless_name = b"\x1f\x8b\x08\x08" + bytes(6) + b"x" * (LIMIT + SLACK_BYTES)
    with pytest.raises(BodyTooLongError):
        read(BoundedBody(["gzip"], LIMIT), endless_name)


@pytest.mark.parametrize(
    "encoded",
    [
        gzip.compress(b"{}")[:-1],
        gzip.compress(b"{}") + b"x",
        gzip.compress(b"{}") + gzip.compress(b"{}"),
        b"{}",
        b"\x1f",
    ],
    ids=["cut", "with a rest", "two members", "not encoded", "one byte"],
)
@pytest.mark.parametrize("size", [1, 65536])
def test_what_is_not_valid_in_its_coding_is_refused(encoded: bytes, size: int) -> None:
    with pytest.raises(ContentCodingError):
        read(BoundedBody(["gzip"], LIMIT), encoded, size)
    assert read(BoundedBody(["gzip"], LIMIT, is_error=True), encoded, size) == b""


def test_a_deflate_body_may_come_byte_by_byte() -> None:
    for encoded in (zlib.compress(b"{}"), raw_deflate(b"{}")):
        assert read(BoundedBody(["deflate"], LIMIT), encoded, 1) == b"{}"


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_no_body_is_a_whole_one(coding: str) -> None:
    assert read(BoundedBody([coding], LIMIT), b"") == b""


def test_of_an_error_the_beginning_is_kept() -> None:
    text = b"x" * (3 * MAX_ERROR_BYTES + 1)
    assert read(BoundedBody([], LIMIT, is_error=True), text) == text[:MAX_ERROR_BYTES]
    encoded = gzip.compress(text)
    assert read(BoundedBody(["gzip"], LIMIT, is_error=True), encoded) == text[:MAX_ERROR_BYTES]
    with pytest.raises(BodyTooLongError):
        read(BoundedBody([], MAX_ERROR_BYTES, is_error=True), text)


def test_a_step_that_is_full_to_the_byte_is_followed_by_the_rest() -> None:
    plain = bytes(STEP_BYTES)
    for count in (1, 2):
        encoded = gzip.compress(plain * count)
        assert read(BoundedBody(["gzip"], LIMIT), encoded) == plain * count
