"""The index of an export: what it says, that it is STAC, and that it reads only what is new."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from . import needs  # noqa: F401 - skips these tests without the extra

import odc.stac  # isort: skip
import pyarrow.parquet  # isort: skip
import pystac  # isort: skip
import pystac_client  # isort: skip
import rasterio  # isort: skip
from pystac.validation import JsonSchemaSTACValidator  # isort: skip

from pixxel_async import geo
from pixxel_async.errors import SinkError, UsageError
from pixxel_async.geo import contents
from pixxel_async.geo.extra import extra_needed
from pixxel_async.sandbox import Scenario, demo_rows, sandbox_in_thread

from ..cli.commands import QUICK, env_of, run, write_manifest
from ..report.folders import folder_of
from .made import (
    FLAGS,
    FOOTPRINT,
    HEADER,
    MASK,
    PIXELS,
    SAVED_AT,
    STEM,
    archive,
    export_of,
    product,
    record_of,
    row_of,
    sandbox_export,
    tiff,
)


def item_of(folder: Path) -> dict[str, Any]:
    """Index a folder with one package, and return its item."""
    geo.index(folder)
    (path,) = (folder / "stac" / "items").iterdir()
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def test_an_item_says_what_the_files_say(tmp_path: Path) -> None:
    item = item_of(export_of(tmp_path / "out", product()))
    assert item["properties"] == {
        "datetime": "2026-01-02T10:20:30Z",
        "pixxel:time": "acquired",
        "pixxel:key": "job:w/j0",
        "pixxel:kind": "job",
        "pixxel:warnings": [],
        "platform": "FF01",
        "processing:level": "L2A",
        "pixxel:image": "000123",
        "eo:cloud_cover": 20,
    }
    assert item["geometry"] == json.loads(FOOTPRINT)
    assert item["bbox"] == [10, 49.99, 10.01, 50]
    image = item["assets"]["image"]
    assert image["bands"] == [
        {"name": "B001", "eo:center_wavelength": 0.45, "eo:full_width_half_max": 0.005},
        {"name": "B002", "eo:center_wavelength": 0.65, "eo:full_width_half_max": 0.006},
    ]
    assert (image["data_type"], image["unit"], image["raster:scale"]) == ("uint16", "1", 1 / 50_000)
    assert (image["proj:code"], image["proj:shape"]) == ("EPSG:4326", [4, 5])
    zipped = item["assets"]["package"]
    data = Path(zipped["href"]).read_bytes()
    assert zipped["file:size"] == len(data)
    assert zipped["file:checksum"] == "1220" + hashlib.sha256(data).hexdigest()


def test_the_index_is_valid_and_others_read_it(tmp_path: Path) -> None:
    files = geo.index(sandbox_export(tmp_path / "out", 5))
    assert (files.items, files.read, files.warnings) == (5, 5, ())
    catalog = pystac.Catalog.from_file(files.catalog)
    items = list(catalog.get_items(recursive=True))
    assert len(items) == 5
    validator = JsonSchemaSTACValidator()
    for one in (catalog, *items):  # offline: the core; extensions are read from the web
        kind = one.STAC_OBJECT_TYPE
        assert validator.validate(one.to_dict(), kind, pystac.get_stac_version(), [])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a file is no server; odc-stac uses what is deprecated
        found = list(pystac_client.Client.open(str(files.catalog)).get_items())
        cube = odc.stac.load(items[:1], bands=["image.1", "mask"])
    assert {one.id for one in found} == {one.id for one in items}
    for asset in items[0].assets.values():
        if asset.media_type == "image/tiff; application=geotiff":
            with rasterio.open(asset.href) as image:
                assert image.shape == tuple(asset.extra_fields["proj:shape"])
    with rasterio.open(items[0].assets["image"].href) as image:
        assert (cube["image.1"].to_numpy()[0] == image.read(1)).all()
    assert files.parquet is not None
    table = pyarrow.parquet.read_table(files.parquet)
    assert sorted(table["id"].to_pylist()) == sorted(one.id for one in items)
    assert b"geo" in table.schema.metadata


def test_only_what_is_new_is_read(tmp_path: Path) -> None:
    folder = sandbox_export(tmp_path / "out", 3)
    assert geo.index(folder).read == 3
    written = stamps(folder)
    again = geo.index(folder)
    assert (again.items, again.read) == (3, 0)
    assert stamps(folder) == written
    first = next(iter(sorted(folder.glob("*.zip"))))
    os.utime(first, (1, 1))
    assert geo.index(folder).read == 1
    next(iter((folder / "stac" / "items").iterdir())).write_text("{", encoding="utf-8")
    (folder / "stac" / "items.parquet").unlink()
    assert geo.index(folder).read == 1
    assert geo.index(folder).read == 0


def stamps(folder: Path) -> dict[str, int]:
    return {
        path.name: path.stat().st_mtime_ns
        for path in (folder / "stac").rglob("*")
        if path.is_file()
    }


def test_an_index_that_was_interrupted_is_the_old_one_until_it_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = sandbox_export(tmp_path / "out", 2)
    files = geo.index(folder)
    os.utime(min(folder.glob("*.zip")), (1, 1))
    before = files.catalog.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr("pyarrow.parquet.write_table", interrupt)
        with pytest.raises(KeyboardInterrupt):
            geo.index(folder)
    assert files.catalog.read_bytes() == before
    assert len(list(pystac.Catalog.from_file(files.catalog).get_items())) == 2
    assert [path.name for path in (folder / "stac").iterdir() if path.name.startswith(".")] == []
    assert geo.index(folder).read == 1
    assert geo.index(folder).read == 0


def interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_a_header_of_many_megabytes_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "MAX_TEXT_BYTES", len(FOOTPRINT))
    item = item_of(export_of(tmp_path / "out", product()))
    limit = f"it is larger than {len(FOOTPRINT)} bytes"
    assert item["properties"]["pixxel:warnings"] == [
        f"{STEM}.hdr: not used, since {limit}",
        f"{STEM}.tif: the wavelengths of its bands are unknown",
    ]


def test_a_missing_file_has_no_item(tmp_path: Path) -> None:
    folder = sandbox_export(tmp_path / "out", 2)
    assert geo.index(folder).items == 2
    gone = min(folder.glob("*.zip"))
    gone.unlink()
    files = geo.index(folder)
    assert files.items == 1
    assert files.warnings == (f"{gone}: No such file or directory; see pixxel-async verify",)
    assert [path.stem for path in (folder / "stac" / "items").iterdir()] == [
        path.stem for path in folder.glob("*.zip")
    ]


def test_an_extracted_package_is_indexed_where_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    members = product()
    (folder / "job-0").mkdir(parents=True)
    packed = archive(folder / "job-0.zip", members)
    row = row_of({"kind": "job", "workflow_id": "w", "job_id": "j0"}, packed)
    packed.unlink()
    for name, content in members.items():
        data = content.encode() if isinstance(content, str) else content
        (folder / "job-0" / name).write_bytes(data)
    folder_of(folder, record_of([replace(row, extracted="job-0", is_discarded=1)]))
    item = item_of(folder)
    assert "package" not in item["assets"]
    assert item["assets"]["image"]["href"] == str(folder / "job-0" / f"{STEM}.tif")
    assert item["properties"]["pixxel:warnings"] == []


UTM = {"crs": "EPSG:32632", "transform": rasterio.Affine(20, 0, 500_000, 0, -20, 5_500_000)}


@pytest.mark.parametrize(
    ("members", "warning"),
    [
        (product(tif=b"II*\0broken"), "tif: GDAL cannot read it"),
        (product(mask_tif=b""), "mask.tif: GDAL cannot read it"),
        (product(hdr="nothing"), "hdr: not used, since it does not begin with ENVI"),
        (product(hdr="ENVI\nbands = 3\n"), "hdr: not used, since it has 3 bands, and the image 2"),
        (product(hdr=b"ENVI\xff"), "hdr: not used, since it is not UTF-8"),
        (product(hdr=None), "tif: the wavelengths of its bands are unknown"),
        (product(geojson="{"), "geojson: not used, since it is not JSON"),
        (product(geojson=None, tif=tiff(PIXELS, crs=None)), "tif: it has no reference system"),
        (product(mask_tif=tiff(MASK[None])), "it does not say what these mean: bit_0, bit_1"),
        (product(mask_tif=tiff(MASK[None], {"bit_0": "a", "bit_1": "a"})), "do not fit together"),
        (product(mask_tif=tiff(MASK[None].astype("float32"), FLAGS)), "float32, not integers"),
        (product(tif=tiff(PIXELS[:1]), hdr=None), "it has 1 bands, and its name says 2"),
        (
            product(hdr=HEADER.replace("50000", "10000")),
            "its header divides by 10000, where L2A has 50000",
        ),
        ({"fields.csv": "a,b\n"}, "it has no image"),
        ({"x.tif": tiff(PIXELS)}, "x: its name is not of the documented form"),
    ],
)
def test_what_is_broken_is_said_and_the_rest_counts(
    tmp_path: Path, members: dict[str, bytes | str], warning: str
) -> None:
    folder = export_of(tmp_path / "out", members, product())
    files = geo.index(folder)
    assert files.items == 2
    path = folder / "stac" / "items" / "job-0.json"
    item = json.loads(path.read_text("utf-8"))
    assert any(warning in line for line in item["properties"]["pixxel:warnings"])
    assert any(f"job-0.zip: {line}" for line in files.warnings if warning in line)
    assert item["assets"]["package"]["file:size"] == (folder / "job-0.zip").stat().st_size
    JsonSchemaSTACValidator().validate(item, pystac.STACObjectType.ITEM, "1.1.0", [])


def test_a_file_that_is_no_zip_has_an_item(tmp_path: Path) -> None:
    folder = export_of(tmp_path / "out", product())
    (folder / "job-0.zip").write_bytes(b"not a ZIP")
    item = item_of(folder)
    (warning,) = item["properties"]["pixxel:warnings"]
    assert "cannot be read as a ZIP" in warning
    assert item["geometry"] is None


def test_without_a_footprint_the_image_gives_the_place(tmp_path: Path) -> None:
    members = product(geojson=None, tif=tiff(PIXELS, **UTM), mask_tif=None)
    item = item_of(export_of(tmp_path / "out", members))
    west, south, east, north = item["bbox"]
    assert (round(west, 4), round(north, 2)) == (9, 49.65)
    assert 0 < east - west < 0.002
    assert 0 < north - south < 0.001
    assert item["assets"]["image"]["proj:code"] == "EPSG:32632"


def test_without_a_time_an_item_has_that_of_saving_and_says_so(tmp_path: Path) -> None:
    item = item_of(export_of(tmp_path / "out", {"fields.csv": "a,b\n"}))
    assert item["properties"]["datetime"] == "2027-01-15T08:00:00Z"  # SAVED_AT
    assert item["properties"]["pixxel:time"] == "saved"
    assert SAVED_AT == 1_800_000_000
    assert item["assets"]["data"]["type"] == "text/csv"


def test_a_day_without_a_time_is_a_day(tmp_path: Path) -> None:
    members = product(hdr=HEADER.partition("acquisition")[0])
    properties = item_of(export_of(tmp_path / "out", members))["properties"]
    assert properties["datetime"] is None
    assert properties["start_datetime"] == "2026-01-02T00:00:00Z"
    assert properties["end_datetime"] == "2026-01-02T23:59:59Z"


def test_several_scenes_share_an_item(tmp_path: Path) -> None:
    other = STEM.replace("20260102", "20260105")
    members = {f"a/{name}": content for name, content in product().items()}
    members |= {f"b/{name.replace(STEM, other)}": data for name, data in product(hdr=None).items()}
    item = item_of(export_of(tmp_path / "out", members))
    assert item["geometry"]["type"] == "MultiPolygon"
    assert {"image", "image-2", "mask", "mask-2"} <= item["assets"].keys()
    assert item["assets"]["image-2"]["title"] == f"{other}.tif"
    assert item["properties"]["start_datetime"] == "2026-01-02T10:20:30Z"
    assert item["properties"]["end_datetime"] == "2026-01-05T23:59:59Z"
    assert "eo:cloud_cover" not in item["properties"]


def test_an_export_without_packages_has_an_empty_catalog(tmp_path: Path) -> None:
    files = geo.index(export_of(tmp_path / "out"), tmp_path / "index")
    assert (files.items, files.parquet) == (0, None)
    assert list(pystac.Catalog.from_file(files.catalog).get_items()) == []


def test_the_command_indexes_an_export_while_it_grows(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    with sandbox_in_thread(Scenario(package_bytes=20_000)) as sandbox:
        for count in (2, 4):
            manifest = write_manifest(tmp_path / "m.jsonl", demo_rows(count))
            saved = run("export", manifest, "--out", folder, "-q", *QUICK, env=env_of(sandbox))
            assert saved.exit_code == 0, saved.stderr
            told = run("index", folder)
            assert told.exit_code == 0
            assert f"{count} packages, 2 of them read" in told.stderr
    assert told.stdout.splitlines() == [
        str(folder / "stac" / "catalog.json"),
        str(folder / "stac" / "items.parquet"),
    ]


def test_the_command_names_what_is_wrong(tmp_path: Path) -> None:
    folder = export_of(tmp_path / "out", product(hdr="nothing"))
    told = run("index", folder, "--out", tmp_path / "index")
    assert told.exit_code == 0
    assert f"{STEM}.hdr: not used, since it does not begin with ENVI" in told.stderr
    assert run("index", tmp_path / "none").exit_code == 2


def test_a_missing_extra_names_the_remedy() -> None:
    with pytest.raises(UsageError, match=r"rasterio is not installed: pip install 'pixxel"):
        with extra_needed():
            raise ModuleNotFoundError(name="rasterio")


def test_a_link_in_place_of_the_index_is_not_followed(tmp_path: Path) -> None:
    folder = export_of(tmp_path / "out", product())
    (folder / "stac").symlink_to(tmp_path)
    with pytest.raises(SinkError):
        geo.index(folder)
    assert not (tmp_path / "items").exists()
