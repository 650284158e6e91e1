"""Downloads become calls, answers become packages."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pixxel_async import (
    AoiDownload,
    ApiError,
    AuthenticationError,
    BadRequestError,
    CatalogDownload,
    ConflictError,
    Download,
    InsightDownload,
    JobDownload,
    NotFoundError,
    Package,
    PackageStatus,
    PermissionDeniedError,
    RateLimitedError,
    RedirectedError,
    ResponseError,
    ServerError,
    TaskDownload,
)
from pixxel_async.sansio.api import package_calls
from pixxel_async.sansio.resilience.retry_rules import CallKind

from .strategies import downloads, ids

JOB = JobDownload(workflow_id="w", job_id="j")
AOI = AoiDownload(aoi_id="a", asset_ids=("x", "y"))
CATALOG = CatalogDownload(catalog_ids=("c",))
CALLS = [
    (
        InsightDownload(aoi_id="a", insight_id="i", outputs=("o",)),
        ("downloadInsights", "PUT", "/v0/aoi/a/insights/i/download"),
        {"inputs": [], "outputs": ["o"]},
    ),
    (AOI, ("AOICreateDownload", "POST", "/v0/aois/a/downloads"), {"asset_ids": ["x", "y"]}),
    (JOB, ("downloadJob", "PUT", "/v0/workflows/w/jobs/j/download"), None),
    (
        TaskDownload(workflow_id="w", job_id="j", task_id="t"),
        ("downloadTask", "PUT", "/v0/workflows/w/jobs/j/tasks/t/download"),
        None,
    ),
    (CATALOG, ("CreateDownload", "POST", "/v0/catalogs/download"), {"catalog_ids": ["c"]}),
    (
        CatalogDownload(order_item_ids=("o",)),
        ("CreateDownload", "POST", "/v0/catalogs/download"),
        {"order_item_ids": ["o"]},
    ),
]


@pytest.mark.parametrize(("download", "line", "body"), CALLS, ids=lambda part: str(part)[:30])
def test_a_creation_is_as_documented(
    download: Download, line: tuple[str, str, str], body: dict[str, Any] | None
) -> None:
    call = package_calls.creation(download)
    assert (call.operation, call.method, call.path) == line
    if body is None:
        assert (call.body, call.headers) == (None, {})
    else:
        assert json.loads(call.body or b"") == body
        assert call.headers == {"Content-Type": "application/json"}
    assert (call.kind is CallKind.CREATION) == (call.method == "POST")


@pytest.mark.parametrize(("download", "line", "body"), CALLS, ids=lambda part: str(part)[:30])
def test_a_package_is_asked_about_by_get_or_by_its_put(
    download: Download, line: tuple[str, str, str], body: dict[str, Any] | None
) -> None:
    del body
    call = package_calls.status(download, "d")
    if line[1] == "POST":
        assert (call.method, call.kind, call.body) == ("GET", CallKind.READ, None)
        assert call.path.endswith("/d")
        assert package_calls.needs_id(download)
    else:
        assert call == package_calls.creation(download)
        assert not package_calls.needs_id(download)
    assert package_calls.status(download, None) == package_calls.creation(download)


def test_status_calls_are_as_documented() -> None:
    assert package_calls.aoi_status("a", "d").path == "/v0/aois/a/downloads/d"
    assert package_calls.aoi_status("a", "d").operation == "GetDownloadStatus"
    assert package_calls.catalog_status("d").path == "/v0/catalogs/download/d"
    assert package_calls.catalog_status("d").operation == "GetDownloadById"


@given(downloads, ids)
@example(JobDownload(workflow_id=".", job_id=".."), ".")
@example(AoiDownload(aoi_id="a/b", asset_ids=("x",)), "../c")
@example(CATALOG, "d?e=f#g")
@example(TaskDownload(workflow_id="%2F", job_id="a b", task_id="日本"), "..")
def test_an_id_stays_one_segment_of_the_path(download: Download, download_id: str) -> None:
    for call in (package_calls.creation(download), package_calls.status(download, download_id)):
        assert re.fullmatch(r"(/[A-Za-z0-9._~%-]+)+", call.path)
        segments = call.path.split("/")[1:]
        assert not {".", ".."} & set(segments)
        given_ids = [v for k, v in download if isinstance(v, str) and k != "kind"]
        decoded = [unquote(segment) for segment in segments]
        assert all(one in decoded for one in given_ids)
    if package_calls.needs_id(download):
        assert (
            unquote(package_calls.status(download, download_id).path.split("/")[-1]) == download_id
        )


def read(body: object, *, status: int = 200, download: Download = JOB) -> Package:
    call = package_calls.creation(download)
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = package_calls.read_answer(call, status_code=status, body=data)
    return package_calls.package_of(download, answer)


URL = "https://storage.example/x?X-Amz-Signature=canary"


@pytest.mark.parametrize("status", [200, 201, 202])
@pytest.mark.parametrize("word", ["ready", "success", "SUCCESS", "Completed", "mustering", None])
def test_a_url_means_ready_whatever_the_word(status: int, word: str | None) -> None:
    package = read({"id": "j", "status": word, "signed_url": URL}, status=status)
    assert package.status is PackageStatus.READY
    assert package.signed_url is not None
    assert package.signed_url.get_secret_value() == URL
    assert "canary" not in repr(package)


@pytest.mark.parametrize("url", [{"signed_url": ""}, {"signed_url": None}, {}])
@pytest.mark.parametrize("word", ["pending", "created", "in_progress", "SUCCESS", "odd", "", None])
def test_no_url_means_not_yet_whatever_the_word(url: dict[str, Any], word: str | None) -> None:
    package = read({"id": "j", "status": word, **url})
    assert package.status is PackageStatus.PENDING
    assert package.signed_url is None


@pytest.mark.parametrize(
    "word", ["failed", "FAILED", " Failed ", "failure", "error", "errored", "cancelled", "canceled"]
)
@pytest.mark.parametrize("url", ["", URL])
def test_a_word_of_failure_means_failed(word: str, url: str) -> None:
    package = read({"id": "j", "status": word, "signed_url": url})
    assert package.status is PackageStatus.FAILED
    assert package.status_word == word


def test_the_id_is_taken_from_either_field() -> None:
    assert read({"download_id": "d", "status": "x"}, download=AOI).download_id == "d"
    assert read({"id": "d", "status": "x"}, download=CATALOG).download_id == "d"
    assert read({"id": 7, "status": "x"}, download=CATALOG).download_id == "7"
    assert read({"id": "j", "status": "x"}).download_id is None
    assert read({"download_id": "d", "id": "i"}, download=AOI).download_id == "d"


@pytest.mark.parametrize("download", [AOI, CATALOG])
def test_a_creation_without_an_id_cannot_be_waited_for(download: Download) -> None:
    for body in ({"status": "created"}, {"id": ""}, {"id": None}, {}):
        with pytest.raises(ResponseError, match=r'neither "(download_)?id" nor a signed URL'):
            read(body, download=download)
    assert read({"status": "failed"}, download=download).status is PackageStatus.FAILED
    ready = read({"id": "", "signed_url": URL}, download=download)
    assert ready.download_id is None
    assert read({"signed_url": URL}, download=download).status is PackageStatus.READY


def test_a_known_id_stays() -> None:
    answer = package_calls.read_answer(
        package_calls.creation(AOI), status_code=200, body=b'{"status": "x"}'
    )
    assert package_calls.package_of(AOI, answer, download_id="d").download_id == "d"
    other = package_calls.read_answer(
        package_calls.creation(AOI), status_code=200, body=b'{"id": "other"}'
    )
    assert package_calls.package_of(AOI, other, download_id="d").download_id == "d"
    package = package_calls.package_with_id(answer, "d")
    assert (package.download, package.download_id) == (None, "d")


def test_unknown_fields_are_ignored() -> None:
    assert read({"id": "j", "status": "ready", "signed_url": URL, "news": [1]}).signed_url


@pytest.mark.parametrize("body", [b"", b"all is well", b"[]", b"7", b"null", b"{", b"\xff\xfe"])
def test_what_is_no_json_object_is_unreadable(body: bytes) -> None:
    with pytest.raises(ResponseError, match="downloadJob is not as documented"):
        read(body)


@pytest.mark.parametrize("field", ["status", "signed_url", "id"])
def test_a_field_of_another_type_is_named(field: str) -> None:
    with pytest.raises(ResponseError, match=r": (Input should|.*id)"):
        read({field: {"a": 1}})


@given(st.binary(max_size=200))
def test_any_bytes_are_a_package_or_a_typed_error(body: bytes) -> None:
    with suppress(ResponseError):
        assert read(body).status in PackageStatus


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, BadRequestError),
        (418, BadRequestError),
        (404, NotFoundError),
        (409, ConflictError),
        (500, ServerError),
        (302, RedirectedError),
        (300, RedirectedError),
        (199, ServerError),
        (999, ServerError),
        (401, AuthenticationError),
        (403, PermissionDeniedError),
        (429, RateLimitedError),
        (503, ServerError),
    ],
)
def test_an_error_is_typed_and_keeps_what_the_service_said(
    status: int, error: type[ApiError]
) -> None:
    body = {"error": {"code": "C", "message": "two\nlines", "details": {"a": [1]}}}
    with pytest.raises(error) as caught:
        read(body, status=status)
    found = caught.value
    assert (found.code, found.message, found.details) == ("C", "two lines", {"a": [1]})
    assert (found.status, found.operation) == (status, "downloadJob")
    assert str(found) == f"{status} two lines (C)"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>\n <h1>Bad Gateway</h1>", "<html> <h1>Bad Gateway</h1>"),
        (b'{"error": "plain words"}', "plain words"),
        (b'{"message": "elsewhere"}', '{"message": "elsewhere"}'),
        (b'{"error": {}}', "no message"),
        (b'{"error": {"code": 7, "message": null}}', "no message"),
        (b"[1]", "[1]"),
        (b"", "no message"),
        (b"word " * 200, ("word " * 60)[:299] + "…"),
        (b"abcd " * 59 + b"abcde", "abcd " * 59 + "abcde"),
        (b"caf\xe9", "caf\ufffd"),
        (b'{"error": null}', '{"error": null}'),
        (b'{"error": [1]}', '{"error": [1]}'),
        (b"null", "null"),
    ],
)
def test_an_error_of_another_form_is_taken_as_text(body: bytes, message: str) -> None:
    with pytest.raises(ApiError) as caught:
        read(body, status=502)
    assert caught.value.message == message


def test_words_are_known_without_regard_to_case() -> None:
    assert package_calls.is_known_word("SUCCESS")
    assert package_calls.is_known_word(" in_progress ")
    for word in ("", "created", "pending", "ready", "completed", "succeeded", "failed", "error"):
        assert package_calls.is_known_word(word)
    assert not package_calls.is_known_word("mustering")


def test_an_error_keeps_how_long_the_service_asks_to_wait() -> None:
    with pytest.raises(RateLimitedError) as caught:
        package_calls.read_answer(
            package_calls.creation(JOB), status_code=429, body=b"{}", retry_after_s=7.5
        )
    assert caught.value.retry_after_s == 7.5


def test_a_body_is_utf_8_as_it_is() -> None:
    call = package_calls.creation(AoiDownload(aoi_id="a", asset_ids=("日本",)))
    assert call.body == '{"asset_ids":["日本"]}'.encode()


def test_an_unreadable_answer_does_not_tell_its_url() -> None:
    body = json.dumps({"id": {"signed_url": URL}, "signed_url": [URL]}).encode()
    with pytest.raises(ResponseError) as caught:
        read(body)
    assert "canary" not in str(caught.value)


def test_a_sign_of_life_is_a_get() -> None:
    ping = package_calls.PING
    assert (ping.operation, ping.method, ping.path, ping.body) == ("ping", "GET", "/ping", None)
    assert ping.kind is CallKind.READ
    package_calls.raise_for_status(ping, status_code=204, body=b"", retry_after_s=None)


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"code": URL, "message": f"see {URL}", "details": {"at": [URL]}}},
        {"error": f"see {URL}"},
        {"status": "failed", "signed_url": URL},
        [URL],
        f"<html><a href='{URL}'>".encode(),
    ],
)
def test_an_error_does_not_tell_a_url_that_the_service_repeats(body: object) -> None:
    with pytest.raises(ApiError) as caught:
        read(body, status=409)
    assert "canary" not in repr(caught.value) + str(caught.value) + repr(vars(caught.value))


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"error":' * 50_000,
        b'{"error":{"details":' + b"[" * 600 + b"]" * 600 + b"}}",
    ],
    ids=["brackets", "objects", "details"],
)
def test_an_error_that_nests_too_deeply_is_taken_as_text(body: bytes) -> None:
    # How deep is too deep is up to the version of Python; an error of ours it is always.
    with pytest.raises(BadRequestError) as caught:
        read(body, status=400)
    assert len(caught.value.message) <= 300


def test_an_id_that_is_null_does_not_hide_the_other() -> None:
    assert read({"download_id": None, "id": "x"}, download=AOI).download_id == "x"


@pytest.mark.fault(72)
@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("https://login.example/in?token=canary", "login.example"),
        ("https://canary:canary@login.example/", "login.example"),
        ("/elsewhere", "another path of the same host"),
        ("https://[::1/", "an invalid address"),
    ],
)
def test_of_a_redirect_only_the_host_is_told(location: str, host: str) -> None:
    with pytest.raises(RedirectedError) as caught:
        package_calls.read_answer(
            package_calls.PING, status_code=302, body=b"moved", location=location
        )
    assert str(caught.value) == f"302 redirects to {host}, which is not followed with the key"
    assert not caught.value.from_service


@pytest.mark.fault(71)
@pytest.mark.parametrize("word", ["expired", "DELETED", " not-found ", "Not Found"])
def test_a_word_of_the_end_is_one_where_the_status_call_takes_an_id(word: str) -> None:
    catalog = CatalogDownload(catalog_ids=("c",))
    assert package_calls.is_word_of_failure(word, catalog)
    assert package_calls.is_word_of_failure(word, None)
    assert not package_calls.is_word_of_failure(word, JobDownload(workflow_id="w", job_id="j"))
    assert package_calls.is_gone_word(word)
    assert package_calls.is_known_word(word)
    assert not package_calls.is_word_of_work(word)
