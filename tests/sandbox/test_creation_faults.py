"""Faults strike creations too: a lost response has created, an error has not."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from pixxel_async.sandbox import ApiFault
from pixxel_async.sandbox.world import Catalog, Workflow, World

from .stand import Stand, stand
from .test_orders import STORE, archive
from .test_places import AOI, INDEX, WORLD
from .test_runs import BODY

EVERYTHING = World(
    projects=WORLD.projects,
    aois=WORLD.aois,
    workflows=(Workflow("w", project_id="p"),),
    catalogs=(Catalog("c"),),
)
CREATIONS: dict[str, tuple[str, Any]] = {
    "createJob": ("/v0/workflows/w/jobs?project_id=p", None),
    "createInsights": ("/v0/aoi/a/insights", BODY),
    "AOICreateAOI": ("/v0/aois", AOI),
    "CreateIndex": ("/v0/indices", INDEX),
    "CreateVisualization": ("/v0/aois/a/visualizations", None),
    "SubmitOrder": ("/v0/orders", {"order_items": [archive()]}),
    "CreateStore": ("/v0/stores", STORE),
    "CreateDelivery": (
        "/v0/catalogs/deliveries",
        None,
    ),
}
EVERY_CREATION = pytest.mark.parametrize("operation", CREATIONS)


async def request(it: Stand, operation: str) -> tuple[str, Any]:
    path, body = CREATIONS[operation]
    if operation == "CreateVisualization":
        return path, {"index_id": (await it.ask("GET", "/v0/indices")).json()["indices"][0]["id"]}
    if operation == "CreateDelivery":
        store = (await it.ask("POST", "/v0/stores", STORE)).json()["id"]
        wanted = {"cloud_info": {"config": store}, "catalog_ids": ["c"]}
        return path, {"deliveries": [wanted]}
    return path, body


def made(it: Stand, operation: str) -> int:
    return sum(one.operation == operation for one in it.sandbox.creations)


@EVERY_CREATION
@pytest.mark.parametrize(("action", "count"), [("lost", 1), ("reset", 0)])
async def test_a_broken_connection_has_created_or_has_not(
    operation: str, action: Any, count: int
) -> None:
    async with stand(world=EVERYTHING, faults=(ApiFault(action, on=operation),)) as it:
        path, body = await request(it, operation)
        with pytest.raises(httpx.TransportError):
            await it.ask("POST", path, body)
        assert made(it, operation) == count
        assert it.sandbox.counts[operation] == 1


@EVERY_CREATION
@pytest.mark.parametrize("status", [403, 409, 429, 500, 503])
async def test_an_error_has_created_nothing(operation: str, status: int) -> None:
    faults = (ApiFault("status", status=status, on=operation, times=1, retry_after="1"),)
    async with stand(world=EVERYTHING, faults=faults) as it:
        path, body = await request(it, operation)
        answer = await it.ask("POST", path, body)
        assert (answer.status_code, made(it, operation)) == (status, 0)
        assert (await it.ask("POST", path, body)).is_success
        assert made(it, operation) == 1


@EVERY_CREATION
async def test_a_creation_above_the_rate_is_refused_and_creates_nothing(operation: str) -> None:
    async with stand(world=EVERYTHING, requests_per_second=3) as it:
        path, body = await request(it, operation)
        answers = [await it.ask("POST", path, body) for _ in range(4)]
        created = sum(answer.is_success for answer in answers)
        assert answers[-1].status_code == 429
        assert made(it, operation) == created
