"""Catalogs: imagery that the account owns."""

from __future__ import annotations

from collections.abc import Iterable

from ..downloads import parse_download
from ..models import Package
from ..sansio import wire
from ..transport.api import Api


class Catalogs:
    """The calls that concern owned imagery."""

    def __init__(self, api: Api) -> None:
        """Use the client's calls."""
        self._api = api

    async def create_download(
        self,
        *,
        catalog_ids: Iterable[str] = (),
        order_item_ids: Iterable[str] = (),
    ) -> Package:
        """Ask for a package of images; each call makes a new package.

        Args:
            catalog_ids: Catalog ids; give these or `order_item_ids`, not both.
            order_item_ids: Order items.

        Raises:
            InputError: An id is empty or too long, or a list is not as it should be.
            TransportError: No complete answer came. If `sent` is true, the service may have made
                the package all the same.
            ApiError: The service answered with an error.
            ResponseError: Its answer is not as documented (operation `CreateDownload`).
        """
        row = {"catalog_ids": catalog_ids, "order_item_ids": order_item_ids}
        return await self._api.create(parse_download({"kind": "catalog", **row}))

    async def get_download(self, download_id: str) -> Package:
        """Ask how far a package has come.

        Args:
            download_id: The id that `create_download` returned.

        Raises:
            TransportError: No complete answer came, and the attempts are used up.
            ApiError: The service answered with an error.
            ResponseError: Its answer is not as documented (operation `GetDownloadById`).
        """
        return await self._api.status_by_id(wire.catalog_status(download_id), download_id)
