"""Measures exports: throughput, waits, polls, processor time and memory, with percentiles.

    async with PixxelClient.from_env() as client:
        measured = await measure_export(client, downloads, "packages")
    print(measured.bytes_per_s, measured.packaging_s.p90)

Rules:
    * An export is measured as it runs, from its own events: with disk, checksums and journal.
    * Processor time and memory are those of the process, whatever else it does.
    * Two measurements are compared by ratios. Compare those of the same machine and packages.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import events
from ._version import __version__
from .models import Package, PackageStatus
from .sansio.percentiles import Percentiles

if TYPE_CHECKING:
    from pydantic import SecretStr

    from .client import PixxelClient
    from .export.source import Downloads

__all__ = [
    "Benchmark",
    "Percentiles",
    "Ratio",
    "Versions",
    "compare",
    "measure_export",
    "measure_urls",
    "peak_memory",
    "versions",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """What a measurement was made with.

    Attributes:
        package: The version of this library.
        python: The version of Python.
        libcurl: The version of libcurl, or None if pycurl is missing.
        platform: The operating system, its release and the architecture.
        cores: The number of processor cores, or None if unknown.
    """

    package: str
    python: str
    libcurl: str | None
    platform: str
    cores: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """The measures of one export.

    Attributes:
        versions: What it was measured with.
        saved: The number of packages that were saved.
        failed: The number of packages that failed.
        received: Bytes received from the storage, including repeated ones.
        elapsed_s: Seconds from the start to the end of the export.
        transferring_s: Seconds from the start of the first transfer until the last package was
            saved.
        bytes_per_s: The throughput of all transfers together, over `transferring_s`.
        cpu_s: Seconds of processor time of the process, user and system.
        peak_bytes: The most memory that the process ever had, or None if unknown.
        first_byte_s: Seconds from a request for a package to the storage's first response.
        packaging_s: Seconds from the creation of a package until it was seen to be ready.
        transfer_s: Seconds from the first request for a package until it was saved.
        polls: The number of polls of a package.
    """

    versions: Versions
    saved: int
    failed: int
    received: int
    elapsed_s: float
    transferring_s: float
    bytes_per_s: float
    cpu_s: float
    peak_bytes: int | None
    first_byte_s: Percentiles
    packaging_s: Percentiles
    transfer_s: Percentiles
    polls: Percentiles

    def row(self) -> dict[str, Any]:
        """Return the measures as JSON types; `compare` takes them."""
        return {"measured": "export", **asdict(self)}


@dataclass(frozen=True, slots=True)
class Ratio:
    """One measure in two measurements.

    Attributes:
        name: Its name, such as `packaging_s.p90`.
        first: The first value.
        second: The second value.
    """

    name: str
    first: float
    second: float

    @property
    def value(self) -> float | None:
        """The second value divided by the first; None if that is zero."""
        return self.second / self.first if self.first else None


async def measure_export(
    client: PixxelClient, downloads: Downloads, directory: str | Path
) -> Benchmark:
    """Save packages as `PixxelClient.export` does, and measure that.

    Args:
        client: An open client.
        downloads: What to save. Packages that are saved already are not measured.
        directory: The directory for the files; its disk is part of what is measured.

    Raises:
        PixxelError: The export could not start.
    """
    meter = _Meter()
    cpu_s = time.process_time()
    async with client.export(downloads, directory) as export:
        async for event in export:
            meter.add(event)
    report = export.report
    return Benchmark(
        versions=versions(),
        saved=len(report.saved),
        failed=len(report.failed),
        received=report.received,
        elapsed_s=report.elapsed_s,
        transferring_s=meter.transferring_s,
        bytes_per_s=report.received / meter.transferring_s if meter.transferring_s else 0.0,
        cpu_s=time.process_time() - cpu_s,
        peak_bytes=peak_memory(),
        first_byte_s=Percentiles.of(meter.first_byte_s),
        packaging_s=Percentiles.of(meter.packaging_s),
        transfer_s=Percentiles.of(meter.transfer_s),
        polls=Percentiles.of(meter.polls),
    )


async def measure_urls(
    client: PixxelClient, urls: Iterable[SecretStr], directory: str | Path
) -> Benchmark:
    """Save the packages of signed URLs, without a call of the service, and measure that.

    Args:
        client: An open client.
        urls: The signed URLs; a package that stands there twice is saved once.
        directory: The directory for the files.

    Raises:
        PixxelError: The export could not start.
    """
    return await measure_export(client, [_adopt(client, url) for url in urls], directory)


def compare(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[Ratio]:
    """Return the measures that two measurements share, in the order of the first.

    Args:
        first: Of `Benchmark.row()`, or the decoded JSON of `pixxel-async bench --json`.
        second: Likewise.
    """
    others = dict(_numbers(second))
    return [Ratio(name, value, others[name]) for name, value in _numbers(first) if name in others]


def versions() -> Versions:
    """Return the versions in use."""
    return Versions(
        package=__version__,
        python=platform.python_version(),
        libcurl=_libcurl(),
        platform=f"{platform.system()} {platform.release()} {platform.machine()}",
        cores=os.cpu_count(),
    )


def peak_memory() -> int | None:
    """Return the most memory that this process ever had, in bytes; None if unknown."""
    if sys.platform == "win32":
        return None
    import resource  # noqa: PLC0415 - Windows has none

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


class _Meter:
    """Collects the measures of an export from its events."""

    def __init__(self) -> None:
        self.first_byte_s: list[float] = []
        self.packaging_s: list[float] = []
        self.transfer_s: list[float] = []
        self.polls: list[float] = []
        self._began_s: float | None = None
        self._ended_s = 0.0

    def add(self, event: events.Event) -> None:
        match event:
            case events.Ready(waited_s=waited_s, polls=polls):
                self.packaging_s.append(waited_s)
                self.polls.append(polls)
            case events.FetchStarted(at_s=at_s) if self._began_s is None:
                self._began_s = at_s
            case events.Saved(at_s=at_s, transferred_s=transferred_s, first_byte_s=first_byte_s):
                self._ended_s = at_s
                self.transfer_s.append(transferred_s)
                if first_byte_s is not None:
                    self.first_byte_s.append(first_byte_s)

    @property
    def transferring_s(self) -> float:
        return 0.0 if self._began_s is None else max(0.0, self._ended_s - self._began_s)


def _adopt(client: PixxelClient, url: SecretStr) -> Any:
    package = Package(
        download=None,
        status=PackageStatus.READY,
        status_word="",
        download_id=None,
        signed_url=url,
    )
    return client.packages.adopt(package)


def _libcurl() -> str | None:
    try:
        import pycurl  # noqa: PLC0415 - may be missing
    except ImportError:
        return None
    return str(pycurl.version_info()[1])


def _numbers(value: object, name: str = "") -> Iterator[tuple[str, float]]:
    """Yield the numbers in a measurement by their paths; not those of the versions."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            if key != "versions":
                yield from _numbers(each, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        for each in value:  # the steps of a link, by their numbers of transfers
            if isinstance(each, Mapping) and "fetches" in each:
                rest = {key: part for key, part in each.items() if key != "fetches"}
                yield from _numbers(rest, f"{name}.{each['fetches']}")
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield name, float(value)
