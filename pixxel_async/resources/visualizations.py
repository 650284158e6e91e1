"""Visualizations: indices, computed for an area of interest."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import date as day
from typing import Any, Literal, TypeAlias

from ..errors import InputError, ResponseError
from ..http.service_calls import Api
from ..records import Visualization, VisualizationMetadata, VisualizationStyles
from ..sansio.api.list_calls import Source, given, record_call
from ..sansio.api.pagination import PAGE_SIZE, Paging
from .changes import create
from .listing import Listing, get

Mode: TypeAlias = Literal["dynamic", "theoretical"]
"""Which legend: computed from the images, or from the index."""
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
MAX_BINS = 15


class Visualizations:
    """Calls for visualizations.

        aoi = await anext(client.aois.list())
        async for visualization in client.visualizations.list(aoi.id):
            print(visualization.id, visualization.status)

    Use it as `client.visualizations`.
    """

    def __init__(self, api: Api) -> None:
        """Send calls through `api`."""
        self._api = api

    def list(  # noqa: PLR0913 - the documented filters, by name
        self,
        aoi_id: str,
        *,
        visualization_type: str | None = None,
        user_id: str | None = None,
        expression_type: str | None = None,
        index_id: str | None = None,
        visualization_id: str | None = None,
        page_size: int = PAGE_SIZE,
    ) -> AsyncIterator[Visualization]:
        """List the visualizations of an area of interest (operation `ListVisualizations`).

            aoi = await anext(client.aois.list())
            ids = [one.id async for one in client.visualizations.list(aoi.id)]

        Args:
            aoi_id: The area of interest.
            visualization_type: Their type; the service's filter `type`.
            user_id: The user who created them.
            expression_type: `composite`, `index` or `grayscale`.
            index_id: Their index.
            visualization_id: Only this one.
            page_size: Records per call.

        Returns:
            An async iterator. It sends nothing until it is iterated, and raises as `aois.get` does.
        """
        source = Source(
            operation="ListVisualizations",
            record=Visualization,
            path=("aois", aoi_id, "visualizations"),
            paging=Paging.OFFSET,
            within="visualization",
            parents={"aoi_id": aoi_id},
            query={
                "type": visualization_type,
                "user_id": user_id,
                "expression_type": expression_type,
                "index_id": index_id,
                "visualization_id": visualization_id,
            },
        )
        return Listing(self._api, source, size=page_size)

    async def create(
        self,
        aoi_id: str,
        index_id: str,
        *,
        src_asset_ids: Iterable[str] | None = None,
        resolution: float | None = None,
        repeat_if_lost: bool = False,
    ) -> Visualization:
        """Compute an index for an area of interest (operation `CreateVisualization`).

            aoi = await anext(client.aois.list())
            index = await anext(client.indices.list())
            visualization = await client.visualizations.create(aoi.id, index.id)
            print(visualization.status)

        The document names no price. It is sent once, unless the service certainly did nothing.

        Args:
            aoi_id: The area of interest.
            index_id: The index; `client.indices.list` lists them.
            src_asset_ids: The assets that it is computed from; None leaves the choice to the
                service.
            resolution: In place of the satellite's own; the documentation names no unit.
            repeat_if_lost: If the response is lost or the service fails, send it again, although
                a second one may be created.

        Raises:
            InputError: An argument is empty.
            AnswerLostError: The response was lost, and it may have been created; `list` shows it.
            TransportError: Nothing was sent, and no attempts are left.
            ApiError: The service responded with an error.
            ResponseError: The response is not as documented; it may have been created.
        """
        source = Source(
            operation="CreateVisualization",
            record=Visualization,
            path=("aois", aoi_id, "visualizations"),
            parents={"aoi_id": aoi_id},
            body={
                "index_id": given("CreateVisualization", "index_id", index_id),
                "src_asset_ids": src_asset_ids,
                "resolution": resolution,
            },
        )
        return await create(self._api, source, repeat_if_lost=repeat_if_lost)

    async def update_metadata(  # noqa: PLR0913 - the documented fields, by name
        self,
        aoi_id: str,
        visualization_id: str,
        *,
        visualization_mode: Mode,
        legend: Mapping[str, Sequence[Mapping[str, Any]]],
        dynamic_bins: int | None = None,
        repeat_if_lost: bool = False,
    ) -> VisualizationMetadata:
        """Change the legend of one mode (operation `UpdateVisualizationMetadata`).

            aoi = await anext(client.aois.list())
            asset = await anext(client.aois.list_assets(aoi.id))
            async for shown in client.visualizations.list(aoi.id):
                await client.visualizations.update_metadata(
                    aoi.id,
                    shown.id,
                    visualization_mode="theoretical",
                    legend={asset.date.replace("-", "_"): [{"min": 0, "max": 51, "label": "Low"}]},
                )

        The other mode is kept. It costs nothing, and is sent once, unless the service certainly
        did nothing.

        Args:
            aoi_id: The area of interest.
            visualization_id: The visualization.
            visualization_mode: `dynamic` or `theoretical`.
            legend: By date, such as `2024_05_06`: steps with `min`, `max`, `color` and `label`.
            dynamic_bins: How many steps of equal size, 1 to 15; the mode `dynamic` requires it.
            repeat_if_lost: If the response is lost or the service fails, send it again.

        Raises:
            InputError: An id is empty, or `dynamic_bins` is missing or out of range.
            AnswerLostError: The response was lost, and the legend may have been changed.
            TransportError: Nothing was sent, and no attempts are left.
            ApiError: The service responded with an error.
            ResponseError: The response is not as documented; the legend may have been changed.
        """
        operation = "UpdateVisualizationMetadata"
        if visualization_mode == "dynamic" and dynamic_bins is None:
            message = f"{operation}: the mode dynamic needs dynamic_bins, from 1 to {MAX_BINS}"
            raise InputError(message)
        if dynamic_bins is not None and not 1 <= dynamic_bins <= MAX_BINS:
            message = f"{operation}: dynamic_bins is {dynamic_bins}; give 1 to {MAX_BINS}"
            raise InputError(message)
        source = Source(
            operation=operation,
            record=VisualizationMetadata,
            path=("aois", aoi_id, "visualizations", visualization_id, "metadata"),
            method="PUT",
            body={
                "visualization_mode": visualization_mode,
                "legend": {date: list(map(dict, steps)) for date, steps in legend.items()},
                "dynamic_bins": dynamic_bins,
            },
        )
        return await create(self._api, source, repeat_if_lost=repeat_if_lost)

    async def rollback_metadata(  # noqa: PLR0913 - the documented fields, by name
        self,
        aoi_id: str,
        visualization_id: str,
        *,
        index_id: str,
        dates: Iterable[str | day],
        visualization_mode: Mode,
        repeat_if_lost: bool = False,
    ) -> Visualization:
        """Recompute the legend of one mode (operation `RollbackVisualizationMetadata`).

            aoi = await anext(client.aois.list())
            asset = await anext(client.aois.list_assets(aoi.id))
            async for shown in client.visualizations.list(aoi.id):
                await client.visualizations.rollback_metadata(
                    aoi.id,
                    shown.id,
                    index_id=shown.index_id,
                    dates=[asset.date.replace("-", "_")],
                    visualization_mode="dynamic",
                )

        This discards what `update_metadata` has set. It costs nothing, and is sent once, unless
        the service certainly did nothing.

        Args:
            aoi_id: The area of interest.
            visualization_id: The visualization.
            index_id: Its index.
            dates: The days, at least one; a text has the form `2024_05_06`.
            visualization_mode: `dynamic` or `theoretical`.
            repeat_if_lost: If the response is lost or the service fails, send it again.

        Raises:
            InputError: An argument is empty.
            AnswerLostError: The response was lost, and the legend may have been changed.
            TransportError: Nothing was sent, and no attempts are left.
            ApiError: The service responded with an error.
            ResponseError: The response is not as documented; the legend may have been changed.
        """
        operation = "RollbackVisualizationMetadata"
        source = Source(
            operation=operation,
            record=Visualization,
            path=("aois", aoi_id, "visualizations", visualization_id, "metadata"),
            parents={"aoi_id": aoi_id},
            method="PATCH",
            body={
                "index_id": given(operation, "index_id", index_id),
                "dates": _texts(dates),
                "visualization_mode": visualization_mode,
            },
        )
        return await create(self._api, source, repeat_if_lost=repeat_if_lost)

    async def png(
        self,
        aoi_id: str,
        visualization_id: str,
        *,
        index_id: str,
        date: str | day,
        visualization_mode: Mode,
    ) -> bytes:
        """Return a picture of an index with its legend.

            aoi = await anext(client.aois.list())
            async for shown in client.visualizations.list(aoi.id):
                if shown.status == "success":
                    picture = await client.visualizations.png(
                        aoi.id,
                        shown.id,
                        index_id=shown.index_id,
                        date="2024_05_06",
                        visualization_mode="dynamic",
                    )
                    Path(f"{shown.id}.png").write_bytes(picture)

        It costs nothing.

        Args:
            aoi_id: The area of interest.
            visualization_id: The visualization.
            index_id: Its index.
            date: The day; a text has the form `2024_05_06`.
            visualization_mode: `dynamic` or `theoretical`.

        Returns:
            The bytes of a PNG file.

        Raises:
            InputError: An argument is empty.
            TransportError: No complete response arrived, and no attempts are left.
            ApiError: The service responded with an error.
            ResponseError: The response is not a PNG, or larger than `Limits.max_answer_bytes`
                (operation `GenerateIndexPng`).
        """
        operation = "GenerateIndexPng"
        source = Source(
            operation=operation,
            record=Visualization,
            path=("aois", aoi_id, "visualizations", visualization_id, "png"),
            body={
                "index_id": given(operation, "index_id", index_id),
                "date": given(operation, "date", _text(date)),
                "visualization_mode": visualization_mode,
            },
            accept="image/png",
        )
        return await self._api.ask(record_call(source), _png)

    async def sld(
        self,
        aoi_id: str,
        visualization_id: str,
        *,
        dates: Iterable[str | day],
        visualization_modes: Iterable[Mode],
    ) -> VisualizationStyles:
        """Return Styled Layer Descriptors, for map servers.

            aoi = await anext(client.aois.list())
            async for shown in client.visualizations.list(aoi.id):
                if shown.status == "success":
                    styles = await client.visualizations.sld(
                        aoi.id, shown.id, dates=["2024_05_06"], visualization_modes=["dynamic"]
                    )
                    print(styles.sld["dynamic"]["2024_05_06"])

        It costs nothing.

        Args:
            aoi_id: The area of interest.
            visualization_id: The visualization.
            dates: The days, at least one; a text has the form `2024_05_06`.
            visualization_modes: `dynamic`, `theoretical` or both.

        Raises:
            InputError: An argument is empty.
            TransportError: No complete response arrived, and no attempts are left.
            ApiError: The service responded with an error.
            ResponseError: The response is not as documented (operation
                `GenerateVisualizationSLD`).
        """
        source = Source(
            operation="GenerateVisualizationSLD",
            record=VisualizationStyles,
            path=("aois", aoi_id, "visualizations", visualization_id, "sld"),
            body={"dates": _texts(dates), "visualization_modes": visualization_modes},
        )
        return await get(self._api, source)


def _text(date: str | day) -> str:
    return date if isinstance(date, str) else date.strftime("%Y_%m_%d")


def _texts(dates: Iterable[str | day]) -> tuple[str, ...]:
    if isinstance(dates, str):
        message = "dates is a single string; give a list"
        raise InputError(message)
    return tuple(map(_text, dates))


def _png(body: bytes) -> bytes:
    if body.startswith(PNG_MAGIC):
        return body
    message = "the answer to GenerateIndexPng is not a PNG"
    raise ResponseError(message)
