"""Indices: formulas over bands."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Literal

from ..http.service_calls import Api
from ..records import Index
from ..sansio.api.list_calls import Source, given
from ..sansio.api.pagination import PAGE_SIZE, Paging
from .changes import create
from .listing import Listing


class Indices:
    """Calls for indices.

        presets = [index async for index in client.indices.list(index_type="preset")]

    Use it as `client.indices`.
    """

    def __init__(self, api: Api) -> None:
        """Send calls through `api`."""
        self._api = api

    def list(
        self,
        *,
        satellite_id: str | None = None,
        index_type: str | None = None,
        expression_type: str | None = None,
        index_id: str | None = None,
        page_size: int = PAGE_SIZE,
    ) -> AsyncIterator[Index]:
        """List indices (operation `ListIndices`).

            async for index in client.indices.list(expression_type="index"):
                print(index.name, index.expression)

        Args:
            satellite_id: The satellite whose bands they use.
            index_type: `custom` or `preset`; the service's filter `type`.
            expression_type: `composite`, `index` or `grayscale`.
            index_id: Only this one.
            page_size: Records per call.

        Returns:
            An async iterator. It sends nothing until it is iterated, and raises as `aois.get` does.
        """
        source = Source(
            operation="ListIndices",
            record=Index,
            path=("indices",),
            paging=Paging.OFFSET,
            within="indices",
            query={
                "satellite_id": satellite_id,
                "type": index_type,
                "expression_type": expression_type,
                "index_id": index_id,
            },
        )
        return Listing(self._api, source, size=page_size)

    async def create(  # noqa: PLR0913 - the documented fields, by name
        self,
        *,
        name: str,
        expression: str,
        expression_type: Literal["composite", "index", "grayscale"],
        satellite_id: str,
        colormap: str,
        rescale: Iterable[int],
        description: str = "",
        repeat_if_lost: bool = False,
    ) -> Index:
        """Create a custom index (operation `CreateIndex`); the document names no price.

            satellite = await anext(client.satellites.list())
            index = await client.indices.create(
                name="NDVI of ours",
                expression="(B08-B04)/(B08+B04)",
                expression_type="index",
                satellite_id=satellite.id,
                colormap="rplumbho",
                rescale=[0, 1],
            )

        It is sent once, unless the service certainly did nothing.

        Args:
            name: The name.
            expression: The formula, with the names of bands.
            expression_type: `composite`, `index` or `grayscale`.
            satellite_id: The satellite whose bands it uses.
            colormap: The name of its colours.
            rescale: The range of values for display, as integers.
            description: What it shows.
            repeat_if_lost: If the response is lost or the service fails, send it again, although
                a second one may be created.

        Raises:
            InputError: An argument is empty.
            AnswerLostError: The response was lost, and it may have been created; `list` shows it.
            TransportError: Nothing was sent, and no attempts are left.
            ApiError: The service responded with an error.
            ResponseError: The response is not as documented; it may have been created.
        """
        operation = "CreateIndex"
        source = Source(
            operation=operation,
            record=Index,
            path=("indices",),
            body={
                "name": given(operation, "name", name),
                "description": description,
                "rescale": rescale,
                "expression": given(operation, "expression", expression),
                "colormap": given(operation, "colormap", colormap),
                "satellite_id": given(operation, "satellite_id", satellite_id),
                "expression_type": expression_type,
            },
        )
        return await create(self._api, source, repeat_if_lost=repeat_if_lost)
