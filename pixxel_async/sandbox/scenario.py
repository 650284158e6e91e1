"""Scenarios: packaging times, package sizes and faults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log
from random import Random
from typing import Literal, TypeAlias

from .faults import ApiFault, PackageFault, StorageFault
from .world import World

API_KEY = "sandbox-key"
LARGEST_PACKAGE = 3 * 1024**3
"""Packages are classic ZIP and TIFF files, which cannot exceed 4 GiB."""

UrlStyle: TypeAlias = Literal["s3", "gcs", "azure", "cloudfront", "mixed"]
Checksum: TypeAlias = Literal["none", "crc32", "md5", "sha256"]
ImageLayout: TypeAlias = Literal["strips", "tiles"]
ImageCompression: TypeAlias = Literal["none", "deflate"]
ZipMethod: TypeAlias = Literal["stored", "deflated"]


@dataclass(frozen=True)
class PackagingTime:
    """A distribution of packaging times, in seconds; create it with a class method.

        Scenario(packaging=PackagingTime.lognormal(60, sigma=0.5))

    Attributes:
        name: The distribution with its parameters.
        draw: Draws one time.
    """

    name: str
    draw: Callable[[Random], float]

    @classmethod
    def constant(cls, seconds: float) -> PackagingTime:
        """The same time always."""
        return cls(f"constant({seconds:g})", lambda _: seconds)

    @classmethod
    def uniform(cls, low_s: float, high_s: float) -> PackagingTime:
        """Uniform between two times."""
        return cls(f"uniform({low_s:g}, {high_s:g})", lambda chance: chance.uniform(low_s, high_s))

    @classmethod
    def exponential(cls, mean_s: float) -> PackagingTime:
        """Exponential with a mean."""
        return cls(f"exponential({mean_s:g})", lambda chance: chance.expovariate(1 / mean_s))

    @classmethod
    def lognormal(cls, median_s: float, sigma: float = 0.5) -> PackagingTime:
        """Lognormal: a median, and a tail that grows with sigma."""
        return cls(
            f"lognormal({median_s:g}, {sigma:g})",
            lambda chance: chance.lognormvariate(log(median_s), sigma),
        )

    @classmethod
    def bimodal(cls, fast_s: float, slow_s: float, slow_share: float = 0.3) -> PackagingTime:
        """Mostly fast, sometimes slow, each within 10 %."""
        return cls(
            f"bimodal({fast_s:g}, {slow_s:g}, {slow_share:g})",
            lambda chance: (
                (slow_s if chance.random() < slow_share else fast_s) * chance.uniform(0.9, 1.1)
            ),
        )


QUICK = PackagingTime.uniform(0.05, 0.2)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """The behaviour of a sandbox; by default quick and without faults.

        scenario = Scenario(package_bytes=10_000, faults=(ApiFault("status", status=503, nth=2),))

    Attributes:
        packaging: The time from the creation of a package until it is ready.
        package_bytes: The mean size of a package, in bytes.
        size_spread: The spread of sizes around the mean, as a share of it, from 0 to 1.
        url_lifetime_s: How long a signed URL is valid; whole seconds, at least 1.
        url_style: The storage whose signed URLs and errors are imitated.
        checksum: Which checksum the storage offers.
        image_layout: Whether images have a strip for each band, or tiles.
        image_compression: Whether strips and tiles are compressed.
        zip_method: Whether the members of packages are compressed. Compressed ones are in memory.
        faults: The scripted faults.
        answer_delay_s: The delay of each response of the service.
        requests_per_second: The service answers 429 above this; None for no limit.
        bytes_per_s: The throughput of each transfer; None for no limit.
        bodies_at_once: How many packages the storage sends at once; None for no limit.
        crowded_status: The HTTP status that it sends to the others.
        world: The listed records; None for a world generated from the seed.
        page_size: The most records on a page of a list; None for as many as requested.
        api_key: The key that is accepted, as it is or after `Bearer`.
        seed: The same seed gives the same packages, times, faults and generated world.
    """

    packaging: PackagingTime = QUICK
    package_bytes: int = 64 * 1024
    size_spread: float = 0.5
    url_lifetime_s: int = 3600
    url_style: UrlStyle = "mixed"
    checksum: Checksum = "crc32"
    image_layout: ImageLayout = "strips"
    image_compression: ImageCompression = "none"
    zip_method: ZipMethod = "stored"
    faults: tuple[ApiFault | PackageFault | StorageFault, ...] = ()
    answer_delay_s: float = 0.0
    requests_per_second: float | None = None
    bytes_per_s: float | None = None
    bodies_at_once: int | None = None
    crowded_status: int = 403
    world: World | None = None
    page_size: int | None = None
    api_key: str = API_KEY
    seed: int = 0

    def __post_init__(self) -> None:
        """Validate the values.

        Raises:
            ValueError: A value is out of its range.
        """
        if not 0 <= self.size_spread <= 1:
            reason = "size_spread lies between 0 and 1"
            raise ValueError(reason)
        if not 0 < self.package_bytes * (1 + self.size_spread) <= LARGEST_PACKAGE:
            reason = f"packages have between 1 and {LARGEST_PACKAGE} bytes"
            raise ValueError(reason)
        if self.url_lifetime_s < 1:
            reason = "url_lifetime_s is at least 1"
            raise ValueError(reason)
        if self.bodies_at_once is not None and self.bodies_at_once < 1:
            reason = "bodies_at_once is at least 1"
            raise ValueError(reason)
        if self.page_size is not None and self.page_size < 1:
            reason = "page_size is at least 1"
            raise ValueError(reason)

    def chance(self, *parts: object) -> Random:
        """Return a random source; the same one for the same parts."""
        return Random(":".join(str(part) for part in (self.seed, *parts)))  # noqa: S311 - repeatable, not for secrets
