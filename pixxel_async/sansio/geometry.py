"""Areas as GeoJSON (RFC 7946), checked before they are sent.

Rules:
    * An area is a GeoJSON geometry, feature or collection, or an object whose `__geo_interface__`
      is one of these, as those of shapely and geopandas are.
    * Positions are longitude and latitude in degrees (WGS 84, RFC 7946 section 4). A height is left
      out: the service documents two numbers.
    * A ring has four positions or more, and its last is its first (section 3.1.6). It is not
      closed silently, since an open ring may be half of one.
    * Every error names the place, as `geometry.coordinates[0][3]`, and the remedy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

from ..errors import InputError

POLYGONS = ("Polygon", "MultiPolygon")
_DEPTHS = {
    "Point": 0,
    "MultiPoint": 1,
    "LineString": 1,
    "MultiLineString": 2,
    "Polygon": 2,
    "MultiPolygon": 3,
}
"""Levels of lists around a position."""
GEOMETRIES = tuple(_DEPTHS)
MAX_LONGITUDE = 180
MAX_LATITUDE = 90
MIN_RING = 4
MIN_LINE = 2
FORMS = "give GeoJSON, an object with __geo_interface__, or the path of a GeoJSON file"


def geometry(value: object, field: str, *, kinds: Sequence[str] = GEOMETRIES) -> dict[str, Any]:
    """Return an area as a plain GeoJSON geometry.

    Args:
        value: A geometry, a feature, or a collection of one feature.
        field: The name of the argument, for errors.
        kinds: The types that the call accepts.

    Raises:
        InputError: It is not such an area.
    """
    found = geometries(value, field, kinds=kinds)
    if len(found) != 1:
        message = f"{field}: has {len(found)} features; give one, or merge them"
        raise InputError(message)
    return found[0]


def polygon(value: object, field: str) -> dict[str, Any]:
    """Return an area as a GeoJSON polygon; a MultiPolygon of one polygon is one.

    Raises:
        InputError: It is not a polygon.
    """
    found = geometry(value, field, kinds=POLYGONS)
    if found["type"] == "Polygon":
        return found
    parts = found["coordinates"]
    if len(parts) != 1:
        message = f"{field}: is a MultiPolygon of {len(parts)} polygons; give one polygon a call"
        raise InputError(message)
    return {"type": "Polygon", "coordinates": parts[0]}


def feature_collection(value: object, field: str) -> dict[str, Any]:
    """Return an area as a GeoJSON collection of features that are polygons.

    Raises:
        InputError: It has no features, or others.
    """
    features = [
        {"type": "Feature", "properties": {}, "geometry": found}
        for found in geometries(value, field, kinds=POLYGONS)
    ]
    return {"type": "FeatureCollection", "features": features}


def geometries(value: object, field: str, *, kinds: Sequence[str]) -> list[dict[str, Any]]:
    """Return the geometries of a geometry, a feature or a collection; raises as `geometry`."""
    shape = getattr(value, "__geo_interface__", value)
    if not isinstance(shape, Mapping):
        message = f"{field}: is of type {type(value).__name__}; {FORMS}"
        raise InputError(message)
    kind = shape.get("type")
    if kind == "Feature":
        return geometries(shape.get("geometry"), f"{field}.geometry", kinds=kinds)
    if kind == "FeatureCollection":
        features = shape.get("features")
        if not isinstance(features, Sequence) or not features:
            message = f"{field}.features: is empty; give at least one feature"
            raise InputError(message)
        return [
            found
            for place, feature in enumerate(features)
            for found in geometries(feature, f"{field}.features[{place}]", kinds=kinds)
        ]
    if kind not in kinds or kind not in _DEPTHS:
        message = f"{field}.type: is {kind!r}; this call takes {' or '.join(kinds)}"
        raise InputError(message)
    where = f"{field}.coordinates"
    positions = _nested(shape.get("coordinates"), where, _DEPTHS[kind])
    return [{"type": kind, "coordinates": _checked(kind, positions, where)}]


def _nested(value: object, where: str, depth: int) -> Any:
    members = _members(value)
    if members is None:
        wanted = "a list" if depth else "a position; give [longitude, latitude] in degrees"
        message = f"{where}: is not {wanted}"
        raise InputError(message)
    if depth == 0:
        return _position(members, where)
    if not members:
        message = f"{where}: is empty; give at least one position"
        raise InputError(message)
    return [_nested(one, f"{where}[{place}]", depth - 1) for place, one in enumerate(members)]


def _members(value: Any) -> list[Any] | None:
    """Return the members of a list, a tuple or an array such as those of numpy."""
    if isinstance(value, str | bytes | Mapping) or not hasattr(value, "__getitem__"):
        return None
    return list(value)


def _position(numbers: list[Any], where: str) -> list[float]:
    if len(numbers) not in {2, 3} or not all(
        isinstance(one, Real) and not isinstance(one, bool) and math.isfinite(one)
        for one in numbers
    ):
        message = f"{where}: is not a position; give [longitude, latitude] in degrees"
        raise InputError(message)
    longitude, latitude = float(numbers[0]), float(numbers[1])
    if abs(longitude) <= MAX_LONGITUDE and abs(latitude) <= MAX_LATITUDE:
        return [longitude, latitude]
    if abs(latitude) <= MAX_LONGITUDE and abs(longitude) <= MAX_LATITUDE:
        remedy = "the longitude comes first; swap the two"
    else:
        remedy = "give degrees (WGS 84, EPSG:4326); reproject other coordinates"
    message = f"{where}: [{longitude:g}, {latitude:g}] is not on Earth; {remedy}"
    raise InputError(message)


def _checked(kind: str, positions: Any, where: str) -> Any:
    match kind:
        case "Polygon":
            for place, ring in enumerate(positions):
                _check_ring(ring, f"{where}[{place}]")
        case "MultiPolygon":
            for part, rings in enumerate(positions):
                _checked("Polygon", rings, f"{where}[{part}]")
        case "LineString" if len(positions) < MIN_LINE:
            message = f"{where}: a line has at least {MIN_LINE} positions"
            raise InputError(message)
    return positions


def _check_ring(ring: list[list[float]], where: str) -> None:
    if ring[0] != ring[-1]:
        message = f"{where}: the ring is not closed; repeat its first position at the end"
    elif len(ring) < MIN_RING:
        message = f"{where}: the ring has {len(ring)} positions; a triangle already has {MIN_RING}"
    else:
        return
    raise InputError(message)
