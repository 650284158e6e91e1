"""What a client exports with: exports, downloads and waits are views of it.

Rules:
    * All of them share the calls' rate, the transfer slots, the bandwidth and the circuit breakers.
    * Single downloads into one folder are one export, and all waits share one schedule of polls.
    * A folder is opened once, with one journal, however many exports use it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

import anyio

from .. import events
from ..config import FolderPolicy
from ..destinations.paths import absolute_path
from ..downloads import Download
from ..errors import UsageError
from ..http.client_lifetime import IS_CLOSED
from ..journal.export_folder import ExportFolder, OpenFolders
from ..members import Member
from ..models import DownloadResult, OnFailure, Package, SavedPackage
from ..sansio.files.filenames import path_namer
from .event_bus import EventBus
from .export import Export, RunningExports
from .package_requests import PackageRequests
from .package_stream import PackageStream, stream_policy, streamed
from .packages import Packages
from .peek import Peeks
from .pipeline import Pipeline
from .resources import ExportResources
from .single_downloads import SingleDownloads
from .source import Downloads, check_download, check_downloads
from .wait import Waits


class Exporter:
    """The exports, downloads and waits of a client.

    Attributes:
        resources: What they share.
        packages: Requests packages, and takes over requested ones.
    """

    def __init__(self, resources: ExportResources, check_use: Callable[[], None]) -> None:
        """Start nothing yet; `check_use` raises if the client cannot be used here and now."""
        self.resources = resources
        self._check_use = check_use
        self._folders = OpenFolders()
        self._running = RunningExports(check_use)
        self._downloads = SingleDownloads(self.export)
        requests = PackageRequests(
            resources.api,
            retry=resources.retry,
            poll=resources.poll,
            emit=_discard,
            clock=anyio.current_time,
            adopted=resources.adopted,
        )
        self.packages = Packages(requests, resources.adopted)
        self._waits = Waits(
            requests,
            poll=resources.poll,
            limits=resources.limits,
            times=resources.packaging_times,
        )
        self._peeks = Peeks(resources, requests, self._waits.wait)

    def export(
        self, downloads: Downloads, directory: str | Path, folder: FolderPolicy | None
    ) -> Export:
        """Return an export; see `PixxelClient.export`."""
        check_downloads(downloads)
        resources = replace(self.resources, folder=FolderPolicy.of(folder, "folder"))
        path_namer(resources.folder.path_template)  # fail early if it is invalid
        return self._export(downloads, directory, resources)

    def _export(
        self, downloads: Downloads, directory: str | Path, resources: ExportResources
    ) -> Export:
        def pipeline(opened: ExportFolder, event_bus: EventBus) -> Pipeline:
            resources.storage.prepare()
            return Pipeline(resources, opened, event_bus)

        return Export(
            downloads,
            absolute_path(directory),
            folders=self._folders,
            others=self._running,
            pipeline=pipeline,
        )

    async def results(
        self, export: Export, on_failure: OnFailure
    ) -> AsyncGenerator[DownloadResult, None]:
        """Yield how each package of an export ends; see `PixxelClient.download_many`."""
        async with export:
            async for event in export:
                match event:
                    case events.Saved(saved=saved) | events.Skipped(saved=saved):
                        yield DownloadResult(download=saved.download, _saved=saved)
                    case events.Failed(download=download, error=error):
                        if on_failure is OnFailure.RAISE:
                            raise error
                        yield DownloadResult(download=download, error=error)
            if export.report.stopped is not None:
                raise export.report.stopped
        if export.report.left != 0:  # the client was closed meanwhile
            raise UsageError(IS_CLOSED)

    def stream(
        self, download: Download, directory: Path | None
    ) -> AbstractAsyncContextManager[PackageStream]:
        """Hand out the bytes of one package; see `PixxelClient.stream`."""
        wanted = check_download(download)
        resources = replace(self.resources, fetch=stream_policy(self.resources.fetch))
        return streamed(lambda folder: self._export([wanted], folder, resources), directory)

    async def download(
        self, download: Download, directory: str | Path, folder: FolderPolicy | None
    ) -> SavedPackage:
        """Save one package; see `PixxelClient.download`."""
        self._check_use()
        return await self._downloads.download(
            check_download(download), absolute_path(directory), folder
        )

    async def wait(self, download: Download) -> Package:
        """Wait for one package; see `PixxelClient.wait`."""
        return await self._waits.wait(check_download(download))

    async def peek(self, download: Download) -> list[Member]:
        """Look into one package; see `PixxelClient.peek`."""
        return await self._peeks.peek(check_download(download))

    async def aclose(self) -> None:
        """End everything that runs, early and in good order."""
        await self._waits.aclose()
        await self._running.aclose()


async def _discard(_event: events.Event) -> None:
    """Drop an event: nothing reads it."""
