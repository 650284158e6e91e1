"""Bandsets: sets of bands that tasking orders name."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ..http.service_calls import Api
from ..records import Bandset
from ..sansio.api.list_calls import Source
from .listing import Listing


class Bandsets:
    """Calls for bandsets.

        ids = {bandset.name: bandset.id async for bandset in client.bandsets.list()}

    Use it as `client.bandsets`.
    """

    def __init__(self, api: Api) -> None:
        """Send calls through `api`."""
        self._api = api

    def list(self) -> AsyncIterator[Bandset]:
        """List the bandsets for tasking orders (operation `ListBandsets`); no paging.

            async for bandset in client.bandsets.list():
                print(bandset.name, bandset.captures)

        Returns:
            An async iterator. It sends nothing until it is iterated, and raises as `aois.get` does.
        """
        source = Source(
            operation="ListBandsets", record=Bandset, path=("bandsets",), within="bandsets"
        )
        return Listing(self._api, source)
