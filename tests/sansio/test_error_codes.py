"""What an error of a storage means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.sansio.storage.error_codes import (
    CODES,
    STATUSES,
    StorageErrorMeaning,
    is_final,
    not_a_zip,
    read_error,
)


def xml(code: str, message: str = "words") -> bytes:
    return f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, xml("ExpiredToken")),
        (403, xml("ExpiredRequest")),
        (400, xml("ExpiredRequest")),
        (403, xml("ExpiredToken")),
        (400, xml("RequestExpired")),
        (400, xml("TokenRefreshRequired")),
        (400, b"<Error><Code> ExpiredToken\n</Code></Error>"),
        (403, xml("AuthenticationFailed")),
        (403, xml("InvalidAccessKeyId")),
        (403, xml("SomethingElse")),
        (403, b""),
        (403, b"<html>Forbidden</html>"),
        (401, b""),
    ],
)
def test_an_expired_url_is_recognised_in_each_dialect(status: int, body: bytes) -> None:
    assert read_error(status, body).meaning is StorageErrorMeaning.EXPIRED


@pytest.mark.parametrize(
    "body",
    [
        xml("AccessDenied", "Request has expired"),
        xml("AuthorizationFailure"),
        xml("AllAccessDisabled"),
    ],
)
def test_a_denial_is_final_if_a_fresh_url_does_not_help(body: bytes) -> None:
    found = read_error(403, body)
    assert found.meaning is StorageErrorMeaning.FORBIDDEN
    assert is_final(403, found.code)


@pytest.mark.fault(73)
@pytest.mark.parametrize(
    "status", [*(408, 412, 423, 425, 451), *range(500, 509), *range(510, 529), 530, 599, 999]
)
@pytest.mark.parametrize("body", [b"", b"<html>We are busy</html>", xml("InternalError")])
def test_what_no_list_names_passes(status: int, body: bytes) -> None:
    found = read_error(status, body)
    assert found.meaning is StorageErrorMeaning.PASSING
    assert not is_final(status, found.code)


@pytest.mark.fault(73)
@pytest.mark.parametrize("status", [101, 204, 205, 302, 304, 400, 405])
def test_so_does_a_status_without_a_code_of_the_storage(status: int) -> None:
    assert read_error(status, b"").meaning is StorageErrorMeaning.PASSING


@pytest.mark.fault(73)
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, xml("NoSuchKey")),
        (404, b""),
        (410, xml("ExpiredToken")),
        (500, xml("NoSuchKey")),
        (404, xml("BlobNotFound")),
        (403, xml("InvalidObjectState")),
    ],
)
def test_an_object_that_is_not_there_may_be_late(status: int, body: bytes) -> None:
    found = read_error(status, body)
    assert found.meaning is StorageErrorMeaning.GONE
    assert not is_final(status, found.code)


JSON_OF_GOOGLE = b"""{"error": {"errors": [{"domain": "usageLimits", "reason":
"userRateLimitExceeded", "message": "User Rate Limit Exceeded"}], "code": 403}}"""


@pytest.mark.fault(74)
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, xml("UserRateLimitExceeded")),
        (403, xml("rateLimitExceeded")),
        (403, xml("SlowDown")),
        (503, xml("SlowDown")),
        (403, xml("RequestLimitExceeded")),
        (503, xml("ServerBusy", "Egress is over the account limit.")),
        (403, xml("AccessDenied", "Egress is over the account limit")),
        (403, JSON_OF_GOOGLE),
        (403, b"<html>Too many concurrent downloads</html>"),
        (429, b""),
        (509, b""),
        (529, b""),
    ],
)
def test_a_storage_that_bears_no_more_says_so_in_many_ways(status: int, body: bytes) -> None:
    assert read_error(status, body).meaning is StorageErrorMeaning.CROWDED


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, xml("SignatureDoesNotMatch")),
        (503, xml("SignatureDoesNotMatch")),
        (400, xml("InvalidArgument")),
        (400, xml("AuthorizationQueryParametersError")),
        (405, xml("MethodNotAllowed")),
    ],
)
def test_what_is_wrong_with_the_url_itself_is_final(status: int, body: bytes) -> None:
    found = read_error(status, body)
    assert found.meaning is StorageErrorMeaning.FINAL
    assert is_final(status, found.code)


def test_each_row_of_the_tables_has_a_reason() -> None:
    assert all(reason for _, reason in [*CODES.values(), *STATUSES.values()])


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
