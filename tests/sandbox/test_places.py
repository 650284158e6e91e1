"""AOIs, indices and visualizations are created; images and the archive are searched."""

from __future__ import annotations

import struct
import zlib
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from pixxel_async.sandbox import PackagingTime, RunFault
from pixxel_async.sandbox.world import Aoi, Asset, Project, World
from pixxel_async.sandbox.world.made_places import SATELLITES

from .listing import refusal
from .stand import Stand, stand

ASSETS = (Asset("s1", date="2025-04-14"), Asset("s2", date="2025-04-20"), Asset("s3"))
WORLD = World(projects=(Project("p"),), aois=(Aoi("a", name="Old", assets=ASSETS), Aoi("b")))
HUNDRED_S = PackagingTime.constant(100)
RING = [[10, 0], [12, 0], [12, 2], [10, 2], [10, 0]]
AOI = {
    "name": "Mine",
    "description": "",
    "satellite_id": SATELLITES[0],
    "provider": "pixxel",
    "project_id": "p",
    "geometry": {"type": "Polygon", "coordinates": [RING]},
    "item_ids": ["TD1_1", "TD1_2"],
}
INDEX = {
    "name": "Mine",
    "description": "",
    "rescale": [0, 1],
    "expression": "(B04-B08)/(B04+B08)",
    "colormap": "viridis",
    "satellite_id": SATELLITES[0],
    "expression_type": "index",
}
VIEWS = "/v0/aois/a/visualizations"
DYNAMIC = {"visualization_mode": "dynamic"}


def making(**changes: Any) -> Any:
    return stand(**{"world": WORLD, "running": HUNDRED_S, **changes})


async def created(it: Stand, path: str, body: Any) -> Any:
    answer = await it.ask("POST", path, body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def preset(it: Stand, kind: str = "index") -> str:
    path = f"/v0/indices?type=preset&expression_type={kind}"
    return str((await it.ask("GET", path)).json()["indices"][0]["id"])


async def view(it: Stand, index: str | None = None, **more: Any) -> str:
    index_id = index or await preset(it)
    made = await created(it, VIEWS, {"index_id": index_id, **more})
    it.clock.now += 100
    return str(made["id"])


async def full(it: Stand, id_: str) -> Any:
    index = (await it.ask("GET", f"{VIEWS}?visualization_id={id_}")).json()["visualization"][0]
    body = {**DYNAMIC, "index_id": index["index_id"], "dates": []}
    return (await it.ask("PATCH", f"{VIEWS}/{id_}/metadata", body)).json()


async def test_an_aoi_is_started_and_has_its_images_when_it_has_succeeded() -> None:
    async with making() as it:
        aoi = await created(it, "/v0/aois", AOI)
        path, download = f"/v0/aois/{aoi['aoi_id']}/assets", {"asset_ids": ["x"]}
        seen = []
        for wait in (10, 90, 0):
            status = (await it.ask("GET", f"/v0/aoi/{aoi['aoi_id']}")).json()["status"]
            assets = (await it.ask("GET", path)).json()["assets"]
            seen.append([status, *(one["status"] for one in assets)])
            answer = await it.ask("POST", f"/v0/aois/{aoi['aoi_id']}/downloads", download)
            assert answer.status_code == (201 if status == "success" else 400)
            it.clock.now += wait
        listed = (await it.ask("GET", "/v0/aois?project_ids=p")).json()["aois"]
        assert (await it.ask("GET", f"/v0/aoi/{aoi['aoi_id']}/insights")).json() == {"insights": []}
    assert seen == [
        ["started", "started", "started"],
        ["running", "creating", "creating"],
        ["success", "success", "success"],
    ]
    assert [one["name"] for one in assets] == AOI["item_ids"]
    assert (len(listed), listed[0]["centroid"]) == (1, [11, 1])


async def test_an_aoi_fails_by_a_fault() -> None:
    async with making(faults=(RunFault("failed"),)) as it:
        id_ = (await created(it, "/v0/aois", AOI))["aoi_id"]
        it.clock.now += 100
        assert (await it.ask("GET", f"/v0/aoi/{id_}")).json()["status"] == "failed"


@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        ({"name": "Old"}, 409, "AOI of this name"),
        ({"name": None}, 400, "name: it is required"),
        ({"project_id": "x"}, 400, "no such project"),
        ({"geometry": {"type": "Polygon", "coordinates": [RING[:3]]}}, 400, "closed rings"),
        ({"geometry": {"type": "Point", "coordinates": [1, 2]}}, 400, "geometry.type"),
        ({"item_ids": "TD1_1"}, 400, "item_ids: it is a list"),
    ],
)
async def test_a_wrong_aoi_is_refused(changes: Any, status: int, reason: str) -> None:
    async with making() as it:
        assert reason in refusal(await it.ask("POST", "/v0/aois", {**AOI, **changes}), status)
        assert it.sandbox.creations == []


