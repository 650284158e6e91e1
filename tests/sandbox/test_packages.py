"""What is in a package: a valid ZIP of an image product, named as the vendor does."""

from __future__ import annotations

import hashlib
import io
import json
import re
import tracemalloc
import zipfile
from itertools import product
from typing import Any, get_args
from xml.etree import ElementTree as ET

import pytest
import tifffile
from PIL import Image

from pixxel_async.sandbox import Scenario
from pixxel_async.sandbox.identity import Identity
from pixxel_async.sandbox.package_content import package_content
from pixxel_async.sandbox.scenario import ImageCompression, ImageLayout, ZipMethod

from .raw import fetch, read_head, sent
from .stand import AT_ONCE, CREATIONS, JOB_ROW, Stand, stand

MIB = 1024 * 1024
JOB = Identity.of(JOB_ROW)
ROWS: dict[str, dict[str, Any]] = {
    "insight": {"kind": "insight", "aoi_id": "a1", "insight_id": "i1", "inputs": ["x"]},
    "aoi": {"kind": "aoi", "aoi_id": "a1", "asset_ids": ["y", "x"]},
    "job": JOB_ROW,
    "task": {"kind": "task", "workflow_id": "w1", "job_id": "j1", "task_id": "t1"},
    "catalog": {"kind": "catalog", "catalog_ids": ["x"]},
}
STEM = re.compile(r"FF0[1-6]_\d{6}_2026\d{4}_L2A_2026\d{4}_00501008")
TYPES = ["tif", "mask.tif", "hdr", "xml", "geojson", "jpeg"]
OUTPUTS = ["outputs/fields.geojson", "outputs/fields.csv"]
FORMS = [
    Scenario(image_layout=layout, image_compression=compression, zip_method=method)
    for layout, compression, method in product(
        get_args(ImageLayout), get_args(ImageCompression), get_args(ZipMethod)
    )
]


def form(scenario: Scenario) -> str:
    return f"{scenario.image_layout} {scenario.image_compression} {scenario.zip_method}"


def metadata_of(archive: zipfile.ZipFile) -> ET.Element:
    return ET.fromstring(member(archive, "xml"))  # noqa: S314 - the sandbox's own


def data(scenario: Scenario, identity: Identity = JOB, version: int = 1) -> bytes:
    return b"".join(package_content(scenario, identity, version))


def opened(scenario: Scenario, identity: Identity = JOB) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(data(scenario, identity)))


def member(archive: zipfile.ZipFile, kind: str) -> bytes:
    """Return the file of the product of one type."""
    (found,) = (one for one in archive.namelist() if STEM.sub("", one) == f".{kind}")
    return archive.read(found)


def pixels(image: bytes) -> tuple[tifffile.TiffPage, Any]:
    with tifffile.TiffFile(io.BytesIO(image)) as tiff:
        page = tiff.pages.first
        assert isinstance(page, tifffile.TiffPage)
        return page, page.asarray()


def header(archive: zipfile.ZipFile) -> dict[str, str]:
    first, *lines = member(archive, "hdr").decode("ascii").splitlines()
    assert first == "ENVI"
    return {name: value for name, _, value in (line.partition(" = ") for line in lines)}


@pytest.mark.parametrize("size", [1, 5_000, 64 * 1024, 3 * MIB])
def test_a_package_is_a_zip_without_a_fault(size: int) -> None:
    content = data(Scenario(package_bytes=size, size_spread=0))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
    if size > 5_000:
        assert len(content) == pytest.approx(size, rel=0.1)


@pytest.mark.parametrize("kind", ROWS)
def test_files_have_the_documented_names(kind: str) -> None:
    with opened(Scenario(), Identity.of(ROWS[kind])) as archive:
        names = archive.namelist()
    stem = names[0].partition(".")[0]
    assert STEM.fullmatch(stem)
    outputs = OUTPUTS if kind in {"insight", "job", "task"} else []
    assert names == [*(f"{stem}.{one}" for one in TYPES), *outputs]


