"""Which checksums a storage offers."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.sansio.storage.checksums import LENGTHS, offered

DATA = b"a package"
MD5 = hashlib.md5(DATA).digest()  # noqa: S324 - as storages offer it
SHA256 = hashlib.sha256(DATA).digest()
CRC = b"\1\2\3\4"


def b64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def found(**headers: str) -> dict[str, bytes]:
    return offered(named(**headers), whole=True)


def named(**headers: str) -> dict[str, str]:
    return {name.replace("_", "-").lower(): value for name, value in headers.items()}


def test_amazon_says_it_of_the_whole_object() -> None:
    headers = {"x_amz_checksum_sha256": b64(SHA256), "x_amz_checksum_crc32": b64(CRC)}
    for whole in (True, False):
        assert offered(named(**headers), whole=whole) == {"sha256": SHA256, "crc32": CRC}
    assert list(found(**headers)) == ["sha256", "crc32"]


def test_a_composite_checksum_says_nothing() -> None:
    headers = {"x_amz_checksum_sha256": b64(SHA256), "x_amz_checksum_type": "COMPOSITE"}
    assert found(**headers) == {}
    assert found(x_amz_checksum_sha256=b64(SHA256) + "-3") == {}


def test_google_says_it_in_one_header() -> None:
    assert found(x_goog_hash=f"crc32c=AAAAAA==, md5={b64(MD5)}") == {"md5": MD5}


def test_content_md5_counts_for_a_whole_answer_only() -> None:
    assert found(content_md5=b64(MD5)) == {"md5": MD5}
    assert offered(named(content_md5=b64(MD5)), whole=False) == {}
    other = b64(b"x" * 16)
    assert found(content_md5=other, x_goog_hash=f"md5={b64(MD5)}") == {"md5": MD5}


@pytest.mark.parametrize("value", ["", "not base64!", b64(b"short"), b64(SHA256 + b"x"), "é"])
def test_what_is_no_digest_is_left_out(value: str) -> None:
    assert found(x_amz_checksum_sha256=value) == {}


def test_an_entity_tag_is_no_checksum() -> None:
    assert found(ETag=f'"{MD5.hex()}"') == {}


@given(st.dictionaries(st.sampled_from(["x-goog-hash", "content-md5"]), st.text(max_size=60)))
def test_any_header_is_read(headers: dict[str, str]) -> None:
    for name, digest in offered(headers, whole=True).items():
        assert len(digest) == LENGTHS[name]


def test_the_type_of_a_checksum_is_read_without_regard_to_case() -> None:
    assert found(x_amz_checksum_sha256=b64(SHA256), x_amz_checksum_type="composite") == {}
    whole = found(x_amz_checksum_sha256=b64(SHA256), x_amz_checksum_type="FULL_OBJECT")
    assert whole == {"sha256": SHA256}


def test_sha1_is_offered_too() -> None:
    sha1 = b"\5" * 20
    assert found(x_amz_checksum_sha1=b64(sha1)) == {"sha1": sha1}


def test_names_and_spaces_are_read_as_http_allows() -> None:
    assert found(x_goog_hash=f"crc32c=AAAAAA== ,  MD5={b64(MD5)} ") == {"md5": MD5}
    assert found(content_md5=f" {b64(MD5)} ") == {"md5": MD5}


@pytest.mark.parametrize("value", [b64(MD5)[:8] + "!" + b64(MD5)[8:], b64(MD5).rstrip("=")])
def test_base64_is_read_strictly(value: str) -> None:
    assert found(content_md5=value) == {}
