"""AOIs: areas of interest, and the assets that lie on them."""

from __future__ import annotations

from collections.abc import Iterable

from ..downloads import parse_download
from ..models import Package
from ..sansio import wire
from ..transport.api import Api


class Aois:
    """The calls that concern areas of interest."""

    def __init__(self, api: Api) -> None:
        """Use the client's calls."""
        self._api = api

    async def create_download(self, aoi_id: str, asset_ids: Iterable[str]) -> Package:
        """Ask for a package of assets; each call makes a new package.

        Args:
            aoi_id: The area of interest.
            asset_ids: At least one asset of it.

        Raises:
            InputError: An id is empty or too long, or a list is not as it should be.
            TransportError: No complete answer came. If `sent` is true, the service may have made
                the package all the same.
            ApiError: The service answered with an error.
            ResponseError: Its answer is not as documented (operation `AOICreateDownload`).
        """
        row = {"aoi_id": aoi_id, "asset_ids": asset_ids}
        return await self._api.create(parse_download({"kind": "aoi", **row}))

    async def get_download(self, aoi_id: str, download_id: str) -> Package:
        """Ask how far a package has come.

        Args:
            aoi_id: The area of interest.
            download_id: The id that `create_download` returned.

        Raises:
            TransportError: No complete answer came, and the attempts are used up.
            ApiError: The service answered with an error.
            ResponseError: Its answer is not as documented (operation `GetDownloadStatus`).
        """
        return await self._api.status_by_id(wire.aoi_status(aoi_id, download_id), download_id)
