"""Orders become catalogs, which are downloaded and delivered into stores."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from pixxel_async.sandbox import ApiFault, PackagingTime, RunFault
from pixxel_async.sandbox.world import Catalog, Order, OrderItem, OrderTask, Project, World

from .listing import refusal
from .stand import Stand, stand

WORLD = World(
    projects=(Project("p"),),
    orders=(Order("old", items=(OrderItem("old item", tasks=(OrderTask("old task"),)),)),),
    catalogs=(Catalog("old catalog", task_id="old task"),),
)
HUNDRED_S = PackagingTime.constant(100)
RING = [[10.0, 0.0], [10.1, 0.0], [10.1, 0.1], [10.0, 0.1], [10.0, 0.0]]
SQUARE: dict[str, Any] = {"type": "Polygon", "coordinates": [RING]}
STORE = {
    "name": "ours",
    "type": "S3",
    "configs": {"bucket": "b", "region": "r"},
    "secrets": {"access_key_id": "a", "secret_access_key": "s"},
}
DELIVERIES = "/v0/catalogs/deliveries"


def feature(geometry: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": {}, "geometry": geometry}


def archive(**changes: Any) -> dict[str, Any]:
    around = {"type": "FeatureCollection", "features": [feature(SQUARE)]}
    item = {"project_id": "p", "usecase": "water", "geometry": around, "item_ids": ["TD1_1"]}
    return {**item, **changes}


def tasking(**changes: Any) -> dict[str, Any]:
    item = {
        "recurrence": "ONCE",
        "start_date": "2027-02-01T00:00:00Z",
        "end_date": "2027-02-05T00:00:00Z",
        "bandset": {"bandset_id": "b"},
    }
    return {**archive(item_ids=None), **item, **changes}


def buying(**changes: Any) -> Any:
    return stand(**{"world": WORLD, "running": HUNDRED_S, "packaging": HUNDRED_S, **changes})


async def ordered(it: Stand, *items: dict[str, Any], **more: Any) -> Any:
    answer = await it.ask("POST", "/v0/orders", {"order_items": items, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def catalogs(it: Stand, **body: Any) -> list[Any]:
    answer = await it.ask("POST", "/v0/catalogs/search", {"limit": 100, **body})
    return list(answer.json()["catalogs"])


async def store(it: Stand, **changes: Any) -> str:
    answer = await it.ask("POST", "/v0/stores", {**STORE, **changes})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


async def delivered(it: Stand, query: str = "") -> list[Any]:
    return list((await it.ask("GET", f"{DELIVERIES}?{query}")).json()["deliveries"])


async def test_an_order_is_active_and_becomes_a_catalog_for_each_image() -> None:
    async with buying() as it:
        order = await ordered(it, archive(item_ids=["TD1_1", "TD1_2"], name="Lake"), tasking())
        assert [item["status"] for item in order["order_items"]] == ["ACTIVE", "ACTIVE"]
        assert await catalogs(it, order_ids=[order["id"]]) == []
        it.clock.now += 100
        found = await catalogs(it, order_ids=[order["id"]])
        items = (await it.ask("GET", f"/v0/order-items?order_ids={order['id']}")).json()
        first = items["order_items"][0]["id"]
        images = await catalogs(it, item_ids=["TD1_2"], order_item_ids=[first])
        by_place = await catalogs(it, bbox=[10.05, 0.05, 10.06, 0.06])
    assert len(found) == len(by_place) == 3
    assert [image["details"]["id"] for image in images] == ["TD1_2"]
    statuses = [(one["name"], one["type"], one["status"]) for one in items["order_items"]]
    assert statuses == [("Lake", "ARCHIVE", "FULFILLED"), ("Order item 2", "TASKING", "FULFILLED")]
    assert [one["tasks"][0]["status"] for one in items["order_items"]] == ["FULFILLED"] * 2


async def test_an_order_costs_by_its_area_and_a_dry_run_says_so_without_ordering() -> None:
    async with buying() as it:
        dry = await ordered(it, archive(), dry_run=True)
        assert (dry["status"], it.sandbox.creations) == ("UNPAID", [])
        assert (await it.ask("GET", f"/v0/orders/{dry['id']}")).status_code == 404
        real = await ordered(it, archive(), dry_run=False)
        assert (await it.ask("GET", f"/v0/orders/{real['id']}")).json() == real
    assert dry["total_amount"] == real["total_amount"] == 12_400  # 124 square kilometres
    assert (real["status"], real["order_items"][0]["payment_status"]) == ("PAID", "PAID")


async def test_a_catalog_of_an_order_can_be_downloaded_when_it_is_there() -> None:
    async with buying() as it:
        (item,) = (await ordered(it, archive()))["order_items"]
        body = {"order_item_ids": [item["id"]]}
        assert "order item" in refusal(await it.ask("POST", "/v0/catalogs/download", body), 400)
        it.clock.now += 100
        (catalog,) = await catalogs(it, order_item_ids=[item["id"]])
        for wanted in (body, {"catalog_ids": [catalog["id"]]}):
            made = (await it.ask("POST", "/v0/catalogs/download", wanted)).json()
            it.clock.now += 100
            status = await it.ask("GET", f"/v0/catalogs/download/{made['id']}")
            assert status.json()["signed_url"]


async def test_a_catalog_has_the_first_part_of_an_area_of_several() -> None:
    far = [[x + 50, y] for x, y in RING]
    parts = {"type": "MultiPolygon", "coordinates": [[RING], [far]]}
    around = {"type": "FeatureCollection", "features": [feature(parts)]}
    async with buying() as it:
        order = await ordered(it, archive(geometry=around))
        it.clock.now += 100
        (catalog,) = await catalogs(it, order_ids=[order["id"]])
    assert order["order_items"][0]["area"] == 248
    assert catalog["details"]["geometry"] == SQUARE


async def test_an_item_that_fails_becomes_nothing() -> None:
    async with buying(faults=(RunFault("failed", only="TD1_1"),)) as it:
        order = await ordered(it, archive(item_ids=["TD1_0"]), archive(item_ids=["TD1_1"]))
        it.clock.now += 100
        order = (await it.ask("GET", f"/v0/orders/{order['id']}")).json()
        found = await catalogs(it, order_ids=[order["id"]])
        body = {"order_item_ids": [order["order_items"][1]["id"]]}
        assert "failed" in refusal(await it.ask("POST", "/v0/catalogs/download", body), 400)
    assert [one["status"] for one in order["order_items"]] == ["FULFILLED", "FAILED"]
    assert [one["details"]["id"] for one in found] == ["TD1_0"]


async def test_an_item_with_a_store_is_delivered_when_it_is_fulfilled() -> None:
    async with buying() as it:
        cloud = {"config": await store(it), "path": "in/"}
        order = await ordered(it, archive(cloud_delivery=cloud))
        seen = []
        for _ in range(4):
            seen.append([one["status"] for one in await delivered(it)])
            it.clock.now += 50
        (delivery,) = await delivered(it, f"order_item_id={order['order_items'][0]['id']}")
        (catalog,) = await catalogs(it, order_ids=[order["id"]])
        assert order["order_items"][0]["cloud_delivery"] == cloud
    assert seen == [[], [], ["CREATED"], ["IN_PROGRESS"]]
    assert (delivery["catalog_id"], delivery["status"]) == (catalog["id"], "SUCCESS")
    assert delivery["target_path"] == f"in/{catalog['id']}.zip"
    assert catalog["delivery_status"] == "SUCCESS"


async def test_deliveries_go_from_created_to_their_end_and_can_be_found() -> None:
    async with buying(faults=(RunFault("failed", on="CreateDelivery", nth=2),)) as it:
        cloud = {"config": await store(it)}
        wanted = [
            {"cloud_info": cloud, "catalog_ids": ["old catalog"]},
            {"cloud_info": cloud, "order_item_ids": ["old item"]},
        ]
        made = (await it.ask("POST", DELIVERIES, {"deliveries": wanted})).json()["deliveries"]
        it.clock.now += 100
        ended = await delivered(it, "catalog_id=old catalog&task_id=old task")
        assert await delivered(it, f"delivery_id={made[1]['delivery_id']}") == [ended[1]]
        assert await delivered(it, "order_item_id=old item") == ended
        assert await delivered(it, "order_item_id=x") == []
        (catalog,) = await catalogs(it)
    assert [one["status"] for one in made] == ["CREATED", "CREATED"]
    assert [one["status"] for one in ended] == ["SUCCESS", "FAILED"]
    assert catalog["delivery_status"] == "FAILED"


async def test_a_store_is_listed_without_its_secrets_and_deleted() -> None:
    async with buying() as it:
        id_ = await store(it, labels={"env": "test"})
        answer = await it.ask("GET", "/v0/stores")
        assert "access_key_id" not in answer.text
        (listed,) = answer.json()["stores"]
        assert (listed["id"], listed["labels"]) == (id_, {"env": "test"})
        assert "name" in refusal(await it.ask("POST", "/v0/stores", STORE), 409)
        wanted = {"cloud_info": {"config": id_}, "catalog_ids": ["old catalog"]}
        await it.ask("POST", DELIVERIES, {"deliveries": [wanted]})
        assert "under way" in refusal(await it.ask("DELETE", f"/v0/stores/{id_}"), 409)
        it.clock.now += 100
        assert (await it.ask("DELETE", f"/v0/stores/{id_}")).status_code == 204
        assert "store" in refusal(await it.ask("DELETE", f"/v0/stores/{id_}"), 404)
        assert (await it.ask("GET", "/v0/stores")).json() == {"stores": []}


async def test_the_report_has_a_line_for_each_item_in_the_time_of_the_zone() -> None:
    async with buying() as it:
        await ordered(it, archive())
        answer = await it.ask("GET", "/v0/reports?tz=Asia/Kolkata")
    assert answer.headers["content-type"].startswith("text/csv")
    header, old, new = answer.text.splitlines()
    assert header.split(",")[:2] == ["order_id", "id"]
    assert old.startswith("old,old item,")
    assert old.endswith("2025-01-06T05:30:00+05:30")
    assert new.endswith("2027-01-15T13:30:00+05:30")


async def test_an_order_whose_response_is_lost_has_been_placed() -> None:
    async with buying(faults=(ApiFault("lost", on="SubmitOrder", nth=1),)) as it:
        with pytest.raises(httpx.TransportError):
            await ordered(it, archive())
        (made,) = it.sandbox.creations
        orders = (await it.ask("GET", "/v0/orders")).json()["orders"]
    assert [order["id"] for order in orders] == ["old", made.id]
    assert made.body == {"order_items": [archive()]}


NO_RING = {"type": "FeatureCollection", "features": [feature({**SQUARE, "coordinates": [[]]})]}
EMPTY = {"type": "FeatureCollection", "features": []}
POINT = {"type": "FeatureCollection", "features": [feature({"type": "Point", "coordinates": []})]}


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (archive(usecase=None), "order_items[0].usecase: it is required"),
        (archive(project_id="x"), "no such project"),
        (archive(name="n" * 101), "100 characters"),
        (archive(geometry=NO_RING), "polygon"),
        (archive(geometry=EMPTY), "no features"),
        (archive(geometry=POINT), "one of MultiPolygon, Polygon"),
        (archive(cloud_delivery={"config": "x"}), "no such store"),
        (archive(item_ids=[1]), "item_ids[0]: it is a string"),
        (tasking(recurrence=None), "item_ids (archive) or recurrence (tasking)"),
        (tasking(recurrence="DAILY"), "one of BIMONTHLY"),
        (tasking(start_date=None), "start_date"),
        (tasking(start_date="tomorrow"), "RFC 3339"),
        (tasking(bandset=None), "bandset"),
        (tasking(end_date=None), "end_date or no_of_occurrences"),
        (tasking(cloud_cover=True), "cloud_cover: it is a whole number"),
    ],
)
async def test_a_wrong_order_is_refused_with_its_reason(item: Any, reason: str) -> None:
    async with buying() as it:
        answer = await it.ask("POST", "/v0/orders", {"order_items": [item]})
        assert reason in refusal(answer, 400)
        assert it.sandbox.creations == []


@pytest.mark.parametrize(
    ("wanted", "status", "reason"),
    [
        ({"catalog_ids": ["old catalog"], "order_item_ids": ["old item"]}, 400, "exactly one list"),
        ({}, 400, "exactly one list"),
        ({"catalog_ids": ["x"]}, 404, "catalog"),
        ({"order_item_ids": ["x"]}, 404, "order item"),
        ({"catalog_ids": ["old catalog"], "cloud_info": {"config": "x"}}, 400, "no such store"),
        ({"catalog_ids": ["old catalog"], "cloud_info": None}, 400, "cloud_info: it is required"),
    ],
)
async def test_a_wrong_delivery_is_refused_with_its_reason(
    wanted: Any, status: int, reason: str
) -> None:
    async with buying() as it:
        body = {"cloud_info": {"config": await store(it)}, **wanted}
        answer = await it.ask("POST", DELIVERIES, {"deliveries": [body]})
        assert reason in refusal(answer, status)
        assert await delivered(it) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"type": "FTP"}, "type: it is one of AZBLOB, GCS, S3"),
        ({"type": "GCS"}, "secrets.project_id: it is required"),
        ({"secrets": {"access_key_id": ""}}, "secrets.access_key_id: it is required"),
        ({"configs": {"bucket": "b"}}, "configs.region: it is required"),
        ({"labels": {"a": 1}}, "labels.a: it is a string"),
    ],
)
async def test_a_wrong_store_is_refused_with_its_reason(changes: Any, reason: str) -> None:
    async with buying() as it:
        assert reason in refusal(await it.ask("POST", "/v0/stores", {**STORE, **changes}), 400)