async def test_an_index_is_created_once_for_a_satellite() -> None:
    async with making() as it:
        made = await created(it, "/v0/indices", INDEX)
        await created(it, "/v0/indices", {**INDEX, "satellite_id": SATELLITES[1]})
        assert "name" in refusal(await it.ask("POST", "/v0/indices", INDEX), 409)
        query = f"type=custom&satellite_id={SATELLITES[0]}"
        listed = (await it.ask("GET", f"/v0/indices?{query}")).json()["indices"]
    assert listed == [made]
    assert made["bands"] == ["B04", "B08"]


@pytest.mark.parametrize(
    ("kind", "modes"),
    [("index", {"dynamic", "theoretical"}), ("composite", set()), ("grayscale", set())],
)
async def test_a_visualization_has_the_legends_of_its_index(kind: str, modes: set[str]) -> None:
    async with making() as it:
        made = await created(it, VIEWS, {"index_id": await preset(it, kind)})
    assert made["status"] == "creating"
    assert {date: set(one) for date, one in made["metadata"]["legend"].items()} == {
        "2025_04_14": modes,
        "2025_04_20": modes,
    }


async def test_a_visualization_is_one_of_an_index_and_has_assets() -> None:
    async with making() as it:
        index = (await created(it, "/v0/indices", INDEX))["id"]
        id_ = await view(it, index, src_asset_ids=["s2"])
        document = await full(it, id_)
        again = await it.ask("POST", VIEWS, {"index_id": index})
        assets = (await it.ask("GET", "/v0/aois/a/assets")).json()["assets"]
        assert (await it.ask("GET", f"{VIEWS}?index_id=x")).json()["visualization"] == []
    assert "visualization of this index" in refusal(again, 409)
    assert (document["status"], set(document["metadata"]["legend"])) == ("success", {"2025_04_20"})
    assert set(document["metadata"]["legend"]["2025_04_20"]) == {"dynamic"}
    assert assets[3:] == document["assets"]
    assert (assets[3]["visualization_id"], assets[3]["status"]) == (id_, "success")


async def test_a_legend_is_replaced_in_one_mode_and_rolled_back() -> None:
    async with making() as it:
        id_ = await view(it)
        path, before = f"{VIEWS}/{id_}/metadata", (await full(it, id_))["metadata"]["legend"]
        items = [{"color": "#000000", "label": "Dark", "min": 0, "max": None}]
        body = {**DYNAMIC, "dynamic_bins": 2, "legend": {"2025_04_14": items}}
        legend = (await it.ask("PUT", path, body)).json()["legend"]
        back = {**DYNAMIC, "index_id": await preset(it), "dates": ["2025_04_14"]}
        after = (await it.ask("PATCH", path, back)).json()["metadata"]["legend"]
    assert after == before
    assert [one["label"] for one in legend["2025_04_14"]["dynamic"]] == ["Dark", "Medium"]
    assert legend["2025_04_14"]["dynamic"][0]["max"] == 0.5
    assert legend["2025_04_14"]["theoretical"] == before["2025_04_14"]["theoretical"]
    assert legend["2025_04_20"] == before["2025_04_20"]


