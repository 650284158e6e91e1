"""A minimal GeoTIFF of one or several bands (TIFF 6.0; OGC GeoTIFF 1.1)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from xml.sax.saxutils import escape, quoteattr

from .content import Content
from .zip_archive import compressed

_SHORT, _LONG, _ASCII, _DOUBLE = 3, 4, 2, 12
_SIZES = {_SHORT: "H", _LONG: "I", _ASCII: "s", _DOUBLE: "d"}
_UNCOMPRESSED, _DEFLATE = 1, 8

_Tag = tuple[int, int, tuple[float, ...] | bytes]


@dataclass(frozen=True)
class Place:
    """The north-west corner of an image and its pixel size, in degrees."""

    west: float
    north: float
    pixel: float


@dataclass(frozen=True, kw_only=True)
class Raster:
    """What the tags of an image say; its samples are unsigned integers, band after band.

    Attributes:
        columns: Its width.
        rows: Its height.
        bands: Their number.
        sample_bytes: 1 or 2.
        place: Its position, in EPSG:4326.
        tile: Edge of its tiles in pixels, a multiple of 16; 0 for a strip for each band.
        deflate: Whether strips or tiles are compressed.
        band_metadata: Items of GDAL's metadata by band, by name.
        metadata: Items of GDAL's metadata of the image, by name.
    """

    columns: int
    rows: int
    bands: int
    sample_bytes: int
    place: Place
    tile: int = 0
    deflate: bool = False
    band_metadata: tuple[Mapping[str, str], ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def segment_bytes(self) -> int:
        """The size of a strip or a tile before compression."""
        pixels = self.tile**2 if self.tile else self.columns * self.rows
        return pixels * self.sample_bytes

    @property
    def segments(self) -> int:
        """The number of strips or tiles of all bands."""
        if not self.tile:
            return self.bands
        return -(-self.columns // self.tile) * -(-self.rows // self.tile) * self.bands


def geotiff(raster: Raster, segments: Iterable[Content]) -> Content:
    """Make an image.

    Args:
        raster: Its description.
        segments: The pixels of its strips or tiles, band after band.
    """
    bodies = [compressed(one) if raster.deflate else one for one in segments]
    return Content([_head(raster, [body.size for body in bodies]), *(p for b in bodies for p in b)])


def _head(raster: Raster, sizes: list[int]) -> bytes:
    before = _tags(raster, sizes, start=0)
    values_at = 8 + 2 + 12 * len(before) + 4
    start = values_at + sum(
        _padded(len(packed)) for packed in map(_packed, before) if _long(packed)
    )
    tags = _tags(raster, sizes, start=start)
    entries, values = b"", b""
    for tag, packed in zip(tags, map(_packed, tags), strict=True):
        number, kind, _ = tag
        count = len(packed) // struct.calcsize(f"<{_SIZES[kind]}")
        where = struct.pack("<I", values_at + len(values)) if _long(packed) else packed
        entries += struct.pack("<HHI", number, kind, count) + where.ljust(4, b"\0")
        values += packed.ljust(_padded(len(packed)), b"\0") if _long(packed) else b""
    header = struct.pack("<2sHI", b"II", 42, 8) + struct.pack("<H", len(tags))
    return header + entries + struct.pack("<I", 0) + values


def _tags(raster: Raster, sizes: list[int], *, start: int) -> list[_Tag]:
    place, bands = raster.place, raster.bands
    offsets = tuple(accumulate(sizes[:-1], initial=start))
    tags: list[_Tag] = [
        (256, _LONG, (raster.columns,)),  # ImageWidth
        (257, _LONG, (raster.rows,)),  # ImageLength
        (258, _SHORT, (8 * raster.sample_bytes,) * bands),  # BitsPerSample
        (259, _SHORT, (_DEFLATE if raster.deflate else _UNCOMPRESSED,)),  # Compression
        (262, _SHORT, (1,)),  # PhotometricInterpretation: black is zero
        (277, _SHORT, (bands,)),  # SamplesPerPixel
        (284, _SHORT, (2,)),  # PlanarConfiguration: a plane for each band
        (338, _SHORT, (0,) * (bands - 1)),  # ExtraSamples: unspecified
        (339, _SHORT, (1,) * bands),  # SampleFormat: unsigned integer
        (33550, _DOUBLE, (place.pixel, place.pixel, 0.0)),  # ModelPixelScale
        (33922, _DOUBLE, (0.0, 0.0, 0.0, place.west, place.north, 0.0)),  # ModelTiepoint
        (34735, _SHORT, (1, 1, 0, 3, 1024, 0, 1, 2, 1025, 0, 1, 1, 2048, 0, 1, 4326)),
        (42112, _ASCII, "".join(_gdal_metadata(raster)).encode("ascii") + b"\0"),
    ]
    if raster.tile:
        tags += [
            (322, _LONG, (raster.tile,)),  # TileWidth
            (323, _LONG, (raster.tile,)),  # TileLength
            (324, _LONG, offsets),  # TileOffsets
            (325, _LONG, tuple(sizes)),  # TileByteCounts
        ]
    else:
        tags += [
            (273, _LONG, offsets),  # StripOffsets
            (278, _LONG, (raster.rows,)),  # RowsPerStrip
            (279, _LONG, tuple(sizes)),  # StripByteCounts
        ]
    return sorted(tag for tag in tags if tag[2])


def _gdal_metadata(raster: Raster) -> Iterator[str]:
    yield "<GDALMetadata>"
    for name, value in raster.metadata.items():
        yield f"<Item name={quoteattr(name)}>{escape(value)}</Item>"
    for band, items in enumerate(raster.band_metadata):
        for name, value in items.items():
            yield f'<Item name={quoteattr(name)} sample="{band}">{escape(value)}</Item>'
    yield "</GDALMetadata>"


def _packed(tag: _Tag) -> bytes:
    _, kind, value = tag
    if isinstance(value, bytes):
        return value
    numbers = value if kind == _DOUBLE else tuple(int(number) for number in value)
    return struct.pack(f"<{len(value)}{_SIZES[kind]}", *numbers)


def _long(packed: bytes) -> bool:
    """Return whether a value stands apart from its entry."""
    return len(packed) > 4  # noqa: PLR2004 - the field of an entry has four bytes


def _padded(length: int) -> int:
    return length + length % 2
