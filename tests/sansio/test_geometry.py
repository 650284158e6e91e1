"""Areas are checked before they are sent, and every error names the place and the remedy."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async import InputError
from pixxel_async.resources.areas import MAX_FILE_BYTES, loaded
from pixxel_async.sansio.geometry import feature_collection, geometry, polygon

RING: list[list[float]] = [[7, 1], [8, 1], [8, 2.5], [7, 1]]
SQUARE = {"type": "Polygon", "coordinates": [RING]}
FEATURE = {"type": "Feature", "properties": {"a": 1}, "geometry": SQUARE}


class Shape:
    """As those of shapely: tuples in place of lists."""

    def __init__(self, interface: Any) -> None:
        self.__geo_interface__ = interface


@pytest.mark.parametrize(
    "area",
    [
        SQUARE,
        FEATURE,
        {"type": "FeatureCollection", "features": [FEATURE]},
        {"type": "MultiPolygon", "coordinates": [[RING]]},
        Shape({"type": "Polygon", "coordinates": (tuple((x, y) for x, y in RING),)}),
        Shape({"type": "FeatureCollection", "features": ({**FEATURE, "id": "0"},)}),
        {"type": "Polygon", "coordinates": [[[*one, 250.5] for one in RING]]},
        {"type": "Polygon", "coordinates": [RING], "bbox": [7, 1, 8, 2.5]},
    ],
    ids=lambda area: type(area).__name__,
)
def test_every_form_of_a_polygon_becomes_the_plain_one(area: Any) -> None:
    assert polygon(area, "geometry") == SQUARE
    collection = feature_collection(area, "geometry")
    assert [one["type"] for one in collection["features"]] == ["Feature"]
    assert json.loads(json.dumps(polygon(area, "geometry"))) == SQUARE


def of_ring(*positions: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [list(positions)]}


OPEN = of_ring([7, 1], [8, 1], [8, 2], [7, 2])
WRONG: dict[str, tuple[Any, str]] = {
    "no area": (5, r"^geometry: is of type int; give GeoJSON, an object with __geo_interface__"),
    "no type": ({}, r"^geometry\.type: is None; this call takes Polygon"),
    "a point": ({"type": "Point", "coordinates": [7, 1]}, r"^geometry\.type: is 'Point'"),
    "no coordinates": ({"type": "Polygon"}, r"^geometry\.coordinates: is not a list"),
    "no rings": ({"type": "Polygon", "coordinates": []}, r"coordinates: is empty"),
    "too flat": ({"type": "Polygon", "coordinates": RING}, r"coordinates\[0\]\[0\]: is not a posi"),
    "an open ring": (OPEN, r"coordinates\[0\]: the ring is not closed; repeat its first position"),
    "a short ring": (
        of_ring([7, 1], [8, 1], [7, 1]),
        r"\[0\]: the ring has 3 positions",
    ),
    "swapped": (
        of_ring([12, 100], *RING),
        r"\[0\]\[0\]: \[12, 100\] is not on Earth; the long",
    ),
    "metres": (of_ring([5e5, 1e6], *RING), r"\[0\]\[0\]: .* reproject other coordinates"),
    "not a number": (of_ring([float("nan"), 1], *RING), r"\[0\]\[0\]: is not a position"),
    "texts": (of_ring(["7", "1"], *RING), r"\[0\]\[0\]: is not a position; give \[longitude"),
    "a lone number": (of_ring(7, *RING), r"\[0\]\[0\]: is not a position"),
    "no geometry": ({"type": "Feature", "geometry": None}, r"^geometry\.geometry: is of type None"),
    "no features": ({"type": "FeatureCollection", "features": []}, r"features: is empty"),
    "two features": (
        {"type": "FeatureCollection", "features": [FEATURE, FEATURE]},
        r"^geometry: has 2 features; give one",
    ),
    "two polygons": (
        {"type": "MultiPolygon", "coordinates": [[RING], [RING]]},
        r"MultiPolygon of 2 polygons",
    ),
    "a wrong feature": (
        {"type": "FeatureCollection", "features": [FEATURE, {**FEATURE, "geometry": OPEN}]},
        r"^geometry\.features\[1\]\.geometry\.coordinates\[0\]: the ring is not closed",
    ),
}


@pytest.mark.parametrize(("area", "reason"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_named_with_its_place_and_the_remedy(area: Any, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        polygon(area, "geometry")


@pytest.mark.parametrize(
    ("kind", "coordinates"),
    [
        ("Point", [7, 1]),
        ("MultiPoint", [[7, 1]]),
        ("LineString", [[7, 1], [8, 1]]),
        ("MultiLineString", [[[7, 1], [8, 1]]]),
    ],
)
def test_searches_take_other_geometries_too(kind: str, coordinates: Any) -> None:
    area = {"type": kind, "coordinates": coordinates}
    assert geometry(area, "intersects") == area
    with pytest.raises(InputError, match="takes Polygon or MultiPolygon"):
        feature_collection(area, "geometry")


def test_a_line_of_one_position_is_none() -> None:
    with pytest.raises(InputError, match="a line has at least 2 positions"):
        geometry({"type": "LineString", "coordinates": [[7, 1]]}, "intersects")


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["type", "coordinates", "geometry", "features"]), inner)
    ),
    max_leaves=12,
)


@given(st.sampled_from(["Polygon", "MultiPolygon", "Feature", "FeatureCollection", "x"]), JSON)
def test_whatever_comes_is_an_area_or_an_input_error(kind: str, inside: Any) -> None:
    for area in (inside, {"type": kind, "coordinates": inside, "geometry": inside}):
        with suppress(InputError):
            assert feature_collection(area, "geometry")["features"]


def test_a_file_is_read_whole_or_told(tmp_path: Path) -> None:
    path = tmp_path / "field.geojson"
    path.write_text(json.dumps(FEATURE), "utf-8")
    assert loaded(path, "geometry") == loaded(str(path), "geometry") == FEATURE
    assert loaded(SQUARE, "geometry") is SQUARE
    with pytest.raises(InputError, match=r"geometry: cannot read the GeoJSON file .*none\.geojson"):
        loaded(tmp_path / "none.geojson", "geometry")
    path.write_bytes(b"\xff{")
    with pytest.raises(InputError, match=r"geometry: .* is not GeoJSON"):
        loaded(path, "geometry")
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(InputError, match="is larger than"):
        loaded(path, "geometry")
