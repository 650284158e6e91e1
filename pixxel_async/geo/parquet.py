"""Items as a GeoParquet 1.1, with the columns of stac-geoparquet.

Rules:
    * A property is a column, and so are the bounds, which readers filter by.
    * An item without a geometry has a null there.
"""

from __future__ import annotations

import json
import struct
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..destinations.folder_tree import FILE_MODE
from .footprint import polygons_of

_TIME = pa.timestamp("us", tz="UTC")
_BOUNDS = ("xmin", "ymin", "xmax", "ymax")
_TYPES = {
    "geometry": pa.binary(),
    "bbox": pa.struct([(name, pa.float64()) for name in _BOUNDS]),
    "stac_extensions": pa.list_(pa.string()),
    "pixxel:warnings": pa.list_(pa.string()),
    "datetime": _TIME,
    "start_datetime": _TIME,
    "end_datetime": _TIME,
}
_GEO = {
    "version": "1.1.0",
    "primary_column": "geometry",
    "columns": {
        "geometry": {
            "encoding": "WKB",
            "geometry_types": ["Polygon", "MultiPolygon"],
            "covering": {"bbox": {name: ["bbox", name] for name in _BOUNDS}},
        }
    },
}
_POLYGON, _MULTIPOLYGON = 3, 6


def write_parquet(items: Sequence[dict[str, Any]], path: Path) -> None:
    """Write items into one file, as a whole or not at all."""
    rows = [_row(item) for item in items]
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {
        name: pa.array([row.get(name) for row in rows], type=_TYPES.get(name)) for name in names
    }
    table = pa.table(columns).replace_schema_metadata({"geo": json.dumps(_GEO)})
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as temporary:
        partial = Path(temporary) / path.name
        pq.write_table(table, partial, compression="zstd")
        partial.chmod(FILE_MODE)
        partial.replace(path)


def _row(item: dict[str, Any]) -> dict[str, Any]:
    row = {name: item[name] for name in ("type", "stac_version", "stac_extensions", "id")}
    row["geometry"] = wkb(item["geometry"]) if item["geometry"] else None
    row["bbox"] = dict(zip(_BOUNDS, item["bbox"], strict=True)) if "bbox" in item else None
    for name, value in item["properties"].items():
        is_time = value is not None and _TYPES.get(name) == _TIME
        row[name] = datetime.fromisoformat(value) if is_time else value
    row["links"] = item["links"]
    row["assets"] = item["assets"] or None  # a struct without fields cannot be written
    return row


def wkb(geometry: dict[str, Any]) -> bytes:
    """Return a polygon or several in the well-known binary form (OGC 06-103r4)."""
    polygons = [_wkb_polygon(polygon) for polygon in polygons_of(geometry)]
    if geometry["type"] == "Polygon":
        return polygons[0]
    return struct.pack("<BII", 1, _MULTIPOLYGON, len(polygons)) + b"".join(polygons)


def _wkb_polygon(rings: list[list[list[float]]]) -> bytes:
    written = struct.pack("<BII", 1, _POLYGON, len(rings))
    for ring in rings:
        flat = [value for position in ring for value in position]
        written += struct.pack(f"<I{len(flat)}d", len(ring), *flat)
    return written
