"""Finds records: asks the service's lists, walks from parents to what lies in them, and filters.

Rules:
    * Where the service has a filter whose working is documented (ids, projects, orders, the time
      when an image was taken), it filters. Times of creation and status words are compared on
      this side, since the document does not say how the service compares them; so is a name,
      which the service is asked for as well where it takes one.
    * The status of order items is the exception: the document lists its words, so a single one of
      them is sent, as it spells it.
    * Without a parent, all parents are walked, one after the other. A parent that is gone or may
      not be looked into is told, and the others go on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from ..client import PixxelClient
from ..errors import NotFoundError, PermissionDeniedError
from ..records import Asset, Insight, Job, Record, Task
from ..sansio.api.record_filter import Criteria, Verdict, status_of, word
from .output.exit_codes import complain

R = TypeVar("R", bound=Record)

ORDER_ITEM_WORDS = frozenset(
    {"draft", "active", "fulfilled", "cancelled", "failed", "partially_fulfilled"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where to look; what is None or empty does not matter.

    Attributes:
        aoi: An area of interest.
        workflow: A workflow.
        job: A job of the workflow.
        orders: Orders.
        order_items: Order items.
        captured: When an image was taken: a time or an interval.
    """

    aoi: str | None = None
    workflow: str | None = None
    job: str | None = None
    orders: tuple[str, ...] = ()
    order_items: tuple[str, ...] = ()
    captured: str | None = None


@dataclass(slots=True)
class Finder:
    """Looks for records, and counts what was left out.

    Attributes:
        unreadable: How many parents could not be looked into.
        other_statuses: How many records were left out for their status alone, by status.
        without_time: How many records were left out since they tell no time.
    """

    client: PixxelClient
    place: Place
    criteria: Criteria
    unreadable: int = 0
    other_statuses: Counter[str] = field(default_factory=Counter)
    without_time: int = 0

    async def find(self, noun: Noun, limit: int | None = None) -> AsyncIterator[Record]:
        """Yield the records that are wanted, at most so many."""
        taken = 0
        async for record in noun(self):
            match self.criteria.judge(record):
                case Verdict.TAKE:
                    yield record
                    taken += 1
                    if taken == limit:
                        return
                case Verdict.STATUS:
                    self.other_statuses[word(status_of(record)) or "none"] += 1
                case Verdict.NO_TIME:
                    self.without_time += 1
                case Verdict.OTHER:
                    pass

    async def inside(
        self, parent: Record, what: str, children: AsyncIterator[R]
    ) -> AsyncIterator[R]:
        """Yield what lies in a parent that was come upon; tell if it cannot be looked into."""
        try:
            async for child in children:
                yield child
        except (NotFoundError, PermissionDeniedError) as error:
            self.unreadable += 1
            complain(f"{what} {parent.id}: left out: {error}")

    @property
    def projects(self) -> tuple[str, ...] | None:
        """The project, as lists of the service take it."""
        return (self.criteria.project_id,) if self.criteria.project_id else None


Noun: TypeAlias = Callable[[Finder], AsyncIterator[Record]]
"""Lists the records of a noun, before they are judged."""


def projects(finder: Finder) -> AsyncIterator[Record]:
    """List projects."""
    return finder.client.projects.list()


def aois(finder: Finder) -> AsyncIterator[Record]:
    """List areas of interest."""
    return finder.client.aois.list(project_ids=finder.projects, aoi_name=finder.criteria.plain_name)


async def assets(finder: Finder) -> AsyncIterator[Asset]:
    """List assets: of an area of interest, or of all."""
    client = finder.client
    if finder.place.aoi is not None:
        async for asset in client.aois.list_assets(finder.place.aoi):
            yield asset
        return
    async for aoi in client.aois.list(project_ids=finder.projects):
        async for asset in finder.inside(aoi, "AOI", client.aois.list_assets(aoi.id)):
            yield asset


async def insights(finder: Finder) -> AsyncIterator[Insight]:
    """List insights: of an area of interest, or of all."""
    client = finder.client
    if finder.place.aoi is not None:
        async for insight in client.insights.list(finder.place.aoi):
            yield insight
        return
    async for aoi in client.aois.list(project_ids=finder.projects):
        async for insight in finder.inside(aoi, "AOI", client.insights.list(aoi.id)):
            yield insight


def workflows(finder: Finder) -> AsyncIterator[Record]:
    """List workflows."""
    return finder.client.workflows.list(
        project_id=finder.criteria.project_id, name=finder.criteria.plain_name
    )


async def jobs(finder: Finder) -> AsyncIterator[Job]:
    """List jobs: of a workflow, or of all."""
    client = finder.client
    if finder.place.workflow is not None:
        async for job in client.jobs.list(finder.place.workflow):
            yield job
        return
    async for workflow in client.workflows.list(project_id=finder.criteria.project_id):
        async for job in finder.inside(workflow, "workflow", client.jobs.list(workflow.id)):
            yield job


async def tasks(finder: Finder) -> AsyncIterator[Task]:
    """List tasks: of a job, of all jobs of a workflow, or of all."""
    workflow, job_id = finder.place.workflow, finder.place.job
    if workflow is not None and job_id is not None:
        for task in (await finder.client.jobs.get(workflow, job_id)).tasks:
            yield task
        return
    async for job in jobs(finder):
        async for task in finder.inside(job, "job", _tasks_of(finder, job)):
            yield task


async def _tasks_of(finder: Finder, job: Job) -> AsyncIterator[Task]:
    for task in (await finder.client.jobs.get(job.workflow_id, job.id)).tasks:
        yield task


def catalogs(finder: Finder) -> AsyncIterator[Record]:
    """Search images that the account owns."""
    return finder.client.catalogs.search(
        order_ids=finder.place.orders or None,
        order_item_ids=finder.place.order_items or None,
        datetime=finder.place.captured,
    )


def orders(finder: Finder) -> AsyncIterator[Record]:
    """List orders."""
    return finder.client.orders.list()


def order_items(finder: Finder) -> AsyncIterator[Record]:
    """List order items."""
    known = finder.criteria.statuses & ORDER_ITEM_WORDS
    is_one = len(known) == len(finder.criteria.statuses) == 1
    return finder.client.order_items.list(
        order_ids=finder.place.orders or None,
        project_ids=finder.projects,
        status=next(iter(known)).upper() if is_one else None,
    )
