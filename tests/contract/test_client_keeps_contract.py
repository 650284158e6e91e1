"""Each call of the client is accepted by a judge that knows only an OpenAPI document."""

from __future__ import annotations

import pytest

from pixxel_async import (
    ApiError,
    BadRequestError,
    NotFoundError,
    Package,
    PackageStatus,
    PermissionDeniedError,
    PixxelClient,
    RetryPolicy,
    ServerError,
)
from pixxel_async.config import BASE_URL

from .calls import CALLS, NAMES, ClientCall
from .conftest import KEY
from .document import Contract
from .mock_server import MockServer

AWKWARD = (
    "a/b",
    "/",
    "..",
    ".",
    "100%",
    "%2F",
    "a b",
    "a+b",
    "a?b=c",
    "a#b",
    "a;b,c:d@e&f=g",
    "größe/日本🛰",
    "line\nbreak\ttab",
    "a\\b",
    '"<>{}|^`',
    "x" * 300,
)
BY_STATUS: dict[int, type[ApiError]] = {
    400: BadRequestError,
    403: PermissionDeniedError,
    404: NotFoundError,
    500: ServerError,
}
EVERY_CALL = pytest.mark.parametrize("call", CALLS, ids=str)


def plain(name: str) -> str:
    return f"{name}-1"


def check(package: Package, server: MockServer, call: ClientCall) -> None:
    """See that the client has read what the document's example says."""
    contract = server.contract
    operation = contract.operation(call.operation)
    example = contract.example(operation, operation.success)
    assert package.status is PackageStatus.READY
    assert package.status_word == example["status"]
    assert package.signed_url is not None
    assert package.signed_url.get_secret_value() == example["signed_url"]


@EVERY_CALL
async def test_a_call_is_accepted_and_its_answer_read(
    client: PixxelClient, server: MockServer, call: ClientCall
) -> None:
    package = await call.send(client, plain)
    assert server.problems == []
    (heard,) = server.heard
    assert heard.operation == call.operation
    assert heard.ids == call.path_ids(plain)
    assert heard.body == call.body(plain)
    assert ("content-type" in heard.headers) == (call.in_body is not None)
    check(package, server, call)


@EVERY_CALL
async def test_awkward_ids_arrive_as_they_are(
    client: PixxelClient, server: MockServer, call: ClientCall
) -> None:
    for awkward in AWKWARD:
        ids = dict.fromkeys(NAMES, awkward).__getitem__
        await call.send(client, ids)
        heard = server.heard[-1]
        assert heard.problem == ""
        assert heard.operation == call.operation
        assert heard.ids == call.path_ids(ids)
        assert heard.body == call.body(ids)
    assert len(server.heard) == len(AWKWARD)


@pytest.mark.parametrize("status", [200, 201])
@EVERY_CALL
async def test_both_success_statuses_are_read(
    client: PixxelClient, server: MockServer, call: ClientCall, status: int
) -> None:
    server.status = status
    check(await call.send(client, plain), server, call)


@EVERY_CALL
async def test_no_url_yet_is_pending(
    client: PixxelClient, server: MockServer, call: ClientCall
) -> None:
    server.change = {"signed_url": ""}
    assert (await call.send(client, plain)).status is PackageStatus.PENDING
    server.change = {"signed_url": None}
    assert (await call.send(client, plain)).status is PackageStatus.PENDING


@pytest.mark.parametrize("word", ["failed", "FAILED"])
@EVERY_CALL
async def test_the_word_failed_is_read(
    client: PixxelClient, server: MockServer, call: ClientCall, word: str
) -> None:
    server.change = {"status": word, "signed_url": ""}
    assert (await call.send(client, plain)).status is PackageStatus.FAILED


async def test_the_id_of_a_creation_is_the_one_that_the_status_call_takes(
    client: PixxelClient, server: MockServer, contract: Contract
) -> None:
    made = await client.aois.create_download("aoi", ["asset"])
    assert (
        made.download_id
        == contract.example(contract.operation("AOICreateDownload"), 201)["download_id"]
    )
    await client.aois.get_download("aoi", made.download_id or "")
    made = await client.catalogs.create_download(catalog_ids=["catalog"])
    assert made.download_id == contract.example(contract.operation("CreateDownload"), 201)["id"]
    await client.catalogs.get_download(made.download_id or "")
    assert server.problems == []
    status_calls = [heard.operation for heard in server.heard][1::2]
    assert status_calls == ["GetDownloadStatus", "GetDownloadById"]


@EVERY_CALL
async def test_documented_errors_become_their_classes(
    client: PixxelClient, server: MockServer, contract: Contract, call: ClientCall
) -> None:
    operation = contract.operation(call.operation)
    assert len(operation.errors) > 1
    for status in operation.errors:
        server.status = status
        with pytest.raises(BY_STATUS[status]) as caught:
            await call.send(client, plain)
        said = contract.example(operation, status)["error"]
        assert caught.value.status == status
        assert caught.value.operation == call.operation
        assert caught.value.code == said["code"]
        assert caught.value.message == said["message"]
        assert caught.value.details == said["details"]
    assert server.problems == []


async def test_ping_is_accepted(client: PixxelClient, server: MockServer) -> None:
    await client.ping()
    assert [(heard.target, heard.problem) for heard in server.heard] == [("/ping", "")]


@EVERY_CALL
async def test_the_bearer_scheme_is_accepted_where_it_was_agreed_on(
    contract: Contract, call: ClientCall
) -> None:
    once = RetryPolicy(attempts=1, recreate=0)
    async with MockServer(contract, authorization=f"Bearer {KEY}") as server:
        async with PixxelClient(
            KEY, base_url=server.url, auth_scheme="bearer", retry=once
        ) as client:
            check(await call.send(client, plain), server, call)
        async with PixxelClient(KEY, base_url=server.url, retry=once) as client:
            with pytest.raises(BadRequestError, match="agreed on"):
                await call.send(client, plain)


async def test_query_cookies_and_more_are_not_sent(
    client: PixxelClient, server: MockServer
) -> None:
    await client.jobs.create_download("w", "j")
    (heard,) = server.heard
    assert {name.lower() for name, _ in heard.headers} <= {
        "accept",
        "accept-encoding",
        "authorization",
        "connection",
        "content-length",
        "host",
        "user-agent",
    }
    assert heard.headers["authorization"] == KEY


def test_the_default_server_is_the_documented_one(contract: Contract) -> None:
    assert contract.host_url == BASE_URL
