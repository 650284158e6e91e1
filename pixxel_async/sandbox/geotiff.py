"""A minimal GeoTIFF of several bands (TIFF 6.0; OGC GeoTIFF 1.1)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from random import Random

from .content import Content, noise

BANDS = 8
SAMPLE_BYTES = 2
ASPECT = 4
"""The most rows for each column."""

_SHORT, _LONG, _ASCII, _DOUBLE = 3, 4, 2, 12
_SIZES = {_SHORT: "H", _LONG: "I", _ASCII: "s", _DOUBLE: "d"}


@dataclass(frozen=True)
class Place:
    """The north-west corner of an image and its pixel size, in degrees."""

    west: float
    north: float
    pixel: float


def shape(size: int) -> tuple[int, int]:
    """Return columns and rows of an image of about `size` bytes; at least 16 and 1."""
    columns = 16
    while size // (columns * BANDS * SAMPLE_BYTES) > ASPECT * columns:
        columns *= 2
    return columns, max(1, size // (columns * BANDS * SAMPLE_BYTES))


def geotiff(*, size: int, description: str, place: Place, chance: Random) -> Content:
    """Make an image of about `size` bytes, in EPSG:4326.

    Args:
        size: In bytes; see `shape`.
        description: The value of the tag ImageDescription.
        place: Its position.
        chance: The source of its pixels.
    """
    columns, rows = shape(size)
    strip = columns * rows * SAMPLE_BYTES
    head = _head(columns, rows, strip, description, place)
    bands = (piece for _ in range(BANDS) for piece in noise(chance, strip))
    return Content([head, *bands])


def _head(columns: int, rows: int, strip: int, description: str, place: Place) -> bytes:
    text = description.encode("ascii", "replace") + b"\0"
    tags: list[tuple[int, int, tuple[float, ...] | bytes]] = [
        (256, _LONG, (columns,)),  # ImageWidth
        (257, _LONG, (rows,)),  # ImageLength
        (258, _SHORT, (8 * SAMPLE_BYTES,) * BANDS),  # BitsPerSample
        (259, _SHORT, (1,)),  # Compression: none
        (262, _SHORT, (1,)),  # PhotometricInterpretation: black is zero
        (270, _ASCII, text),  # ImageDescription
        (273, _LONG, (0,) * BANDS),  # StripOffsets, set below
        (277, _SHORT, (BANDS,)),  # SamplesPerPixel
        (278, _LONG, (rows,)),  # RowsPerStrip
        (279, _LONG, (strip,) * BANDS),  # StripByteCounts
        (284, _SHORT, (2,)),  # PlanarConfiguration: a plane for each band
        (338, _SHORT, (0,) * (BANDS - 1)),  # ExtraSamples: unspecified
        (339, _SHORT, (1,) * BANDS),  # SampleFormat: unsigned integer
        (33550, _DOUBLE, (place.pixel, place.pixel, 0.0)),  # ModelPixelScale
        (33922, _DOUBLE, (0.0, 0.0, 0.0, place.west, place.north, 0.0)),  # ModelTiepoint
        (34735, _SHORT, (1, 1, 0, 3, 1024, 0, 1, 2, 1025, 0, 1, 1, 2048, 0, 1, 4326)),
    ]
    values_at = 8 + 2 + 12 * len(tags) + 4
    end = values_at + sum(_padded(len(_packed(kind, value))) for _, kind, value in tags)
    entries, values = b"", b""
    for tag, kind, value in tags:
        offsets = tuple(end + band * strip for band in range(BANDS))
        packed = _packed(kind, offsets if tag == 273 else value)  # noqa: PLR2004 - see above
        count = len(packed) // struct.calcsize(f"<{_SIZES[kind]}")
        place_or_value = struct.pack("<I", values_at + len(values))
        if len(packed) <= len(place_or_value):
            place_or_value = packed.ljust(4, b"\0")
        entries += struct.pack("<HHI", tag, kind, count) + place_or_value
        values += packed.ljust(_padded(len(packed)), b"\0")
    header = struct.pack("<2sHI", b"II", 42, 8) + struct.pack("<H", len(tags))
    return header + entries + struct.pack("<I", 0) + values


def _packed(kind: int, value: tuple[float, ...] | bytes) -> bytes:
    if isinstance(value, bytes):
        return value
    numbers = value if kind == _DOUBLE else tuple(int(number) for number in value)
    return struct.pack(f"<{len(value)}{_SIZES[kind]}", *numbers)


def _padded(length: int) -> int:
    return length + length % 2
