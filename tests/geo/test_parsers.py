"""Names, headers, footprints, flags and times: read without GDAL."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.errors import UsageError
from pixxel_async.geo.envi import Band, parse_header
from pixxel_async.geo.footprint import bbox_of, parse_footprint, rectangle
from pixxel_async.geo.mask_flags import flags_of, names_of
from pixxel_async.geo.names import DeliveredName, Role, parse_name, split_name
from pixxel_async.geo.quantity import quantity
from pixxel_async.geo.scenes import group
from pixxel_async.geo.selection import overlaps, parse_interval

from ..support import PROCESS_S

STEM = "FF01_000123_20260102_L2A_20260304_00501135"
SQUARE = {"type": "Polygon", "coordinates": [[[1, 2], [3, 2], [3, 4], [1, 4], [1, 2]]]}


def test_a_documented_name_has_its_parts() -> None:
    assert parse_name(STEM) == DeliveredName(
        satellite="FF01",
        image="000123",
        acquired=date(2026, 1, 2),
        level="L2A",
        processed=date(2026, 3, 4),
        product="00501135",
        bands=135,
    )


@pytest.mark.parametrize(
    "stem",
    [
        "",
        "image",
        "FF01_000123_20261302_L2A_20260304_00501135",
        "FF01_000123_20260102_L2A_20260304",
        "ff01_000123_20260102_L2A_20260304_00501135",
        f"x{STEM}",
        f"{STEM}_",
    ],
)
def test_a_name_of_another_form_has_no_parts(stem: str) -> None:
    assert parse_name(stem) is None


def test_a_last_part_of_another_form_states_no_bands() -> None:
    found = parse_name("FF01_000123_20260102_L2A_20260304_new")
    assert found is not None
    assert (found.product, found.bands) == ("new", None)


@pytest.mark.parametrize(
    ("member", "role"),
    [
        (f"a/{STEM}.tif", Role.IMAGE),
        (f"{STEM}.mask.tif", Role.MASK),
        (f"{STEM}.MASK.TIF", Role.MASK),
        (f"{STEM}.hdr", Role.HEADER),
        (f"{STEM}.xml", Role.METADATA),
        (f"{STEM}.geojson", Role.FOOTPRINT),
        (f"{STEM}.jpeg", Role.PREVIEW),
        (f"{STEM}.csv", Role.OTHER),
    ],
)
def test_the_suffix_says_what_a_member_is(member: str, role: Role) -> None:
    assert split_name(member) == (STEM, role)


def test_files_of_one_name_are_a_scene() -> None:
    scenes, others = group(
        ["a/x.tif", "a/x.hdr", "b/x.mask.tif", "fields.geojson", "fields.csv", "a/x.tiff"]
    )
    assert [dict(scene.files) for scene in scenes] == [
        {Role.HEADER: "a/x.hdr", Role.IMAGE: "a/x.tif"},
        {Role.MASK: "b/x.mask.tif"},
    ]
    assert others == ["a/x.tiff", "fields.csv", "fields.geojson"]


def header(**fields: str) -> str:
    return "ENVI\n" + "".join(f"{name.replace('_', ' ')} = {fields[name]}\n" for name in fields)


def test_a_header_has_bands_in_nanometers() -> None:
    found = parse_header(
        header(
            bands="2",
            Wavelength_Units="Micrometers",
            wavelength="{0.45,\n 0.55}",
            fwhm="{ 0.005, 0.006 }",
            band_names="{blue,green}",
            reflectance_scale_factor="50000",
            data_ignore_value="-9999",
            acquisition_time="2026-01-02T10:20:30Z",
        )
    )
    assert found.bands == (
        Band(name="blue", wavelength_nm=450, fwhm_nm=5),
        Band(name="green", wavelength_nm=550, fwhm_nm=6),
    )
    assert (found.factor, found.nodata) == (50_000, -9999)
    assert found.acquired == datetime(2026, 1, 2, 10, 20, 30, tzinfo=UTC)
    assert found.problems == ()


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"wavelength": "{1, 2}"}, "'wavelength' has no unit of length"),
        (
            {"wavelength_units": "Index", "wavelength": "{1, 2}"},
            "'wavelength' has no unit of length",
        ),
        (
            {"wavelength_units": "nm", "wavelength": "{1}"},
            "'wavelength' does not hold 2 positive numbers",
        ),
        (
            {"wavelength_units": "nm", "wavelength": "{1, nan}"},
            "'wavelength' does not hold 2 positive numbers",
        ),
        ({"band_names": "{a, a}"}, "'band names' does not hold 2 distinct names"),
        ({"reflectance_scale_factor": "0"}, "'reflectance scale factor' is not positive"),
        ({"data_ignore_value": "none"}, "'data ignore value' is not a number"),
        ({"acquisition_time": "noon"}, "'acquisition time' is not a time in ISO 8601"),
    ],
)
def test_what_a_header_says_wrongly_is_not_used(fields: dict[str, str], problem: str) -> None:
    found = parse_header(header(bands="2", **fields))
    assert found.problems == (problem,)
    assert found.bands == (Band(name="B001"), Band(name="B002"))
    assert (found.factor, found.nodata, found.acquired) == (None, None, None)


@pytest.mark.parametrize(
    "text", ["", "envy\nbands = 2", "ENVI\n", "ENVI\nbands = 0", "ENVI\nbands = x"]
)
def test_another_file_is_no_header(text: str) -> None:
    with pytest.raises(ValueError, match=r"ENVI|bands"):
        parse_header(text)


@given(st.text(max_size=200))
def test_any_text_after_a_header_is_read_or_refused(text: str) -> None:
    try:
        found = parse_header(f"ENVI\nbands = 3\n{text}")
    except ValueError:
        return
    assert len(found.bands) >= 1


@pytest.mark.parametrize(
    "document",
    [
        SQUARE,
        {"type": "Feature", "geometry": SQUARE},
        {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": SQUARE}]},
        {**SQUARE, "crs": {"properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}},
    ],
)
def test_a_footprint_is_found_in_each_form(document: dict[str, Any]) -> None:
    found = parse_footprint(json.dumps(document))
    assert found == SQUARE
    assert bbox_of(found) == (1, 2, 3, 4)
    assert rectangle((1, 2, 3, 4)) == SQUARE


def test_two_features_are_a_multipolygon() -> None:
    feature = {"type": "Feature", "geometry": SQUARE}
    found = parse_footprint(
        json.dumps({"type": "FeatureCollection", "features": [feature, feature]})
    )
    assert found == {"type": "MultiPolygon", "coordinates": [SQUARE["coordinates"]] * 2}


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "not a JSON object"),
        ('{"type": "Point", "coordinates": [1, 2]}', "not a polygon"),
        ('{"type": "Feature", "geometry": null}', "not a polygon"),
        ('{"type": "FeatureCollection", "features": []}', "no polygon"),
        (json.dumps({**SQUARE, "crs": {"name": "EPSG:32633"}}), "not WGS 84"),
        (json.dumps({**SQUARE, "coordinates": [SQUARE["coordinates"][0][:-1]]}), "not closed"),
        ('{"type": "Polygon", "coordinates": [[[500000, 1], [1, 1], [2, 2], [500000, 1]]]}', "deg"),
        ('{"type": "Polygon", "coordinates": [[[NaN, 1], [1, 1], [2, 2], [NaN, 1]]]}', "degrees"),
        ('{"type": "Polygon", "coordinates": 7}', "not a list"),
    ],
)
def test_another_footprint_is_refused(document: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_footprint(document)


def test_flags_are_named_by_the_mask() -> None:
    one_by_one = {"bit_0": "cloud", "BIT_1": "cloud shadow", "AREA_OR_POINT": "Area"}
    assert flags_of(one_by_one) == {"cloud": 1, "cloud_shadow": 2}
    as_cf = {"flag_masks": "1b, 4b", "flag_meanings": "cloud water"}
    assert flags_of(as_cf) == {"cloud": 1, "water": 4}
    assert flags_of({"AREA_OR_POINT": "Area"}) == {}


@pytest.mark.parametrize(
    "tags",
    [
        {"flag_masks": "1, 2", "flag_meanings": "cloud"},
        {"flag_masks": "3", "flag_meanings": "cloud"},
        {"flag_masks": "0", "flag_meanings": "cloud"},
        {"flag_masks": "1, 1", "flag_meanings": "cloud water"},
        {"flag_masks": "1, 2", "flag_meanings": "cloud cloud"},
        {"flag_masks": "one", "flag_meanings": "cloud"},
        {"bit_0": "cloud", "bit_1": "cloud"},
    ],
)
def test_flags_that_contradict_each_other_are_refused(tags: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="flag_masks"):
        flags_of(tags)


def test_a_bit_without_a_name_is_called_by_its_number() -> None:
    assert names_of(0b1101, {"cloud": 1, "water": 4}) == ("cloud", "water", "bit_3")


@pytest.mark.parametrize(
    ("level", "factor", "name", "divided_by", "problem"),
    [
        ("L2A", None, "reflectance", 50_000, ""),
        ("L2A", 50_000, "reflectance", 50_000, ""),
        ("L1C", None, "reflectance", 50_000, ""),
        ("L2A", 10_000, "reflectance", 10_000, "divides by 10000, where L2A has 50000"),
        (None, 10_000, "reflectance", 10_000, ""),
        ("L1B", None, "radiance", None, ""),
        ("L1B", 50_000, "radiance", None, "L1B is radiance"),
        (None, None, "digital_number", None, "numbers are left as they are"),
        ("L9Z", None, "digital_number", None, "numbers are left as they are"),
    ],
)
def test_the_level_and_the_header_say_what_numbers_are(
    level: str | None, factor: float | None, name: str, divided_by: float | None, problem: str
) -> None:
    found = quantity(level, factor)
    assert (found.name, found.factor) == (name, divided_by)
    assert problem in found.problem
    assert bool(problem) == bool(found.problem)


def item(day: str, cloud: float | None = None) -> dict[str, Any]:
    time = f"{day}T12:00:00Z"
    clouds = {} if cloud is None else {"eo:cloud_cover": cloud}
    return {
        "bbox": [1, 2, 3, 4],
        "properties": {"datetime": time, "pixxel:time": "acquired", **clouds},
    }


@pytest.mark.parametrize(
    ("time", "is_in"),
    [
        (None, True),
        ("2026-06-15", True),
        ("2026-06-14", False),
        ("2026-06-01/2026-06-15", True),
        ("2026-06-15T12:00:01Z/..", False),
        ("../2026-06-15T12:00:00Z", True),
        ("2026-06-16/..", False),
        ("../..", True),
    ],
)
def test_an_interval_has_both_its_ends(time: str | None, is_in: bool) -> None:  # noqa: FBT001 - of a table
    assert overlaps(item("2026-06-15"), None, parse_interval(time), None) is is_in


@pytest.mark.parametrize("time", ["yesterday", "2026-06-02/2026-06-01", "2026-13-01"])
def test_another_time_is_refused(time: str) -> None:
    with pytest.raises(UsageError, match=time):
        parse_interval(time)


def test_place_and_cloud_choose_too() -> None:
    always = parse_interval(None)
    assert overlaps(item("2026-06-15"), (3, 4, 5, 6), always, None)
    assert not overlaps(item("2026-06-15"), (3.1, 4, 5, 6), always, None)
    assert overlaps(item("2026-06-15", 10), None, always, 10)
    assert not overlaps(item("2026-06-15", 10.1), None, always, 10)
    assert not overlaps(item("2026-06-15"), None, always, 10)


def test_an_item_with_the_time_of_saving_is_in_no_interval() -> None:
    saved = item("2026-06-15")
    saved["properties"]["pixxel:time"] = "saved"
    assert not overlaps(saved, None, parse_interval("2026-06-15"), None)
    assert overlaps(saved, None, parse_interval(None), None)


def test_parsers_need_nothing_of_the_extra() -> None:
    banned = "rasterio", "rioxarray", "xarray", "pyarrow", "pystac", "stac_geoparquet"
    modules = "names envi footprint mask_flags scenes quantity selection catalog packages contents"
    code = (
        f"import sys\nfor name in {modules.split()}: __import__(f'pixxel_async.geo.{{name}}')\n"
        f"print(sorted(set({banned!r}) & set(sys.modules)))"
    )
    ended = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=PROCESS_S
    )
    assert ended.stdout.strip() == "[]"
