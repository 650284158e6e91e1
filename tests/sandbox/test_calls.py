"""The documented calls: their paths, methods, statuses and documents, and when they say ready."""

from __future__ import annotations

from typing import Any

import pytest

from pixxel_async.sandbox import ApiCall, PackagingTime

from .stand import CREATIONS, START, Stand, stand

OPERATIONS = {
    "insight": "downloadInsights",
    "aoi": "AOICreateDownload",
    "job": "downloadJob",
    "task": "downloadTask",
    "catalog": "CreateDownload",
}
STATUS = {"insight": 200, "aoi": 201, "job": 200, "task": 200, "catalog": 201}
FIELDS: dict[str, dict[str, str]] = {
    "insight": {"id": "i1"},
    "aoi": {},
    "job": {"id": "j1", "workflowId": "w1"},
    "task": {"id": "t1", "job_id": "j1", "workflow_id": "w1"},
    "catalog": {},
}
MADE_ID = {"aoi": "download_id", "catalog": "id"}
WORDS = {
    "insight": ("pending", "ready"),
    "aoi": ("IN_PROGRESS", "SUCCESS"),
    "job": ("pending", "ready"),
    "task": ("pending", "ready"),
    "catalog": ("in_progress", "success"),
}
EVERY_KIND = pytest.mark.parametrize("kind", CREATIONS)
TEN_SECONDS = PackagingTime.constant(10)


def status_path(kind: str, made: dict[str, Any]) -> str:
    root = "/v0/aois/a1/downloads" if kind == "aoi" else "/v0/catalogs/download"
    return f"{root}/{made[MADE_ID[kind]]}"


@EVERY_KIND
async def test_a_creation_is_answered_with_its_document(quick: Stand, kind: str) -> None:
    answer = await quick.ask(*CREATIONS[kind])
    assert answer.status_code == STATUS[kind]
    assert answer.headers["content-type"] == "application/json"
    document = answer.json()
    assert document.pop("signed_url").startswith(f"{quick.sandbox.storage_url}/")
    assert document.pop("status") == WORDS[kind][1]
    if kind in MADE_ID:
        assert document.pop(MADE_ID[kind]) == quick.sandbox.packages[0].id
    assert document == FIELDS[kind]


@EVERY_KIND
async def test_a_call_is_recorded_as_it_came(quick: Stand, kind: str) -> None:
    method, path, _ = CREATIONS[kind]
    request = (await quick.ask(*CREATIONS[kind])).request
    call = ApiCall(START, OPERATIONS[kind], method, path, request.content, STATUS[kind])
    assert quick.sandbox.calls == [call]
    assert quick.sandbox.counts == {OPERATIONS[kind]: 1}


@pytest.mark.parametrize("kind", MADE_ID)
async def test_the_status_call_tells_the_same_package(quick: Stand, kind: str) -> None:
    made = await quick.create(kind)
    answer = await quick.ask("GET", status_path(kind, made))
    assert answer.status_code == 200
    assert answer.json() == made


async def test_ping_answers_pong_without_a_key(quick: Stand) -> None:
    del quick.http.headers["Authorization"]
    answer = await quick.ask("GET", "/ping")
    assert (answer.status_code, answer.json()) == (200, "pong")


@EVERY_KIND
async def test_a_package_becomes_ready_by_the_clock(kind: str) -> None:
    pending, ready = WORDS[kind]
    async with stand(packaging=TEN_SECONDS) as it:

        async def told() -> tuple[str, bool]:
            if kind in MADE_ID:
                document = (await it.ask("GET", status_path(kind, made))).json()
            else:
                document = await it.create(kind)
            return document["status"], bool(document.get("signed_url"))

        made = await it.create(kind)
        assert await told() == (pending, False)
        it.clock.now = START + 9.999
        assert await told() == (pending, False)
        it.clock.now = START + 10
        assert await told() == (ready, True)


async def test_the_url_is_empty_null_or_absent_before_there_is_one() -> None:
    forms = set()
    async with stand(packaging=TEN_SECONDS) as it:
        for number in range(20):
            answer = await it.ask("PUT", f"/v0/workflows/w/jobs/{number}/download")
            forms.add(answer.json().get("signed_url", "absent"))
    assert forms == {"", None, "absent"}


@pytest.mark.parametrize("kind", MADE_ID)
async def test_a_second_post_makes_a_second_package(quick: Stand, kind: str) -> None:
    first, second = await quick.create(kind), await quick.create(kind)
    assert first[MADE_ID[kind]] != second[MADE_ID[kind]]
    assert len(quick.sandbox.packages) == 2
    for made in (first, second):
        again = (await quick.ask("GET", status_path(kind, made))).json()
        assert again[MADE_ID[kind]] == made[MADE_ID[kind]]


@pytest.mark.parametrize("kind", sorted(set(CREATIONS) - set(MADE_ID)))
async def test_a_second_put_tells_of_the_same_package(quick: Stand, kind: str) -> None:
    assert await quick.create(kind) == await quick.create(kind)
    assert len(quick.sandbox.packages) == 1


async def test_other_lists_or_ids_are_another_package(quick: Stand) -> None:
    path = "/v0/aoi/a1/insights/i1/download"
    for body in ({}, {"inputs": ["x"]}, {"outputs": ["x"]}, {"outputs": ["y", "x"]}):
        await quick.ask("PUT", path, body)
    await quick.ask("PUT", "/v0/aoi/a1/insights/i2/download", {})
    assert len(quick.sandbox.packages) == 5
    await quick.ask("PUT", path, {"outputs": ["x", "y"]})
    await quick.ask("PUT", path, {"inputs": [], "outputs": []})
    assert len(quick.sandbox.packages) == 5


async def test_a_fresh_url_is_signed_with_each_answer() -> None:
    async with stand(url_lifetime_s=60) as it:
        first = await it.url()
        it.clock.now += 1
        second = await it.url()
    assert first != second
    assert first.partition("?")[0] == second.partition("?")[0]
