"""The names of delivered files: `FF01_000123_20260101_L2A_20260102_00501135.mask.tif`.

Rules:
    * The form is that of the vendor's support article 19623725390748: satellite, image, day of
      acquisition, level, day of processing, and resolution, product version and number of bands.
    * A name of another form has no parts: nothing is read from its pieces.
    * The suffix alone decides what a file is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import PurePosixPath

_FORM = re.compile(
    r"(?P<satellite>[A-Z]{2}\d{2})_(?P<image>[A-Za-z0-9-]+)_(?P<acquired>\d{8})"
    r"_(?P<level>L\d[A-Z])_(?P<processed>\d{8})_(?P<product>[A-Za-z0-9]+)"
)
_PRODUCT = re.compile(r"(?P<resolution>\d{3})(?P<version>\d{2})(?P<bands>\d{3})")


class Role(StrEnum):
    """What a member of a package is."""

    IMAGE = "image"
    MASK = "mask"
    HEADER = "header"
    METADATA = "metadata"
    FOOTPRINT = "footprint"
    PREVIEW = "preview"
    OTHER = "other"


_SUFFIXES = (
    (".mask.tif", Role.MASK),
    (".mask.tiff", Role.MASK),
    (".tif", Role.IMAGE),
    (".tiff", Role.IMAGE),
    (".hdr", Role.HEADER),
    (".xml", Role.METADATA),
    (".geojson", Role.FOOTPRINT),
    (".jpeg", Role.PREVIEW),
    (".jpg", Role.PREVIEW),
)
"""The longer ones first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveredName:
    """The parts of a documented name.

    Attributes:
        satellite: The satellite, such as `FF01`.
        image: The id of the image.
        acquired: The day of acquisition, in UTC.
        level: The processing level, such as `L2A`.
        processed: The day on which the product was made, in UTC.
        product: The last part as it is.
        bands: The number of bands that it states, or None if that part has another form.
    """

    satellite: str
    image: str
    acquired: date
    level: str
    processed: date
    product: str
    bands: int | None


def split_name(path: str) -> tuple[str, Role]:
    """Return the name of a member without folders and suffix, and what it is."""
    name = PurePosixPath(path).name
    for suffix, role in _SUFFIXES:
        if name.lower().endswith(suffix):
            return name[: -len(suffix)], role
    return name.rpartition(".")[0] or name, Role.OTHER


def parse_name(stem: str) -> DeliveredName | None:
    """Return the parts of a name without its suffix, or None if it has another form."""
    found = _FORM.fullmatch(stem)
    if not found:
        return None
    acquired, processed = _day(found["acquired"]), _day(found["processed"])
    if acquired is None or processed is None:
        return None
    product = _PRODUCT.fullmatch(found["product"])
    return DeliveredName(
        satellite=found["satellite"],
        image=found["image"],
        acquired=acquired,
        level=found["level"],
        processed=processed,
        product=found["product"],
        bands=int(product["bands"]) if product else None,
    )


def _day(digits: str) -> date | None:
    try:
        return datetime.strptime(digits, "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None
