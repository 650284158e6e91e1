"""The list and get calls: what they tell, pages, faults, and that all of it can be packaged."""

from __future__ import annotations

from typing import Any

import pytest

from pixxel_async.sandbox import ApiFault, Scenario, World
from pixxel_async.sandbox.world import Aoi, Project

from .listing import SMALL, ids, listing, refusal, search
from .raw import fetch
from .stand import AT_ONCE, Stand, stand

LISTS = {
    "/v0/projects": "projects",
    "/v0/aois": "aois",
    "/v0/aois/a1/assets": "assets",
    "/v0/aoi/a1/insights": "insights",
    "/v0/workflows": "workflows",
    "/v0/workflows/w1/jobs": "jobs",
    "/v0/orders": "orders",
    "/v0/order-items": "order_items",
}
FOUND = {
    "projects": ["p1", "p2", "p3"],
    "aois": ["a1", "a2", "a3"],
    "assets": ["s1", "s2", "s3"],
    "insights": ["i1", "i2", "i3"],
    "workflows": ["w1", "w2"],
    "jobs": ["j1", "j2"],
    "orders": ["o1", "o2"],
    "order_items": ["x1", "x2", "x3"],
}
OFFSET_LISTS = sorted(set(LISTS) - {"/v0/projects", "/v0/aoi/a1/insights", "/v0/workflows/w1/jobs"})
GETS = {
    "/v0/projects/p2": "GetProjectById",
    "/v0/aoi/a2": "GetAoiById",
    "/v0/workflows/w2?project_id=p2": "getWorkflowsById",
    "/v0/workflows/w1/jobs/j1": "getJobById",
    "/v0/orders/o2": "GetOrderById",
    "/v0/order-items/x2": "GetOrderItemById",
    "/v0/catalogs/c2": "GetCatalogById",
}
MADE_UP = World.made_up(aois=25)


async def pages(it: Stand, path: str, name: str, **query: Any) -> list[list[dict[str, Any]]]:
    """Go through all pages by offset, and return them."""
    found: list[list[dict[str, Any]]] = []
    while True:
        offset = sum(len(page) for page in found)
        if path == "/v0/catalogs/search":
            answer = (await it.ask("POST", path, {**query, "offset": offset})).json()
        else:
            answer = (await it.http.get(path, params={**query, "offset": offset})).json()
        if not answer[name]:
            assert answer["pagination"]["total"] == offset
            return found
        assert answer["pagination"]["offset"] == offset
        found.append(answer[name])


@pytest.mark.parametrize(("path", "name"), LISTS.items())
async def test_a_list_tells_all_in_order(path: str, name: str) -> None:
    async with listing() as it:
        assert await ids(it, path, name) == FOUND[name]
        assert await search(it) == ["c1", "c2", "c3"]


async def test_what_stands_around_a_record_is_told_with_it() -> None:
    async with listing() as it:

        async def get(path: str) -> Any:
            return (await it.ask("GET", path)).json()

        assert {one["aoi_id"] for one in (await get("/v0/aois/a1/assets"))["assets"]} == {"a1"}
        insights = (await get("/v0/aoi/a1/insights"))["insights"]
        assert {(one["aoi_id"], one["deleted_at"]) for one in insights} == {("a1", None)}
        assert not any("updated_at" in one for one in insights)
        jobs = (await get("/v0/workflows/w1/jobs"))["jobs"]
        assert [(one["workflow_id"], "tasks" in one) for one in jobs] == [("w1", False)] * 2
        (order, _) = (await get("/v0/orders"))["orders"]
        assert [one["id"] for one in order["order_items"]] == ["x1", "x2"]
        assert ["tasks" in one for one in order["order_items"]] == [False, False]
        (item, *_) = (await get("/v0/order-items"))["order_items"]
        assert item["order_id"] == "o1"
        assert {task["order_item_id"] for task in item["tasks"]} == {"x1"}


async def test_a_single_record_tells_more_than_a_list() -> None:
    async with listing() as it:

        async def get(path: str) -> Any:
            return (await it.ask("GET", path)).json()

        project = (await get("/v0/projects/p2"))["project"]
        assert project["id"] == "p2"
        assert "members_count" not in project
        assert "members_count" in (await get("/v0/projects"))["projects"][0]
        assert (await get("/v0/aoi/a2"))["name"] == "South"
        workflow = await get("/v0/workflows/w2?project_id=p2")
        assert (workflow["id"], workflow["val_errors"]) == ("w2", [])
        assert "legacy_project_id" not in workflow
        job = await get("/v0/workflows/w1/jobs/j1")
        assert (job["id"], [task["id"] for task in job["tasks"]]) == ("j1", ["t1"])
        assert job["exec_created_at"] == job["created_at"] == "2025-04-14T12:00:00Z"
        assert (await get("/v0/orders/o2"))["paid_at"] == ""
        assert (await get("/v0/order-items/x2"))["order_id"] == "o1"
        assert (await get("/v0/catalogs/c2"))["details"]["id"] == "stac c2"


