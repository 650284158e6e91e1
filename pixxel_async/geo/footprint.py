"""Footprints: GeoJSON files with the outline of a scene (RFC 7946).

Rules:
    * The geometry is a polygon or several, alone, in a Feature or in a FeatureCollection.
    * Coordinates are longitudes and latitudes of WGS 84; a file that names another reference
      system is not used.
    * Rings are closed, and hold at least four positions.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

RING_POSITIONS = 4
_WGS84 = ("CRS84", "EPSG::4326", "EPSG:4326")
Bbox = tuple[float, float, float, float]
"""West, south, east and north, in degrees."""


def parse_footprint(text: str) -> dict[str, Any]:
    """Return the geometry of a footprint: a Polygon or a MultiPolygon.

    Raises:
        ValueError: It is not a valid footprint.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        message = "it is not JSON"
        raise ValueError(message) from None
    _check_system(document)
    polygons = [polygon for geometry in _geometries(document) for polygon in _polygons(geometry)]
    if not polygons:
        message = "it holds no polygon"
        raise ValueError(message)
    return joined(polygons)


def joined(polygons: list[Any]) -> dict[str, Any]:
    """Return the geometry that has some polygons, given by their coordinates."""
    if len(polygons) == 1:
        return {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "MultiPolygon", "coordinates": polygons}


def polygons_of(geometry: dict[str, Any]) -> list[Any]:
    """Return the coordinates of each polygon of a geometry; the inverse of `joined`."""
    is_one = geometry["type"] == "Polygon"
    return [geometry["coordinates"]] if is_one else list(geometry["coordinates"])


def bbox_of(geometry: dict[str, Any]) -> Bbox:
    """Return the bounds of a geometry."""
    positions = [
        position for polygon in polygons_of(geometry) for ring in polygon for position in ring
    ]
    longitudes = [position[0] for position in positions]
    latitudes = [position[1] for position in positions]
    return min(longitudes), min(latitudes), max(longitudes), max(latitudes)


def rectangle(bbox: Bbox) -> dict[str, Any]:
    """Return the polygon of bounds."""
    west, south, east, north = bbox
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def _check_system(document: Any) -> None:
    if not isinstance(document, dict):
        message = "it is not a JSON object"
        raise ValueError(message)  # noqa: TRY004 - of the content, as all others here
    if (system := document.get("crs")) is not None and not any(
        name in json.dumps(system) for name in _WGS84
    ):
        message = "its reference system is not WGS 84"
        raise ValueError(message)


def _geometries(document: dict[str, Any]) -> Iterator[Any]:
    if document.get("type") == "FeatureCollection":
        features = document.get("features")
        for feature in features if isinstance(features, list) else []:
            yield feature.get("geometry") if isinstance(feature, dict) else None
    elif document.get("type") == "Feature":
        yield document.get("geometry")
    else:
        yield document


def _polygons(geometry: Any) -> Iterator[list[list[list[float]]]]:
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind not in {"Polygon", "MultiPolygon"}:
        message = "its geometry is not a polygon"
        raise ValueError(message)
    coordinates = geometry.get("coordinates")
    for polygon in [coordinates] if kind == "Polygon" else _list(coordinates):
        yield [_ring(ring) for ring in _list(polygon)]


def _ring(ring: Any) -> list[list[float]]:
    positions = [_position(position) for position in _list(ring)]
    if len(positions) < RING_POSITIONS or positions[0] != positions[-1]:
        message = "a ring of its geometry is not closed"
        raise ValueError(message)
    return positions


def _position(position: Any) -> list[float]:
    values = _list(position)[:2]
    if len(values) == 2 and all(_is_degrees(*pair) for pair in zip(values, (180, 90), strict=True)):  # noqa: PLR2004 - longitude and latitude
        return [float(value) for value in values]
    message = "its coordinates are not degrees"
    raise ValueError(message)


def _is_degrees(value: Any, limit: int) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and abs(value) <= limit


def _list(value: Any) -> list[Any]:
    if isinstance(value, list) and value:
        return value
    message = "its coordinates are not a list"
    raise ValueError(message)
