"""What the service offers to everybody: satellites, bands, indices, blocks and the archive.

These are plain documents: nobody needs their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from .made_orders import BANDS as ORDERED_BANDS
from .made_orders import COLLECTIONS, DAY, WAVELENGTHS_NM
from .made_places import ANALYSES, BANDS, PLACES, SATELLITES
from .made_processing import BLOCKS
from .maker import FIRST_DAY, SPAN, Maker, later, nth, raw_json, rectangle
from .record import with_space, with_zulu

JsonObject: TypeAlias = dict[str, Any]

PLATFORMS = ("TD1", "TD2")
SETS = ("Agriculture", "Water", "Vegetation")
VERSIONS = ("1.0.0", "1.1.0")
INDICES = (
    ("NDVI", "(B08-B04)/(B08+B04)", "index"),
    ("NDWI", "(B03-B08)/(B03+B08)", "index"),
    ("True colour", "B04,B03,B02", "composite"),
    ("Red", "B04", "grayscale"),
)
ITEMS = 24
"""In the archive."""


@dataclass(frozen=True)
class Reference:
    """The documents of what everybody is offered.

    Attributes:
        satellites: Their bands and collections.
        bandsets: The sets of bands for orders.
        indices: The presets, for each satellite.
        blocks: Each version of each.
        collections: STAC collections of the archive.
        items: STAC items of the archive.
    """

    satellites: list[JsonObject]
    bandsets: list[JsonObject]
    indices: list[JsonObject]
    blocks: list[JsonObject]
    collections: list[JsonObject]
    items: list[JsonObject]


def made_reference(maker: Maker) -> Reference:
    """Generate all of it."""
    return Reference(
        satellites=[_satellite(number) for number in range(len(PLATFORMS))],
        bandsets=[_bandset(maker, number) for number in range(len(SETS))],
        indices=[_index(maker, satellite, *index) for satellite in SATELLITES for index in INDICES],
        blocks=[
            _block(maker, name, mode, version)
            for mode, names in (("workflow", BLOCKS), ("insight", map(_slug, ANALYSES)))
            for name in names
            for version in VERSIONS
        ],
        collections=[_collection(name) for name in COLLECTIONS],
        items=[_item(maker, number) for number in range(ITEMS)],
    )


def _slug(title: str) -> str:
    return title.lower().replace(" ", "-")


def _satellite(number: int) -> JsonObject:
    return {
        "id": SATELLITES[number],
        "name": f"Pixxel-{PLATFORMS[number]}",
        "bands": [
            {
                "name": name,
                "offset": 0,
                "scale": 0.00002,
                "spatial_resolution": 5,
                "wavelength": 450.0 + 35 * n,
            }
            for n, name in enumerate(BANDS)
        ],
        "collections": [
            {
                "id": name,
                "name": name.upper(),
                "provider": "pixxel",
                "queryables": ["eo:cloud_cover", "view:off_nadir"],
                "rescale": [0, 50000],
            }
            for name in COLLECTIONS
        ],
        "rgb_composite": {"red": "B04", "green": "B03", "blue": "B02"},
    }


def _bandset(maker: Maker, number: int) -> JsonObject:
    bands = zip(ORDERED_BANDS, WAVELENGTHS_NM, strict=True)
    return {
        "id": maker.id("bandset", number),
        "name": SETS[number],
        "description": f"Bands for {SETS[number].lower()}",
        "captures": 1,
        "bands": [{"name": band["name"], "wavelength": wavelength} for band, wavelength in bands],
    }


def _index(
    maker: Maker, satellite_id: str, name: str, expression: str, expression_type: str
) -> JsonObject:
    return {
        "id": maker.id("index", satellite_id, name),
        "name": name,
        "description": f"{name} of the satellite",
        "expression": expression,
        "expression_type": expression_type,
        "bands": [band for band in BANDS if band in expression],
        "colormap": "viridis",
        "rescale": [-1, 1] if expression_type == "index" else [0, 50000],
        "satellite_id": satellite_id,
        "type": "preset",
        "created_at": with_space(FIRST_DAY),
        "updated_at": with_space(FIRST_DAY),
    }


def _block(maker: Maker, name: str, mode: str, version: str) -> JsonObject:
    id_ = maker.id("block", name)
    title = name.replace("-", " ").capitalize()
    return {
        "id": id_,
        "block_status": "completed",
        "created_at": with_zulu(FIRST_DAY),
        "err": "",
        "spec": {
            "id": id_,
            "version_id": maker.id("block", name, version),
            "kind": mode,
            "type": "raster",
            "status": 1,
            "name": name,
            "title": title,
            "description": f"{title} of the images of an AOI",
            "version": version,
            "inputs": raw_json({"asset_ids": "list"}),
            "outputs": raw_json({"layers": "raster"}),
            "catalog_content_url": f"https://assets.invalid/blocks/{name}.md",
            "supported_collections_id": [*COLLECTIONS],
        },
    }


def _collection(name: str) -> JsonObject:
    return {
        "type": "Collection",
        "stac_version": "1.0.0",
        "stac_extensions": [],
        "id": name,
        "title": name.upper(),
        "description": f"Images of {name}",
        "license": "proprietary",
        "providers": [{"name": "Pixxel", "roles": ["producer"], "url": "https://assets.invalid"}],
        "extent": {
            "spatial": {"bbox": [[-180, -90, 180, 90]]},
            "temporal": {"interval": [[with_zulu(FIRST_DAY), with_zulu(FIRST_DAY + SPAN)]]},
        },
        "summaries": {"platform": [*PLATFORMS]},
        "links": [],
        "created_at": with_zulu(FIRST_DAY),
        "updated_at": with_zulu(FIRST_DAY),
    }


def _item(maker: Maker, number: int) -> JsonObject:
    """Generate an item; its `bbox` has strings, as documented."""
    chance = maker.chance("archive", number)
    taken = later(FIRST_DAY, chance, SPAN)
    _, x, y = nth(PLACES, number)
    west, south = x + chance.uniform(-1, 1), y + chance.uniform(-1, 1)
    box = [round(value, 5) for value in (west, south, west + 0.3, south + 0.3)]
    platform = nth(PLATFORMS, number)
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": [],
        "id": f"{platform}_{number:06}_{taken:%Y%m%d}_L2A",
        "collection": nth(COLLECTIONS, number),
        "bbox": [str(value) for value in box],
        "geometry": rectangle(*box),
        "properties": {
            "datetime": with_zulu(taken),
            "created": with_zulu(taken + DAY),
            "updated": with_zulu(taken + DAY),
            "constellation": platform,
            "platform": platform,
            "instruments": ["hyperspectral"],
            "eo:cloud_cover": round(chance.uniform(0, 60), 1),
            "gsd": 5,
            "proj:code": f"EPSG:{32600 + 1 + int((x + 180) // 6)}",
            "rd:product_level": "L2A",
            "view:off_nadir": round(chance.uniform(0, 25), 1),
            "view:sun_elevation": round(chance.uniform(30, 70), 1),
        },
        "assets": {
            "image": {
                "href": f"https://assets.invalid/archive/{number}.tif",
                "type": "image/tiff; application=geotiff",
                "title": "Image",
                "roles": ["data"],
                "eo:bands": ORDERED_BANDS,
            }
        },
        "links": [],
    }
