"""Insights: results that were derived for an area of interest."""

from __future__ import annotations

from collections.abc import Iterable

from ..downloads import parse_download
from ..models import Package
from ..transport.api import Api


class Insights:
    """The calls that concern insights."""

    def __init__(self, api: Api) -> None:
        """Use the client's calls."""
        self._api = api

    async def create_download(
        self,
        aoi_id: str,
        insight_id: str,
        *,
        inputs: Iterable[str] = (),
        outputs: Iterable[str] = (),
    ) -> Package:
        """Ask for a package of an insight, or ask how far it has come: it is the same call.

        Args:
            aoi_id: The area of interest.
            insight_id: The insight.
            inputs: Asset ids of inputs to include.
            outputs: Asset ids of outputs to include.

        Raises:
            InputError: An id is empty or too long, or a list is not as it should be.
            TransportError: No complete answer came, and the attempts are used up.
            ApiError: The service answered with an error.
            ResponseError: Its answer is not as documented (operation `downloadInsights`).
        """
        row = {"aoi_id": aoi_id, "insight_id": insight_id, "inputs": inputs, "outputs": outputs}
        return await self._api.create(parse_download({"kind": "insight", **row}))
