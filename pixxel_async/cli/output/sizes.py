"""`--dry-run --sizes`: looks into the packages that an export would save."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import anyio

from ...client import PixxelClient
from ...errors import PixxelError
from ...export.dry_run import Planned, PlannedAction
from ...models import Package, PackageStatus
from ...sansio.units import counted, size
from ..client_factory import client_of
from ..options.export import RunOptions

WOULD_BE_SAVED = frozenset({PlannedAction.CREATE, PlannedAction.POLL, PlannedAction.CREATE_AGAIN})


@dataclass(frozen=True, slots=True)
class Sizes:
    """What an export would save of one package.

    Attributes:
        files: The number of its files.
        packed_bytes: What they take in its ZIP: about what would be transferred.
        bytes: What they take when extracted.
    """

    files: int
    packed_bytes: int
    bytes: int


def look_into(planned: Sequence[Planned], options: RunOptions) -> dict[str, Sizes | PixxelError]:
    """Request the packages that would be saved, and return their sizes by their keys."""
    return asyncio.run(_look_into(planned, options))


def in_words(found: Sequence[Sizes]) -> str:
    """Return the sum of sizes, for people."""
    files, packed = sum(one.files for one in found), sum(one.packed_bytes for one in found)
    unpacked = sum(one.bytes for one in found)
    return (
        f"looked into {counted(len(found), 'package')}: {counted(files, 'file')}, "
        f"{size(packed)} to transfer, {size(unpacked)} when extracted"
    )


async def _look_into(
    planned: Sequence[Planned], options: RunOptions
) -> dict[str, Sizes | PixxelError]:
    found: dict[str, Sizes | PixxelError] = {}
    pending = anyio.Semaphore(options.limits.pending)

    async def look(client: PixxelClient, package: Planned) -> None:
        async with pending:
            try:
                found[package.download.key] = await _sizes(client, package, options)
            except PixxelError as error:
                found[package.download.key] = error

    async with client_of(options) as client, anyio.create_task_group() as tasks:
        for package in planned:
            if package.intent in WOULD_BE_SAVED:
                tasks.start_soon(look, client, package)
    return found


async def _sizes(client: PixxelClient, package: Planned, options: RunOptions) -> Sizes:
    download = package.download
    if package.download_id is not None:  # an earlier run requested it: no other is
        download = client.packages.adopt(
            Package(
                download=download,
                status=PackageStatus.PENDING,
                status_word="",
                download_id=package.download_id,
                signed_url=None,
            )
        )
    members = [one for one in await client.peek(download) if options.members.wants(one.name)]
    packed = sum(one.packed_size for one in members)
    return Sizes(len(members), packed, sum(one.size for one in members))