@pytest.mark.parametrize("scenario", FORMS, ids=form)
def test_the_image_is_a_geotiff_of_reflectance(scenario: Scenario) -> None:
    with opened(scenario) as archive:
        assert archive.testzip() is None
        page, image = pixels(member(archive, "tif"))
        west, _, _, north = bounds(archive)
        method = zipfile.ZIP_DEFLATED if scenario.zip_method == "deflated" else zipfile.ZIP_STORED
        assert {one.compress_type for one in archive.infolist()} == {method}
    tags = page.geotiff_tags
    assert tags is not None
    assert page.is_tiled == (scenario.image_layout == "tiles")
    assert (page.compression == 8) == (scenario.image_compression == "deflate")
    assert (image.shape[0], str(image.dtype)) == (8, "uint16")
    assert 0.005 < image.min() / 50_000 < image.max() / 50_000 < 0.7
    assert len({band.tobytes() for band in image}) == 8
    assert (tags["GTModelTypeGeoKey"], tags["GeographicTypeGeoKey"]) == (2, 4326)
    assert tags["ModelPixelScale"] == [0.00005, 0.00005, 0.0]
    assert tags["ModelTiepoint"] == [0.0, 0.0, 0.0, west, north, 0.0]


def bounds(archive: zipfile.ZipFile) -> tuple[float, float, float, float]:
    feature = json.loads(member(archive, "geojson"))
    assert feature["type"] == "Feature"
    (ring,) = feature["geometry"]["coordinates"]
    assert len(ring) == 5
    assert ring[0] == ring[-1]
    easts, norths = zip(*ring, strict=True)
    return min(easts), min(norths), max(easts), max(norths)


@pytest.mark.parametrize("size", [5_000, 64 * 1024, 3 * MIB])
def test_the_header_and_the_footprint_are_those_of_the_image(size: int) -> None:
    with opened(Scenario(package_bytes=size)) as archive:
        page, image = pixels(member(archive, "tif"))
        fields = header(archive)
        west, south, east, north = bounds(archive)
    assert [int(fields[name]) for name in ("bands", "lines", "samples")] == list(image.shape)
    assert fields["reflectance scale factor"] == "50000"
    wavelengths = fields["wavelength"].strip("{}").split(", ")
    assert wavelengths == re.findall(r'sample="\d">(\d+)<', page.tags["GDAL_METADATA"].value)
    assert len(wavelengths) == 8
    assert -180 <= west < east <= 180
    assert -90 <= south < north <= 90
    assert east - west == pytest.approx(image.shape[2] * 0.00005, abs=2e-5)
    assert north - south == pytest.approx(image.shape[1] * 0.00005, abs=2e-5)


def test_the_mask_has_a_bit_for_each_flag() -> None:
    shares = []
    for number in range(20):
        job = Identity.of({**JOB_ROW, "job_id": str(number)})
        with opened(Scenario(), job) as archive:
            page, mask = pixels(member(archive, "mask.tif"))
            image = pixels(member(archive, "tif"))[1]
            cloud = metadata_of(archive).findtext("cloud")
        assert mask.shape == image.shape[1:]
        assert str(mask.dtype) == "uint8"
        flags = re.findall(r'"bit_(\d)">(\w+)<', page.tags["GDAL_METADATA"].value)
        assert flags == [("0", "cloud"), ("1", "cloud_shadow"), ("2", "water")]
        assert mask.max() <= 0b111
        shares.append(100 * (mask & 1).mean())
        assert float(cloud or "nan") == pytest.approx(shares[-1], abs=0.01)
    assert min(shares) < 10 < max(shares)


def test_the_quicklook_is_a_picture() -> None:
    with opened(Scenario()) as archive, Image.open(io.BytesIO(member(archive, "jpeg"))) as picture:
        assert (picture.format, picture.size) == ("JPEG", (8, 8))
        picture.load()


