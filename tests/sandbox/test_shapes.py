"""Whether polygons intersect: by examples, and by what has to hold for all rectangles."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.sandbox.lists.shapes import Rings, boxes, intersect

Corners = tuple[float, float, float, float]


def box(west: float, south: float, east: float, north: float) -> Rings:
    (found,) = boxes([west, south, east, north])
    return found


def ring(*points: tuple[float, float]) -> list[Sequence[float]]:
    return [*points, points[0]]


TRIANGLE = [ring((0, 0), (4, 0), (0, 4))]
WITH_HOLE = [ring((0, 0), (9, 0), (9, 9), (0, 9)), ring((1, 1), (8, 1), (8, 8), (1, 8))]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (TRIANGLE, box(1, 1, 1.5, 1.5), True),  # inside
        (TRIANGLE, box(3, 3, 4, 4), False),  # within its box, not within it
        (TRIANGLE, box(2, 2, 3, 3), True),  # a corner on its edge
        (TRIANGLE, box(-1, -1, 5, 5), True),  # around it
        (TRIANGLE, box(-2, 1, 5, 2), True),  # across it
        (TRIANGLE, box(4, 0, 5, 1), True),  # a corner in common
        (WITH_HOLE, box(3, 3, 4, 4), False),  # in the hole
        (WITH_HOLE, box(0.5, 3, 4, 4), True),  # over the edge of the hole
        (WITH_HOLE, box(8, 8, 9, 9), True),  # on the rim
        (box(0, 0, 0, 0), box(0, 0, 1, 1), True),  # a point
    ],
)
def test_polygons_meet_where_they_have_a_point_in_common(
    one: Rings, other: Rings, *, expected: bool
) -> None:
    assert intersect(one, other) is intersect(other, one) is expected


corners = st.tuples(*[st.integers(0, 8)] * 4).map(
    lambda four: (min(four[::2]), min(four[1::2]), max(four[::2]), max(four[1::2]))
)


@given(corners, corners)
def test_rectangles_meet_as_their_sides_overlap(one: Corners, other: Corners) -> None:
    overlap = all(one[axis] <= other[axis + 2] and other[axis] <= one[axis + 2] for axis in (0, 1))
    assert intersect(box(*one), box(*other)) is overlap


def test_a_box_over_the_antimeridian_is_two() -> None:
    assert boxes([170, -1, -170, 1]) == [box(170, -1, 180, 1), box(-180, -1, -170, 1)]
