"""Whether polygons on a map intersect; longitudes and latitudes are treated as a plane.

Rules:
    * Polygons intersect if an edge of one touches an edge of the other, or a corner of one is in
      the other. Holes are ordinary rings: a point in an even number of rings is outside.
    * A box whose west is greater than its east spans the antimeridian, and is two boxes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

Point: TypeAlias = Sequence[float]
Rings: TypeAlias = Sequence[Sequence[Point]]
Edge: TypeAlias = tuple[Point, Point]

BOX = 4
RING = 4
"""The minimum number of points of a ring, whose first and last point are the same."""


def polygon(geometry: object) -> Rings:
    """Return the rings of a GeoJSON polygon.

    Raises:
        ValueError: It is not valid.
    """
    if isinstance(geometry, dict) and geometry.get("type") == "Polygon":
        rings = geometry.get("coordinates")
        if isinstance(rings, list) and rings and all(_is_ring(ring) for ring in rings):
            return rings
    reason = "it is a GeoJSON polygon, of closed rings of longitudes and latitudes"
    raise ValueError(reason)


def areas(geometry: object) -> list[Rings]:
    """Return any GeoJSON geometry as polygons; points and lines are flat ones.

    Raises:
        ValueError: It is not valid.
    """
    kind = str(geometry.get("type")) if isinstance(geometry, dict) else ""
    if isinstance(geometry, dict) and kind == "GeometryCollection":
        parts = geometry.get("geometries", geometry.get("coordinates"))
        return [area for part in _listed(parts) for area in areas(part)]
    if not isinstance(geometry, dict) or kind not in _RINGS:
        reason = "it is a GeoJSON geometry"
        raise ValueError(reason)
    coordinates = geometry.get("coordinates")
    singles = _listed(coordinates) if kind.startswith("Multi") else [coordinates]
    return [polygon({"type": "Polygon", "coordinates": _RINGS[kind](one)}) for one in singles]


def _listed(value: object) -> list[object]:
    if not isinstance(value, list):
        reason = "it is a GeoJSON geometry: a list is missing"
        raise ValueError(reason)  # noqa: TRY004 - reported like the other invalid values
    return value


_RINGS: dict[str, Callable[[Any], object]] = {
    "Point": lambda point: [[point] * RING],
    "LineString": lambda line: [[*_listed(line), *_listed(line)[::-1], *_listed(line)[:1]]],
    "Polygon": lambda rings: rings,
}
_RINGS |= {f"Multi{name}": rings for name, rings in _RINGS.items()}


def boxes(numbers: object) -> list[Rings]:
    """Return a box of four numbers as one polygon, or two at the antimeridian.

    Raises:
        ValueError: It is not valid.
    """
    if not isinstance(numbers, list) or len(numbers) != BOX or not all(map(_is_number, numbers)):
        reason = "it is four numbers: west, south, east, north"
        raise ValueError(reason)
    west, south, east, north = numbers
    if south > north:
        reason = "south is greater than north"
        raise ValueError(reason)
    if west <= east:
        return [_box(west, south, east, north)]
    return [_box(west, south, 180, north), _box(-180, south, east, north)]


def intersect(one: Rings, other: Rings) -> bool:
    """Return whether two polygons have a point in common."""
    if any(_touch(a, b) for a in _edges(one) for b in _edges(other)):
        return True
    return _lies_in(one[0][0], other) or _lies_in(other[0][0], one)


def _is_ring(ring: object) -> bool:
    if not isinstance(ring, list) or len(ring) < RING or ring[0] != ring[-1]:
        return False
    return all(
        isinstance(point, list) and len(point) > 1 and all(map(_is_number, point)) for point in ring
    )


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _box(west: float, south: float, east: float, north: float) -> Rings:
    return [[(west, south), (east, south), (east, north), (west, north), (west, south)]]


def _edges(rings: Rings) -> Iterator[Edge]:
    for ring in rings:
        yield from pairwise(ring)


def _touch(a: Edge, b: Edge) -> bool:
    turns = _turn(*a, b[0]), _turn(*a, b[1]), _turn(*b, a[0]), _turn(*b, a[1])
    if turns[0] * turns[1] < 0 and turns[2] * turns[3] < 0:
        return True
    ends = (a, b[0]), (a, b[1]), (b, a[0]), (b, a[1])
    return any(
        not turn and _spans(edge, point) for turn, (edge, point) in zip(turns, ends, strict=True)
    )


def _turn(start: Point, end: Point, point: Point) -> float:
    """Return on which side of a line a point lies; 0 on it."""
    along = (end[0] - start[0]) * (point[1] - start[1])
    return along - (end[1] - start[1]) * (point[0] - start[0])


def _spans(edge: Edge, point: Point) -> bool:
    return all(
        min(edge[0][axis], edge[1][axis]) <= point[axis] <= max(edge[0][axis], edge[1][axis])
        for axis in (0, 1)
    )


def _lies_in(point: Point, rings: Rings) -> bool:
    inside = False
    for (x1, y1, *_), (x2, y2, *_) in _edges(rings):
        if (y1 > point[1]) != (y2 > point[1]):
            crossing = x1 + (point[1] - y1) / (y2 - y1) * (x2 - x1)
            inside ^= point[0] < crossing
    return inside