async def test_times_have_the_form_that_the_document_shows() -> None:
    async with listing() as it:

        async def made(path: str, name: str) -> str:
            return str((await it.ask("GET", path)).json()[name][0]["created_at"])

        assert await made("/v0/aois", "aois") == "2025-04-14T12:00:00+00:00"
        assert await made("/v0/aois/a1/assets", "assets") == "2025-01-06 00:00:00+00:00"
        assert await made("/v0/aoi/a1/insights", "insights") == "2025-04-14T12:00:00Z"
        assert await made("/v0/orders", "orders") == "2025-01-06T00:00:00+00:00"
        assert await made("/v0/order-items", "order_items") == "2025-04-14T12:00:00Z"


@pytest.mark.parametrize(("path", "operation"), GETS.items())
async def test_a_call_is_recorded_with_its_query(path: str, operation: str) -> None:
    async with listing() as it:
        assert (await it.ask("GET", path)).status_code == 200
        (call,) = it.sandbox.calls
    assert call.operation == operation
    assert (call.path, call.query) == tuple((path + "?").split("?")[:2])


@pytest.mark.parametrize("limit", [1, 3, 7, 1000])
async def test_pages_lose_nothing_and_double_nothing(limit: int) -> None:
    aoi = MADE_UP.aois[0]
    for path, name, all_ in (
        ("/v0/aois", "aois", [one.aoi_id for one in MADE_UP.aois]),
        (f"/v0/aois/{aoi.aoi_id}/assets", "assets", [one.id for one in aoi.assets]),
        ("/v0/workflows", "workflows", [one.id for one in MADE_UP.workflows]),
        ("/v0/orders", "orders", [one.id for one in MADE_UP.orders]),
        (
            "/v0/order-items",
            "order_items",
            [item.id for order in MADE_UP.orders for item in order.items],
        ),
        ("/v0/catalogs/search", "catalogs", [one.id for one in MADE_UP.catalogs]),
    ):
        async with listing(MADE_UP) as it:
            found = await pages(it, path, name, limit=limit)
            told = [one.get("aoi_id") if name == "aois" else one["id"] for p in found for one in p]
        assert told == all_, path
        assert {len(page) for page in found[:-1]} <= {limit}


@pytest.mark.parametrize(
    ("path", "name", "default"),
    [
        ("/v0/aois", "aois", 10),
        (f"/v0/aois/{MADE_UP.aois[0].aoi_id}/assets", "assets", 10),
        ("/v0/workflows", "workflows", 50),
        ("/v0/orders", "orders", 10),
        ("/v0/order-items", "order_items", 10),
        ("/v0/catalogs/search", "catalogs", 2),
    ],
)
async def test_a_made_up_world_takes_several_pages(path: str, name: str, default: int) -> None:
    async with listing(MADE_UP) as it:
        found = await pages(it, path, name)
    assert len(found) > 1
    assert {len(page) for page in found[:-1]} == {default}


async def test_projects_have_numbered_pages_from_1() -> None:
    world = World(projects=tuple(Project(f"p{number}") for number in range(23)))
    async with listing(world) as it:

        async def page(**query: int) -> tuple[list[str], int]:
            answer = (await it.http.get("/v0/projects", params=query)).json()
            assert answer.keys() == {"projects", "count"}
            return [one["id"] for one in answer["projects"]], answer["count"]

        every = [f"p{number}" for number in range(23)]
        assert await page() == (every[:10], 23) == await page(page_num=1)
        assert await page(page_num=3) == (every[20:], 23)
        assert await page(page_num=2, page_size=20) == (every[20:], 23)
        assert await page(page_num=4) == ([], 23)


async def test_a_page_is_no_larger_than_the_scenario_allows() -> None:
    async with listing(page_size=2) as it:
        answer = (await it.ask("GET", "/v0/aois?limit=100")).json()
        assert [one["aoi_id"] for one in answer["aois"]] == ["a1", "a2"]
        assert answer["pagination"] == {"limit": 2, "offset": 0, "total": 3}
        assert (await ids(it, "/v0/projects", "projects", page_num=2, page_size=5)) == ["p3"]
        assert await search(it) == ["c1", "c2"]
        assert await ids(it, "/v0/aoi/a1/insights", "insights") == ["i1", "i2", "i3"]
        answer = (await it.ask("GET", "/v0/aois?limit=1")).json()
        assert answer["pagination"]["limit"] == 1


