"""The records of a world as the service's documents, with the ids of their parents."""

from __future__ import annotations

from functools import cached_property
from typing import Any, TypeAlias

from ..changes.state import State
from ..refusals import NOT_THERE, ServiceError
from ..world import Aoi, Insight, Job, Order, OrderItem, Workflow

JsonObject: TypeAlias = dict[str, Any]


class Documents:
    """The documents of a world; do not modify its lists, which are cached.

    The methods raise ServiceError for an unknown id.

    Attributes:
        state: The world with what was created since.
    """

    def __init__(self, state: State) -> None:
        """Index a world."""
        world = state.world
        self.state = state
        self._world = world
        self._aois = {aoi.aoi_id: aoi for aoi in world.aois}
        self._workflows = {workflow.id: workflow for workflow in world.workflows}

    @cached_property
    def projects(self) -> list[JsonObject]:
        """All projects."""
        return [project.document() for project in self._world.projects]

    @cached_property
    def aois(self) -> list[JsonObject]:
        """All areas of interest."""
        return [aoi.document() for aoi in self._world.aois]

    @cached_property
    def workflows(self) -> list[JsonObject]:
        """All workflows."""
        return [workflow.document() for workflow in self._world.workflows]

    @cached_property
    def orders(self) -> list[JsonObject]:
        """All orders."""
        return [_order(order) for order in self._world.orders]

    @cached_property
    def order_items(self) -> list[JsonObject]:
        """The items of all orders."""
        return [_item(item, order) for order in self._world.orders for item in order.items]

    @cached_property
    def catalogs(self) -> list[JsonObject]:
        """All catalogs."""
        return [catalog.document() for catalog in self._world.catalogs]

    @cached_property
    def origins(self) -> dict[str, tuple[str, str]]:
        """The ids of the order and of the item of each task of an order item."""
        return {
            task.id: (order.id, item.id)
            for order in self._world.orders
            for item in order.items
            for task in item.tasks
        }

    def project(self, id_: str) -> JsonObject:
        """One project."""
        for project in self._world.projects:
            if project.id == id_:
                return {"project": project.document(without="members_count")}
        raise ServiceError(*NOT_THERE, "there is no such project")

    def aoi(self, id_: str) -> JsonObject:
        """One area of interest."""
        return self.aoi_record(id_).document()

    def assets(self, aoi_id: str) -> list[JsonObject]:
        """The assets of an area of interest."""
        return [asset.document(aoi_id=aoi_id) for asset in self.aoi_record(aoi_id).assets]

    def insights(self, aoi_id: str) -> list[JsonObject]:
        """The insights of an area of interest; `deleted_at` is null."""
        return [
            insight.document(without="updated_at", aoi_id=aoi_id, deleted_at=None)
            for insight in self._insights(aoi_id)
            if ("insight", insight.id) not in self.state.deleted
        ]

    def workflow(self, id_: str, project_id: str) -> JsonObject:
        """One workflow of a project."""
        workflow = self.workflow_record(id_, project_id)
        return workflow.document(
            without="legacy_project_id",
            estimated_cost=workflow.estimated_cost,
            spec=workflow.spec,
            val_errors=workflow.val_errors,
        )

    def jobs(self, workflow_id: str) -> list[JsonObject]:
        """The jobs of a workflow."""
        return [job.document(workflow_id=workflow_id) for job in self._jobs(workflow_id)]

    def job(self, workflow_id: str, id_: str) -> JsonObject:
        """One job of a workflow, with its tasks."""
        for job in self._jobs(workflow_id):
            if job.id == id_:
                made, changed = job.created_at, job.updated_at or job.created_at
                return job.document(
                    workflow_id=workflow_id,
                    exec_created_at=job.write_time(made),
                    exec_updated_at=job.write_time(changed),
                    spec=job.spec,
                    val_errors=job.val_errors,
                    tasks=[task.document() for task in job.tasks],
                )
        raise ServiceError(*NOT_THERE, "there is no such job in this workflow")

    def order(self, id_: str) -> JsonObject:
        """One order."""
        return _named(self.orders, id_, "order")

    def order_item(self, id_: str) -> JsonObject:
        """One item of an order, with its tasks."""
        return _named(self.order_items, id_, "order item")

    def catalog(self, id_: str) -> JsonObject:
        """One catalog."""
        return _named(self.catalogs, id_, "catalog")

    def aoi_record(self, id_: str) -> Aoi:
        """One area of interest."""
        if id_ not in self._aois:
            raise ServiceError(*NOT_THERE, "there is no such AOI")
        return self._aois[id_]

    def workflow_record(self, id_: str, project_id: str | None = None) -> Workflow:
        """One workflow, of a project if that is given."""
        if id_ not in self._workflows:
            raise ServiceError(*NOT_THERE, "there is no such workflow")
        workflow = self._workflows[id_]
        if project_id not in {None, workflow.project_id}:
            raise ServiceError(*NOT_THERE, "there is no such workflow in this project")
        return workflow

    def _jobs(self, workflow_id: str) -> list[Job]:
        jobs, now = self.workflow_record(workflow_id).jobs, self.state.now
        return [*jobs, *(made(now) for made in self.state.jobs.get(workflow_id, ()))]

    def _insights(self, aoi_id: str) -> list[Insight]:
        insights, now = self.aoi_record(aoi_id).insights, self.state.now
        return [*insights, *(made(now) for made in self.state.insights.get(aoi_id, ()))]


def _named(documents: list[JsonObject], id_: str, what: str) -> JsonObject:
    for document in documents:
        if document.get("id") == id_:
            return document
    raise ServiceError(*NOT_THERE, f"there is no such {what}")


def _order(order: Order) -> JsonObject:
    items = [item.document(order_id=order.id) for item in order.items]
    paid_at = order.write_time(order.paid_at) if order.paid_at else ""
    return order.document(order_items=items, paid_at=paid_at)


def _item(item: OrderItem, order: Order) -> JsonObject:
    tasks = [task.document(order_item_id=item.id) for task in item.tasks]
    errors = item.validation_errors
    return item.document(order_id=order.id, tasks=tasks, validation_errors=errors)
