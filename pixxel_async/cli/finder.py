"""Finds records: lists them through the service, walks from parents to children, and filters.

Rules:
    * Where the service documents how a filter works (ids, projects, orders, the time of capture),
      the service filters. Creation times and statuses are compared by the client, since the
      service does not document how it compares them; so are names, which are also sent where the
      service has a filter for them and there is one to send.
    * The status of order items is the exception: the service documents its words, so a single one
      of them is sent, in the service's spelling.
    * Without a parent, all parents are walked, one after the other. Several parents are listed one
      after the other, in the order given, so that an error belongs to one of them.
    * A parent that does not exist or may not be read is reported with its id, and the others
      continue. A project, order or order item without any record is looked up, since the service
      may return an empty list for an id that does not exist.
    * No record is yielded twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from ..client import PixxelClient
from ..errors import ApiError, NotFoundError, PermissionDeniedError
from ..records import Asset, Insight, Job, Record, Task
from ..sansio.api.record_filter import Criteria, Verdict, status_of, word
from .output.exit_codes import complain

R = TypeVar("R", bound=Record)

ORDER_ITEM_WORDS = frozenset(
    {"draft", "active", "fulfilled", "cancelled", "failed", "partially_fulfilled"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchScope:
    """The parents to search; an empty field does not restrict anything.

    Attributes:
        aois: Ids of AOIs.
        workflows: Ids of workflows.
        jobs: Ids of jobs; each is a job of one of the workflows.
        orders: Ids of orders.
        order_items: Ids of order items.
        items: Ids of items of the archive.
        collections: Ids of collections of the archive.
        geometry: What an image intersects: a GeoJSON file.
        captured: When an image was taken: a time or an interval.
    """

    aois: tuple[str, ...] = ()
    workflows: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    order_items: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    geometry: str | None = None
    captured: str | None = None


@dataclass(slots=True)
class Finder:
    """Finds records, and counts what it skips.

    Attributes:
        unreadable: The parents that could not be read.
        other_statuses: How many records were skipped for their status alone, by status.
        without_time: How many records were skipped because they have no creation time.
    """

    client: PixxelClient
    scope: SearchScope
    criteria: Criteria
    unreadable: set[str] = field(default_factory=set)
    other_statuses: Counter[str] = field(default_factory=Counter)
    without_time: int = 0

    async def find(self, noun: Noun, limit: int | None = None) -> AsyncIterator[Record]:
        """Yield the records that match, at most `limit` of them."""
        found = 0
        async for record in noun(self):
            match self.criteria.judge(record):
                case Verdict.TAKE:
                    yield record
                    found += 1
                    if found == limit:
                        return
                case Verdict.STATUS:
                    self.other_statuses[word(status_of(record)) or "none"] += 1
                case Verdict.NO_TIME:
                    self.without_time += 1
                case Verdict.OTHER:
                    pass

    async def inside(
        self, parent_id: str, what: str, children: AsyncIterator[R]
    ) -> AsyncIterator[R]:
        """Yield the children of a parent; report a parent that cannot be read."""
        try:
            async for child in children:
                yield child
        except (NotFoundError, PermissionDeniedError) as error:
            self.skip(parent_id, what, error)

    async def of_each(
        self,
        what: str,
        ids: tuple[str, ...],
        children: Callable[[str | None], AsyncIterator[R]],
        get: Callable[[str], Awaitable[Record]],
    ) -> AsyncIterator[R]:
        """Yield the children of each parent in `ids`, or of all parents if there are none.

        Args:
            what: The noun of the parents.
            ids: Their ids.
            children: Lists the children of one parent, or of all.
            get: Looks up a parent without children.
        """
        if not ids:
            async for record in children(None):
                yield record
        seen: set[str] = set()
        for parent_id in ids:
            is_empty, unreadable = True, len(self.unreadable)
            async for record in self.inside(parent_id, what, children(parent_id)):
                is_empty = False
                if record.id not in seen:
                    seen.add(record.id)
                    yield record
            if is_empty and len(self.unreadable) == unreadable:
                try:
                    await get(parent_id)
                except (NotFoundError, PermissionDeniedError) as error:
                    self.skip(parent_id, what, error)

    def of_projects(self, children: Callable[[str | None], AsyncIterator[R]]) -> AsyncIterator[R]:
        """Yield the records of each given project, or of all projects."""
        get = self.client.projects.get
        return self.of_each("project", self.criteria.project_ids, children, get)

    def of_orders(self, children: Callable[[str | None], AsyncIterator[R]]) -> AsyncIterator[R]:
        """Yield the records of each given order, or of all orders."""
        return self.of_each("order", self.scope.orders, children, self.client.orders.get)

    def skip(self, parent_id: str, what: str, error: ApiError) -> None:
        """Report a parent that cannot be read, once."""
        parent = f"{what} {parent_id}"
        if parent not in self.unreadable:
            self.unreadable.add(parent)
            complain(f"{parent}: skipped: {error}")


Noun: TypeAlias = Callable[[Finder], AsyncIterator[Record]]
"""Lists the records of a noun, before they are filtered."""


def projects(finder: Finder) -> AsyncIterator[Record]:
    """List projects."""
    return finder.client.projects.list()


def aois(finder: Finder) -> AsyncIterator[Record]:
    """List AOIs."""
    return finder.of_projects(
        lambda project: finder.client.aois.list(
            project_ids=_optional(project), aoi_name=finder.criteria.plain_name
        )
    )


async def assets(finder: Finder) -> AsyncIterator[Asset]:
    """List the assets of the given AOIs, or of all."""
    async for aoi in _aoi_ids(finder):
        async for asset in finder.inside(aoi, "AOI", finder.client.aois.list_assets(aoi)):
            yield asset


async def insights(finder: Finder) -> AsyncIterator[Insight]:
    """List the insights of the given AOIs, or of all."""
    async for aoi in _aoi_ids(finder):
        async for insight in finder.inside(aoi, "AOI", finder.client.insights.list(aoi)):
            yield insight


def workflows(finder: Finder) -> AsyncIterator[Record]:
    """List workflows."""
    return finder.of_projects(
        lambda project: finder.client.workflows.list(
            project_id=project, name=finder.criteria.plain_name
        )
    )


async def jobs(finder: Finder) -> AsyncIterator[Job]:
    """List the jobs of the given workflows, or of all."""
    async for workflow in _workflow_ids(finder):
        async for job in finder.inside(workflow, "workflow", finder.client.jobs.list(workflow)):
            yield job


async def tasks(finder: Finder) -> AsyncIterator[Task]:
    """List the tasks of the given jobs, of all jobs of the given workflows, or of all."""
    if finder.scope.jobs:
        for job_id in finder.scope.jobs:
            async for task in _tasks_of_given(finder, job_id):
                yield task
        return
    async for job in jobs(finder):
        async for task in finder.inside(job.id, "job", _tasks_of(finder, job.workflow_id, job.id)):
            yield task


async def _tasks_of_given(finder: Finder, job_id: str) -> AsyncIterator[Task]:
    """Yield the tasks of a job, which is a job of one of the given workflows."""
    error: ApiError | None = None
    for workflow_id in finder.scope.workflows:
        try:
            async for task in _tasks_of(finder, workflow_id, job_id):
                yield task
        except (NotFoundError, PermissionDeniedError) as caught:
            error = caught
        else:
            return
    if error is not None:
        finder.skip(job_id, f"workflow {', '.join(finder.scope.workflows)}: job", error)


async def _tasks_of(finder: Finder, workflow_id: str, job_id: str) -> AsyncIterator[Task]:
    for task in (await finder.client.jobs.get(workflow_id, job_id)).tasks:
        yield task


async def _aoi_ids(finder: Finder) -> AsyncIterator[str]:
    for aoi_id in finder.scope.aois:
        yield aoi_id
    if not finder.scope.aois:
        async for aoi in finder.of_projects(
            lambda project: finder.client.aois.list(project_ids=_optional(project))
        ):
            yield aoi.id


async def _workflow_ids(finder: Finder) -> AsyncIterator[str]:
    for workflow_id in finder.scope.workflows:
        yield workflow_id
    if not finder.scope.workflows:
        async for workflow in finder.of_projects(
            lambda project: finder.client.workflows.list(project_id=project)
        ):
            yield workflow.id


def catalogs(finder: Finder) -> AsyncIterator[Record]:
    """Search the images that the account owns."""
    client = finder.client

    def of_order(order: str | None) -> AsyncIterator[Record]:
        def of_item(item: str | None) -> AsyncIterator[Record]:
            return client.catalogs.search(
                order_ids=_optional(order),
                order_item_ids=_optional(item),
                item_ids=finder.scope.items or None,
                collections=finder.scope.collections or None,
                intersects=finder.scope.geometry,
                datetime=finder.scope.captured,
            )

        return finder.of_each(
            "order item", finder.scope.order_items, of_item, client.order_items.get
        )

    return finder.of_orders(of_order)


def orders(finder: Finder) -> AsyncIterator[Record]:
    """List orders."""
    return finder.client.orders.list()


def order_items(finder: Finder) -> AsyncIterator[Record]:
    """List order items."""
    known = finder.criteria.statuses & ORDER_ITEM_WORDS
    is_one = len(known) == len(finder.criteria.statuses) == 1

    def of_project(project: str | None) -> AsyncIterator[Record]:
        return finder.of_orders(
            lambda order: finder.client.order_items.list(
                order_ids=_optional(order),
                project_ids=_optional(project),
                status=next(iter(known)).upper() if is_one else None,
            )
        )

    return finder.of_projects(of_project)


def _optional(parent_id: str | None) -> tuple[str, ...] | None:
    return None if parent_id is None else (parent_id,)