async def test_a_page_after_the_end_is_empty_and_tells_the_total() -> None:
    async with listing() as it:
        for path in OFFSET_LISTS:
            answer = (await it.ask("GET", f"{path}?offset=99999999999999999999")).json()
            assert answer[LISTS[path]] == []
            assert answer["pagination"]["total"] == len(FOUND[LISTS[path]])


async def test_the_total_is_of_what_passes_the_filters() -> None:
    async with listing() as it:
        answer = (await it.ask("GET", "/v0/aois?project_ids=p1,p2&limit=1")).json()
    assert answer["pagination"] == {"limit": 1, "offset": 0, "total": 2}


async def test_what_is_listed_can_be_packaged() -> None:
    world = World.made_up(aois=1, assets_per_aoi=2, workflows=1, orders=2)
    async with listing(world) as it:
        aoi = (await it.ask("GET", "/v0/aois")).json()["aois"][0]["aoi_id"]
        assets = await ids(it, f"/v0/aois/{aoi}/assets", "assets")
        insights = await ids(it, f"/v0/aoi/{aoi}/insights", "insights")
        workflow = (await ids(it, "/v0/workflows", "workflows"))[0]
        job = (await ids(it, f"/v0/workflows/{workflow}/jobs", "jobs"))[0]
        tasks = (await it.ask("GET", f"/v0/workflows/{workflow}/jobs/{job}")).json()["tasks"]
        items = await ids(it, "/v0/order-items", "order_items")
        job_path = f"/v0/workflows/{workflow}/jobs/{job}"
        for method, path, body in (
            ("PUT", f"/v0/aoi/{aoi}/insights/{insights[0]}/download", {}),
            ("POST", f"/v0/aois/{aoi}/downloads", {"asset_ids": assets}),
            ("PUT", f"{job_path}/download", None),
            ("PUT", f"{job_path}/tasks/{tasks[0]['id']}/download", None),
            ("POST", "/v0/catalogs/download", {"catalog_ids": await search(it)}),
            ("POST", "/v0/catalogs/download", {"order_item_ids": items}),
        ):
            answer = await it.ask(method, path, body)
            got = await fetch(answer.json()["signed_url"])
            assert got.status == 200, path
            assert got.is_whole


async def test_a_download_of_what_is_not_listed_is_packaged_all_the_same() -> None:
    async with listing(World()) as it:
        assert (await it.ask("PUT", "/v0/workflows/w/jobs/j/download")).status_code == 200


async def test_without_a_world_one_is_made_up_from_the_seed() -> None:
    async with stand(Scenario(seed=5, packaging=AT_ONCE)) as it:
        assert it.sandbox.world == World.made_up(seed=5) != World.made_up()
        assert await ids(it, "/v0/aois", "aois", limit=100) == [
            aoi.aoi_id for aoi in World.made_up(seed=5).aois
        ]


async def test_a_list_is_struck_by_faults_like_other_calls() -> None:
    fault = ApiFault("status", status=503, on="ListAOIs", retry_after="1", times=1)
    async with listing(faults=(fault,)) as it:
        assert await ids(it, "/v0/projects", "projects") == FOUND["projects"]
        struck = await it.ask("GET", "/v0/aois")
        assert (struck.status_code, struck.headers["retry-after"]) == (503, "1")
        assert await ids(it, "/v0/aois", "aois") == FOUND["aois"]


async def test_a_fault_can_strike_one_page_only() -> None:
    async with listing(faults=(ApiFault("not_json", only="offset=1"),)) as it:
        assert await ids(it, "/v0/aois", "aois", limit=1, offset=0) == ["a1"]
        struck = await it.ask("GET", "/v0/aois?limit=1&offset=1")
        assert struck.text == "all is well"
        assert await ids(it, "/v0/aois", "aois", limit=1, offset=2) == ["a3"]


async def test_lists_are_limited_in_their_rate() -> None:
    async with listing(requests_per_second=1.0) as it:
        answers = [await it.ask("GET", "/v0/aois") for _ in range(3)]
    assert answers[0].status_code == 200
    assert "too many" in refusal(answers[-1], 429)


async def test_more_is_laid_over_a_document() -> None:
    world = World(aois=(Aoi("a", more={"new": 1, "name": None}),), projects=SMALL.projects)
    async with listing(world) as it:
        told = (await it.ask("GET", "/v0/aoi/a")).json()
    assert (told["new"], told["name"], told["aoi_id"]) == (1, None, "a")