def test_analyses_have_a_vector_and_a_table() -> None:
    with opened(Scenario()) as archive:
        fields = json.loads(archive.read("outputs/fields.geojson"))
        title, *lines = archive.read("outputs/fields.csv").decode().splitlines()
    assert fields["type"] == "FeatureCollection"
    assert title == "field,date,cloud"
    assert len(lines) == len(fields["features"]) == 2


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_the_metadata_tell_what_was_asked_for(row: dict[str, Any]) -> None:
    with opened(Scenario(), Identity.of(row)) as archive:
        metadata = metadata_of(archive)
    request = metadata.find("request")
    assert request is not None
    assert request.get("kind") == row["kind"]
    ids = [(one.get("name"), one.text) for one in request]
    assert ids == sorted(
        (name, one)
        for name, value in row.items()
        if name != "kind"
        for one in (sorted(value) if isinstance(value, list) else [value])
    )


def test_the_same_seed_gives_the_same_bytes_and_anything_else_gives_others() -> None:
    same = [data(Scenario(seed=3)), data(Scenario(seed=3))]
    others = [
        data(Scenario(seed=4)),
        data(Scenario(seed=3), Identity.of({**JOB_ROW, "job_id": "j2"})),
        data(Scenario(seed=3), Identity.of({**JOB_ROW, "kind": "task"})),
        data(Scenario(seed=3), version=2),
    ]
    assert len({*same, *others}) == 5


def test_sizes_lie_around_the_mean() -> None:
    scenario = Scenario(package_bytes=200_000, size_spread=0.5)
    jobs = [Identity.of({**JOB_ROW, "job_id": str(number)}) for number in range(200)]
    sizes = [package_content(scenario, job, 1).size for job in jobs]
    assert 90_000 < min(sizes) < 120_000
    assert 280_000 < max(sizes) < 310_000
    assert sum(sizes) / len(sizes) == pytest.approx(200_000, rel=0.05)


@pytest.mark.parametrize("kind", ROWS)
async def test_the_expected_digest_is_that_of_the_package(quick: Stand, kind: str) -> None:
    row = ROWS[kind]
    before = quick.sandbox.expected_sha256(row)
    url = (await quick.create(kind))["signed_url"]
    digest = hashlib.sha256((await fetch(url)).body).hexdigest()
    assert quick.sandbox.expected_sha256(row) == before == digest
    shuffled = {name: ids[::-1] if isinstance(ids, list) else ids for name, ids in row.items()}
    assert quick.sandbox.expected_sha256({**shuffled, "order_item_ids": []}) == digest


async def test_two_sandboxes_of_one_seed_serve_the_same() -> None:
    found = []
    for seed in (7, 7, 8):
        async with stand(seed=seed) as it:
            made = [await it.create(kind) for kind in CREATIONS]
            bodies = [(await fetch(one["signed_url"])).body for one in made]
            found.append(([one.get("id") for one in made], bodies))
    assert found[0] == found[1] != found[2]


def test_a_large_package_takes_no_memory_to_speak_of() -> None:
    package_content(Scenario(), JOB, 1)  # the block of samples that all packages share
    scenario = Scenario(package_bytes=64 * MIB, size_spread=0)
    tracemalloc.start()
    try:
        content = package_content(scenario, JOB, 1)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert content.size == pytest.approx(64 * MIB, rel=0.01)
    assert peak < MIB
    assert len({id(piece.obj) for piece in content if len(piece) == MIB}) == 1


async def test_a_large_package_is_sent_in_little_memory() -> None:
    scenario = Scenario(packaging=AT_ONCE, package_bytes=64 * MIB, size_spread=0)
    async with stand(scenario) as it:
        digest, size = hashlib.sha256(), 0
        async with sent(await it.url()) as reader:
            tracemalloc.start()
            try:
                _, headers = await read_head(reader)
                while piece := await reader.read(MIB):
                    digest.update(piece)
                    size += len(piece)
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
        assert size == int(headers["content-length"]) > 60 * MIB
        assert digest.hexdigest() == it.sandbox.expected_sha256(JOB_ROW)
    assert peak < 16 * MIB
