"""Pictures of scenes: their colours, and where they are shown."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from . import needs  # noqa: F401 - skips these tests without the extra

from pixxel_async import geo  # isort: skip
from pixxel_async.errors import ArchiveError, UsageError  # isort: skip
from pixxel_async.geo.envi import Band  # isort: skip
from pixxel_async.geo.previews import true_colour  # isort: skip

from ..cli.commands import run
from .made import HEADER, archive, export_of, product, tiff

RGB = HEADER.replace("bands = 2", "bands = 4").replace("{450, 650}", "{655, 900, 545, 475}")
RGB = RGB.replace("{5, 6}", "{5, 5, 5, 5}")
COLOURS = np.zeros((4, 6, 8), np.uint16)
COLOURS[0, :, :4] = COLOURS[3, :, 4:] = 40_000  # red on the left, blue on the right
COLOURS[:, 0, 0] = 65_535


def coloured(**more: bytes | str | None) -> dict[str, bytes | str]:
    return product(tif=tiff(COLOURS, nodata=65_535), hdr=RGB, mask_tif=None, **more)


@pytest.mark.filterwarnings("ignore::pixxel_async.geo.ContentWarning")  # its name says 2 bands
def test_a_picture_has_the_colours_of_the_scene(tmp_path: Path) -> None:
    path = archive(tmp_path / "x.zip", coloured())
    picture = Image.open(io.BytesIO(geo.preview(path)))
    assert picture.size == (8, 6)
    assert picture.getpixel((1, 3)) == (255, 0, 0, 255)
    assert picture.getpixel((6, 3)) == (0, 0, 255, 255)
    assert picture.getpixel((0, 0)) == (0, 0, 0, 0)
    assert Image.open(io.BytesIO(geo.preview(path, pixels=4))).size == (4, 3)


@pytest.mark.parametrize(
    ("lengths", "chosen"),
    [
        ((470, 550, 650), (3, 2, 1)),
        ((430, 510, 540, 640, 690), (4, 3, 1)),
        ((450, 650), None),
        ((None, 470, 550, 650), (4, 3, 2)),
        ((), None),
    ],
)
def test_bands_of_true_colour_are_near(
    lengths: tuple[int | None, ...], chosen: tuple[int, ...] | None
) -> None:
    bands = [Band(name=str(at), wavelength_nm=length) for at, length in enumerate(lengths)]
    assert true_colour(bands) == chosen


def test_what_has_no_picture_says_why(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no bands of true colour"):
        geo.preview(archive(tmp_path / "x.zip", product()))
    with pytest.raises(UsageError, match="no bands of true colour"):
        geo.preview(archive(tmp_path / "y.zip", product(tif=None)))
    with pytest.raises(ArchiveError, match="does not exist"):
        geo.preview(tmp_path / "none.zip")


def test_the_report_shows_pictures(tmp_path: Path) -> None:
    folder = export_of(tmp_path / "out", coloured(), product())
    told = run("report", folder, "--previews")
    assert told.exit_code == 0, told.stderr
    assert "packages without a preview: 1" in told.stderr
    page = (folder / "report.html").read_text("utf-8")
    assert page.count('src="data:image/png;base64,') == 1
    assert "<figcaption>job-0.zip</figcaption>" in page
    assert run("report", folder).exit_code == 0
    assert "<figure><img" not in (folder / "report.html").read_text("utf-8")
