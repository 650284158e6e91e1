"""Answers that no decent server gives, scripted one by one."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from pixxel_async import (
    CatalogDownload,
    Failed,
    FetchStarted,
    JobDownload,
    PixxelClient,
    Ready,
    Report,
    Saved,
)

from ..support import QUICK_POLL, QUICK_RETRY, final_files, quick_fetch

JOB = JobDownload(workflow_id="w", job_id="j")
URL = "https://storage.example/package.zip"
ETAG = {"ETag": '"v1"'}


def a_zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo("a.bin"), bytes(range(256)) * 1000)
    return file.getvalue()


WHOLE = a_zip()
HALF = len(WHOLE) // 2


class Body(httpx.AsyncByteStream):
    """A body in pieces that may break off."""

    def __init__(self, data: bytes, *, breaks: bool = False) -> None:
        self.data = data
        self.breaks = breaks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for at in range(0, len(self.data), 70_000):
            yield self.data[at : at + 70_000]
        if self.breaks:
            message = "peer closed connection"
            raise httpx.RemoteProtocolError(message)


class Storage(httpx.AsyncBaseTransport):
    """Answers from a script, the last answer again and again."""

    def __init__(self, *answers: Callable[[], httpx.Response]) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return (self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])()

    def ranges(self) -> list[str]:
        return [request.headers.get("range", "") for request in self.requests]


def broken_half() -> httpx.Response:
    return httpx.Response(
        200,
        headers={**ETAG, "Content-Length": str(len(WHOLE))},
        stream=Body(WHOLE[:HALF], breaks=True),
    )


def rest(data: bytes, **headers: str) -> Callable[[], httpx.Response]:
    content_range = f"bytes {HALF}-{len(WHOLE) - 1}/{len(WHOLE)}"
    told = {**ETAG, "Content-Range": content_range, **headers}
    return lambda: httpx.Response(206, headers=told, stream=Body(data))


def whole() -> httpx.Response:
    return httpx.Response(200, headers=ETAG, stream=Body(WHOLE))


async def export(storage: Storage, folder: Path) -> Report:
    ready = httpx.Response(200, json={"id": "j", "status": "ready", "signed_url": URL})
    async with PixxelClient(
        "key",
        retry=QUICK_RETRY,
        fetch=quick_fetch(attempts=3),
        http_client=httpx.AsyncClient(transport=httpx.MockTransport(lambda _: ready)),
        storage_client=httpx.AsyncClient(transport=storage),
    ) as client:
        async with client.export([JOB], folder) as running:
            return await running.finish()


async def test_the_rest_is_appended(tmp_path: Path) -> None:
    storage = Storage(broken_half, rest(WHOLE[HALF:]))
    report = await export(storage, tmp_path)
    assert storage.ranges() == ["", f"bytes={HALF}-"]
    assert storage.requests[1].headers["if-range"] == '"v1"'
    assert report.saved[0].path.read_bytes() == WHOLE


@pytest.mark.fault(69)
@pytest.mark.parametrize("first", [0, HALF - 70_001, HALF - 1])
async def test_what_comes_before_the_rest_is_skipped(tmp_path: Path, first: int) -> None:
    told = {"Content-Range": f"bytes {first}-{len(WHOLE) - 1}/{len(WHOLE)}"}
    storage = Storage(broken_half, rest(WHOLE[first:], **told))
    report = await export(storage, tmp_path)
    assert storage.ranges() == ["", f"bytes={HALF}-"]
    assert report.saved[0].path.read_bytes() == WHOLE


async def test_a_rest_that_is_too_short_is_asked_for_again(tmp_path: Path) -> None:
    at = HALF + 1000

    def last() -> httpx.Response:
        told = {**ETAG, "Content-Range": f"bytes {at}-{len(WHOLE) - 1}/{len(WHOLE)}"}
        return httpx.Response(206, headers=told, stream=Body(WHOLE[at:]))

    storage = Storage(broken_half, rest(WHOLE[HALF:at]), last)
    report = await export(storage, tmp_path)
    assert storage.ranges() == ["", f"bytes={HALF}-", f"bytes={at}-"]
    assert report.saved[0].path.read_bytes() == WHOLE


async def test_a_rest_that_is_too_long_is_not_taken(tmp_path: Path) -> None:
    storage = Storage(broken_half, rest(WHOLE[HALF:] + b"x" * 5_000_000), whole)
    report = await export(storage, tmp_path)
    assert storage.ranges() == ["", f"bytes={HALF}-", ""]
    assert report.saved[0].path.read_bytes() == WHOLE
    assert report.received < 2 * len(WHOLE) + 200_000  # it was left as soon as it was too long


@pytest.mark.parametrize(
    "headers",
    [
        {"ETag": '"v2"'},
        {"Content-Range": f"bytes {HALF}-{len(WHOLE)}/{len(WHOLE) + 1}"},
        {"Content-Range": f"bytes {HALF + 1}-{len(WHOLE) - 1}/{len(WHOLE)}"},
        {"Content-Range": "pages 1-2/3"},
    ],
)
async def test_a_rest_of_something_else_is_not_taken(
    tmp_path: Path, headers: dict[str, str]
) -> None:
    storage = Storage(broken_half, rest(b"X" * (len(WHOLE) - HALF), **headers), whole)
    report = await export(storage, tmp_path)
    assert storage.ranges() == ["", f"bytes={HALF}-", ""]
    assert report.saved[0].path.read_bytes() == WHOLE


@pytest.mark.parametrize("status", [412, 416])
async def test_a_refused_range_starts_again(tmp_path: Path, status: int) -> None:
    refused = httpx.Response(status, content=b"PK of an error")
    storage = Storage(broken_half, lambda: refused, whole)
    report = await export(storage, tmp_path)
    assert storage.ranges() == ["", f"bytes={HALF}-", ""]
    assert report.saved[0].path.read_bytes() == WHOLE


async def test_416_at_the_end_of_a_whole_file_completes_it(tmp_path: Path) -> None:
    def all_but_the_end() -> httpx.Response:
        long = {**ETAG, "Content-Length": str(len(WHOLE) + 1)}
        return httpx.Response(200, headers=long, stream=Body(WHOLE, breaks=True))

    def nothing_more() -> httpx.Response:
        return httpx.Response(416, headers={"Content-Range": f"bytes */{len(WHOLE)}"})

    storage = Storage(all_but_the_end, nothing_more)
    report = await export(storage, tmp_path)
    assert report.saved[0].path.read_bytes() == WHOLE


async def test_a_body_that_ends_with_its_connection_is_judged_by_its_zip(tmp_path: Path) -> None:
    def cut() -> httpx.Response:
        return httpx.Response(200, stream=Body(WHOLE[:HALF]))

    report = await export(Storage(cut), tmp_path)
    (failed,) = report.failed
    assert "not a whole ZIP" in str(failed.error)
    assert final_files(tmp_path) == {}


async def test_a_signature_that_does_not_match_is_final(tmp_path: Path) -> None:
    body = (
        b"<Error><Code>SignatureDoesNotMatch</Code><Message>no match for "
        b"https://storage.example/x?X-Amz-Signature=0123456789abcdef</Message></Error>"
    )
    storage = Storage(lambda: httpx.Response(403, content=body))
    report = await export(storage, tmp_path)
    assert len(storage.requests) == 1
    (failed,) = report.failed
    assert failed.error.code == "SignatureDoesNotMatch"
    assert "0123456789abcdef" not in str(failed.error)


async def test_a_storage_that_is_busy_is_asked_again_within_its_attempts(tmp_path: Path) -> None:
    storage = Storage(lambda: httpx.Response(503, content=b"<Code>SlowDown</Code>"))
    report = await export(storage, tmp_path)
    assert len(storage.requests) == 3
    assert report.failed[0].error.code == "SlowDown"


async def test_a_package_that_is_not_ready_any_more_is_waited_for_again(tmp_path: Path) -> None:
    def told(status: str, url: str = "") -> httpx.Response:
        return httpx.Response(200, json={"id": "j", "status": status, "signed_url": url})

    said = iter([told("ready", URL), told("pending"), told("pending"), told("ready", URL)])
    expired = httpx.Response(403, content=b"<Code>AccessDenied</Code>")
    storage = Storage(lambda: expired, whole)
    seen = []
    async with PixxelClient(
        "key",
        poll=QUICK_POLL,
        http_client=httpx.AsyncClient(transport=httpx.MockTransport(lambda _: next(said))),
        storage_client=httpx.AsyncClient(transport=storage),
    ) as client:
        async with client.export([JOB], tmp_path) as export:
            async for event in export:
                seen.append(type(event))
    assert export.report.saved[0].path.read_bytes() == WHOLE
    assert [kind for kind in seen if kind in {Ready, FetchStarted, Saved}] == [
        *(Ready, FetchStarted),
        *(Ready, FetchStarted, Saved),
    ]
    assert Failed not in seen


async def test_nothing_of_ours_goes_to_the_storage(tmp_path: Path) -> None:
    storage = Storage(whole)
    await export(storage, tmp_path)
    (request,) = storage.requests
    assert set(request.headers) == {"host", "accept-encoding", "user-agent"}
    assert request.headers["accept-encoding"] == "identity"
    assert request.method == "GET"


@pytest.mark.parametrize("length", ["9" * 18, "9" * 19, "9" * 20])
async def test_a_length_that_cannot_be_fails_the_package_alone(tmp_path: Path, length: str) -> None:
    def huge() -> httpx.Response:
        told = {**ETAG, "Content-Length": length}
        return httpx.Response(200, headers=told, stream=Body(WHOLE[:HALF], breaks=True))

    report = await export(Storage(huge), tmp_path)
    assert len(report.failed) == 1
    assert final_files(tmp_path) == {}


async def test_a_package_that_came_without_an_id_is_not_created_again_and_again(
    tmp_path: Path,
) -> None:
    calls = []

    def service(request: httpx.Request) -> httpx.Response:
        calls.append(request.method)
        return httpx.Response(201, json={"status": "success", "signed_url": URL})

    refused = Storage(lambda: httpx.Response(403, content=b"<Code>AccessDenied</Code>"))
    async with PixxelClient(
        "key",
        retry=QUICK_RETRY,
        http_client=httpx.AsyncClient(transport=httpx.MockTransport(service)),
        storage_client=httpx.AsyncClient(transport=refused),
    ) as client:
        async with client.export([CatalogDownload(catalog_ids=["c"])], tmp_path) as export:
            report = await export.finish()
    assert calls == ["POST"]
    assert "no id came with it" in str(report.failed[0].error)
