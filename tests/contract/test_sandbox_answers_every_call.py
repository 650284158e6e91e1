"""A day with the sandbox makes every documented call; each request and answer is as documented."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from werkzeug.datastructures import Headers

from pixxel_async.sandbox import PackagingTime, Sandbox, Scenario, World
from pixxel_async.sandbox.routes import ROUTES, find

from .document import Contract, Request

RING = [[30.5, 30.5], [31.5, 30.5], [31.5, 31.5], [30.5, 31.5], [30.5, 30.5]]
POLYGON = {"type": "Polygon", "coordinates": [RING]}
WORLD_WIDE = {
    "type": "Polygon",
    "coordinates": [[[-180, -90], [180, -90], [180, 90], [-180, 90], [-180, -90]]],
}
FEATURES = {
    "type": "FeatureCollection",
    "features": [{"type": "Feature", "geometry": POLYGON}],
}
SATELLITE = "0004ab8d-0ad1-4d62-8a3f-fe18a7000e70"
AT_ONCE = PackagingTime.constant(0)


class Day:
    """Calls the sandbox, and lets the document judge each request and answer."""

    def __init__(self, contract: Contract, sandbox: Sandbox, raw: httpx.AsyncClient) -> None:
        self.contract = contract
        self.sandbox = sandbox
        self.raw = raw

    async def ask(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = await self.raw.request(method, path, json=body)
        assert answer.status_code == status, answer.text
        kind = answer.headers.get("content-type", "")
        headers = Headers({"authorization": self.sandbox.api_key})
        if body is not None:
            headers["content-type"] = "application/json"
        path, _, query = path.partition("?")
        sent = None if body is None else json.dumps(body).encode()
        request = Request(self.contract.host_url, method, path, query, headers, sent)
        if not self.is_described(method, path):
            return answer.json() if kind == "application/json" else answer.content
        if path != "/v0/catalogs/deliveries":  # its schema and its prose contradict each other
            assert self.contract.problem(request) == ""
        if kind != "application/json":
            return answer.content
        document = answer.json()
        for insight in document.get("insights", []) if isinstance(document, dict) else []:
            del insight["deleted_at"]  # as in the tests of the lists
        if isinstance(document, dict) and document.get("signed_url", "") is None:
            del document["signed_url"]
        self.contract.check_answer(request, status, json.dumps(document).encode())
        return document

    def is_described(self, method: str, path: str) -> bool:
        route = find(method, path)[0]
        return route is not None and method.lower() in self.contract.document["paths"].get(
            route.path, {}
        )

    async def listed(self, name: str, path: str) -> list[Any]:
        found = (await self.ask("GET", path))[name]
        assert found
        return list(found)


@pytest.fixture
async def day(contract: Contract) -> AsyncIterator[Day]:
    world = World.made_up(projects=1, aois=1, workflows=1, orders=1)
    async with (
        Sandbox(Scenario(world=world, running=AT_ONCE, packaging=AT_ONCE)) as sandbox,
        httpx.AsyncClient(
            base_url=sandbox.api_url, headers={"Authorization": sandbox.api_key}, trust_env=False
        ) as raw,
    ):
        yield Day(contract, sandbox, raw)


async def test_a_day_with_the_sandbox_makes_every_call_as_documented(day: Day) -> None:
    project = await areas_and_pictures(day)
    await insights_and_jobs(day, project)
    await orders_and_deliveries(day, project)
    await archive(day)
    made = day.sandbox.counts
    assert {route.operation for route in ROUTES} - made.keys() == set()
    assert all(200 <= call.status < 300 for call in day.sandbox.calls)


async def areas_and_pictures(day: Day) -> str:
    assert await day.ask("GET", "/ping") == "pong"
    (project,) = await day.listed("projects", "/v0/projects")
    await day.ask("GET", f"/v0/projects/{project['id']}")
    await day.listed("satellites", "/v0/satellites")
    search = {
        "start_date": "2025-01-01T00:00:00Z",
        "end_date": "2025-12-31T00:00:00Z",
        "satellites": [{"collection_id": "pixxel-l1c", "satellite_id": SATELLITE}],
        "filters": [{"id": "eo:cloud_cover", "min": 0, "max": 100}],
        "geometry": WORLD_WIDE,
        "limit": 2,
    }
    images = await day.ask("POST", "/v0/search", search)
    assert len(images["items"]) == 2 < images["pagination"]["total"]
    body = {
        "name": "Mine",
        "description": "A field",
        "provider": "pixxel",
        "satellite_id": SATELLITE,
        "project_id": project["id"],
        "geometry": POLYGON,
        "item_ids": [*images["items"]],
    }
    aoi = (await day.ask("POST", "/v0/aois", body, 201))["aoi_id"]
    assert len(await day.listed("aois", "/v0/aois?aoi_name=Mine")) == 1
    assert (await day.ask("GET", f"/v0/aoi/{aoi}"))["status"] == "success"
    assets = [one["id"] for one in await day.listed("assets", f"/v0/aois/{aoi}/assets")]
    ordered = await day.ask("POST", f"/v0/aois/{aoi}/downloads", {"asset_ids": assets}, 201)
    await day.ask("GET", f"/v0/aois/{aoi}/downloads/{ordered['download_id']}")
    await pictures(day, day.sandbox.world.aois[0].aoi_id)
    return str(project["id"])


async def pictures(day: Day, aoi: str) -> None:
    body = {
        "name": "Mine",
        "description": "Bare soil",
        "expression": "(B04-B08)/(B04+B08)",
        "rescale": [0, 1],
        "colormap": "viridis",
        "satellite_id": SATELLITE,
        "expression_type": "index",
    }
    index = (await day.ask("POST", "/v0/indices", body, 201))["id"]
    assert len(await day.listed("indices", f"/v0/indices?index_id={index}")) == 1
    root = f"/v0/aois/{aoi}/visualizations"
    made = await day.ask("POST", root, {"index_id": index, "resolution": 10}, 201)
    assert len(await day.listed("visualization", f"{root}?type=custom")) == 1
    path, date = f"{root}/{made['id']}", next(iter(made["metadata"]["legend"]))
    items = [{"color": "#ffffff", "label": "Low", "min": 0, "max": 0.5}]
    mode = {"visualization_mode": "dynamic"}
    update = {**mode, "legend": {date: items}, "dynamic_bins": 2}
    await day.ask("PUT", f"{path}/metadata", update)
    await day.ask("PATCH", f"{path}/metadata", {**mode, "index_id": index, "dates": [date]})
    png = await day.ask("POST", f"{path}/png", {**mode, "index_id": index, "date": date})
    assert png.startswith(b"\x89PNG")
    await day.ask("POST", f"{path}/sld", {"dates": [date], "visualization_modes": ["dynamic"]})


async def insights_and_jobs(day: Day, project: str) -> None:
    blocks = await day.listed("blocks", "/v0/blocks?mode=insight")
    block = blocks[0]["spec"]
    await day.listed("blocks", f"/v0/blocks/{block['name']}")
    await day.ask("GET", f"/v0/blocks/{block['name']}/versions/{block['version']}")
    root = f"/v0/aoi/{day.sandbox.world.aois[0].aoi_id}/insights"
    body = {
        "block": {"name": block["name"], "version": block["version"]},
        "input": [123, 125],
        "project_id": project,
    }
    await day.ask("POST", root, {**body, "estimate": True}, 200)
    insight = (await day.ask("POST", root, body, 201))["id"]
    await day.listed("insights", f"{root}?id={insight}")
    await day.ask("PUT", f"{root}/{insight}/download", {"inputs": [], "outputs": []})
    assert await day.ask("DELETE", f"{root}/{insight}?project_id={project}") == b""
    (workflow,) = await day.listed("workflows", "/v0/workflows")
    root = f"/v0/workflows/{workflow['id']}"
    await day.ask("GET", f"{root}?project_id={project}")
    await day.ask("GET", f"{root}/estimate")
    job = (await day.ask("POST", f"{root}/jobs?project_id={project}"))["id"]
    await day.listed("jobs", f"{root}/jobs?id={job}")
    tasks = (await day.ask("GET", f"{root}/jobs/{job}"))["tasks"]
    await day.ask("PUT", f"{root}/jobs/{job}/download")
    await day.ask("PUT", f"{root}/jobs/{job}/tasks/{tasks[0]['id']}/download")


async def orders_and_deliveries(day: Day, project: str) -> None:
    (bandset, *_) = await day.listed("bandsets", "/v0/bandsets")
    secrets = {"access_key_id": "a", "secret_access_key": "b"}
    configs = {"bucket": "images", "region": "eu-central-1"}
    body = {"name": "Ours", "type": "S3", "configs": configs, "secrets": secrets}
    store = (await day.ask("POST", "/v0/stores", {**body, "labels": {"env": "test"}}))["id"]
    assert len(await day.listed("stores", "/v0/stores")) == 1
    about = {"project_id": project, "usecase": "agriculture", "geometry": FEATURES}
    tasking = {
        "recurrence": "ONCE",
        "start_date": "2026-01-01T00:00:00Z",
        "cloud_cover": 20,
        "end_date": "2026-01-05T00:00:00Z",
        "bandset": {"bandset_id": bandset["id"]},
    }
    cloud = {"config": store, "path": "in"}
    items = [{**about, "item_ids": ["TD1_1"], "cloud_delivery": cloud}, {**about, **tasking}]
    await day.ask("POST", "/v0/orders", {"order_items": items, "dry_run": True}, 201)
    order = (await day.ask("POST", "/v0/orders", {"order_items": items}, 201))["id"]
    assert len(await day.listed("orders", "/v0/orders")) == 2
    await day.ask("GET", f"/v0/orders/{order}")
    (first, last) = await day.listed("order_items", f"/v0/order-items?order_ids={order}")
    await day.ask("GET", f"/v0/order-items/{first['id']}")
    found = await day.ask("POST", "/v0/catalogs/search", {"order_ids": [order]})
    catalog = found["catalogs"][0]["id"]
    await day.ask("GET", f"/v0/catalogs/{catalog}")
    ordered = await day.ask("POST", "/v0/catalogs/download", {"catalog_ids": [catalog]}, 201)
    await day.ask("GET", f"/v0/catalogs/download/{ordered['id']}")
    wanted = {"deliveries": [{"cloud_info": cloud, "order_item_ids": [last["id"]]}]}
    (made,) = (await day.ask("POST", "/v0/catalogs/deliveries", wanted, 201))["deliveries"]
    path = "/v0/catalogs/deliveries"
    assert len(await day.listed("deliveries", path)) == 2
    assert len(await day.listed("deliveries", f"{path}?delivery_id={made['delivery_id']}")) == 1
    assert (await day.ask("GET", "/v0/reports?tz=UTC")).count(b"\n") == 1 + 4
    assert await day.ask("DELETE", f"/v0/stores/{store}", status=204) == b""


async def archive(day: Day) -> None:
    root = "/v0/archives/collections"
    collection = (await day.listed("collections", root))[0]["id"]
    await day.ask("GET", f"{root}/{collection}")
    item = (await day.listed("features", f"{root}/{collection}/items?limit=3"))[0]
    await day.ask("GET", f"{root}/{collection}/items/{item['id']}")
    body = {
        "collections": [collection],
        "intersects": WORLD_WIDE,
        "bbox": [-180, -90, 180, 90],
        "datetime": "2025-01-01T00:00:00Z/..",
        "query": {"cloudcover": {"lte": 100}},
        "sortby": [{"field": "properties->>'datetime'", "direction": "desc"}],
        "limit": 5,
    }
    found = await day.ask("POST", "/v0/archives/search", body)
    taken = [one["properties"]["datetime"] for one in found["features"]]
    assert len(taken) == 5
    assert taken == sorted(taken, reverse=True)


@dataclass(frozen=True)
class Refused:
    """A call that is refused, in the service's form."""

    method: str
    path: str
    status: int
    body: Mapping[str, Any] | None = None


