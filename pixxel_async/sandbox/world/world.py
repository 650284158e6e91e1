"""The records that the sandbox lists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

from .made_orders import made_catalogs, made_orders
from .made_places import made_aois, made_projects
from .made_processing import made_workflows
from .maker import Maker
from .orders import Catalog, Order
from .places import Aoi, Project
from .processing import Workflow

PROJECTS = 3
AOIS = 25
ASSETS_PER_AOI = 12
INSIGHTS_PER_AOI = 6
WORKFLOWS = 105
JOBS_PER_WORKFLOW = 2
TASKS_PER_JOB = 3
ORDERS = 25
ITEMS_PER_ORDER = 2
CATALOGS_PER_ITEM = 1


@dataclass(frozen=True, kw_only=True)
class World:
    """The records that the sandbox lists, in this order.

        Scenario(world=World.made_up(projects=2, aois=5, insights_per_aoi=40))

    Records contain their children: an AOI its assets and insights, a workflow its jobs, a job its
    tasks, an order its items. A catalog names the task of the order item that created it.

    Attributes:
        projects: Projects.
        aois: Areas of interest; each names its project.
        workflows: Workflows; each names its project.
        orders: Orders; each of their items names its project.
        catalogs: Delivered images.
    """

    projects: tuple[Project, ...] = ()
    aois: tuple[Aoi, ...] = ()
    workflows: tuple[Workflow, ...] = ()
    orders: tuple[Order, ...] = ()
    catalogs: tuple[Catalog, ...] = ()

    def __post_init__(self) -> None:
        """Validate the ids.

        Raises:
            ValueError: Two records of a kind have the same id.
        """
        for kind, ids in self._ids():
            twice = [id_ for id_, count in Counter(ids).items() if count > 1]
            if twice:
                reason = f"there are two {kind} of the id {twice[0]!r}: give each its own"
                raise ValueError(reason)

    @classmethod
    def made_up(  # noqa: PLR0913 - one number for each thing that is listed
        cls,
        *,
        seed: int = 0,
        projects: int = PROJECTS,
        aois: int = AOIS,
        assets_per_aoi: int = ASSETS_PER_AOI,
        insights_per_aoi: int = INSIGHTS_PER_AOI,
        workflows: int = WORKFLOWS,
        jobs_per_workflow: int = JOBS_PER_WORKFLOW,
        tasks_per_job: int = TASKS_PER_JOB,
        orders: int = ORDERS,
        items_per_order: int = ITEMS_PER_ORDER,
        catalogs_per_item: int = CATALOGS_PER_ITEM,
    ) -> World:
        """Generate a world with mixed states, and dates from January to November 2025.

        Args:
            seed: The same seed gives the same records, and a larger world starts with them.
            projects: How many projects; all other records are distributed among them.
            aois: How many areas of interest.
            assets_per_aoi: How many assets each of them has.
            insights_per_aoi: How many insights each of them has.
            workflows: How many workflows.
            jobs_per_workflow: How many jobs each of them has.
            tasks_per_job: How many tasks each job has.
            orders: How many orders.
            items_per_order: How many items each of them has.
            catalogs_per_item: How many catalogs each fulfilled item has.
        """
        maker = Maker(seed)
        made = made_projects(maker, projects)
        ids = [project.id for project in made]
        areas = made_aois(maker, aois, assets=assets_per_aoi, insights=insights_per_aoi)
        bought = made_orders(maker, orders, ids, items=items_per_order)
        return cls(
            projects=made,
            aois=tuple(
                replace(aoi, project_id=ids[number % len(ids)] if ids else "")
                for number, aoi in enumerate(areas)
            ),
            workflows=made_workflows(
                maker, workflows, ids, jobs=jobs_per_workflow, tasks=tasks_per_job
            ),
            orders=bought,
            catalogs=made_catalogs(maker, bought, per_item=catalogs_per_item),
        )

    def _ids(self) -> Iterator[tuple[str, list[str]]]:
        items = list(chain.from_iterable(order.items for order in self.orders))
        yield "projects", [one.id for one in self.projects]
        yield "AOIs", [one.aoi_id for one in self.aois]
        yield "workflows", [one.id for one in self.workflows]
        yield "orders", [one.id for one in self.orders]
        yield "order items", [one.id for one in items]
        yield "tasks of order items", [task.id for item in items for task in item.tasks]
        yield "catalogs", [one.id for one in self.catalogs]
        for aoi in self.aois:
            yield "assets in one AOI", [one.id for one in aoi.assets]
            yield "insights in one AOI", [one.id for one in aoi.insights]
        for workflow in self.workflows:
            yield "jobs in one workflow", [one.id for one in workflow.jobs]
            for job in workflow.jobs:
                yield "tasks in one job", [one.id for one in job.tasks]
