"""Pictures of scenes in true colour.

Rules:
    * Red, green and blue are the bands nearest to 650, 550 and 470 nm. Where one is further than
      `TOLERANCE_NM` away, or wavelengths are unknown, there is no picture: it would not be true.
    * The three bands share one stretch, from the 2nd to the 98th percentile.
    * Pixels without data are transparent. Only as many pixels are read as are shown.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.errors import RasterioError

from ..destinations.paths import absolute_path
from ..errors import ArchiveError, UsageError
from ..journal.reader import read_record
from ..models import SavedPackage
from .choice import path_of, the_scene
from .contents import open_contents
from .envi import Band
from .names import Role
from .packages import saved_files
from .raster import gdal

TRUE_COLOUR_NM = (650, 550, 470)
TOLERANCE_NM = 50
PIXELS = 256
_STRETCH_PERCENT = (2, 98)
_OPAQUE = 255


def preview(
    package: SavedPackage | str | Path, *, scene: str | None = None, pixels: int = PIXELS
) -> bytes:
    """Return a picture of a scene in true colour, as a PNG.

        from pixxel_async import geo

        saved = await client.download(downloads[0], "packages")
        Path("preview.png").write_bytes(geo.preview(saved))

    In a notebook, `IPython.display.Image(geo.preview(saved))` shows it.

    Args:
        package: As of `open`.
        scene: As of `open`.
        pixels: The longer side, at most.

    Raises:
        ArchiveError: It cannot be read.
        UsageError: There is no such scene, or it has no bands of true colour.
    """
    with open_contents(path_of(package)) as contents, gdal():
        facts = the_scene(contents, scene)
        chosen = true_colour(facts.bands)
        if facts.image is None or chosen is None:
            message = f"{contents.path}: it has no bands of true colour"
            raise UsageError(message)
        href = contents.href(facts.scene.files[Role.IMAGE])
        try:
            return _png(href, chosen, pixels, facts.image.nodata)
        except RasterioError as error:
            message = f"{href}: GDAL cannot read it: {error}"
            raise ArchiveError(message) from error


def previews_of(directory: str | Path, most: int) -> Iterator[tuple[str, bytes | None]]:
    """Yield name and picture of the first packages of an export; None for those without one.

    Raises:
        SinkError: It is not an export folder.
    """
    folder = absolute_path(directory)
    for one in saved_files(folder, read_record(folder))[0][:most]:
        try:
            yield one.path.name, preview(one.path)
        except (ArchiveError, UsageError):
            yield one.path.name, None


def true_colour(bands: Sequence[Band]) -> tuple[int, ...] | None:
    """Return the numbers of the bands for red, green and blue, from 1; None if one is missing."""
    known = [(band.wavelength_nm, at) for at, band in enumerate(bands, 1) if band.wavelength_nm]
    if not known:
        return None
    nearest = [min(known, key=lambda pair: abs(pair[0] - wanted)) for wanted in TRUE_COLOUR_NM]
    if any(
        abs(length - wanted) > TOLERANCE_NM
        for (length, _), wanted in zip(nearest, TRUE_COLOUR_NM, strict=True)
    ):
        return None
    return tuple(at for _, at in nearest)


def _png(href: str, bands: Sequence[int], pixels: int, nodata: float | None) -> bytes:
    with rasterio.open(href) as source:
        scale = min(1, pixels / max(source.width, source.height))
        rows, columns = (max(1, round(side * scale)) for side in source.shape)
        shown = source.read(list(bands), out_shape=(3, rows, columns)).astype("float32")
    is_data = np.isfinite(shown) & (True if nodata is None else shown != nodata)
    low, high = np.percentile(shown[is_data], _STRETCH_PERCENT) if is_data.any() else (0, 0)
    stretched = np.clip((shown - low) / max(high - low, np.finfo("float32").tiny), 0, 1)
    colours = np.where(is_data, stretched * 255, 0).astype("uint8")
    alpha = np.where(is_data.all(0, keepdims=True), _OPAQUE, 0).astype("uint8")
    return png(np.concatenate([colours, alpha]))


def png(pixels: np.ndarray[Any, Any]) -> bytes:
    """Return red, green, blue and alpha as a PNG (ISO/IEC 15948); GDAL would miss a position."""
    _, rows, columns = pixels.shape
    head = struct.pack(">2I5B", columns, rows, 8, 6, 0, 0, 0)  # 8 bits, colour with alpha
    lines = np.moveaxis(pixels, 0, -1).reshape(rows, -1)
    data = zlib.compress(np.insert(lines, 0, 0, axis=1).tobytes())  # a line begins with its filter
    chunks = (_chunk(b"IHDR", head), _chunk(b"IDAT", data), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + checksum
