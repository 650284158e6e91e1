"""A package whose GETs are struck by a fault."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from pixxel_async.sandbox import Scenario, StorageFault
from pixxel_async.sandbox.faults import StorageAction
from pixxel_async.sandbox.scenario import Checksum

from .stand import AT_ONCE, Stand, stand

FROM_1000 = {"Range": "bytes=1000-"}


@dataclass
class Struck:
    """A package whose GETs are struck by a fault, and what it should be."""

    it: Stand
    url: str
    true: bytes

    @property
    def actions(self) -> list[str]:
        return [got.action for got in self.it.sandbox.gets]


@asynccontextmanager
async def struck(
    action: StorageAction, *, checksum: Checksum = "crc32", **fault: Any
) -> AsyncIterator[Struck]:
    faults = (StorageFault(action, **fault),)
    scenario = Scenario(
        packaging=AT_ONCE, package_bytes=50_000, checksum=checksum, faults=faults, url_style="s3"
    )
    async with stand(scenario) as it:
        url = await it.url()
        true = b"".join(it.sandbox.packages[0].content())
        yield Struck(it, url, true)


def is_zip(body: bytes) -> bool:
    return zipfile.is_zipfile(io.BytesIO(body))