async def test_a_picture_is_a_png_and_a_style_is_xml() -> None:
    async with making() as it:
        id_ = await view(it)
        body = {**DYNAMIC, "index_id": await preset(it), "date": "2025_04_14"}
        png = await it.ask("POST", f"{VIEWS}/{id_}/png", body)
        wanted = {"dates": ["2025_04_14"], "visualization_modes": ["dynamic", "theoretical"]}
        styles = (await it.ask("POST", f"{VIEWS}/{id_}/sld", wanted)).json()["sld"]
    assert png.headers["content-type"] == "image/png"
    assert struct.unpack_from(">4s2I5B", png.content, 12) == (b"IHDR", 16, 16, 8, 2, 0, 0, 0)
    (size,) = struct.unpack_from(">I", png.content, 33)
    assert len(zlib.decompress(png.content[41 : 41 + size])) == 16 * (1 + 16 * 3)
    assert set(styles) == {"dynamic", "theoretical"}
    style = ET.fromstring(styles["dynamic"]["2025_04_14"])  # noqa: S314 - of our own sandbox
    assert len([one for one in style.iter() if one.tag.endswith("ColorMapEntry")]) == 5


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", VIEWS, {"index_id": "x"}, 404),
        ("POST", "/v0/aois/x/visualizations", {"index_id": "x"}, 404),
        ("POST", VIEWS, {"index_id": "INDEX", "src_asset_ids": ["x"]}, 404),
        ("POST", VIEWS, {"index_id": "INDEX", "resolution": "fine"}, 400),
        ("PUT", f"{VIEWS}/x/metadata", {**DYNAMIC, "dynamic_bins": 1, "legend": {}}, 404),
        ("PUT", f"{VIEWS}/ID/metadata", {**DYNAMIC, "legend": {}}, 400),
        ("PUT", f"{VIEWS}/ID/metadata", {**DYNAMIC, "dynamic_bins": 16, "legend": {}}, 400),
        (
            "PUT",
            f"{VIEWS}/ID/metadata",
            {**DYNAMIC, "dynamic_bins": 1, "legend": {"2025_01_01": []}},
            400,
        ),
        ("PATCH", f"{VIEWS}/ID/metadata", {**DYNAMIC, "index_id": "x", "dates": []}, 404),
        ("POST", f"{VIEWS}/ID/png", {**DYNAMIC, "index_id": "INDEX", "date": "today"}, 400),
        ("POST", f"{VIEWS}/ID/sld", {"dates": [], "visualization_modes": ["static"]}, 400),
    ],
)
async def test_a_wrong_call_of_a_visualization_is_refused(
    method: str, path: str, body: dict[str, Any], status: int
) -> None:
    async with making() as it:
        path = path.replace("ID", await view(it))
        if body.get("index_id") == "INDEX":
            body = {**body, "index_id": await preset(it)}
        refusal(await it.ask(method, path, body), status)


async def test_a_visualization_that_is_not_completed_has_no_picture() -> None:
    async with making() as it:
        made = await created(it, VIEWS, {"index_id": await preset(it)})
        body = {**DYNAMIC, "index_id": made["index_id"], "date": "2025_04_14"}
        answer = await it.ask("POST", f"{VIEWS}/{made['id']}/png", body)
        assert "creating" in refusal(answer, 400)


WORLD_WIDE = {
    "type": "Polygon",
    "coordinates": [[[-180, -90], [180, -90], [180, 90], [-180, 90], [-180, -90]]],
}


