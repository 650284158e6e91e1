"""Calls of the nouns over a real socket: requests, reports, STAC, and what is refused before."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pystac
import pytest
import respx

from pixxel_async import (
    AnswerLostError,
    BadRequestError,
    DeliveryRequest,
    ImageSource,
    InputError,
    OrderItemRequest,
    PixxelClient,
    PropertyRange,
    ResponseError,
    RetryPolicy,
    SinkError,
    StacCollection,
    StacItem,
    TransportError,
)

URL = "https://api.pixxel.space"
SQUARE = {"type": "Polygon", "coordinates": [[[7, 1], [8, 1], [8, 2], [7, 1]]]}
QUICK = RetryPolicy(attempts=3, initial_s=0.001, max_s=0.001)


@pytest.fixture
def service() -> Iterator[respx.MockRouter]:
    with respx.mock(base_url=URL) as router:
        yield router


@pytest.fixture
async def client() -> AsyncIterator[PixxelClient]:
    async with PixxelClient("a-key", retry=QUICK) as client:
        yield client


async def test_a_request_is_authorised_and_returns_json(
    client: PixxelClient, service: respx.MockRouter
) -> None:
    route = service.get("/v0/new%20things").respond(json={"a": [1]})
    params: dict[str, Any] = {
        "ids": ["a", "b"],
        "since": date(2026, 5, 1),
        "none": None,
        "limit": 5,
    }
    assert await client.request("get", "/v0/new things", params=params) == {"a": [1]}
    sent = route.calls.last.request
    assert sent.headers["authorization"] == "a-key"
    assert dict(sent.url.params) == {
        "ids": "a,b",
        "since": "2026-05-01T00:00:00Z",
        "limit": "5",
    }
    service.post("/v0/new").respond(204)
    assert await client.request("POST", "/v0/new", json={"x": "ü"}) is None
    assert json.loads(service.calls.last.request.content) == {"x": "ü"}


async def test_a_request_is_repeated_only_where_it_may_be(
    client: PixxelClient, service: respx.MockRouter
) -> None:
    lost: list[Any] = [
        httpx.ReadError("lost"),
        httpx.ReadError("lost"),
        httpx.Response(200, json=1),
    ]
    route = service.get("/v0/new").mock(side_effect=lost)
    assert await client.request("GET", "/v0/new") == 1
    assert route.call_count == 3
    route = service.post("/v0/new").mock(side_effect=lost)
    with pytest.raises(AnswerLostError, match="is_safe_to_repeat=True"):
        await client.request("POST", "/v0/new")
    assert route.call_count == 1
    route = service.put("/v0/new").mock(side_effect=lost)
    assert await client.request("PUT", "/v0/new", is_safe_to_repeat=True) == 1
    assert route.call_count == 3


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("FETCH", "/v0/x"), "the method is 'FETCH'; give one of GET"),
        (("GET", "v0/x"), "give one such as /v0/projects"),
        (("GET", "//elsewhere.example/x"), "without a host"),
        (("GET", "/v0/../x"), "the path is"),
        (("GET", "/v0/x?a=b"), "the query as params"),
        (("GET", "/v0/x\n"), "the path is"),
    ],
)
async def test_a_request_that_cannot_be_meant_is_not_sent(
    client: PixxelClient, service: respx.MockRouter, arguments: tuple[str, str], reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        await client.request(*arguments)
    with pytest.raises(InputError, match="json cannot be sent"):
        await client.request("POST", "/v0/x", json={1, 2})
    assert not service.calls


async def test_an_answer_that_is_no_json_is_told(
    client: PixxelClient, service: respx.MockRouter
) -> None:
    service.get("/v0/new").respond(text="<html>")
    with pytest.raises(ResponseError, match="the answer to GET /v0/new is not JSON"):
        await client.request("GET", "/v0/new")


ROWS = b"order,amount\n" + b"o-1,5\n" * 100_000


async def test_a_report_is_written_as_it_arrives_and_gets_its_name_at_the_end(
    client: PixxelClient, service: respx.MockRouter, tmp_path: Path
) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(b"an older report")
    answers = [
        httpx.Response(500, json={"error": {"code": "X", "message": "not now"}}),
        httpx.Response(200, content=ROWS[:-5] + b"half of it"),
        httpx.Response(200, content=gzip.compress(ROWS), headers={"content-encoding": "gzip"}),
    ]
    answers[1].stream = Broken(ROWS)
    route = service.get("/v0/reports", params={"tz": "Asia/Kolkata"}).mock(side_effect=answers)
    assert await client.reports.save(path, tz="Asia/Kolkata") == path
    assert path.read_bytes() == ROWS
    assert route.call_count == 3
    assert route.calls.last.request.headers["accept"] == "text/csv, application/json"
    assert list(tmp_path.iterdir()) == [path]


class Broken(httpx.AsyncByteStream):
    """Ends within the body."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._content
        message = "broke off"
        raise httpx.ReadError(message)


