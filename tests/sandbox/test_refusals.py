"""What the service refuses, and how it says so."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest

from pixxel_async.sandbox import Scenario, api

from .raw import Answer, fetch
from .stand import AT_ONCE, CREATIONS, Stand, stand

EVERY_KIND = pytest.mark.parametrize("kind", CREATIONS)
JOB = "/v0/workflows/w1/jobs/j1/download"
AOI = "/v0/aois/a1/downloads"
CATALOG = "/v0/catalogs/download"
INSIGHT = "/v0/aoi/a1/insights/i1/download"

BAD_BODIES: dict[str, tuple[str, str, Any]] = {
    "both catalog lists": ("POST", CATALOG, {"catalog_ids": ["x"], "order_item_ids": ["y"]}),
    "neither catalog list": ("POST", CATALOG, {}),
    "empty catalog lists": ("POST", CATALOG, {"catalog_ids": [], "order_item_ids": []}),
    "no assets": ("POST", AOI, {}),
    "empty assets": ("POST", AOI, {"asset_ids": []}),
    "assets that are no list": ("POST", AOI, {"asset_ids": "x"}),
    "assets that are numbers": ("POST", AOI, {"asset_ids": [1]}),
    "a list as a body": ("POST", AOI, ["x"]),
    "no body for an AOI": ("POST", AOI, None),
    "a body on a job": ("PUT", JOB, {}),
    "a body on a task": (*CREATIONS["task"][:2], {"inputs": []}),
}
AWKWARD = (
    "a/b",
    "..",
    ".",
    "%",
    "100%25",
    "a b",
    "a+b",
    "a?b#c",
    "größe/日本🛰",
    "a\nb",
    "x" * 300,
)


def told(answer: Any) -> dict[str, Any]:
    """Return the error of a document that is nothing but an error."""
    (error,) = answer.values()
    assert answer.keys() == {"error"}
    assert error.keys() == {"code", "message", "details"}
    return dict(error)


async def ask_raw(quick: Stand, method: str, path: str) -> Answer:
    headers = {"Authorization": quick.sandbox.api_key}
    return await fetch(quick.sandbox.api_url + path, method=method, headers=headers)


@EVERY_KIND
@pytest.mark.parametrize("key", ["wrong", "", "bearer sandbox-key", "Basic sandbox-key", None])
async def test_a_wrong_or_missing_key_is_refused(quick: Stand, kind: str, key: str | None) -> None:
    del quick.http.headers["Authorization"]
    if key is not None:
        quick.http.headers["Authorization"] = key
    answer = await quick.ask(*CREATIONS[kind])
    assert answer.status_code == 401
    assert told(answer.json())["code"] == "UNAUTHENTICATED"
    assert quick.sandbox.packages == []


@EVERY_KIND
async def test_the_key_is_taken_after_bearer_too(kind: str) -> None:
    async with stand(Scenario(packaging=AT_ONCE, api_key="k-1")) as it:
        it.http.headers["Authorization"] = "Bearer k-1"
        assert (await it.ask(*CREATIONS[kind])).is_success
        it.http.headers["Authorization"] = "Bearer sandbox-key"
        assert (await it.ask(*CREATIONS[kind])).status_code == 401


@pytest.mark.parametrize(("method", "path", "body"), BAD_BODIES.values(), ids=BAD_BODIES.keys())
async def test_a_body_that_is_not_as_documented_is_refused(
    quick: Stand, method: str, path: str, body: Any
) -> None:
    answer = await quick.ask(method, path, body)
    assert answer.status_code == 400
    assert told(answer.json())["code"] == "INVALID_BODY"
    assert quick.sandbox.packages == []


async def test_a_body_that_is_not_json_is_refused(quick: Stand) -> None:
    answer = await quick.http.post(AOI, content=b'{"asset_ids": [')
    assert answer.status_code == 400


@pytest.mark.parametrize("kind", ["job", "task"])
async def test_a_content_type_is_refused_where_there_is_no_body(quick: Stand, kind: str) -> None:
    method, path, _ = CREATIONS[kind]
    answer = await quick.http.request(method, path, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v0",
        "/pingpong",
        "/v0/planets",
        f"{JOB}/",
        f"{JOB}/x",
        "/v1/workflows/w1/jobs/j1/download",
        "/v0/workflows//jobs/j1/download",
        "/v0/aoi/a1/downloads",
        "/v0/aois/a1/insights/i1/download",
        "/V0/aois/a1/downloads",
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
async def test_an_unknown_path_is_not_found(quick: Stand, method: str, path: str) -> None:
    answer = await ask_raw(quick, method, path)
    assert answer.status == 404
    assert told(answer.document)["message"]
    assert quick.sandbox.counts == {"": 1}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", JOB),
        ("GET", JOB),
        ("DELETE", JOB),
        ("PUT", AOI),
        ("GET", AOI),
        ("PUT", CATALOG),
        ("POST", f"{CATALOG}/x"),
        ("PUT", f"{AOI}/x"),
        ("POST", INSIGHT),
        ("POST", "/ping"),
    ],
)
async def test_a_wrong_method_is_not_allowed(quick: Stand, method: str, path: str) -> None:
    answer = await ask_raw(quick, method, path)
    assert answer.status == 405
    assert told(answer.document)["message"]


async def test_a_status_call_is_for_its_own_kind_and_place_only(quick: Stand) -> None:
    aoi = (await quick.create("aoi"))["download_id"]
    catalog = (await quick.create("catalog"))["id"]
    for path in (
        f"{CATALOG}/{aoi}",
        f"{AOI}/{catalog}",
        f"/v0/aois/another/downloads/{aoi}",
        f"{AOI}/unknown",
        f"{CATALOG}/unknown",
    ):
        answer = await quick.ask("GET", path)
        assert answer.status_code == 404
        assert told(answer.json())["code"] == "NOT_FOUND"


@pytest.mark.parametrize("awkward", AWKWARD, ids=ascii)
async def test_an_escaped_id_comes_back_as_it_was(quick: Stand, awkward: str) -> None:
    segment = quote(awkward, safe="").replace(".", "%2E")
    path = f"/v0/workflows/{segment}/jobs/{segment}/download"
    answer = await ask_raw(quick, "PUT", path)
    assert answer.status == 200
    assert (answer.document["id"], answer.document["workflowId"]) == (awkward, awkward)
    assert quick.sandbox.calls[0].path == path
    assert quick.sandbox.packages[0].identity.request == {"workflow_id": awkward, "job_id": awkward}


async def test_too_many_calls_are_told_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(api, "time", SimpleNamespace(monotonic=lambda: now[0]))
    async with stand(requests_per_second=2.0) as it:

        async def statuses(count: int) -> list[int]:
            return [(await it.ask(*CREATIONS["job"])).status_code for _ in range(count)]

        assert await statuses(4) == [200, 200, 429, 429]
        refused = await it.ask(*CREATIONS["job"])
        assert refused.headers["retry-after"] == "1"
        assert told(refused.json())["code"] == "RATE_LIMITED"
        assert (await it.ask("GET", "/ping")).status_code == 200
        now[0] += 0.5
        assert await statuses(2) == [200, 429]
