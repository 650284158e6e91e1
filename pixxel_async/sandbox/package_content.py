"""The content of a package: an image, its STAC item and a metadata file."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from .content import Content
from .geotiff import Place, geotiff, shape
from .identity import Identity
from .scenario import Scenario

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_VERSION = 20
_DATE = (2026 - 1980) << 9 | 1 << 5 | 1
"""1 January 2026, so that the same members give the same archive."""


def zip_archive(members: Mapping[str, Content]) -> Content:
    """Return an archive of stored members; names are ASCII."""
    return Content(_pieces(members))


def _pieces(members: Mapping[str, Content]) -> Iterator[bytes | memoryview]:
    directory, at = b"", 0
    for name, content in members.items():
        label = name.encode("ascii")
        sizes = (content.crc32, content.size, content.size)
        yield _LOCAL.pack(b"PK\3\4", _VERSION, 0, 0, 0, _DATE, *sizes, len(label), 0) + label
        yield from content
        directory += _CENTRAL.pack(
            *(b"PK\1\2", _VERSION, _VERSION, 0, 0, 0, _DATE, *sizes, len(label)),
            *(0, 0, 0, 0, 0, at),
        )
        directory += label
        at += _LOCAL.size + len(label) + content.size
    count = len(members)
    yield directory + _END.pack(b"PK\5\6", 0, 0, count, count, len(directory), at, 0)


WRAPPING = 4096
"""Approximate bytes of the small files and the ZIP's records."""


def package_content(
    scenario: Scenario, identity: Identity, version: int, edits: int = 0
) -> Content:
    """Return the ZIP of a package.

    Args:
        scenario: Chooses the size.
        identity: Its kind and ids; they determine the bytes.
        version: Of the object.
        edits: Of the version: other bytes, the same size.
    """
    chance = scenario.chance("content", identity.text, version)
    spread = chance.uniform(1 - scenario.size_spread, 1 + scenario.size_spread)
    place = Place(
        west=round(chance.uniform(-179, 178), 4),
        north=round(chance.uniform(-59, 60), 4),
        pixel=0.0001,
    )
    taken = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=chance.randrange(300 * 24 * 60))
    name = f"{identity.kind}-{identity.digest}"
    size = int(scenario.package_bytes * spread) - WRAPPING
    image = geotiff(
        size=size,
        description=f"{name} version {version}",
        place=place,
        chance=scenario.chance("edit", identity.text, version, edits) if edits else chance,
    )
    metadata = {"package": name, "kind": identity.kind, "request": identity.request}
    return zip_archive(
        {
            f"{name}/image.tif": image,
            f"{name}/item.json": _json(_stac_item(name, place, shape(size), taken)),
            f"{name}/metadata.json": _json(metadata),
        }
    )


def _stac_item(name: str, place: Place, pixels: tuple[int, int], taken: datetime) -> dict[str, Any]:
    """Return a STAC item, version 1.0.0, with the image as its only asset."""
    west, north = place.west, place.north
    east = round(west + pixels[0] * place.pixel, 4)
    south = round(north - pixels[1] * place.pixel, 4)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": [],
        "id": name,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [west, south, east, north],
        "properties": {"datetime": taken.strftime("%Y-%m-%dT%H:%M:%SZ")},
        "links": [],
        "assets": {
            "image": {
                "href": "./image.tif",
                "type": "image/tiff; application=geotiff",
                "roles": ["data"],
            }
        },
    }


def _json(value: dict[str, Any]) -> Content:
    return Content([json.dumps(value, indent=2, ensure_ascii=True).encode("ascii")])