async def test_a_report_that_does_not_come_leaves_what_is_there(
    client: PixxelClient, service: respx.MockRouter, tmp_path: Path
) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(b"an older report")
    error = {"error": {"code": "BAD_TZ", "message": "no such zone"}}
    service.get("/v0/reports").respond(400, json=error)
    with pytest.raises(BadRequestError, match="no such zone"):
        await client.reports.save(path)
    assert path.read_bytes() == b"an older report"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(SinkError, match="nowhere"):
        await client.reports.save(tmp_path / "nowhere" / "orders.csv")


async def test_images_are_searched_page_by_page(
    client: PixxelClient, service: respx.MockRouter
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        number = int(body.get("next_token", "0"))
        items = {f"{number}-{row}": {"id": f"{number}-{row}"} for row in range(2)}
        token = {"next_token": str(number + 1)} if number < 2 else {}
        return httpx.Response(200, json={"items": items, **token})

    route = service.post("/v0/search").mock(side_effect=answer)
    source = ImageSource(satellite_id="s", collection_id="c")
    found = client.satellites.search("2026-05-01", date(2026, 6, 1), [source], SQUARE, page_size=2)
    assert [item.id async for item in found] == ["0-0", "0-1", "1-0", "1-1", "2-0", "2-1"]
    sent = [json.loads(call.request.content).get("next_token") for call in route.calls]
    assert sent == [None, "1", "2"]


async def test_versions_of_a_block_may_have_one_id(
    client: PixxelClient, service: respx.MockRouter
) -> None:
    rows = [{"id": "b", "spec": {"name": "ndvi", "version": f"1.{n}"}} for n in range(3)]
    service.get("/v0/blocks/ndvi").respond(json={"blocks": rows})
    found = [block.version async for block in client.blocks.list_versions("ndvi")]
    assert found == ["1.0", "1.1", "1.2"]


ITEM = {
    "id": "i",
    "collection": "c",
    "type": "Feature",
    "bbox": ["7.0", "1.0", "8.0", "2.0"],
    "geometry": SQUARE,
    "properties": {"datetime": "2026-05-01T10:00:00Z", "eo:cloud_cover": 23.5, "gsd": 5},
    "assets": {"B1": {"href": "https://storage.test/B1.tif", "type": "image/tiff"}},
    "links": [{"rel": "self", "href": "https://example.com"}, {"title": "no link"}],
}


def test_an_item_becomes_one_of_pystac() -> None:
    item = StacItem.model_validate(ITEM)
    assert (item.cloud_cover, item.gsd, item.bbox) == (23.5, 5, (7, 1, 8, 2))
    assert item.datetime == datetime(2026, 5, 1, 10, tzinfo=UTC)
    made = item.to_pystac()
    assert isinstance(made, pystac.Item)
    assert (made.id, made.collection_id, made.bbox) == ("i", "c", [7, 1, 8, 2])
    assert made.datetime == item.datetime
    assert made.assets["B1"].href == "https://storage.test/B1.tif"
    timed = {"id": "i", "properties": {"datetime": "2026-05-01T10:00:00Z"}}
    bare = StacItem.model_validate({**timed, "stac_extensions": None, "links": None}).to_pystac()
    assert (bare.geometry, bare.bbox, bare.assets) == (None, None, {})
    with pytest.raises(pystac.STACError, match="datetime"):
        StacItem.model_validate({"id": "i"}).to_pystac()


def test_a_collection_becomes_one_of_pystac() -> None:
    raw = {"id": "c", "title": "T", "license": "proprietary", "extent": {"spatial": None}}
    made = StacCollection.model_validate({**raw, "summaries": None}).to_pystac()
    assert isinstance(made, pystac.Collection)
    assert (made.id, made.title) == ("c", "T")


ARCHIVE: dict[str, Any] = {
    "project_id": "p",
    "usecase": "u",
    "geometry": SQUARE,
    "item_ids": ["i"],
}


@pytest.mark.parametrize(
    ("kind", "fields", "reason"),
    [
        (OrderItemRequest, {**ARCHIVE, "item_ids": []}, "a tasking lacks recurrence, start_date"),
        (OrderItemRequest, {**ARCHIVE, "usecase": ""}, r"OrderItemRequest\.usecase: "),
        (OrderItemRequest, {**ARCHIVE, "cloud_cover": 101}, r"\.cloud_cover: "),
        (OrderItemRequest, {**ARCHIVE, "name": "x" * 101}, r"\.name: "),
        (OrderItemRequest, {**ARCHIVE, "store_path": "x"}, "store_path needs store_id"),
        (PropertyRange, {"id": "x", "min": 2, "max": 1}, "swap them"),
        (DeliveryRequest, {"store_id": "s"}, "give either catalog_ids or order_item_ids"),
        (
            DeliveryRequest,
            {"store_id": "s", "catalog_ids": ["c"], "order_item_ids": ["o"]},
            "give either",
        ),
        (ImageSource, {"satellite_id": "s"}, r"ImageSource\.collection_id: Field required"),
    ],
)
def test_a_request_is_checked_where_it_is_made(kind: Any, fields: Any, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        kind(**fields)


async def test_nothing_wrong_is_sent(client: PixxelClient, service: respx.MockRouter) -> None:
    opened = {"type": "Polygon", "coordinates": [[[7, 1], [8, 1], [8, 2], [7, 2]]]}
    wrong = OrderItemRequest(**{**ARCHIVE, "geometry": opened})
    with pytest.raises(InputError, match=r"^order_items\[1\]\.geometry\.coordinates\[0\]: the"):
        await client.orders.create([ARCHIVE, wrong])
    with pytest.raises(InputError, match="order_items is an empty list"):
        await client.orders.create([])
    with pytest.raises(InputError, match="secrets lacks secret_access_key, which S3 needs"):
        await client.stores.create(
            name="n", store_type="S3", bucket="b", region="r", secrets={"access_key_id": "a"}
        )
    for bins in (None, 0, 16):
        with pytest.raises(InputError, match="1 to 15"):
            await client.visualizations.update_metadata(
                "a", "v", visualization_mode="dynamic", legend={}, dynamic_bins=bins
            )
    with pytest.raises(InputError, match="project_id is empty"):
        await client.jobs.create("w", "")
    with pytest.raises(InputError, match="an id is empty"):
        await client.stores.delete("")
    assert not service.calls


async def test_fields_that_a_request_does_not_define_are_sent(
    client: PixxelClient, service: respx.MockRouter
) -> None:
    service.post("/v0/orders").respond(201, json={"total_amount": 12.5, "currency": "USD"})
    estimate = await client.orders.estimate([{**ARCHIVE, "priority": "high"}])
    assert (estimate.cost, estimate.raw["currency"]) == (12.5, "USD")
    (item,) = json.loads(service.calls.last.request.content)["order_items"]
    assert item["priority"] == "high"


async def test_an_answer_without_an_id_may_have_been_done_and_is_not_repeated(
    client: PixxelClient, service: respx.MockRouter
) -> None:
    route = service.post("/v0/orders").respond(201, json={"status": "PAID"})
    with pytest.raises(ResponseError, match="SubmitOrder is not as documented"):
        await client.orders.create([ARCHIVE])
    assert route.call_count == 1


async def test_what_was_refused_before_and_lost_then_is_told_as_lost(
    client: PixxelClient, service: respx.MockRouter
) -> None:
    service.get("/ping").respond(json="pong")
    await client.ping()
    steps: list[Any] = [httpx.ConnectError("refused"), httpx.Response(429), httpx.ReadError("lost")]
    route = service.post("/v0/orders").mock(side_effect=steps)
    with pytest.raises(AnswerLostError):
        await client.orders.create([ARCHIVE])
    assert route.call_count == 3


async def test_what_never_left_is_no_lost_answer(
    client: PixxelClient, service: respx.MockRouter
) -> None:
    service.get("/ping").respond(json="pong")
    await client.ping()
    route = service.post("/v0/orders").mock(side_effect=httpx.ConnectError("refused"))
    with pytest.raises(TransportError) as caught:
        await client.orders.create([ARCHIVE])
    assert not caught.value.sent
    assert route.call_count == QUICK.attempts
