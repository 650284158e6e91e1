"""Lists over a real socket: what the client finds, when it asks, and what it does about errors."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest
import respx

from pixxel_async import (
    AuthenticationError,
    InputError,
    Limits,
    NotFoundError,
    PixxelClient,
    Record,
    ResponseError,
    RetryPolicy,
    ServerError,
)
from pixxel_async.sandbox import ApiFault, Sandbox, Scenario
from pixxel_async.sandbox.world import World

from .http.script import Script, answer, client_of

WORLD = World.made_up(seed=3)


async def all_of(listing: AsyncIterator[Record]) -> list[Record]:
    return [record async for record in listing]


def client_for(sandbox: Sandbox) -> PixxelClient:
    return PixxelClient(
        sandbox.api_key,
        base_url=sandbox.api_url,
        limits=Limits(requests_per_second=10_000),
        retry=RetryPolicy(initial_s=0),
    )


async def test_everything_that_is_there_is_found_once_and_in_order() -> None:
    async with Sandbox(Scenario(world=WORLD)) as sandbox, client_for(sandbox) as client:
        for page_size in (1000, 7):
            found = {
                "projects": client.projects.list(page_size=page_size),
                "aois": client.aois.list(page_size=page_size),
                "workflows": client.workflows.list(page_size=page_size),
                "orders": client.orders.list(page_size=page_size),
                "catalogs": client.catalogs.search(page_size=page_size),
            }
            for name, listing in found.items():
                ids = [record.id for record in await all_of(listing)]
                there = [getattr(one, "aoi_id", None) or one.id for one in getattr(WORLD, name)]
                assert ids == there, name
        items = [record.id for record in await all_of(client.order_items.list(page_size=9))]
        assert sorted(items) == sorted(item.id for order in WORLD.orders for item in order.items)


async def test_what_lies_in_parents_is_found_there() -> None:
    async with Sandbox(Scenario(world=WORLD)) as sandbox, client_for(sandbox) as client:
        aoi, workflow = WORLD.aois[0], WORLD.workflows[0]
        assets = await all_of(client.aois.list_assets(aoi.aoi_id, page_size=2))
        assert [one.id for one in assets] == [one.id for one in aoi.assets]
        insights = await all_of(client.insights.list(aoi.aoi_id))
        assert [one.id for one in insights] == [one.id for one in aoi.insights]
        jobs = await all_of(client.jobs.list(workflow.id))
        assert [one.id for one in jobs] == [one.id for one in workflow.jobs]
        job = await client.jobs.get(workflow.id, workflow.jobs[0].id)
        assert [one.id for one in job.tasks] == [one.id for one in workflow.jobs[0].tasks]
        assert {(one.workflow_id, one.job_id) for one in job.tasks} == {(workflow.id, job.id)}


async def test_single_records_are_found_by_their_ids() -> None:
    async with Sandbox(Scenario(world=WORLD)) as sandbox, client_for(sandbox) as client:
        workflow, order = WORLD.workflows[0], WORLD.orders[0]
        assert (await client.projects.get(WORLD.projects[0].id)).title == WORLD.projects[0].title
        assert (await client.aois.get(WORLD.aois[0].aoi_id)).name == WORLD.aois[0].name
        assert (await client.workflows.get(workflow.id, workflow.project_id)).name == workflow.name
        assert len((await client.orders.get(order.id)).order_items) == len(order.items)
        assert (await client.order_items.get(order.items[0].id)).order_id == order.id
        assert (await client.catalogs.get(WORLD.catalogs[0].id)).id == WORLD.catalogs[0].id
        with pytest.raises(NotFoundError):
            await client.aois.get("nowhere")


async def test_filters_reach_the_service() -> None:
    async with Sandbox(Scenario(world=WORLD)) as sandbox, client_for(sandbox) as client:
        project, order = WORLD.projects[0].id, WORLD.orders[0]
        mine = await all_of(client.aois.list(project_ids=[project]))
        assert [one.id for one in mine] == [
            one.aoi_id for one in WORLD.aois if one.project_id == project
        ]
        items = await all_of(client.order_items.list(order_ids=[order.id]))
        assert {one.id for one in items} == {one.id for one in order.items}
        chosen = [one.id for one in WORLD.catalogs[3:5]]
        assert [one.id for one in await all_of(client.catalogs.search(ids=chosen))] == chosen


async def test_nothing_is_sent_before_it_is_iterated_and_only_as_far_as_it_is() -> None:
    async with Sandbox(Scenario(world=WORLD)) as sandbox, client_for(sandbox) as client:
        listing = client.aois.list(page_size=2)
        assert sandbox.calls == []
        async for _ in listing:
            break
        assert len(sandbox.calls) == 1
        await anext(listing)
        assert len(sandbox.calls) == 1
        await anext(listing)
        assert len(sandbox.calls) == 2


async def test_faults_are_tried_again_and_nothing_is_lost_or_doubled() -> None:
    faults = (
        ApiFault("status", status=500, rate=0.2),
        ApiFault("reset", rate=0.1),
        ApiFault("lost", rate=0.1),
        ApiFault("not_json", rate=0.1),
    )
    async with Sandbox(Scenario(world=WORLD, faults=faults)) as sandbox:
        async with client_for(sandbox) as client:
            found = [one.id for one in await all_of(client.catalogs.search(page_size=3))]
        assert found == [one.id for one in WORLD.catalogs]
        assert len(sandbox.calls) > len(WORLD.catalogs) / 3


async def test_after_an_error_the_same_page_is_asked_for_again() -> None:
    def page(*ids: str) -> httpx.Response:
        rows = [{"id": id_} for id_ in ids]
        return httpx.Response(200, json={"orders": rows, "pagination": {"total": 3}})

    once = RetryPolicy(attempts=1)
    router = respx.Router(base_url="https://api.pixxel.space")
    route = router.get("/v0/orders")
    route.side_effect = [page("1", "2"), httpx.Response(500), page("3")]
    transport = httpx.MockTransport(router.async_handler)
    async with PixxelClient(
        "key", retry=once, http_client=httpx.AsyncClient(transport=transport)
    ) as client:
        listing = client.orders.list(page_size=2)
        assert [(await anext(listing)).id for _ in range(2)] == ["1", "2"]
        with pytest.raises(ServerError):
            await anext(listing)
        assert (await anext(listing)).id == "3"
        with pytest.raises(StopAsyncIteration):
            await anext(listing)
    offsets = [call.request.url.params["offset"] for call in route.calls]
    assert offsets == ["0", "2", "2"]


async def test_a_rejected_key_is_told_at_once() -> None:
    async with Sandbox() as sandbox:
        async with PixxelClient("another", base_url=sandbox.api_url) as client:
            with pytest.raises(AuthenticationError):
                await anext(client.projects.list())
        assert len(sandbox.calls) == 1


async def test_an_answer_that_is_no_list_is_an_error_and_shows_no_url() -> None:
    url = "https://s.test/?sig=canary"
    script = Script(answer(json={"assets": [{"path": url}], "pagination": {"total": 1}}))
    async with client_of(script) as client:
        with pytest.raises(ResponseError, match=r"assets\.0\.id") as caught:
            await anext(client.aois.list_assets("a"))
        assert "canary" not in str(caught.value)
        with pytest.raises(InputError, match="an id is empty"):
            client.aois.list_assets("")
        with pytest.raises(InputError, match="give 1 or more"):
            client.orders.list(page_size=0)


async def test_fewer_records_than_were_told_are_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pages: list[list[dict[str, str]]] = [[{"id": "1"}], []]
    script = Script(*(answer(json={"orders": one, "pagination": {"total": 3}}) for one in pages))
    with caplog.at_level(logging.WARNING, "pixxel_async"):
        async with client_of(script) as client:
            assert len(await all_of(client.orders.list(page_size=1))) == 1
    (record,) = caplog.records
    assert record.getMessage() == "ListOrders: the service reported 2 records more than it listed"


async def test_times_have_a_zone_whatever_their_form() -> None:
    async with Sandbox(Scenario(world=WORLD)) as sandbox, client_for(sandbox) as client:
        for listing in (client.aois.list(), client.projects.list(), client.orders.list()):
            for record in await all_of(listing):
                assert record.created_at is not None
                assert record.created_at.tzinfo is not None
        asset = await anext(client.aois.list_assets(WORLD.aois[0].aoi_id))
        assert asset.created_at == WORLD.aois[0].assets[0].created_at
        assert asset.created_at > datetime(2025, 1, 1, tzinfo=UTC)
