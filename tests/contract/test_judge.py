"""The judge can say no: requests that break the document are refused."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from openapi_core.exceptions import OpenAPIError
from werkzeug.datastructures import Headers

from .conftest import KEY
from .document import Contract, Request
from .mock_server import MockServer

JOB = "/v0/workflows/w/jobs/j/download"
AOI = "/v0/aois/a/downloads"
INSIGHT = "/v0/aoi/a/insights/i/download"
CATALOG = "/v0/catalogs/download"

GOOD: dict[str, tuple[str, str, Any]] = {
    "a job without a body": ("PUT", JOB, None),
    "an insight without a body": ("PUT", INSIGHT, None),
    "an insight with an empty body": ("PUT", INSIGHT, {}),
    "an AOI with assets": ("POST", AOI, {"asset_ids": ["x"]}),
    "a catalog with catalogs": ("POST", CATALOG, {"catalog_ids": ["x"]}),
    "a catalog with order items": ("POST", CATALOG, {"order_item_ids": ["x"]}),
}
BAD: dict[str, tuple[str, str, Any, str]] = {
    "wrong method": ("POST", JOB, None, "post"),
    "wrong method for an AOI": ("PUT", AOI, {"asset_ids": ["x"]}, "put"),
    "unknown path": ("PUT", "/v1/workflows/w/jobs/j/download", None, "not found"),
    "singular path of an AOI": ("POST", "/v0/aoi/a/downloads", {"asset_ids": ["x"]}, "not found"),
    "slash that is not escaped": ("PUT", "/v0/workflows/w/x/jobs/j/download", None, "not found"),
    "empty id": ("PUT", "/v0/workflows//jobs/j/download", None, "empty"),
    "query": ("PUT", f"{JOB}?a=b", None, "query"),
    "body on a job": ("PUT", JOB, {}, "a body"),
    "body on a status call": ("GET", f"{AOI}/d", {}, "a body"),
    "no body": ("POST", AOI, None, "required request body"),
    "missing asset_ids": ("POST", AOI, {}, "asset_ids"),
    "ids that are numbers": ("POST", AOI, {"asset_ids": [1]}, "not of type 'string'"),
    "ids that are no list": ("POST", AOI, {"asset_ids": "x"}, "not of type 'array'"),
    "unknown field": ("POST", AOI, {"asset_ids": ["x"], "colour": 1}, "colour. was unexpected"),
    "both lists": (
        "POST",
        CATALOG,
        {"catalog_ids": ["x"], "order_item_ids": ["y"]},
        "too many properties",
    ),
    "neither list": ("POST", CATALOG, {}, "non-empty"),
    "doubles": ("POST", CATALOG, {"catalog_ids": ["x", "x"]}, "non-unique"),
    "a list as a body": ("PUT", INSIGHT, [], "not of type 'object'"),
}


async def ask(server: MockServer, method: str, path: str, **more: Any) -> httpx.Response:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as raw:
        return await raw.request(method, path, **{"headers": {"Authorization": KEY}, **more})


@pytest.mark.parametrize(("method", "path", "body"), GOOD.values(), ids=GOOD.keys())
async def test_a_request_by_the_book_is_accepted(
    server: MockServer, method: str, path: str, body: Any
) -> None:
    answer = await ask(server, method, path, json=body)
    assert answer.is_success
    assert server.problems == []


@pytest.mark.parametrize(("method", "path", "body", "reason"), BAD.values(), ids=BAD.keys())
async def test_a_request_against_the_book_is_refused(
    server: MockServer, method: str, path: str, body: Any, reason: str
) -> None:
    answer = await ask(server, method, path, json=body)
    assert answer.status_code == 400
    (problem,) = server.problems
    assert answer.json()["error"]["message"] == problem
    assert re.search(reason, problem, re.IGNORECASE)


async def test_a_content_type_without_a_body_is_refused_where_none_is_defined(
    server: MockServer,
) -> None:
    headers = {"Authorization": KEY, "Content-Type": "application/json"}
    answer = await ask(server, "PUT", JOB, headers=headers)
    assert (answer.status_code, len(server.problems)) == (400, 1)


async def test_another_content_type_is_refused(server: MockServer) -> None:
    headers = {"Authorization": KEY, "Content-Type": "text/plain"}
    answer = await ask(server, "POST", AOI, headers=headers, content=b'{"asset_ids": ["x"]}')
    assert (answer.status_code, len(server.problems)) == (400, 1)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "another"}, {"X-Api-Key": KEY}])
async def test_a_missing_or_wrong_key_is_refused(
    server: MockServer, headers: dict[str, str]
) -> None:
    answer = await ask(server, "PUT", JOB, headers=headers)
    assert (answer.status_code, len(server.problems)) == (400, 1)


async def test_ping_needs_no_key(server: MockServer) -> None:
    assert (await ask(server, "GET", "/ping", headers={})).is_success
    assert server.problems == []


def test_the_examples_that_it_answers_with_keep_the_document(contract: Contract) -> None:
    paths = {"/ping", *(path for path in contract.document["paths"] if "download" in path)}
    operations = [one for one in contract.operations if one.path in paths]
    assert len(operations) == 8
    for operation in operations:
        request = _request(contract, operation.method, operation.path)
        for status in (operation.success, *operation.errors):
            example = contract.example(operation, status)
            contract.check_answer(request, status, _json(example))


def test_an_answer_against_the_book_is_found(contract: Contract) -> None:
    request = _request(contract, "put", JOB)
    for wrong in (b"[]", b'{"status": 1}', b'{"state": "ready"}', b"nothing"):
        with pytest.raises(OpenAPIError):
            contract.check_answer(request, 200, wrong)
    with pytest.raises(OpenAPIError):
        contract.check_answer(request, 204, b"{}")


def _request(contract: Contract, method: str, path: str) -> Request:
    return Request(contract.host_url, method, path, "", Headers(), None)


def _json(value: Any) -> bytes:
    return httpx.Response(200, json=value).content
