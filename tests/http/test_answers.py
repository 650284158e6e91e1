"""Answers become errors of ours or packages: classes, codes, sizes, and what is no JSON."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import respx

from pixxel_async import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    InputError,
    Limits,
    NotFoundError,
    PackageStatus,
    PermissionDeniedError,
    PixxelClient,
    PixxelError,
    RateLimitedError,
    ResponseError,
    RetryPolicy,
    ServerError,
)

from .script import CALLS, KEY, READY, URL, ClientCall, Script, Step, answer, client_of

pytestmark = pytest.mark.usefixtures("library")

ONCE = RetryPolicy(attempts=1, recreate=0)
CLASSES: dict[int, type[ApiError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    402: BadRequestError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    418: BadRequestError,
    422: BadRequestError,
    429: RateLimitedError,
    500: ServerError,
    502: ServerError,
    503: ServerError,
    599: ServerError,
}
JOB_PATH = "/v0/workflows/w/jobs/j/download"
EVERY_CALL = pytest.mark.parametrize("call", CALLS, ids=str)
MAX_BYTES = 10_000


class Endless(httpx.AsyncByteStream):
    """A body without an end, which counts how much of it was read."""

    def __init__(self, piece: bytes) -> None:
        self.piece = piece
        self.read = 0
        self.is_closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            self.read += len(self.piece)
            yield self.piece

    async def aclose(self) -> None:
        self.is_closed = True


async def job_error(step: Step, **parts: Any) -> PixxelError:
    async with client_of(Script(step), retry=ONCE, **parts) as client:
        with pytest.raises(PixxelError) as caught:
            await client.jobs.create_download("w", "j")
    return caught.value


@pytest.mark.parametrize("status", CLASSES)
@EVERY_CALL
async def test_a_status_becomes_its_class_with_what_the_service_said(
    call: ClientCall, status: int
) -> None:
    error = {"code": "ODD", "message": "it is odd", "details": {"why": ["x", 1]}}
    async with client_of(Script(answer(status, json={"error": error})), retry=ONCE) as client:
        with pytest.raises(ApiError) as caught:
            await call.send(client)
    assert type(caught.value) is CLASSES[status]
    assert (caught.value.status, caught.value.operation) == (status, call.operation)
    assert (caught.value.code, caught.value.message) == ("ODD", "it is odd")
    assert caught.value.details == {"why": ["x", 1]}
    assert str(caught.value) == f"{status} it is odd (ODD)"


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"content": b""}, "no message"),
        ({"json": {}}, "{}"),
        ({"json": {"error": {}}}, "no message"),
        ({"json": {"error": "it is odd"}}, "it is odd"),
        ({"json": {"error": None}}, '{"error": null}'),
        ({"json": ["it", "is"]}, '["it", "is"]'),
        ({"json": {"error": {"message": 7}}}, "7"),
        ({"text": "two\n  lines"}, "two lines"),
        ({"content": b"\xff\xfe"}, "\ufffd\ufffd"),
        ({"html": "<html>\n<h1>Bad Gateway</h1></html>"}, "<html> <h1>Bad Gateway</h1></html>"),
    ],
)
async def test_an_error_without_the_documented_form_is_taken_as_text(
    parts: dict[str, Any], message: str
) -> None:
    error = await job_error(answer(409, **parts))
    assert type(error) is ConflictError
    assert (error.message, error.code, error.details) == (message, "", None)


async def test_a_long_error_is_cut() -> None:
    error = await job_error(answer(409, text="odd " * 10_000))
    assert error.message.startswith("odd odd odd")
    assert len(error.message) <= 300


@pytest.mark.fault(27)
@pytest.mark.parametrize(
    "body",
    [b"", b"all is well", b"<html></html>", b"[]", b'"ready"', b"null", b"7", b'{"status": "rea'],
)
async def test_a_success_that_is_no_json_object_is_a_response_error(body: bytes) -> None:
    error = await job_error(answer(200, content=body))
    assert isinstance(error, ResponseError)
    assert "downloadJob" in error.message


@pytest.mark.parametrize(
    "field", [{"status": ["ready"]}, {"signed_url": {"url": "x"}}, {"signed_url": ["x"]}]
)
async def test_a_field_of_another_type_is_a_response_error(field: dict[str, Any]) -> None:
    error = await job_error(answer(200, json={**READY, **field}))
    assert isinstance(error, ResponseError)
    assert next(iter(field)) in error.message


async def test_a_creation_without_the_id_that_its_status_call_needs_is_a_response_error() -> None:
    async with client_of(Script(answer(201, json={"status": "created"})), retry=ONCE) as client:
        with pytest.raises(ResponseError, match='"download_id"'):
            await client.aois.create_download("a", ["x"])
        with pytest.raises(ResponseError, match='"id"'):
            await client.catalogs.create_download(catalog_ids=["x"])


@pytest.mark.fault(27)
async def test_unknown_fields_are_ignored() -> None:
    async with client_of(Script(answer(json={**READY, "colour": "red"}))) as client:
        package = await client.jobs.create_download("w", "j")
    assert package.status is PackageStatus.READY
    assert package.signed_url is not None
    assert package.signed_url.get_secret_value() == URL


@pytest.mark.fault(27)
@pytest.mark.parametrize("status", [200, 404, 500])
async def test_an_answer_that_is_too_large_is_refused_without_being_read_whole(status: int) -> None:
    body = Endless(b"x" * 1000)
    limits = Limits(max_answer_bytes=MAX_BYTES, requests_per_second=10_000)
    error = await job_error(answer(status, stream=body), limits=limits)
    assert isinstance(error, ResponseError)
    assert str(MAX_BYTES) in error.message
    assert body.read <= MAX_BYTES + 1000
    assert body.is_closed


async def test_an_answer_that_becomes_too_large_when_decoded_is_refused() -> None:
    body = Endless(gzip.compress(b"x" * 10_000_000)[:1000])
    limits = Limits(max_answer_bytes=MAX_BYTES, requests_per_second=10_000)
    step = answer(200, stream=body, headers={"Content-Encoding": "gzip"})
    error = await job_error(step, limits=limits)
    assert isinstance(error, ResponseError)
    assert str(MAX_BYTES) in error.message
    assert body.read <= 2000


async def test_an_answer_of_just_the_size_is_read() -> None:
    text = b'{"status": "' + b"x" * (MAX_BYTES - 14) + b'"}'
    assert len(text) == MAX_BYTES
    limits = Limits(max_answer_bytes=MAX_BYTES)
    async with client_of(Script(answer(content=text)), limits=limits) as client:
        package = await client.jobs.create_download("w", "j")
    assert package.status_word == "…"  # so long a word may be a secret


async def test_a_content_coding_is_undone_and_a_broken_one_is_a_response_error() -> None:
    headers = {"Content-Encoding": "gzip"}
    good = answer(content=gzip.compress(b'{"status": "ready"}'), headers=headers)
    async with client_of(Script(good)) as client:
        assert (await client.jobs.create_download("w", "j")).status_word == "ready"

    async def bad(_request: httpx.Request) -> httpx.Response:
        stream = httpx.ByteStream(b"this is no gzip")
        return httpx.Response(200, headers=headers, stream=stream)

    error = await job_error(bad)
    assert isinstance(error, ResponseError)
    assert "content coding" in error.message


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_of_the_service_are_not_followed(
    status: int,
) -> None:
    router = respx.Router()
    elsewhere = router.route(host="elsewhere.test").respond(json=READY)
    here = router.put(path=JOB_PATH).respond(
        status, headers={"Location": "https://elsewhere.test/"}
    )
    transport = httpx.MockTransport(router.async_handler)
    async with PixxelClient(
        KEY, retry=ONCE, http_client=httpx.AsyncClient(transport=transport)
    ) as client:
        with pytest.raises(ApiError) as caught:
            await client.jobs.create_download("w", "j")
    assert caught.value.status == status
    assert (here.call_count, elsewhere.call_count) == (1, 0)


@pytest.mark.fault(27)
async def test_a_broken_gateway_is_overcome() -> None:
    router = respx.Router()
    route = router.put(path=JOB_PATH).mock(
        side_effect=[
            httpx.Response(502, html="<html>Bad Gateway</html>"),
            httpx.ConnectError("refused"),
            httpx.Response(200, json=READY),
        ]
    )
    transport = httpx.MockTransport(router.async_handler)
    retry = RetryPolicy(initial_s=0)
    async with PixxelClient(
        KEY, retry=retry, http_client=httpx.AsyncClient(transport=transport)
    ) as client:
        package = await client.jobs.create_download("w", "j")
    assert package.status is PackageStatus.READY
    assert route.call_count == 3


async def test_ids_that_are_too_long_for_a_request_are_told_and_not_tried_again() -> None:
    script = Script(answer(200, json=READY))
    long = "\N{SATELLITE}" * 2048  # each of them takes twelve characters of the path
    async with client_of(script) as client:
        with pytest.raises(InputError, match="downloadTask: the ids are too long"):
            await client.tasks.create_download(long, long, long)
    assert script.requests == []
