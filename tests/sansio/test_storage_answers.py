"""What an error of a storage means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.sansio.storage_answers import Meaning, not_a_zip, read_error


def xml(code: str, message: str = "words") -> bytes:
    return f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, xml("AccessDenied", "Request has expired")),
        (400, xml("ExpiredToken")),
        (403, xml("ExpiredRequest")),
        (400, xml("ExpiredRequest")),
        (403, xml("AuthorizationFailure")),
        (403, xml("ExpiredToken")),
        (400, xml("RequestExpired")),
        (400, xml("TokenRefreshRequired")),
        (400, b"<Error><Code> ExpiredToken\n</Code></Error>"),
        (403, xml("AuthenticationFailed")),
        (403, b""),
        (403, b"<html>Forbidden</html>"),
    ],
)
def test_an_expired_url_is_recognised_in_each_dialect(status: int, body: bytes) -> None:
    assert read_error(status, body).meaning is Meaning.EXPIRED


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_what_passes_is_tried_again(status: int) -> None:
    assert read_error(status, xml("SlowDown")).meaning is Meaning.PASSING


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, xml("SignatureDoesNotMatch")),
        (403, xml("InvalidAccessKeyId")),
        (403, xml("SomethingElse")),
        (404, xml("NoSuchKey")),
        (500, xml("NoSuchKey")),
        (503, xml("SignatureDoesNotMatch")),
        (503, xml("InvalidAccessKeyId")),
        (404, b""),
        (400, xml("InvalidArgument")),
        (400, b""),
        (410, xml("ExpiredToken")),
        (501, b""),
    ],
)
def test_everything_else_is_final(status: int, body: bytes) -> None:
    assert read_error(status, body).meaning is Meaning.FINAL


def test_code_and_message_are_kept_without_secrets() -> None:
    found = read_error(403, xml("AccessDenied", "no https://s.example/x?X-Amz-Signature=abc here"))
    assert found.code == "AccessDenied"
    assert found.message == "the storage answered 403: no https://s.example/x?… here"
    assert read_error(500, b"").message == "the storage answered 500"
    assert read_error(502, b"Bad\nGateway").message == "the storage answered 502: Bad"


@given(st.integers(300, 599), st.binary(max_size=300))
def test_any_error_is_read(status: int, body: bytes) -> None:
    found = read_error(status, body)
    assert found.message.startswith(f"the storage answered {status}")
    assert "\n" not in found.message


@pytest.mark.parametrize("head", [b"PK\3\4", b"PK\5\6rest"])
def test_a_zip_may_be_one(head: bytes) -> None:
    assert not_a_zip(head) is None


@pytest.mark.parametrize(
    ("body", "word"),
    [(b"", "nothing came"), (b"<html>", "<html>"), (b"PK", "PK"), (b"PK\1\2", "binary data")],
)
def test_what_is_no_zip_is_told(body: bytes, word: str) -> None:
    assert word in (not_a_zip(body) or "")


def test_what_came_instead_of_a_zip_is_told_short_and_without_secrets() -> None:
    page = b"see https://s.example/x?sig=canary " + b"word " * 1000
    told = not_a_zip(page) or ""
    assert "canary" not in told
    assert len(told) < 200
    assert "canary" not in read_error(500, page).message


@given(st.sampled_from([400, 403, 404, 500, 503]), st.text(max_size=40))
def test_no_signature_is_told(status: int, words: str) -> None:
    url = "https://s.example/x?X-Amz-Signature=canary"
    for body in (xml("AccessDenied", f"{words} {url}"), f"{url} {words}".encode()):
        assert "canary" not in read_error(status, body).message
