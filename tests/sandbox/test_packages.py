"""What is in a package: a valid ZIP of a GeoTIFF, a STAC item and metadata, the same each time."""

from __future__ import annotations

import hashlib
import io
import json
import tracemalloc
import zipfile
from typing import Any

import pytest
import tifffile

from pixxel_async.sandbox import Scenario
from pixxel_async.sandbox.identity import Identity
from pixxel_async.sandbox.package_content import package_content

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
STAC_FIELDS = {"type", "stac_version", "id", "geometry", "bbox", "properties", "links", "assets"}


def data(scenario: Scenario, identity: Identity = JOB, version: int = 1) -> bytes:
    return b"".join(package_content(scenario, identity, version))


def member(archive: zipfile.ZipFile, name: str) -> bytes:
    (found,) = (one for one in archive.namelist() if one.endswith(f"/{name}"))
    return archive.read(found)


@pytest.mark.parametrize("size", [1, 5_000, 64 * 1024, 3 * MIB])
def test_a_package_is_a_zip_without_a_fault(size: int) -> None:
    content = data(Scenario(package_bytes=size, size_spread=0))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
    folders = {name.partition("/")[0] for name in names}
    assert len(folders) == 1
    assert [name.partition("/")[2] for name in names] == [
        "image.tif",
        "item.json",
        "metadata.json",
    ]
    if size > 5_000:
        assert len(content) == pytest.approx(size, rel=0.1)


@pytest.mark.parametrize("size", [5_000, 64 * 1024, 3 * MIB])
def test_the_image_is_a_geotiff(size: int) -> None:
    with zipfile.ZipFile(io.BytesIO(data(Scenario(package_bytes=size)))) as archive:
        image = member(archive, "image.tif")
        item = json.loads(member(archive, "item.json"))
    with tifffile.TiffFile(io.BytesIO(image)) as tiff:
        page = tiff.pages.first
        pixels = page.asarray()
        tags = page.geotiff_tags
        assert tags is not None
        assert (pixels.shape[0], str(pixels.dtype)) == (8, "uint16")
        assert pixels.nbytes == pytest.approx(len(image), abs=1000)
        assert len({band.tobytes() for band in pixels}) == 8
        assert page.description == f"{item['id']} version 1"
    assert tags["GTModelTypeGeoKey"] == 2
    assert tags["GeographicTypeGeoKey"] == 4326
    assert tags["ModelPixelScale"] == [0.0001, 0.0001, 0.0]
    west, _, _, north = item["bbox"]
    assert tags["ModelTiepoint"] == [0.0, 0.0, 0.0, west, north, 0.0]


def test_the_item_is_a_stac_item() -> None:
    with zipfile.ZipFile(io.BytesIO(data(Scenario()))) as archive:
        item = json.loads(member(archive, "item.json"))
        assert member(archive, item["assets"]["image"]["href"].removeprefix("./"))
    assert item.keys() >= STAC_FIELDS
    assert (item["type"], item["stac_version"]) == ("Feature", "1.0.0")
    west, south, east, north = item["bbox"]
    assert -180 <= west < east <= 180
    assert -90 <= south < north <= 90
    (ring,) = item["geometry"]["coordinates"]
    assert ring[0] == ring[-1]
    assert {tuple(point) for point in ring} == {
        (west, south),
        (east, south),
        (east, north),
        (west, north),
    }
    assert item["properties"]["datetime"].startswith("2026-")


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_the_metadata_tell_what_was_asked_for(row: dict[str, Any]) -> None:
    with zipfile.ZipFile(io.BytesIO(data(Scenario(), Identity.of(row)))) as archive:
        metadata = json.loads(member(archive, "metadata.json"))
        item = json.loads(member(archive, "item.json"))
    assert metadata["kind"] == row["kind"]
    assert metadata["package"] == item["id"]
    asked = {name: value for name, value in row.items() if name != "kind"}
    asked = {name: sorted(ids) if isinstance(ids, list) else ids for name, ids in asked.items()}
    assert metadata["request"] == asked


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
    package_content(Scenario(), JOB, 1)  # the block of noise that all packages share
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
