"""Scenes as datasets: values, flags, wavelengths, and that nothing is read before it is used."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from . import needs  # noqa: F401 - skips these tests without the extra

import rasterio  # isort: skip
import rioxarray._io  # isort: skip

from pixxel_async import JobDownload, SavedPackage, geo
from pixxel_async.errors import ArchiveError, UsageError
from pixxel_async.geo.hypercoast import read_pixxel
from pixxel_async.sandbox import Scenario
from pixxel_async.sandbox.identity import Identity
from pixxel_async.sandbox.package_content import package_content

from .made import (
    FLAGS,
    HEADER,
    MASK,
    PIXELS,
    STEM,
    archive,
    export_of,
    product,
    tiff,
)

UTM = {"crs": "EPSG:32632", "transform": rasterio.Affine(20, 0, 500_000, 0, -20, 5_500_000)}


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Collect what is read of rasters."""
    found: list[tuple[Any, ...]] = []
    wrapper = rioxarray._io.RasterioArrayWrapper
    original = wrapper._getitem

    def read(self: Any, key: tuple[Any, ...]) -> Any:
        found.append(key)
        return original(self, key)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(wrapper, "_getitem", read)
    return found


@pytest.mark.parametrize(
    "scenario",
    [
        Scenario(package_bytes=60_000),
        Scenario(
            package_bytes=60_000,
            image_layout="tiles",
            image_compression="deflate",
            zip_method="deflated",
        ),
    ],
    ids=["plain", "packed"],
)
def test_values_are_those_that_the_sandbox_wrote(tmp_path: Path, scenario: Scenario) -> None:
    identity = Identity.of({"kind": "job", "workflow_id": "w", "job_id": "j"})
    path = tmp_path / "x.zip"
    path.write_bytes(b"".join(package_content(scenario, identity, 1)))
    cube = geo.open(path)
    stem = cube.attrs["scene"]
    with rasterio.open(f"/vsizip/{path}/{stem}.tif") as image:
        written = image.read()
    with rasterio.open(f"/vsizip/{path}/{stem}.mask.tif") as mask:
        bits = mask.read(1)
    assert written.any()
    assert cube.reflectance.dtype == np.float32
    np.testing.assert_allclose(cube.reflectance.to_numpy(), written / 50_000, rtol=1e-6)
    assert list(cube.flag.to_numpy()) == ["cloud", "cloud_shadow", "water"]
    for number, name in enumerate(cube.flag.to_numpy()):
        assert (cube.flags.sel(flag=name).to_numpy() == (bits >> number & 1).astype(bool)).all()
    assert (cube.mask.to_numpy() == bits).all()


def test_a_cube_names_what_it_did(tmp_path: Path) -> None:
    path = archive(tmp_path / "x.zip", product(tif=tiff(PIXELS, nodata=3000)))
    cube = geo.open(path)
    assert cube.attrs == {
        "scene": STEM,
        "package": str(path),
        "satellite": "FF01",
        "level": "L2A",
        "acquired": "2026-01-02T10:20:30Z",
        "crs": "EPSG:4326",
    }
    assert cube.reflectance.attrs == {
        "long_name": "bottom-of-atmosphere reflectance",
        "units": "1",
        "divided_by": 50_000,
        "factor_source": "reflectance scale factor of the ENVI header",
    }
    assert cube.wavelength.to_numpy().tolist() == [450, 650]
    assert cube.fwhm.to_numpy().tolist() == [5, 6]
    assert cube.band.to_numpy().tolist() == ["B001", "B002"]
    assert cube.mask.attrs["flag_meanings"] == "cloud cloud_shadow"
    assert np.isnan(cube.reflectance.to_numpy()[0, 0, 3])
    assert cube.rio.crs.to_string() == "EPSG:4326"
    red = cube.reflectance.sel(wavelength=640, method="nearest")
    np.testing.assert_allclose(red.to_numpy(), PIXELS[1] / 50_000, rtol=1e-6)


def test_pixels_are_read_when_they_are_used(tmp_path: Path, reads: list[Any]) -> None:
    cube = geo.open(archive(tmp_path / "x.zip", product()))
    part = cube.reflectance.isel(wavelength=1, y=slice(1, 3), x=2)
    shadow = cube.flags.sel(flag="cloud_shadow").isel(y=1)
    assert reads == []
    np.testing.assert_allclose(part.to_numpy(), PIXELS[1, 1:3, 2] / 50_000, rtol=1e-6)
    assert shadow.to_numpy().tolist() == [False, True, True, False, False]
    assert len(reads) == 2
    picked = cube.flags.isel(flag=[1, 0], y=[0, 1], x=1)
    assert picked.to_numpy().tolist() == [[False, True], [True, True]]
    assert list(tmp_path.iterdir()) == [tmp_path / "x.zip"]


def test_threads_read_one_cube(tmp_path: Path) -> None:
    cube = geo.open(archive(tmp_path / "x.zip", product()))
    means: list[float] = []
    threads = [
        threading.Thread(target=lambda: means.append(float(cube.reflectance.mean())))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(means)) == 1 == len(means) // 4


