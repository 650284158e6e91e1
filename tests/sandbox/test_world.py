"""Worlds: made up from a seed, or given; how they hang together, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

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
    Record,
    Task,
    Workflow,
)

WORLD = World.made_up()
ITEMS = [item for order in WORLD.orders for item in order.items]
INSIGHTS = [insight for aoi in WORLD.aois for insight in aoi.insights]
JOBS = [job for workflow in WORLD.workflows for job in workflow.jobs]


def test_a_seed_repeats_a_world() -> None:
    assert World.made_up(seed=3) == World.made_up(seed=3)
    ids = [{aoi.aoi_id for aoi in World.made_up(seed=seed).aois} for seed in (3, 4)]
    assert not ids[0] & ids[1]


def test_a_smaller_world_is_the_beginning_of_a_larger_one() -> None:
    small = World.made_up(aois=2, workflows=3, orders=4)
    assert small.aois == WORLD.aois[:2]
    assert small.workflows == WORLD.workflows[:3]
    assert small.orders == WORLD.orders[:4]
    assert small.catalogs == WORLD.catalogs[: len(small.catalogs)]


def test_a_world_has_what_is_asked_for() -> None:
    world = World.made_up(
        projects=4,
        aois=5,
        assets_per_aoi=6,
        insights_per_aoi=7,
        workflows=8,
        jobs_per_workflow=9,
        tasks_per_job=10,
        orders=11,
        items_per_order=12,
        catalogs_per_item=2,
    )
    assert len(world.projects) == 4
    assert len(world.aois) == 5
    assert {(len(aoi.assets), len(aoi.insights)) for aoi in world.aois} == {(6, 7)}
    assert [len(workflow.jobs) for workflow in world.workflows] == [9] * 8
    assert {len(job.tasks) for workflow in world.workflows for job in workflow.jobs} == {10}
    assert [len(order.items) for order in world.orders] == [12] * 11
    whole = {"FULFILLED", "PARTIALLY_FULFILLED"}
    fulfilled = [item for order in world.orders for item in order.items if item.status in whole]
    assert len(world.catalogs) == 2 * len(fulfilled)


def test_a_world_may_be_empty() -> None:
    empty = World.made_up(projects=0, aois=0, workflows=0, orders=0)
    assert empty == World()
    assert {aoi.project_id for aoi in World.made_up(projects=0).aois} == {""}


def test_states_are_mixed() -> None:
    assert {one.status for one in INSIGHTS} == {"completed", "pending", "failed", "running"}
    assert {one.status for one in JOBS} == {"completed", "pending", "failed", "running"}
    assert {one.status for one in WORLD.aois} >= {"success", "failed", "running"}
    assert {asset.status for aoi in WORLD.aois for asset in aoi.assets} >= {"success", "failed"}
    assert {one.status for one in ITEMS} >= {"FULFILLED", "FAILED", "ACTIVE", "DRAFT"}
    assert {one.type for one in ITEMS} == {"ARCHIVE", "TASKING", "RECURRING"}


def test_dates_lie_in_several_months_and_in_their_order() -> None:
    months = {one.created_at.month for one in (*WORLD.aois, *WORLD.workflows, *WORLD.orders)}
    assert len(months) >= 8
    assert len({one.created_at.month for one in INSIGHTS}) >= 8
    for aoi in WORLD.aois:
        assert all(one.created_at > aoi.created_at for one in (*aoi.assets, *aoi.insights))
    for job in JOBS:
        assert (job.finished_at is not None) == (job.status in {"completed", "failed"})
        assert job.finished_at is None or job.finished_at > job.created_at


def test_all_hangs_together() -> None:
    projects = {project.id for project in WORLD.projects}
    assert {aoi.project_id for aoi in WORLD.aois} == projects
    assert {workflow.project_id for workflow in WORLD.workflows} == projects
    assert {item.project_id for item in ITEMS} == projects
    tasks = {task.id for item in ITEMS for task in item.tasks}
    assert {catalog.task_id for catalog in WORLD.catalogs} <= tasks
    for job in JOBS:
        statuses = [task.status for task in job.tasks]
        assert statuses[-1] == job.status


def test_names_are_their_own() -> None:
    assert len({aoi.name for aoi in WORLD.aois}) == len(WORLD.aois)
    assert len({workflow.name for workflow in WORLD.workflows}) == len(WORLD.workflows)


TWICE: dict[str, Callable[[], World]] = {
    "projects": lambda: World(projects=(Project("x"), Project("x"))),
    "AOIs": lambda: World(aois=(Aoi("x"), Aoi("x"))),
    "assets in one AOI": lambda: World(aois=(Aoi("a", assets=(Asset("x"), Asset("x"))),)),
    "insights in one AOI": lambda: World(aois=(Aoi("a", insights=(Insight("x"), Insight("x"))),)),
    "workflows": lambda: World(workflows=(Workflow("x"), Workflow("x"))),
    "jobs in one workflow": lambda: World(workflows=(Workflow("w", jobs=(Job("x"), Job("x"))),)),
    "tasks in one job": lambda: World(
        workflows=(Workflow("w", jobs=(Job("j", tasks=(Task("x"), Task("x"))),)),)
    ),
    "orders": lambda: World(orders=(Order("x"), Order("x"))),
    "order items": lambda: World(
        orders=(Order("o", items=(OrderItem("x"),)), Order("p", items=(OrderItem("x"),)))
    ),
    "tasks of order items": lambda: World(
        orders=(Order("o", items=(OrderItem("y", tasks=(OrderTask("x"), OrderTask("x"))),)),)
    ),
    "catalogs": lambda: World(catalogs=(Catalog("x"), Catalog("x"))),
}


@pytest.mark.parametrize(("what", "make"), TWICE.items(), ids=TWICE.keys())
def test_two_of_one_id_are_refused(what: str, make: Callable[[], World]) -> None:
    with pytest.raises(ValueError, match=f"two {what} of the id 'x': give each its own"):
        make()


def test_the_same_id_in_two_places_is_well() -> None:
    World(aois=(Aoi("a", assets=(Asset("x"),)), Aoi("b", assets=(Asset("x"),))))


@pytest.mark.parametrize("name", ["created_at", "updated_at", "finished_at"])
def test_a_time_without_a_zone_is_refused(name: str) -> None:
    naive = datetime.combine(date(2025, 4, 14), datetime.min.time())
    with pytest.raises(ValueError, match=f"Job: {name} needs a time zone"):
        Job("j", **{name: naive})  # type: ignore[arg-type]  # one of the names


def test_a_page_of_no_records_is_refused() -> None:
    with pytest.raises(ValueError, match="page_size is at least 1"):
        Scenario(page_size=0)


@pytest.mark.parametrize("record", [Project("x"), Job("x"), OrderItem("x"), Catalog("x")])
def test_a_record_says_only_what_it_knows(record: Record) -> None:
    document = record.document()
    assert document["id"] == "x"
    assert None not in document.values()
    assert document["updated_at"] == document["created_at"] == "2025-01-06T00:00:00Z"
    assert not document.keys() & {"more", "tasks", "items", "jobs", "finished_at"}


def test_what_is_laid_over_a_document_goes_last() -> None:
    at = datetime(2025, 4, 14, 1, tzinfo=UTC) + timedelta(microseconds=5)
    asset = Asset("x", created_at=at, more={"aoi_id": "other", "colour": "red"})
    told = asset.document(without="description", aoi_id="a")
    assert (told["aoi_id"], told["colour"]) == ("other", "red")
    assert told["created_at"] == "2025-04-14 01:00:00.000005+00:00"
    assert "description" not in told
