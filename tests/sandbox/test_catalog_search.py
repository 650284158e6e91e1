"""The search for catalogs: its filters one by one, its order, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from pixxel_async.sandbox import World
from pixxel_async.sandbox.lists.catalog_search import FILTERS
from pixxel_async.sandbox.world import Catalog

from .listing import listing, refusal, search

ALL = ["c1", "c2", "c3"]


def square(west: float, south: float, side: float = 1) -> dict[str, Any]:
    east, north = west + side, south + side
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


CASES: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ALL),
    ({"ids": ["c2"]}, ["c2"]),
    ({"ids": ["c3", "c1", "unknown"]}, ["c1", "c3"]),
    ({"ids": []}, ALL),
    ({"item_ids": ["stac c2"]}, ["c2"]),
    ({"collections": ["even"]}, ["c1", "c3"]),
    ({"order_ids": ["o2"]}, ["c3"]),
    ({"order_ids": ["o1", "o2"]}, ALL),
    ({"order_item_ids": ["x1"]}, ["c1", "c2"]),
    ({"order_item_ids": ["x2"]}, []),
    ({"datetime": "2025-04-11T12:00:00Z"}, ["c2"]),
    ({"datetime": "2025-04-11T00:00:00Z"}, []),
    ({"datetime": "2025-04-11T14:00:00+02:00"}, ["c2"]),
    ({"datetime": "2025-04-10T00:00:00Z/2025-04-11T12:00:00Z"}, ["c1", "c2"]),
    ({"datetime": "2025-04-10T12:00:01Z/.."}, ["c2", "c3"]),
    ({"datetime": "../2025-04-10T12:00:00Z"}, ["c1"]),
    ({"bbox": [0.5, 0.5, 0.6, 0.6]}, ["c1"]),
    ({"bbox": [-5, -5, 0, 0]}, ["c1"]),
    ({"bbox": [-5, -5, 20, 5]}, ["c1", "c2"]),
    ({"bbox": [2, 2, 3, 3]}, []),
    ({"bbox": [170, -10, -170, 10]}, ["c3"]),
    ({"bbox": [-170, -10, 170, 10]}, ["c1", "c2"]),
    ({"intersects": square(10.5, 0.5)}, ["c2"]),
    ({"intersects": square(-20, -20, 60)}, ["c1", "c2"]),
    # Its box meets the square of c1, but it does not.
    ({"intersects": {"type": "Polygon", "coordinates": [[[3, 0], [0, 3], [3, 3], [3, 0]]]}}, []),
    ({"query": {"eo:cloud_cover": {"lt": 20}}}, ["c1"]),
    ({"query": {"eo:cloud_cover": {"lte": 20}}}, ["c1", "c3"]),
    ({"query": {"cloudcover": {"gt": 5, "lt": 50}}}, ["c3"]),
    ({"query": {"cloudcover": {"gte": 20}}}, ["c2", "c3"]),
    ({"query": {"properties.eo:cloud_cover": {"eq": 50}}}, ["c2"]),
    ({"query": {"cloudcover": {"neq": 50}}}, ["c1", "c3"]),
    ({"query": {"cloudcover": {"in": [5, 20]}}}, ["c1", "c3"]),
    ({"query": {"bands": {"eq": ["A"]}}}, ALL),
    ({"query": {"bands": {"eq": ["C", "A"]}}}, ["c2"]),
    ({"query": {"cloudcover": {"lt": "many"}}}, []),
    ({"query": {"unheard of": {"lt": 1}}}, []),
    ({"query": {"cloudcover": {"lt": 30}, "bands": {"eq": ["B"]}}}, ["c1", "c3"]),
    ({"collections": ["even"], "query": {"cloudcover": {"lt": 10}}}, ["c1"]),
    ({"sort_by": [{"datetime": "DESC"}]}, ["c3", "c2", "c1"]),
    ({"sort_by": [{"eo:cloud_cover": "ASC"}]}, ["c1", "c3", "c2"]),
    ({"sort_by": [{"properties->>'datetime'": "DESC"}], "ids": ["c1", "c2"]}, ["c2", "c1"]),
    ({"sort_by": [{"platform": "DESC"}, {"datetime": "DESC"}]}, ["c2", "c3", "c1"]),
    ({"sort_by": [{"unheard of": "DESC"}, {"datetime": "ASC"}]}, ALL),
    ({"limit": 1, "offset": 1}, ["c2"]),
]

BAD: list[tuple[Any, str]] = [
    ([], "object"),
    ("x", "object"),
    ({"limit": 0}, "limit"),
    ({"limit": "5"}, "limit"),
    ({"limit": True}, "limit"),
    ({"limit": None}, "limit"),
    ({"offset": -1}, "offset"),
    ({"ids": "c1"}, "ids"),
    ({"ids": [1]}, "ids"),
    ({"order_ids": {"x": 1}}, "order_ids"),
    ({"datetime": 5}, "datetime"),
    ({"datetime": "2025-04-11"}, "datetime"),
    ({"datetime": "2025-04-11T00:00:00Z/2025-04-10T00:00:00Z"}, "ends before"),
    ({"bbox": [1, 2, 3]}, "bbox"),
    ({"bbox": [1, 2, 3, "4"]}, "bbox"),
    ({"bbox": [0, 5, 1, 4]}, "south"),
    ({"intersects": {"type": "Point", "coordinates": [1, 2]}}, "intersects"),
    ({"intersects": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 0]]]}}, "intersects"),
    ({"intersects": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1]]]}}, "int"),
    ({"query": ["x"]}, "query"),
    ({"query": {"cloudcover": 5}}, "query"),
    ({"query": {"cloudcover": {"like": 5}}}, "'like'"),
    ({"sort_by": [{"datetime": "desc"}]}, "sort_by"),
    ({"sort_by": {"datetime": "DESC"}}, "sort_by"),
    ({"sort_by": [{"datetime": ["DESC"]}]}, "sort_by"),
    ({"colour": "red"}, "colour"),
]


@pytest.mark.parametrize(("body", "found"), CASES)
async def test_a_search_finds_what_it_says(body: dict[str, Any], found: list[str]) -> None:
    async with listing() as it:
        assert await search(it, **body) == found


def test_every_filter_has_a_case_that_finds_some_and_not_all() -> None:
    tried = {
        name for body, found in CASES if len(body) == 1 and 0 < len(found) < 3 for name in body
    }
    assert tried >= FILTERS.keys()


async def test_a_search_without_a_limit_has_two_and_tells_the_total() -> None:
    async with listing() as it:
        answer = (await it.ask("POST", "/v0/catalogs/search", {})).json()
    assert len(answer["catalogs"]) == 2
    assert answer["pagination"] == {"limit": 2, "offset": 0, "total": 3}


@pytest.mark.parametrize(("body", "reason"), BAD)
async def test_a_bad_body_is_refused_with_the_reason(body: Any, reason: str) -> None:
    async with listing() as it:
        answer = await it.ask("POST", "/v0/catalogs/search", body)
    assert reason in refusal(answer)


@pytest.mark.parametrize("body", [b"", b'{"ids": [', b"\xff"])
async def test_a_body_that_is_not_json_is_refused(body: bytes) -> None:
    async with listing() as it:
        answer = await it.http.post("/v0/catalogs/search", content=body)
    assert "not JSON" in refusal(answer)


async def test_a_catalog_without_details_is_found_by_its_id_alone() -> None:
    async with listing(World(catalogs=(Catalog("c"),))) as it:
        assert await search(it) == await search(it, ids=["c"]) == ["c"]
        assert await search(it, sort_by=[{"datetime": "ASC"}]) == ["c"]
        for body in (
            {"item_ids": ["x"]},
            {"collections": ["x"]},
            {"order_ids": ["o"]},
            {"datetime": "../2030-01-01T00:00:00Z"},
            {"bbox": [-180, -90, 180, 90]},
            {"query": {"bands": {"eq": ["A"]}}},
            {"query": {"cloudcover": {"neq": 1}}},
        ):
            assert await search(it, **body) == [], body


async def test_a_catalog_without_a_geometry_is_found_by_its_box() -> None:
    world = World(catalogs=(Catalog("c", details={"bbox": [0, 0, 1, 1]}),))
    async with listing(world) as it:
        assert await search(it, bbox=[0.5, 0.5, 2, 2]) == ["c"]
        assert await search(it, bbox=[1.5, 0.5, 2, 2]) == []