def test_other_levels_and_names_are_other_quantities(tmp_path: Path) -> None:
    radiance = {
        name.replace("L2A", "L1B"): content
        for name, content in product(
            tif=tiff(PIXELS.astype("float32")),
            hdr=HEADER.replace("reflectance scale factor = 50000\n", ""),
        ).items()
    }
    cube = geo.open(archive(tmp_path / "radiance.zip", radiance))
    assert cube.radiance.attrs["units"] == "W m-2 sr-1 um-1"
    assert "divided_by" not in cube.radiance.attrs
    np.testing.assert_array_equal(cube.radiance.to_numpy(), PIXELS)
    with pytest.warns(geo.ContentWarning) as told:
        cube = geo.open(archive(tmp_path / "other.zip", {"x.tif": tiff(PIXELS)}))
    assert any("numbers are left as they are" in str(each.message) for each in told)
    np.testing.assert_array_equal(cube.digital_number.to_numpy(), PIXELS)
    assert cube.digital_number.dims == ("band", "y", "x")


def test_flags_without_names_are_bits_or_yours(tmp_path: Path) -> None:
    path = archive(tmp_path / "x.zip", product(mask_tif=tiff(MASK[None])))
    cube = geo.open(path)
    assert cube.flag.to_numpy().tolist() == [f"bit_{number}" for number in range(8)]
    cube = geo.open(path, flags={"cloud": 1})
    assert cube.flag.to_numpy().tolist() == ["cloud"]
    assert cube.flags.sel(flag="cloud").to_numpy().sum() == 4


def test_a_mask_of_another_grid_is_left_out(tmp_path: Path) -> None:
    path = archive(tmp_path / "x.zip", product(mask_tif=tiff(MASK[None], FLAGS, **UTM)))
    with pytest.warns(geo.ContentWarning, match="not on the grid of its image"):
        cube = geo.open(path)
    assert set(cube.data_vars) == {"reflectance"}


def test_a_mask_alone_is_a_dataset(tmp_path: Path) -> None:
    cube = geo.open(archive(tmp_path / "x.zip", product(tif=None)))
    assert set(cube.data_vars) == {"mask", "flags"}


def test_what_was_saved_and_what_was_extracted_opens(tmp_path: Path) -> None:
    members = product()
    path = archive(tmp_path / "x.zip", members)
    saved = SavedPackage(
        download=JobDownload(workflow_id="w", job_id="j"),
        path=path,
        bytes=path.stat().st_size,
        sha256="",
        extracted=tmp_path / "x",
    )
    first = geo.open(saved).load()
    (tmp_path / "x").mkdir()
    for name, content in members.items():
        data = content.encode() if isinstance(content, str) else content
        (tmp_path / "x" / name).write_bytes(data)
    path.unlink()
    again = geo.open(saved).load()
    assert first.equals(again)


def test_a_package_of_several_scenes_needs_a_choice(tmp_path: Path) -> None:
    other = STEM.replace("20260102", "20260105")
    members = product() | {
        name.replace(STEM, other): content for name, content in product().items()
    }
    path = archive(tmp_path / "x.zip", members)
    with pytest.raises(UsageError, match=f"several scenes.*{STEM}, {other}"):
        geo.open(path)
    assert geo.open(path, scene=other).attrs["scene"] == other
    with pytest.raises(UsageError, match=f"no scene x, but {STEM}"):
        geo.open(path, scene="x")


def test_what_is_no_scene_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="does not exist"):
        geo.open(tmp_path / "none.zip")
    (tmp_path / "x.zip").write_bytes(b"not a ZIP")
    with pytest.raises(ArchiveError, match="cannot be read as a ZIP"):
        geo.open(tmp_path / "x.zip")
    with pytest.warns(geo.ContentWarning, match="no image"):
        with pytest.raises(UsageError, match="it has no image"):
            geo.open(archive(tmp_path / "y.zip", {"a.csv": "a\n"}))


def test_an_export_is_opened_by_place_time_and_cloud(tmp_path: Path) -> None:
    later = product(
        hdr=HEADER.replace("2026-01-02T", "2026-02-02T"),
        mask_tif=tiff(np.zeros_like(MASK)[None], FLAGS),
    )
    folder = export_of(tmp_path / "out", later, product())
    assert [cube.attrs["acquired"][:10] for cube in geo.open_export(folder)] == [
        "2026-01-02",
        "2026-02-02",
    ]
    assert len(geo.open_export(folder, time="2026-02-02")) == 1
    assert len(geo.open_export(folder, max_cloud=10)) == 1
    assert not (folder / "stac").exists()
    geo.index(folder)
    bbox = (10.0041, 49.9901, 10.0059, 49.9949)
    (cropped,) = geo.open_export(folder, bbox=bbox, time="../2026-01-31")
    assert dict(cropped.sizes) == {"wavelength": 2, "y": 2, "x": 1, "flag": 2}
    np.testing.assert_allclose(
        cropped.reflectance.to_numpy()[..., 0], PIXELS[:, 2:, 2] / 50_000, rtol=1e-6
    )
    assert geo.open_export(folder, bbox=(20, 20, 21, 21)) == []


def test_a_broken_package_of_an_export_is_left_out(tmp_path: Path) -> None:
    folder = export_of(tmp_path / "out", product(), product())
    (folder / "job-0.zip").write_bytes(b"not a ZIP")
    with pytest.warns(geo.ContentWarning, match=r"job-0\.zip: it cannot be read as a ZIP"):
        (cube,) = geo.open_export(folder)
    assert cube.attrs["package"] == str(folder / "job-1.zip")


def test_hypercoast_gets_what_its_readers_return(tmp_path: Path) -> None:
    path = archive(tmp_path / "x.zip", product())
    cube = read_pixxel(str(path), wavelengths=[640])
    assert cube.reflectance.dims == ("y", "x", "wavelength")
    assert cube.wavelength.to_numpy().tolist() == [650]
    assert cube.attrs["crs"] == "EPSG:4326"
