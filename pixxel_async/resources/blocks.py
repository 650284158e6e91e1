"""Blocks: what insights and workflows run."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ..http.service_calls import Api
from ..records import Block
from ..sansio.api.list_calls import Source
from .listing import Listing, get


class Blocks:
    """Calls for blocks.

        async for block in client.blocks.list(mode="insight"):
            print(block.name, block.version)

    Use it as `client.blocks`. The service's document gives its operations no id; those here
    are ours.
    """

    def __init__(self, api: Api) -> None:
        """Send calls through `api`."""
        self._api = api

    def list(self, *, mode: str | None = None) -> AsyncIterator[Block]:
        """List blocks (operation `listBlocks`); no paging.

            names = {block.name async for block in client.blocks.list(mode="workflow")}

        Args:
            mode: What they are for: `insight` or `workflow`.

        Returns:
            An async iterator. It sends nothing until it is iterated, and raises as `get` does.
        """
        source = Source(
            operation="listBlocks",
            record=Block,
            path=("blocks",),
            within="blocks",
            query={"mode": mode},
            identity=_identity,
        )
        return Listing(self._api, source)

    def list_versions(self, name: str) -> AsyncIterator[Block]:
        """List the versions of a block (operation `listBlockVersions`); no paging.

            block = await anext(client.blocks.list())
            versions = [one.version async for one in client.blocks.list_versions(block.name)]

        Args:
            name: The name of the block.

        Returns:
            An async iterator. It sends nothing until it is iterated, and raises as `get` does.
        """
        source = Source(
            operation="listBlockVersions",
            record=Block,
            path=("blocks", name),
            within="blocks",
            identity=_identity,
        )
        return Listing(self._api, source)

    async def get(self, name: str, version: str) -> Block:
        """Return one version of a block.

            first = await anext(client.blocks.list())
            block = await client.blocks.get(first.name, first.version)
            print(block.raw["spec"])

        Args:
            name: The name of the block.
            version: The version.

        Raises:
            InputError: An argument is empty.
            TransportError: No complete response arrived, and no attempts are left.
            ApiError: The service responded with an error.
            ResponseError: The response is not as documented (operation `getBlockVersion`).
        """
        source = Source(
            operation="getBlockVersion", record=Block, path=("blocks", name, "versions", version)
        )
        return await get(self._api, source)


def _identity(block: Block) -> str:
    """Versions of a block may have one id."""
    return f"{block.id}/{block.version}"
