"""Jobs: runs of a workflow."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from functools import partial

from ..downloads import parse_download
from ..http.service_calls import Api
from ..models import Package
from ..records import Job
from ..sansio.api.list_calls import Source, When, given
from .changes import create
from .listing import Listing, get
from .watch import EVERY_S, Watch, ids_of


class Jobs:
    """Calls for jobs.

        async for workflow in client.workflows.list():
            async for job in client.jobs.list(workflow.id):
                tasks = (await client.jobs.get(workflow.id, job.id)).tasks

    Use it as `client.jobs`.
    """

    def __init__(self, api: Api) -> None:
        """Send calls through `api`."""
        self._api = api

    def list(
        self,
        workflow_id: str,
        *,
        job_id: str | None = None,
        status: str | None = None,
        created_by: str | None = None,
        created_on: When | None = None,
    ) -> AsyncIterator[Job]:
        """List the jobs of a workflow, without their tasks (operation `listJobs`); no paging.

        Args:
            workflow_id: The workflow.
            job_id: Only this one (the service's filter `id`).
            status: Their status, as the service spells it.
            created_by: The user who created them.
            created_on: When they were created; the service does not document how it compares.

        Returns:
            An async iterator. It sends nothing until it is iterated, and raises as `get` does.
        """
        source = Source(
            operation="listJobs",
            record=Job,
            path=("workflows", workflow_id, "jobs"),
            within="jobs",
            parents={"workflow_id": workflow_id},
            query={
                "id": job_id,
                "status": status,
                "created_by": created_by,
                "created_on": created_on,
            },
        )
        return Listing(self._api, source)

    def watch(
        self,
        workflow_ids: Iterable[str],
        *,
        every_s: float = EVERY_S,
        status: str | Iterable[str] | None = None,
        since: datetime | None = None,
        rounds: int | None = None,
    ) -> Watch[Job]:
        """Yield jobs as they finish, each of them once, without tasks (operation `listJobs`).

            workflows = [workflow.id async for workflow in client.workflows.list()]
            async for job in client.jobs.watch(workflows, every_s=60, rounds=1):
                print(job.id, job.finished_at)

        Args:
            workflow_ids: The workflows.
            every_s: The interval at which each list is read, in seconds.
            status: The status words of a finished job, in any case; by default every word that
                means a successful end.
            since: Leave out what had finished before that; by default nothing is left out.
            rounds: End after reading each list so often; by default it never ends.

        Returns:
            An async iterator. It sends nothing until it is iterated, and needs no closing.

        Raises:
            InputError: There is no id, or a number is out of range.
        """
        ids = ids_of(workflow_ids, "workflow_ids")
        return Watch(
            {f"workflow {workflow_id}": partial(self.list, workflow_id) for workflow_id in ids},
            every_s=every_s,
            status=status,
            since=since,
            rounds=rounds,
        )

    async def create(
        self, workflow_id: str, project_id: str, *, repeat_if_lost: bool = False
    ) -> Job:
        """Run a workflow: create a job (operation `createJob`). This spends tokens.

            workflow = await anext(client.workflows.list())
            job = await client.jobs.create(workflow.id, workflow.project_id)
            print(job.id, job.status, job.cost)

        Each call creates another job. It is sent once, unless the service certainly did nothing.
        `client.workflows.estimate` returns the cost first.

        Args:
            workflow_id: The workflow.
            project_id: Its project, which the service requires.
            repeat_if_lost: If the response is lost or the service fails, send it again, although
                a second job may be created and paid.

        Raises:
            InputError: An id is empty.
            AnswerLostError: The response was lost, and the job may have been created; `list` shows
                it.
            TransportError: Nothing was sent, and no attempts are left.
            ApiError: The service responded with an error.
            ResponseError: The response is not as documented; the job may have been created.
        """
        source = Source(
            operation="createJob",
            record=Job,
            path=("workflows", workflow_id, "jobs"),
            parents={"workflow_id": workflow_id},
            query={"project_id": given("createJob", "project_id", project_id)},
            method="POST",
        )
        return await create(self._api, source, repeat_if_lost=repeat_if_lost)

    async def get(self, workflow_id: str, job_id: str) -> Job:
        """Return one job with its tasks.

        Args:
            workflow_id: The workflow.
            job_id: The job.

        Raises:
            TransportError: No complete response arrived, and no attempts are left.
            ApiError: The service responded with an error.
            ResponseError: The response is not as documented (operation `getJobById`).
        """
        source = Source(
            operation="getJobById",
            record=Job,
            path=("workflows", workflow_id, "jobs", job_id),
            parents={"workflow_id": workflow_id, "id": job_id},
        )
        return await get(self._api, source)

    async def create_download(self, workflow_id: str, job_id: str) -> Package:
        """Request a package of a job, or return its state if it exists: the call is the same.

        Args:
            workflow_id: The workflow.
            job_id: The job.

        Raises:
            InputError: An id is empty or too long, or a list is invalid.
            TransportError: No complete response arrived, and no attempts are left.
            ApiError: The service responded with an error.
            ResponseError: The response is not as documented (operation `downloadJob`).
        """
        row = {"workflow_id": workflow_id, "job_id": job_id}
        return await self._api.create(parse_download({"kind": "job", **row}))
