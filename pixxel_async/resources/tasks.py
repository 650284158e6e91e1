"""Tasks: the steps of a job."""

from __future__ import annotations

from ..downloads import parse_download
from ..http.service_calls import Api
from ..models import Package


class Tasks:
    """Calls for tasks.

        package = await client.tasks.create_download("w-1", "j-1", "t-1")

    Iterators and packages need no closing; the client closes the connections.
    """

    def __init__(self, api: Api) -> None:
        """Send calls through `api`."""
        self._api = api

    async def create_download(self, workflow_id: str, job_id: str, task_id: str) -> Package:
        """Request a package of a task, or return its state if it exists: the call is the same.

        Args:
            workflow_id: The workflow.
            job_id: The job.
            task_id: The task.

        Raises:
            InputError: An id is empty or too long, or a list is invalid.
            TransportError: No complete response arrived, and no attempts are left.
            ApiError: The service responded with an error.
            ResponseError: The response is not as documented (operation `downloadTask`).
        """
        row = {"workflow_id": workflow_id, "job_id": job_id, "task_id": task_id}
        return await self._api.create(parse_download({"kind": "task", **row}))