@pytest.mark.parametrize(
    "refused",
    [
        Refused("POST", "/v0/aois", 400, {}),
        Refused("POST", "/v0/search", 400, {}),
        Refused("POST", "/v0/indices", 400, {}),
        Refused("POST", "/v0/aois/x/visualizations", 404, {"index_id": "x"}),
        Refused("GET", "/v0/blocks/x", 404),
        Refused("GET", "/v0/blocks?mode=x", 400),
        Refused("POST", "/v0/aoi/x/insights", 400, {}),
        Refused("GET", "/v0/archives/collections/x", 404),
        Refused("POST", "/v0/archives/search", 400, {"limit": 0}),
        Refused("POST", "/v0/orders", 400, {"order_items": []}),
        Refused("POST", "/v0/stores", 400, {}),
        Refused("POST", "/v0/catalogs/deliveries", 400, {"deliveries": []}),
        Refused("GET", "/v0/reports?tz=Nowhere", 400),
    ],
    ids=str,
)
async def test_refusals_have_the_documented_form(day: Day, refused: Refused) -> None:
    answer = await day.raw.request(refused.method, refused.path, json=refused.body)
    assert answer.status_code == refused.status
    path = refused.path.partition("?")[0]
    request = Request(day.contract.host_url, refused.method, path, "", Headers(), None)
    if day.is_described(refused.method, path):
        day.contract.check_answer(request, answer.status_code, answer.content)
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation)
async def test_every_call_but_ping_needs_the_key(day: Day, route: Any) -> None:
    del day.raw.headers["Authorization"]
    answer = await day.raw.request(route.method, route.path.replace("{", "").replace("}", ""))
    assert answer.status_code == (200 if route.operation == "ping" else 401)
