"""What GDAL says of an image or a mask, without reading its pixels; and what a mask counts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import rasterio
import rasterio.warp
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from .envi import Band, band_name, length_nm, number
from .footprint import joined

ROWS_AT_ONCE = 1024
HALF_A_TURN = 180
_WGS84 = "EPSG:4326"


@dataclass(frozen=True, slots=True, kw_only=True)
class Raster:
    """The frame of an image.

    Attributes:
        rows: Its height in pixels.
        columns: Its width in pixels.
        count: The number of its bands.
        dtype: The type of its numbers, such as `uint16`.
        nodata: The number that stands for no data, or None.
        crs: The reference system, as a code if it has one and as WKT otherwise, or None.
        transform: The six coefficients from pixels to coordinates, as STAC orders them.
        geometry: Its outline in degrees, or None if unknown.
        tags: Its metadata.
        bands: Names and wavelengths as its own metadata have them; empty without wavelengths.
        problem: What is wrong with it, or an empty text.
    """

    rows: int
    columns: int
    count: int
    dtype: str
    nodata: float | None
    crs: str | None
    transform: tuple[float, ...]
    geometry: dict[str, Any] | None
    tags: Mapping[str, str]
    bands: tuple[Band, ...]
    problem: str = ""


@contextmanager
def gdal() -> Iterator[None]:
    """Let GDAL look at the named files only, and write nothing beside them."""
    with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR", GDAL_PAM_ENABLED="NO"):
        yield


def read_raster(href: str) -> Raster:
    """Read the metadata of a raster.

    Raises:
        ValueError: GDAL cannot open it.
    """
    with _opened(href) as source:
        geometry, problem = _outline(source)
        return Raster(
            rows=source.height,
            columns=source.width,
            count=source.count,
            dtype=source.dtypes[0],
            nodata=source.nodata,
            crs=_name_of(source.crs),
            transform=tuple(source.transform)[:6],
            geometry=geometry,
            tags={**source.tags(1), **source.tags()},
            bands=_bands(source),
            problem=problem,
        )


def count_values(href: str) -> Counter[int]:
    """Count the pixels of each value in the first band of a mask, without those of no data.

    Raises:
        ValueError: It cannot be read, or its numbers are not integers.
    """
    counted: Counter[int] = Counter()
    with _opened(href) as source:
        if not np.issubdtype(np.dtype(source.dtypes[0]), np.integer):
            message = f"its numbers are {source.dtypes[0]}, not integers"
            raise ValueError(message)
        for first in range(0, source.height, ROWS_AT_ONCE):
            rows = min(ROWS_AT_ONCE, source.height - first)
            pixels = source.read(1, window=Window(0, first, source.width, rows))
            values, counts = np.unique(pixels, return_counts=True)
            counted.update(dict(zip(values.tolist(), counts.tolist(), strict=True)))
        if source.nodata is not None and float(source.nodata).is_integer():
            counted.pop(int(source.nodata), None)
    return counted


@contextmanager
def _opened(href: str) -> Iterator[Any]:
    try:
        with rasterio.open(href) as source:
            yield source
    except (RasterioError, NotGeoreferencedWarning, OSError) as error:
        message = f"GDAL cannot read it: {error}"
        raise ValueError(message) from error


def _name_of(crs: Any) -> str | None:
    if not crs:
        return None
    authority = crs.to_authority()
    return ":".join(authority) if authority else str(crs.to_wkt())


def _outline(source: Any) -> tuple[dict[str, Any] | None, str]:
    """Return the corners as a polygon in degrees, and what is wrong with it."""
    if not source.crs:
        return None, "it has no reference system"
    a, b, c, d, e, f = tuple(source.transform)[:6]
    corners = [(0, 0), (0, source.height), (source.width, source.height), (source.width, 0)]
    xs = [a * column + b * row + c for column, row in corners]
    ys = [d * column + e * row + f for column, row in corners]
    try:
        longitudes, latitudes = rasterio.warp.transform(source.crs, _WGS84, xs, ys)[:2]
    except (RasterioError, ValueError) as error:
        return None, f"its position cannot be converted to degrees: {error}"
    ring = [[round(x, 7), round(y, 7)] for x, y in zip(longitudes, latitudes, strict=True)]
    if not all(math.isfinite(value) for position in ring for value in position):
        return None, "its position cannot be converted to degrees"
    if max(longitudes) - min(longitudes) > HALF_A_TURN:
        return None, "it crosses the antimeridian"
    return joined([[[*ring, ring[0]]]]), ""


def _bands(source: Any) -> tuple[Band, ...]:
    """Return the bands with the wavelengths of their metadata, if each band has one.

    They are those of GDAL's domain IMAGERY, or of `wavelength` and `wavelength_units`.
    """
    found = []
    unit = source.tags().get("wavelength_units", "")
    for at, description in enumerate(source.descriptions, 1):
        tags, plain = source.tags(at, ns="IMAGERY"), source.tags(at)
        factor = length_nm(plain.get("wavelength_units", unit))
        center = _length(tags.get("CENTRAL_WAVELENGTH_UM"), length_nm("um")) or _length(
            plain.get("wavelength"), factor
        )
        if center is None:
            return ()
        width = _length(tags.get("FWHM_UM"), length_nm("um")) or _length(plain.get("fwhm"), factor)
        name = description or band_name(at)
        found.append(Band(name=name, wavelength_nm=center, fwhm_nm=width))
    return tuple(found)


def _length(text: str | None, factor: float | None) -> float | None:
    value = number(text or "")
    return round(value * factor, 6) if value is not None and value > 0 and factor else None
