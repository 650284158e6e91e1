"""What the list and get calls refuse, and how they say so."""

from __future__ import annotations

import pytest

from .listing import listing, refusal
from .raw import fetch
from .test_lists import GETS, LISTS

UNKNOWN = {
    "/v0/projects/x": "project",
    "/v0/aoi/x": "AOI",
    "/v0/aois/x/assets": "AOI",
    "/v0/aoi/x/insights": "AOI",
    "/v0/workflows/x?project_id=p1": "workflow",
    "/v0/workflows/w1?project_id=p2": "workflow in this project",
    "/v0/workflows/x/jobs": "workflow",
    "/v0/workflows/x/jobs/j1": "workflow",
    "/v0/workflows/w1/jobs/x": "job in this workflow",
    "/v0/workflows/w2/jobs/j1": "job in this workflow",
    "/v0/orders/x": "order",
    "/v0/order-items/x": "order item",
    "/v0/catalogs/x": "catalog",
    "/v0/catalogs/search": "catalog",
    "/v0/blocks/x": "block",
    "/v0/blocks/band-math/versions/x": "version of this block",
    "/v0/archives/collections/x": "collection",
    "/v0/archives/collections/x/items": "collection",
    "/v0/archives/collections/pixxel-l1c/items/x": "item in this collection",
    "/v0/aois/x/visualizations": "AOI",
    "/v0/workflows/x/estimate": "workflow",
    "/v0/catalogs/download": "catalog",
}
BAD = {
    "/v0/aois?offset=-1": "offset",
    "/v0/aois?offset=x": "offset",
    "/v0/aois?offset=1.0": "offset",
    "/v0/aois?offset=1_0": "offset",
    "/v0/aois?limit=0": "limit",
    "/v0/aois?limit=%D9%A1": "limit",
    "/v0/aois?limit=1&limit=1": "limit: it is given twice",
    "/v0/aois?project_ids=p1&project_ids=p2": "project_ids: it is given twice",
    "/v0/aois?page_num=1": "page_num: there is no such parameter",
    "/v0/aois?created_at=yesterday": "created_at",
    "/v0/aois?created_at=2025-04-31": "created_at",
    "/v0/aois?created_at=20250414": "created_at",
    "/v0/aois?created_at=2025-04-14T00:00:00": "created_at",
    "/v0/aois?created_at=2025-04-14T00:00:00+00:00": "created_at",
    "/v0/aois?aoi_name=%FF": "UTF-8",
    "/v0/aois/a1/assets?status=success": "status: there is no such parameter",
    "/v0/projects?page_num=0": "page_num",
    "/v0/projects?page_size=0": "page_size",
    "/v0/projects?page_size=x": "page_size",
    "/v0/aoi/a1/insights?created_on=2025-04-14": "created_on",
    "/v0/aoi/a1/insights?limit=1": "limit: there is no such parameter",
    "/v0/workflows?created_on=x": "created_on",
    "/v0/workflows/w1": "project_id: it is required",
    "/v0/workflows/w1?project_id=": "project_id: it is required",
    "/v0/workflows/w1/jobs?offset=0": "offset: there is no such parameter",
    "/v0/order-items?area=big": "area",
    "/v0/order-items?area=nan": "area",
    "/v0/order-items?area=1/x": "area",
    "/v0/order-items?area=5/1": "below",
    "/v0/order-items?created_at=2025-04-15/2025-04-14": "ends before",
    "/v0/order-items?created_at=x/..": "created_at",
    "/v0/blocks?mode=x": "mode: 'x' is neither insight nor workflow",
    "/v0/indices?limit=0": "limit",
    "/v0/reports?tz=Mars": "tz: 'Mars' is not a time zone",
    "/v0/catalogs/deliveries?limit=1": "limit: there is no such parameter",
    "/v0/projects/p1?x=y": "x: there is no such parameter",
}


@pytest.mark.parametrize(("path", "what"), UNKNOWN.items())
async def test_an_unknown_id_is_not_found(path: str, what: str) -> None:
    async with listing() as it:
        answer = await it.ask("GET", path)
    assert refusal(answer, 404) == f"there is no such {what}"
    assert answer.json()["error"]["code"] == "NOT_FOUND"


@pytest.mark.parametrize(("target", "reason"), BAD.items())
async def test_a_bad_parameter_is_refused_with_its_name(target: str, reason: str) -> None:
    async with listing() as it:
        # Sent as it stands here, without rewriting.
        url, headers = it.sandbox.api_url + target, {"Authorization": it.sandbox.api_key}
        answer = await fetch(url, headers=headers)
    assert answer.status == 400
    assert answer.document["error"]["code"] == "INVALID_PARAMETER"
    assert reason in answer.document["error"]["message"]


async def test_an_empty_parameter_is_as_if_it_had_not_been_given() -> None:
    async with listing() as it:
        assert (await it.ask("GET", "/v0/aois?limit=&aoi_name=")).json()["pagination"]["total"] == 3


@pytest.mark.parametrize("path", [*LISTS, *GETS, "/v0/catalogs/search"])
@pytest.mark.parametrize("key", ["wrong", None])
async def test_a_wrong_or_missing_key_is_refused(path: str, key: str | None) -> None:
    async with listing() as it:
        del it.http.headers["Authorization"]
        if key is not None:
            it.http.headers["Authorization"] = key
        answer = await it.ask("POST" if path.endswith("search") else "GET", path)
    assert "key" in refusal(answer, 401)
    assert answer.json()["error"]["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize("path", [*LISTS, *GETS])
async def test_a_wrong_method_is_not_allowed(path: str) -> None:
    async with listing() as it:
        assert "PUT" in refusal(await it.ask("PUT", path), 405)
