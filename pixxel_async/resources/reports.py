"""Reports of the workspace."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..destinations.paths import absolute_path
from ..destinations.whole_file import whole_file
from ..http.service_calls import Api
from ..records import ServiceModel
from ..sansio.api.list_calls import Source, record_call


class Reports:
    """Calls for reports.

        path = await client.reports.save("orders.csv", tz="Asia/Kolkata")

    Use it as `client.reports`.
    """

    def __init__(self, api: Api) -> None:
        """Send calls through `api`."""
        self._api = api

    async def save(self, path: str | Path, *, tz: str | None = None) -> Path:
        """Save the report of all orders of the workspace as CSV.

            print((await client.reports.save("orders.csv")).read_text())

        It costs nothing. The rows are written as they arrive; the file gets its name when it is
        complete, and replaces one that is there.

        Args:
            path: The file; its directory has to exist.
            tz: The time zone of its times, such as `Asia/Kolkata`.

        Returns:
            The absolute path.

        Raises:
            SinkError: The file cannot be written.
            TransportError: No complete response arrived, and no attempts are left.
            ApiError: The service responded with an error (operation `DownloadOrderReport`).
        """
        target = absolute_path(path)
        source = Source(
            operation="DownloadOrderReport",
            record=ServiceModel,
            path=("reports",),
            query={"tz": tz},
            accept="text/csv",
        )
        with whole_file(target) as file:
            await self._api.ask(replace(record_call(source), sink=file), lambda _: None)
        return target
