"""A package as a STAC item (STAC 1.1, with its common `bands`).

Rules:
    * An item says what the files say. What is missing there is missing here; what is broken stands
      in `pixxel:warnings`.
    * STAC requires a time. Without one of acquisition it is that of saving, and
      `pixxel:time` says so.
    * Each member is an asset, and so is the ZIP, with size and checksum of the journal.
    * Files of a second scene are numbered: `image-2`.
"""

from __future__ import annotations

import math
import mimetypes
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from .contents import Contents
from .envi import Band
from .facts import PackageFacts, SceneFacts
from .footprint import bbox_of, joined, polygons_of
from .names import Role
from .packages import PackageId, iso
from .quantity import Quantity
from .raster import Raster

STAC_VERSION = "1.1.0"
_EXTENSIONS = "https://stac-extensions.github.io"
FILE = f"{_EXTENSIONS}/file/v2.1.0/schema.json"
PROJECTION = f"{_EXTENSIONS}/projection/v2.0.0/schema.json"
EO = f"{_EXTENSIONS}/eo/v2.0.0/schema.json"
RASTER = f"{_EXTENSIONS}/raster/v2.0.0/schema.json"
PROCESSING = f"{_EXTENSIONS}/processing/v1.2.0/schema.json"
CLASSIFICATION = f"{_EXTENSIONS}/classification/v2.0.0/schema.json"
_SHA256_MULTIHASH = "1220"
"""The code of SHA-256 and its length, before the digest in hexadecimal."""
_NM_OF_UM = 1000
_FLAG_NAME = re.compile(r"[0-9A-Za-z_-]+")
_GEOTIFF = "image/tiff; application=geotiff"
_TYPES: dict[Role, tuple[str, list[str]]] = {
    Role.IMAGE: (_GEOTIFF, ["data"]),
    Role.MASK: (_GEOTIFF, ["data-mask"]),
    Role.HEADER: ("text/plain", ["metadata"]),
    Role.METADATA: ("application/xml", ["metadata"]),
    Role.FOOTPRINT: ("application/geo+json", ["metadata"]),
    Role.PREVIEW: ("image/jpeg", ["overview"]),
}
_OTHER_TYPES = {
    ".geojson": "application/geo+json",
    ".parquet": "application/vnd.apache.parquet",
    ".gpkg": "application/geopackage+sqlite3",
    ".tif": _GEOTIFF,
}


def item_of(package: PackageId, contents: Contents, facts: PackageFacts) -> dict[str, Any]:
    """Return the item of a package, without links."""
    assets = dict(_assets(package, contents, facts))
    polygons = [
        polygon
        for scene in facts.scenes
        if scene.geometry
        for polygon in polygons_of(scene.geometry)
    ]
    geometry = joined(polygons) if polygons else None
    item: dict[str, Any] = {
        "type": "Feature",
        "stac_version": STAC_VERSION,
        "stac_extensions": [],
        "id": package.id,
        "geometry": geometry,
        "properties": _properties(package, facts),
        "links": [],
        "assets": assets,
    }
    if geometry is not None:
        item["bbox"] = list(bbox_of(geometry))
    item["stac_extensions"] = sorted(_extensions(item))
    return item


def _extensions(item: Mapping[str, Any]) -> Iterator[str]:
    names = {*item["properties"]}
    for asset in item["assets"].values():
        names |= asset.keys()
        names |= {name for band in asset.get("bands", []) for name in band}
    for prefix, extension in (
        ("file:", FILE),
        ("proj:", PROJECTION),
        ("eo:", EO),
        ("raster:", RASTER),
        ("processing:", PROCESSING),
        ("classification:", CLASSIFICATION),
    ):
        if any(name.startswith(prefix) for name in names):
            yield extension


def _properties(package: PackageId, facts: PackageFacts) -> dict[str, Any]:
    properties = {
        **_times(package, facts.scenes),
        "pixxel:key": package.key,
        "pixxel:kind": package.kind,
        "pixxel:warnings": list(facts.warnings),
    }
    if package.members:
        properties["pixxel:members"] = package.members
    parts = [scene.scene.parts for scene in facts.scenes if scene.scene.parts]
    for name, values in (
        ("platform", {each.satellite for each in parts}),
        ("processing:level", {each.level for each in parts}),
        ("pixxel:image", {each.image for each in parts}),
    ):
        if len(values) == 1:  # those of several scenes may differ
            properties[name] = values.pop()
    if len(facts.scenes) == 1 and (cloud := facts.scenes[0].cloud_percent) is not None:
        properties["eo:cloud_cover"] = cloud
    return properties


