"""What the sandbox lists is told as the document says, and takes what it says."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from openapi_core.exceptions import OpenAPIError
from werkzeug.datastructures import Headers

from pixxel_async.sandbox import Sandbox, Scenario
from pixxel_async.sandbox.changes.calls import ACTIONS
from pixxel_async.sandbox.lists import catalog_search
from pixxel_async.sandbox.lists.calls import CALLS, ListCall
from pixxel_async.sandbox.lists.paging import ByOffset
from pixxel_async.sandbox.routes import ROUTES
from pixxel_async.sandbox.world import (
    Aoi,
    Asset,
    Catalog,
    Insight,
    Job,
    Order,
    OrderItem,
    OrderTask,
    Project,
    Task,
    Workflow,
    World,
)

from .document import Contract, Request

BARE = World(
    projects=(Project("p"),),
    aois=(Aoi("a", assets=(Asset("s"),), insights=(Insight("i"),)),),
    workflows=(Workflow("w", project_id="p", jobs=(Job("j", tasks=(Task("t"),)),)),),
    orders=(Order("o", items=(OrderItem("oi", tasks=(OrderTask("ot"),)),)),),
    catalogs=(Catalog("c", task_id="ot"),),
)
"""Records that say nothing but their ids."""

ALL = 1000


class Asked:
    """Asks the sandbox, and lets the document judge its answers."""

    def __init__(self, contract: Contract, sandbox: Sandbox, raw: httpx.AsyncClient) -> None:
        self.contract = contract
        self.world = sandbox.world
        self.raw = raw

    async def get(self, path: str, query: str = "") -> Any:
        return self._judged("GET", path, await self.raw.get(f"{path}?{query}"))

    async def search(self, body: Any) -> Any:
        path = "/v0/catalogs/search"
        return self._judged("POST", path, await self.raw.post(path, json=body))

    def _judged(self, method: str, path: str, answer: httpx.Response) -> Any:
        document = answer.json()
        for insight in document.get("insights", []):
            # The document's prose says null and its schema does not: the prose holds.
            assert insight.pop("deleted_at") is None
        request = Request(self.contract.host_url, method, path, "", Headers(), None)
        self.contract.check_answer(request, answer.status_code, json.dumps(document).encode())
        return document


@pytest.fixture(params=[None, BARE], ids=["made up", "bare"])
async def asked(contract: Contract, request: pytest.FixtureRequest) -> AsyncIterator[Asked]:
    world = request.param or World.made_up(aois=8, workflows=8)
    async with Sandbox(Scenario(world=world)) as sandbox:
        async with httpx.AsyncClient(
            base_url=sandbox.api_url, headers={"Authorization": sandbox.api_key}, trust_env=False
        ) as raw:
            yield Asked(contract, sandbox, raw)


async def test_projects_are_told_as_documented(asked: Asked) -> None:
    listed = await asked.get("/v0/projects", f"page_size={ALL}")
    assert len(listed["projects"]) == len(asked.world.projects) == listed["count"]
    for project in asked.world.projects:
        assert (await asked.get(f"/v0/projects/{project.id}"))["project"]["id"] == project.id


async def test_aois_are_told_as_documented_with_what_lies_in_them(asked: Asked) -> None:
    listed = await asked.get("/v0/aois", f"limit={ALL}")
    assert len(listed["aois"]) == len(asked.world.aois)
    for aoi, told in zip(asked.world.aois, listed["aois"], strict=True):
        assert await asked.get(f"/v0/aoi/{aoi.aoi_id}") == told
        assets = await asked.get(f"/v0/aois/{aoi.aoi_id}/assets", f"limit={ALL}")
        assert len(assets["assets"]) == len(aoi.assets) > 0
        insights = await asked.get(f"/v0/aoi/{aoi.aoi_id}/insights")
        assert len(insights["insights"]) == len(aoi.insights) > 0


async def test_workflows_are_told_as_documented_with_their_jobs(asked: Asked) -> None:
    listed = await asked.get("/v0/workflows", f"limit={ALL}")
    assert len(listed["workflows"]) == len(asked.world.workflows)
    for workflow in asked.world.workflows:
        path = f"/v0/workflows/{workflow.id}"
        assert (await asked.get(path, f"project_id={workflow.project_id}"))["id"] == workflow.id
        assert len((await asked.get(f"{path}/jobs"))["jobs"]) == len(workflow.jobs) > 0
        for job in workflow.jobs:
            assert len((await asked.get(f"{path}/jobs/{job.id}"))["tasks"]) == len(job.tasks) > 0


async def test_orders_and_their_items_are_told_as_documented(asked: Asked) -> None:
    orders = (await asked.get("/v0/orders", f"limit={ALL}"))["orders"]
    assert len(orders) == len(asked.world.orders)
    for order in orders:
        assert await asked.get(f"/v0/orders/{order['id']}") == order
    items = (await asked.get("/v0/order-items", f"limit={ALL}"))["order_items"]
    assert len(items) == sum(len(order["order_items"]) for order in orders) > 0
    for item in items:
        assert await asked.get(f"/v0/order-items/{item['id']}") == item
        assert len(item["tasks"]) == 1


async def test_catalogs_are_told_as_documented(asked: Asked) -> None:
    catalogs = (await asked.search({"limit": ALL}))["catalogs"]
    assert len(catalogs) == len(asked.world.catalogs) > 0
    for catalog in catalogs:
        assert await asked.get(f"/v0/catalogs/{catalog['id']}") == catalog


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v0/projects/x", ""),
        ("/v0/projects", "page_num=0"),
        ("/v0/aoi/x", ""),
        ("/v0/aois/x/assets", ""),
        ("/v0/aoi/a/insights", "created_on=x"),
        ("/v0/workflows", "limit=x"),
        ("/v0/workflows/w", ""),
        ("/v0/workflows/w/jobs", "created_on=x"),
        ("/v0/orders/x", ""),
        ("/v0/orders", "limit=0"),
        ("/v0/order-items", "area=x"),
    ],
)
@pytest.mark.parametrize("asked", [BARE], indirect=True)
async def test_errors_are_told_as_documented(asked: Asked, path: str, query: str) -> None:
    assert (await asked.get(path, query))["error"]["message"]


async def test_a_bad_search_is_told_as_documented(asked: Asked) -> None:
    assert (await asked.search({"ids": "x"}))["error"]["code"] == "INVALID_BODY"


@pytest.mark.parametrize(
    "name", ["not documented", "name"], ids=["a field too many", "a field of another type"]
)
async def test_the_judge_sees_what_is_wrong(contract: Contract, name: str) -> None:
    world = World(projects=(Project("p", more={name: 1}),))
    async with Sandbox(Scenario(world=world)) as sandbox:
        headers = {"Authorization": sandbox.api_key}
        async with httpx.AsyncClient(
            base_url=sandbox.api_url, headers=headers, trust_env=False
        ) as raw:
            with pytest.raises(OpenAPIError):
                await Asked(contract, sandbox, raw).get("/v0/projects")


def test_the_calls_take_the_documented_parameters(contract: Contract) -> None:
    named = {(route.method, route.path): route.operation for route in ROUTES}
    for operation in contract.operations:
        name = named[operation.method.upper(), operation.path]
        call = CALLS.get(name) or ACTIONS.get(name)
        parameters = [one for one in operation.spec.get("parameters", []) if one["in"] == "query"]
        names = {one["name"] for one in parameters}
        if isinstance(call, ListCall):
            assert names == call.filters.keys() | call.paging.names, name
            documented = {one["schema"].get("default") for one in parameters}
            if isinstance(call.paging, ByOffset) and documented != {None}:
                assert call.paging.default in documented, name
        elif call is not None:
            assert names == call.required | call.optional, name
            assert call.required == {one["name"] for one in parameters if one.get("required")}, name
        else:  # a package, or ping
            assert names == set(), name


def test_the_search_takes_the_documented_fields(contract: Contract) -> None:
    operation = contract.operation("SearchCatalogs")
    fields = contract.body_fields(operation)
    assert operation.method == "post"
    assert fields.keys() == catalog_search.FILTERS.keys() | {"offset", "limit", "sort_by"}
    assert fields["limit"]["default"] == catalog_search.LIMIT
