"""A small world by hand, and ways to list it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from pixxel_async.sandbox import Scenario, World
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
)

from .stand import AT_ONCE, Stand, stand

NOON = datetime(2025, 4, 14, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def catalog(name: str, west: float, day: int, *, cloud: float, bands: str = "AB") -> Catalog:
    """Return a catalog of a square of one degree on the equator, taken at noon of a day."""
    ring = [[west, 0], [west + 1, 0], [west + 1, 1], [west, 1], [west, 0]]
    return Catalog(
        name,
        task_id=f"task of {name}",
        details={
            "id": f"stac {name}",
            "collection": "even" if day % 2 == 0 else "odd",
            "geometry": {"type": "Polygon", "coordinates": [ring]},
            "properties": {
                "datetime": f"2025-04-{day:02}T12:00:00Z",
                "eo:cloud_cover": cloud,
                "platform": f"T{day % 2}",
            },
            "assets": {"image": {"eo:bands": [{"name": band} for band in bands]}},
        },
    )


SMALL = World(
    projects=(Project("p1"), Project("p2"), Project("p3")),
    aois=(
        Aoi(
            "a1",
            name="North",
            project_id="p1",
            created_at=NOON,
            updated_at=NOON + DAY,
            assets=(Asset("s1"), Asset("s2"), Asset("s3")),
            insights=(
                Insight("i1", status="completed", created_by="u1", created_at=NOON),
                Insight("i2", status="failed", created_by="u2", created_at=NOON + DAY),
                Insight("i3", status="completed", created_by="u2", created_at=NOON + 2 * DAY),
            ),
        ),
        Aoi("a2", name="South", project_id="p2", created_at=NOON + DAY),
        Aoi("a3", name="North Sea", project_id="p3", created_at=NOON + 2 * DAY),
    ),
    workflows=(
        Workflow(
            "w1",
            name="Crops",
            project_id="p1",
            created_by="u1",
            created_at=NOON,
            updated_at=NOON + DAY,
            jobs=(
                Job("j1", status="running", created_by="u1", created_at=NOON, tasks=(Task("t1"),)),
                Job("j2", status="completed", created_by="u2", created_at=NOON + DAY),
            ),
        ),
        Workflow("w2", name="Coast", project_id="p2", created_by="u2", created_at=NOON + DAY),
    ),
    orders=(
        Order(
            "o1",
            user_id="u1",
            items=(
                OrderItem(
                    "x1",
                    type="ARCHIVE",
                    status="FULFILLED",
                    user_id="u1",
                    created_by="u1",
                    project_id="p1",
                    area=100,
                    created_at=NOON,
                    tasks=(OrderTask("task of c1"), OrderTask("task of c2")),
                ),
                OrderItem(
                    "x2",
                    type="TASKING",
                    status="FAILED",
                    user_id="u1",
                    created_by="u2",
                    project_id="p2",
                    area=200,
                    created_at=NOON + DAY,
                ),
            ),
        ),
        Order(
            "o2",
            user_id="u2",
            items=(
                OrderItem(
                    "x3",
                    type="TASKING",
                    status="FULFILLED",
                    user_id="u2",
                    created_by="u2",
                    project_id="p3",
                    area=300,
                    created_at=NOON + 2 * DAY,
                    tasks=(OrderTask("task of c3"),),
                ),
            ),
        ),
    ),
    catalogs=(
        catalog("c1", 0, 10, cloud=5),
        catalog("c2", 10, 11, cloud=50, bands="AC"),
        catalog("c3", 179.5, 12, cloud=20),
    ),
)


@asynccontextmanager
async def listing(world: World = SMALL, **changes: Any) -> AsyncIterator[Stand]:
    """Open a sandbox that lists a world."""
    async with stand(Scenario(world=world, packaging=AT_ONCE, **changes)) as it:
        yield it


async def ids(it: Stand, path: str, name: str, /, **query: Any) -> list[str]:
    """List, and return the ids of the page."""
    answer = await it.http.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return [one.get("aoi_id") if name == "aois" else one["id"] for one in answer.json()[name]]


async def search(it: Stand, **body: Any) -> list[str]:
    """Search, and return the ids of the page."""
    answer = await it.ask("POST", "/v0/catalogs/search", {"limit": 100, **body})
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["catalogs"]]


def refusal(answer: Any, status: int = 400) -> str:
    """Return what a refusal says."""
    assert answer.status_code == status, answer.text
    document = answer.json()
    assert document.keys() == {"error"}
    assert document["error"].keys() == {"code", "message", "details"}
    return str(document["error"]["message"])