def _times(package: PackageId, scenes: Iterable[SceneFacts]) -> dict[str, Any]:
    begins = [scene.begins for scene in scenes if scene.begins]
    ends = [scene.ends for scene in scenes if scene.ends]
    if not begins:
        return {"datetime": iso(package.saved_at), "pixxel:time": "saved"}
    if min(begins) == max(ends):
        return {"datetime": iso(min(begins)), "pixxel:time": "acquired"}
    return {
        "datetime": None,
        "start_datetime": iso(min(begins)),
        "end_datetime": iso(max(ends)),
        "pixxel:time": "acquired",
    }


def _assets(
    package: PackageId, contents: Contents, facts: PackageFacts
) -> Iterator[tuple[str, dict[str, Any]]]:
    if not contents.path.is_dir():
        asset: dict[str, Any] = {
            "href": contents.path.as_posix(),
            "type": "application/zip",
            "roles": ["archive"],
        }
        if package.bytes is not None:
            asset["file:size"] = package.bytes
        if package.sha256:
            asset["file:checksum"] = _SHA256_MULTIHASH + package.sha256
        yield "package", asset
    for number, scene in enumerate(facts.scenes, 1):
        for role, member in scene.scene.files.items():
            kind, roles = _TYPES[role]
            asset = {**_file(contents, member), "type": kind, "roles": roles}
            if role is Role.IMAGE and scene.image:
                asset |= _frame(scene.image) | _image(scene)
            elif role is Role.MASK and scene.mask:
                asset |= _frame(scene.mask) | _bitfields(scene.flags)
            yield _numbered(role, number), asset
    for number, member in enumerate(facts.others, 1):
        asset = {**_file(contents, member), **_other_type(member), "roles": ["data"]}
        yield _numbered("data", number), asset


def _numbered(name: str, number: int) -> str:
    """Return the key of an asset: the same keys in all packages, so that tables stay narrow."""
    return name if number == 1 else f"{name}-{number}"


def _file(contents: Contents, member: str) -> dict[str, Any]:
    return {
        "href": contents.href(member),
        "title": PurePosixPath(member).name,
        "file:size": contents.sizes[member],
    }


def _other_type(member: str) -> dict[str, str]:
    suffix = member[member.rfind(".") :].lower()
    kind = _OTHER_TYPES.get(suffix) or mimetypes.guess_type(member)[0]
    return {"type": kind} if kind else {}


def _frame(raster: Raster) -> dict[str, Any]:
    frame: dict[str, Any] = {
        "data_type": raster.dtype,
        "proj:shape": [raster.rows, raster.columns],
        "proj:transform": list(raster.transform),
    }
    if raster.nodata is not None:
        frame["nodata"] = "nan" if math.isnan(raster.nodata) else raster.nodata
    if raster.crs is not None:
        frame["proj:code" if ":" in raster.crs and "[" not in raster.crs else "proj:wkt2"] = (
            raster.crs
        )
    return frame


def _image(scene: SceneFacts) -> dict[str, Any]:
    asset: dict[str, Any] = {"bands": [_band(band) for band in scene.bands]} if scene.bands else {}
    shows = scene.shows or Quantity(name="", long_name="", unit=None)
    if shows.unit:
        asset["unit"] = shows.unit
    if shows.factor:
        asset["raster:scale"] = 1 / shows.factor
    return asset


def _band(band: Band) -> dict[str, Any]:
    found: dict[str, Any] = {"name": band.name}
    if band.wavelength_nm is not None:
        found["eo:center_wavelength"] = round(band.wavelength_nm / _NM_OF_UM, 9)
    if band.fwhm_nm is not None:
        found["eo:full_width_half_max"] = round(band.fwhm_nm / _NM_OF_UM, 9)
    return found


def _bitfields(flags: Mapping[str, int]) -> dict[str, Any]:
    fields = [
        {
            "name": name,
            "offset": bit.bit_length() - 1,
            "length": 1,
            "classes": [{"value": 0, "name": f"no_{name}"}, {"value": 1, "name": name}],
        }
        for name, bit in flags.items()
        if _FLAG_NAME.fullmatch(name)
    ]
    return {"classification:bitfields": fields} if fields else {}
