"""Insights: results derived for an area of interest."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from ..downloads import parse_download
from ..http.service_calls import Api
from ..models import Package
from ..records import Estimate, Insight, ServiceModel
from ..sansio.api.list_calls import Source, When, given
from .changes import create, delete
from .listing import Listing, get
from .watch import EVERY_S, Watch, ids_of


class Insights:
    """Calls for insights.

        async for aoi in client.aois.list():
            async for insight in client.insights.list(aoi.id):
                print(insight.name, insight.status)

    Use it as `client.insights`.
    """

    def __init__(self, api: Api) -> None:
        """Send calls through `api`."""
        self._api = api

    def list(
        self,
        aoi_id: str,
        *,
        insight_id: str | None = None,
        status: str | None = None,
        created_by: str | None = None,
        created_on: When | None = None,
    ) -> AsyncIterator[Insight]:
        """List the insights of an area of interest (operation `listInsights`); no paging.

        Args:
            aoi_id: The area of interest.
            insight_id: Only this one (the service's filter `id`).
            status: Their status, as the service spells it.
            created_by: The user who created them.
            created_on: When they were created; the service does not document how it compares.

        Returns:
            An async iterator. It sends nothing until it is iterated, and raises as
            `create_download` does.
        """
        source = Source(
            operation="listInsights",
            record=Insight,
            path=("aoi", aoi_id, "insights"),
            within="insights",
            parents={"aoi_id": aoi_id},
            query={
                "id": insight_id,
                "status": status,
                "created_by": created_by,
                "created_on": created_on,
            },
        )
        return Listing(self._api, source)

    def watch(
        self,
        aoi_ids: Iterable[str],
        *,
        every_s: float = EVERY_S,
        status: str | Iterable[str] | None = None,
        since: datetime | None = None,
        rounds: int | None = None,
    ) -> Watch[Insight]:
        """Yield insights as they finish, each of them once (operation `listInsights`).

            aoi = await anext(client.aois.list())
            async for insight in client.insights.watch([aoi.id], every_s=60):
                download = InsightDownload(aoi_id=insight.aoi_id, insight_id=insight.id)
                await client.download(download, "packages")
                break  # or watch forever

        Args:
            aoi_ids: The areas of interest.
            every_s: The interval at which each list is read, in seconds.
            status: The status words of a finished insight, in any case; by default every word that
                means a successful end.
            since: Leave out what had finished before that; by default nothing is left out.
            rounds: End after reading each list so often; by default it never ends.

        Returns:
            An async iterator. It sends nothing until it is iterated, and needs no closing.

        Raises:
            InputError: There is no id, or a number is out of range.
        """
        ids = ids_of(aoi_ids, "aoi_ids")
        return Watch(
            {f"AOI {aoi_id}": partial(self.list, aoi_id) for aoi_id in ids},
            every_s=every_s,
            status=status,
            since=since,
            rounds=rounds,
        )

    async def create(  # noqa: PLR0913 - the documented fields, by name
        self,
        aoi_id: str,
        block: str,
        version: str,
        inputs: Iterable[Any],
        *,
        name: str | None = None,
        project_id: str | None = None,
        metadata: Mapping[str, str] | None = None,
        repeat_if_lost: bool = False,
    ) -> Insight:
        """Run a block on an area of interest (operation `createInsights`). This spends tokens.

            aoi = await anext(client.aois.list())
            block = await anext(client.blocks.list(mode="insight"))
            insight = await client.insights.create(aoi.id, block.name, block.version, [1])
            print(insight.id, insight.message)

        Each call creates another insight. It is sent once, unless the service certainly did
        nothing. `estimate` returns the cost first.

        Args:
            aoi_id: The area of interest.
            block: The name of the block; `client.blocks.list(mode="insight")` lists them.
            version: Its version.
            inputs: The block's inputs, at least one (the service's field `input`).
            name: A title.
            project_id: The project.
            metadata: Texts of your own.
            repeat_if_lost: If the response is lost or the service fails, send it again, although
                a second insight may be created and paid.

        Returns:
            The insight with `id`, `aoi_id`, `name` and `message`; `list` returns the rest.

        Raises:
            InputError: An argument is empty.
            AnswerLostError: The response was lost, and the insight may have been created; `list`
                shows it.
            TransportError: Nothing was sent, and no attempts are left.
            ApiError: The service responded with an error.
            ResponseError: The response is not as documented; the insight may have been created.
        """
        body = {
            "name": name,
            "block": _block(block, version),
            "input": inputs,
            "project_id": project_id,
            "metadata": metadata,
        }
        source = Source(
            operation="createInsights",
            record=Insight,
            path=("aoi", aoi_id, "insights"),
            parents={"aoi_id": aoi_id} if name is None else {"aoi_id": aoi_id, "name": name},
            body=body,
        )
        return await create(self._api, source, repeat_if_lost=repeat_if_lost)

    async def estimate(  # noqa: PLR0913 - as `create`
        self,
        aoi_id: str,
        block: str,
        version: str,
        inputs: Iterable[Any],
        *,
        name: str | None = None,
        project_id: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> Estimate:
        """Return what `create` with these arguments would cost; this spends nothing.

            aoi = await anext(client.aois.list())
            block = await anext(client.blocks.list(mode="insight"))
            estimate = await client.insights.estimate(aoi.id, block.name, block.version, [1])
            print(estimate.cost)

        Args:
            aoi_id: The area of interest.
            block: The name of the block.
            version: Its version.
            inputs: The block's inputs, at least one.
            name: A title.
            project_id: The project.
            metadata: Texts of your own.

        Raises:
            InputError: An argument is empty.
            TransportError: No complete response arrived, and no attempts are left.
            ApiError: The service responded with an error.
            ResponseError: The response is not as documented (operation `createInsights` with
                `estimate`).
        """
        body = {
            "name": name,
            "block": _block(block, version),
            "input": inputs,
            "project_id": project_id,
            "metadata": metadata,
            "estimate": True,
        }
        source = Source(
            operation="createInsights",
            record=Estimate,
            path=("aoi", aoi_id, "insights"),
            body=body,
        )
        return await get(self._api, source)

    async def delete(
        self, aoi_id: str, insight_id: str, project_id: str, *, repeat_if_lost: bool = False
    ) -> None:
        """Delete an insight (operation `deleteInsights`); it cannot be restored.

            aoi = await anext(client.aois.list())
            insight = await anext(client.insights.list(aoi.id))
            await client.insights.delete(aoi.id, insight.id, aoi.project_id)

        It is sent once, unless the service certainly did nothing.

        Args:
            aoi_id: The area of interest.
            insight_id: The insight.
            project_id: The project of the area of interest, which the service requires.
            repeat_if_lost: If the response is lost or the service fails, send it again.

        Raises:
            InputError: An id is empty.
            AnswerLostError: The response was lost, and the insight may be deleted.
            TransportError: Nothing was sent, and no attempts are left.
            ApiError: The service responded with an error.
        """
        source = Source(
            operation="deleteInsights",
            record=ServiceModel,
            path=("aoi", aoi_id, "insights", insight_id),
            query={"project_id": given("deleteInsights", "project_id", project_id)},
            method="DELETE",
        )
        await delete(self._api, source, repeat_if_lost=repeat_if_lost)

    async def create_download(
        self,
        aoi_id: str,
        insight_id: str,
        *,
        inputs: Iterable[str] = (),
        outputs: Iterable[str] = (),
    ) -> Package:
        """Request a package of an insight, or return its state if it exists: the call is the same.

        Args:
            aoi_id: The area of interest.
            insight_id: The insight.
            inputs: Asset ids of inputs to include.
            outputs: Asset ids of outputs to include.

        Raises:
            InputError: An id is empty or too long, or a list is invalid.
            TransportError: No complete response arrived, and no attempts are left.
            ApiError: The service responded with an error.
            ResponseError: The response is not as documented (operation `downloadInsights`).
        """
        row = {"aoi_id": aoi_id, "insight_id": insight_id, "inputs": inputs, "outputs": outputs}
        return await self._api.create(parse_download({"kind": "insight", **row}))


def _block(name: str, version: str) -> dict[str, str]:
    return {
        "name": given("createInsights", "block", name),
        "version": given("createInsights", "version", version),
    }
