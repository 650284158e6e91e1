"""The filters of the lists, one by one, alone and together."""

from __future__ import annotations

from typing import Any

import pytest

from pixxel_async.sandbox import World
from pixxel_async.sandbox.lists.calls import CALLS, ListCall
from pixxel_async.sandbox.world import Aoi

from .listing import ids, listing

AOIS, INSIGHTS = "/v0/aois", "/v0/aoi/a1/insights"
WORKFLOWS, JOBS = "/v0/workflows", "/v0/workflows/w1/jobs"
ORDERS, ITEMS = "/v0/orders", "/v0/order-items"
NAMES = {
    AOIS: ("ListAOIs", "aois"),
    INSIGHTS: ("listInsights", "insights"),
    WORKFLOWS: ("listWorkflows", "workflows"),
    JOBS: ("listJobs", "jobs"),
    ORDERS: ("ListOrders", "orders"),
    ITEMS: ("ListOrderItems", "order_items"),
}

CASES: list[tuple[str, dict[str, str], list[str]]] = [
    (AOIS, {"aoi_id": "a2"}, ["a2"]),
    (AOIS, {"aoi_id": "A2"}, []),
    (AOIS, {"aoi_name": "North"}, ["a1"]),
    (AOIS, {"aoi_name": "Nor"}, []),
    (AOIS, {"project_ids": "p3"}, ["a3"]),
    (AOIS, {"project_ids": "p3,p1"}, ["a1", "a3"]),
    (AOIS, {"project_ids": "p3, p1,"}, ["a1", "a3"]),
    (AOIS, {"created_at": "2025-04-14"}, ["a1"]),
    (AOIS, {"created_at": "2025-04-15T00:00:00Z"}, ["a2"]),
    (AOIS, {"created_at": "2025-04-15T12:00:00Z"}, ["a2"]),
    (AOIS, {"created_at": "2025-04-15T12:00:01Z"}, []),
    (AOIS, {"created_at": "2025-04-15T14:00:00+02:00"}, ["a2"]),
    (AOIS, {"updated_at": "2025-04-15"}, ["a1", "a2"]),
    (AOIS, {"updated_at": "2025-04-15", "aoi_name": "South"}, ["a2"]),
    (AOIS, {"aoi_name": ""}, ["a1", "a2", "a3"]),
    (INSIGHTS, {"id": "i2"}, ["i2"]),
    (INSIGHTS, {"status": "completed"}, ["i1", "i3"]),
    (INSIGHTS, {"status": "unheard of"}, []),
    (INSIGHTS, {"created_by": "u2"}, ["i2", "i3"]),
    (INSIGHTS, {"created_by": "u2", "status": "completed"}, ["i3"]),
    (INSIGHTS, {"created_on": "2025-04-15T00:00:00Z"}, ["i2"]),
    (INSIGHTS, {"created_on": "2025-04-15T12:00:00Z"}, ["i2"]),
    (INSIGHTS, {"created_on": "2025-04-15T12:00:00.000000Z"}, ["i2"]),
    (INSIGHTS, {"created_on": "2025-04-15T12:00:00.000001Z"}, []),
    (INSIGHTS, {"created_on": "2025-04-15T11:59:59.999999Z"}, []),
    (INSIGHTS, {"created_on": "2025-04-15T13:00:00+02:00"}, []),
    # The day begins where its midnight is.
    (INSIGHTS, {"created_on": "2025-04-16T00:00:00+13:00"}, ["i2"]),
    (INSIGHTS, {"created_on": "2025-04-16T00:00:00+11:00"}, ["i3"]),
    (WORKFLOWS, {"project_id": "p2"}, ["w2"]),
    (WORKFLOWS, {"project_id": "p1,p2"}, []),
    (WORKFLOWS, {"id": "w1"}, ["w1"]),
    (WORKFLOWS, {"name": "Coast"}, ["w2"]),
    (WORKFLOWS, {"created_by": "u1"}, ["w1"]),
    (WORKFLOWS, {"created_on": "2025-04-14"}, ["w1"]),
    (WORKFLOWS, {"created_on": "2025-04-15T00:00:00Z"}, ["w2"]),
    (WORKFLOWS, {"updated_at": "2025-04-15"}, ["w1", "w2"]),
    (JOBS, {"id": "j1"}, ["j1"]),
    (JOBS, {"status": "running"}, ["j1"]),
    (JOBS, {"created_by": "u2"}, ["j2"]),
    (JOBS, {"created_on": "2025-04-15"}, ["j2"]),
    (ORDERS, {"user_id": "u2"}, ["o2"]),
    (ITEMS, {"user_id": "u1"}, ["x1", "x2"]),
    (ITEMS, {"type": "TASKING"}, ["x2", "x3"]),
    (ITEMS, {"status": "FULFILLED"}, ["x1", "x3"]),
    (ITEMS, {"order_ids": "o1"}, ["x1", "x2"]),
    (ITEMS, {"order_ids": "o1,o2"}, ["x1", "x2", "x3"]),
    (ITEMS, {"created_by": "u2"}, ["x2", "x3"]),
    (ITEMS, {"project_ids": "p1,p3"}, ["x1", "x3"]),
    (ITEMS, {"ids": "x3,x1"}, ["x1", "x3"]),
    (ITEMS, {"created_at": "2025-04-15/2025-04-16"}, ["x2", "x3"]),
    (ITEMS, {"created_at": "2025-04-14T12:00:00Z/2025-04-15T12:00:00Z"}, ["x1", "x2"]),
    (ITEMS, {"created_at": "2025-04-14T12:00:01Z/2025-04-15T11:59:59Z"}, []),
    (ITEMS, {"created_at": "../2025-04-14"}, ["x1"]),
    (ITEMS, {"created_at": "2025-04-15T00:00:00Z/.."}, ["x2", "x3"]),
    (ITEMS, {"created_at": "2025-04-15,2025-04-15"}, ["x2"]),
    (ITEMS, {"created_at": "2025-04-15"}, ["x2"]),
    (ITEMS, {"created_at": "../.."}, ["x1", "x2", "x3"]),
    (ITEMS, {"area": "100/200"}, ["x1", "x2"]),
    (ITEMS, {"area": "100.5,.."}, ["x2", "x3"]),
    (ITEMS, {"area": "../199"}, ["x1"]),
    (ITEMS, {"area": "300"}, ["x3"]),
    (ITEMS, {"status": "FULFILLED", "type": "TASKING", "area": "../1000"}, ["x3"]),
]


@pytest.mark.parametrize(("path", "query", "found"), CASES)
async def test_a_filter_finds_what_it_says(
    path: str, query: dict[str, str], found: list[str]
) -> None:
    async with listing() as it:
        assert await ids(it, path, NAMES[path][1], **query) == found


def test_every_filter_has_a_case_that_finds_some_and_not_all() -> None:
    tried = {(path, *query) for path, query, found in CASES if len(query) == 1 and found}
    for path, (operation, _) in NAMES.items():
        call = CALLS[operation]
        assert isinstance(call, ListCall)
        assert {(path, name) for name in call.filters} <= tried


@pytest.mark.parametrize("wrong", [None, 7, "soon", {"x": 1}])
async def test_what_is_not_as_it_should_be_passes_no_filter(wrong: Any) -> None:
    world = World(aois=(Aoi("a", more={"created_at": wrong, "name": wrong}),))
    async with listing(world) as it:
        assert await ids(it, AOIS, "aois", created_at="2025-01-06") == []
        assert await ids(it, AOIS, "aois", aoi_name="Area") == []
        assert await ids(it, AOIS, "aois") == ["a"]
