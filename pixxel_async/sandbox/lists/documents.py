"""The records of a world as the service's documents, with the ids of their parents."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from functools import cached_property
from typing import Any, TypeAlias

from ..changes.state import State
from ..refusals import BAD_BODY, NOT_THERE, ServiceError
from ..world import Aoi, Insight, Job, Order, OrderItem, Workflow
from ..world.made_reference import Reference

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

    @property
    def aois(self) -> list[JsonObject]:
        """All areas of interest."""
        now = self.state.now
        return [*self._listed_aois, *(made(now).document() for made in self.state.aois)]

    @cached_property
    def _listed_aois(self) -> list[JsonObject]:
        return [aoi.document() for aoi in self._world.aois]

    @cached_property
    def workflows(self) -> list[JsonObject]:
        """All workflows."""
        return [workflow.document() for workflow in self._world.workflows]

    @property
    def orders(self) -> list[JsonObject]:
        """All orders."""
        return [*self._listed_orders, *map(self.order_document, self._made_orders())]

    @property
    def order_items(self) -> list[JsonObject]:
        """The items of all orders."""
        made = (_item(item, order) for order in self._made_orders() for item in order.items)
        return [*self._listed_items, *made]

    @property
    def catalogs(self) -> list[JsonObject]:
        """All catalogs; the last delivery of one is its delivery status."""
        made = [one for at in self.state.catalogs if (one := at(self.state.now)) is not None]
        delivered = {one["catalog_id"]: one["status"] for one in self.deliveries({})}
        return [
            {**one, "delivery_status": delivered[one["id"]]} if one["id"] in delivered else one
            for one in (*self._listed_catalogs, *made)
        ]

    @cached_property
    def _listed_orders(self) -> list[JsonObject]:
        return [self.order_document(order) for order in self._world.orders]

    @cached_property
    def _listed_items(self) -> list[JsonObject]:
        return [_item(item, order) for order in self._world.orders for item in order.items]

    @cached_property
    def _listed_catalogs(self) -> list[JsonObject]:
        return [catalog.document() for catalog in self._world.catalogs]

    @property
    def origins(self) -> Mapping[str, tuple[str, str]]:
        """The ids of the order and of the item of each task of an order item."""
        return ChainMap(self.state.origins, self._listed_origins)

    @cached_property
    def _listed_origins(self) -> dict[str, tuple[str, str]]:
        return {
            task.id: (order.id, item.id)
            for order in self._world.orders
            for item in order.items
            for task in item.tasks
        }

    @property
    def reference(self) -> Reference:
        """What everybody is offered."""
        return self.state.reference

    @property
    def indices(self) -> list[JsonObject]:
        """The presets, and what was created."""
        return [*self.reference.indices, *self.state.indices]

    def blocks(self, name: str) -> list[JsonObject]:
        """The versions of a block."""
        found = [one for one in self.reference.blocks if one["spec"]["name"] == name]
        if not found:
            raise ServiceError(*NOT_THERE, "there is no such block")
        return found

    def block(self, name: str, version: str) -> JsonObject:
        """One version of a block."""
        for one in self.blocks(name):
            if one["spec"]["version"] == version:
                return one
        raise ServiceError(*NOT_THERE, "there is no such version of this block")

    def collection(self, id_: str) -> JsonObject:
        """One collection of the archive."""
        return _named(self.reference.collections, id_, "collection")

    def archive_items(self, collection_id: str) -> list[JsonObject]:
        """The items of a collection of the archive."""
        self.collection(collection_id)
        return [one for one in self.reference.items if one["collection"] == collection_id]

    def archive_item(self, collection_id: str, id_: str) -> JsonObject:
        """One item of a collection of the archive."""
        return _named(self.archive_items(collection_id), id_, "item in this collection")

    @property
    def stores(self) -> list[JsonObject]:
        """All stores, without their secrets."""
        return [*self.state.stores.values()]

    def visualizations(self, aoi_id: str) -> list[JsonObject]:
        """The visualizations of an area of interest, in full."""
        self.aoi_record(aoi_id)
        return [made(self.state.now) for made in self.state.visualizations.get(aoi_id, ())]

    def visualization(self, aoi_id: str, id_: str) -> JsonObject:
        """One visualization of an area of interest, in full."""
        return _named(self.visualizations(aoi_id), id_, "visualization of this AOI")

    def deliveries(self, wanted: Mapping[str, str]) -> list[JsonObject]:
        """The deliveries of a delivery, catalog, task and order item, where those are given."""
        made = (at(self.state.now) for at in self.state.deliveries)
        return [
            one
            for one in made
            if one is not None
            and all(
                id_
                == (one.get(name) if name in one else self.origins.get(one["task_id"], ("", ""))[1])
                for name, id_ in wanted.items()
            )
        ]

    def check_project(self, id_: str) -> None:
        """Refuse an unknown project in a body."""
        if all(project.id != id_ for project in self._world.projects):
            raise ServiceError(*BAD_BODY, "project_id: there is no such project")

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
        listed = [asset.document(aoi_id=aoi_id) for asset in self.aoi_record(aoi_id).assets]
        shown = self.visualizations(aoi_id)
        return [*listed, *(asset for one in shown for asset in one["assets"])]

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

    @staticmethod
    def order_document(order: Order) -> JsonObject:
        """The document of an order."""
        items = [item.document(order_id=order.id) for item in order.items]
        paid_at = order.write_time(order.paid_at) if order.paid_at else ""
        return order.document(order_items=items, paid_at=paid_at)

    def _made_orders(self) -> list[Order]:
        return [made(self.state.now) for made in self.state.orders]

    def order_item(self, id_: str) -> JsonObject:
        """One item of an order, with its tasks."""
        return _named(self.order_items, id_, "order item")

    def catalog(self, id_: str) -> JsonObject:
        """One catalog."""
        return _named(self.catalogs, id_, "catalog")

    def aoi_record(self, id_: str) -> Aoi:
        """One area of interest."""
        if id_ in self._aois:
            return self._aois[id_]
        for made in self.state.aois:
            aoi = made(self.state.now)
            if aoi.aoi_id == id_:
                return aoi
        raise ServiceError(*NOT_THERE, "there is no such AOI")

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


def _item(item: OrderItem, order: Order) -> JsonObject:
    tasks = [task.document(order_item_id=item.id) for task in item.tasks]
    errors = item.validation_errors
    return item.document(order_id=order.id, tasks=tasks, validation_errors=errors)
