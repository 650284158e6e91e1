"""Tasks: the steps of a job."""

from __future__ import annotations

from ..downloads import parse_download
from ..http.service_calls import Api
from ..models import Package


class Tasks:
    """The calls that concern tasks."""

    def __init__(self, api: Api) -> None:
        """Use the client's calls."""
        self._api = api

    async def create_download(self, workflow_id: str, job_id: str, task_id: str) -> Package:
        """Ask for a package of a task, or ask how far it has come: it is the same call.

        Args:
            workflow_id: The workflow.
            job_id: The job.
            task_id: The task.

        Raises:
            InputError: An id is empty or too long, or a list is not as it should be.
            TransportError: No complete answer came, and the attempts are used up.
            ApiError: The service answered with an error.
            ResponseError: Its answer is not as documented (operation `downloadTask`).
        """
        row = {"workflow_id": workflow_id, "job_id": job_id, "task_id": task_id}
        return await self._api.create(parse_download({"kind": "task", **row}))