def image_search(**changes: Any) -> dict[str, Any]:
    return {
        "start_date": "2025-01-01T00:00:00Z",
        "end_date": "2026-01-01T00:00:00Z",
        "satellites": [{"collection_id": "pixxel-l1c", "satellite_id": SATELLITES[0]}],
        "geometry": WORLD_WIDE,
        "limit": 100,
        **changes,
    }


async def test_images_are_found_by_satellite_time_place_and_cloud() -> None:
    async with making() as it:

        async def found(**changes: Any) -> set[str]:
            answer = await it.ask("POST", "/v0/search", image_search(**changes))
            return set(answer.json()["items"])

        images = (await it.ask("POST", "/v0/search", image_search())).json()["items"]
        one = next(iter(images.values()))
        taken, cloud = one["properties"]["datetime"], one["properties"]["eo:cloud_cover"]
        point = {"type": "Point", "coordinates": one["geometry"]["coordinates"][0][0]}
        limits = {"id": "eo:cloud_cover", "min": int(cloud), "max": int(cloud) + 1}
        assert len(images) == 12
        assert await found(start_date=taken, end_date=taken) == {one["id"]}
        assert one["id"] in await found(geometry=point) < set(images)
        assert one["id"] in await found(filters=[limits]) < set(images)
        assert len(await found(limit=5)) == 5
        other = {"collection_id": "pixxel-l2a", "satellite_id": SATELLITES[0]}
        assert await found(satellites=[other]) == set()


@pytest.mark.parametrize(
    "changes",
    [{"limit": 10_001}, {"start_date": "x"}, {"geometry": {}}, {"filters": [{"id": "x"}]}],
)
async def test_a_wrong_search_of_images_is_refused(changes: Any) -> None:
    async with making() as it:
        refusal(await it.ask("POST", "/v0/search", image_search(**changes)), 400)


@pytest.mark.parametrize(
    "kind", ["Point", "MultiPoint", "LineString", "MultiLineString", "MultiPolygon", "Collection"]
)
async def test_the_archive_is_searched_by_any_geometry(kind: str) -> None:
    async with making() as it:
        path = "/v0/archives/search"
        items = (await it.ask("POST", path, {"limit": 100})).json()["features"]
        ring = items[0]["geometry"]["coordinates"][0]
        coordinates: dict[str, Any] = {
            "Point": ring[0],
            "MultiPoint": ring,
            "LineString": ring[:2],
            "MultiLineString": [ring[:2]],
            "MultiPolygon": [[ring]],
        }
        geometry = {"type": kind, "coordinates": coordinates.get(kind)}
        if kind == "Collection":
            parts = [{"type": "Point", "coordinates": ring[0]}]
            geometry = {"type": "GeometryCollection", "geometries": parts}
        found = (await it.ask("POST", path, {"limit": 100, "intersects": geometry})).json()
    ids = [one["id"] for one in found["features"]]
    assert items[0]["id"] in ids
    assert len(ids) < len(items)


@pytest.mark.parametrize(
    "body",
    [
        {"intersects": {"type": "Circle"}},
        {"intersects": {"type": "MultiPoint", "coordinates": 1}},
        {"sortby": [{"field": "datetime", "direction": "up"}]},
        {"sort_by": []},
        {"bbox": [1, 2]},
    ],
)
async def test_a_wrong_search_of_the_archive_is_refused(body: Any) -> None:
    async with making() as it:
        refusal(await it.ask("POST", "/v0/archives/search", body), 400)


async def test_the_archive_is_paged() -> None:
    async with making(page_size=4) as it:
        path, ids = "/v0/archives/search", []
        for offset in range(0, 30, 4):
            page = (await it.ask("POST", path, {"limit": 10, "offset": offset})).json()["features"]
            ids += [one["id"] for one in page]
        assert len(ids) == len(set(ids)) == 24
        items = "/v0/archives/collections/pixxel-l1c/items?limit=3&offset=10"
        assert len((await it.ask("GET", items)).json()["features"]) == 2
