"""Export folders and packages with known contents, made without a server."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rasterio.io import MemoryFile
from rasterio.transform import from_origin

from pixxel_async.downloads import parse_download
from pixxel_async.journal.models import Activity, ExportRecord, PackageRow, Step
from pixxel_async.sandbox import Scenario, demo_rows
from pixxel_async.sandbox.identity import Identity
from pixxel_async.sandbox.package_content import package_content
from pixxel_async.sansio.files.filenames import file_name
from pixxel_async.sansio.package_state import State

from ..report.folders import folder_of

SAVED_AT = 1_800_000_000.0
STEM = "FF01_000123_20260102_L2A_20260304_00501002"
HEADER = (
    "ENVI\nbands = 2\nwavelength units = Nanometers\nwavelength = {450, 650}\nfwhm = {5, 6}\n"
    "reflectance scale factor = 50000\nacquisition time = 2026-01-02T10:20:30Z\n"
)
FOOTPRINT = (
    '{"type": "Polygon", "coordinates": '
    "[[[10, 49.99], [10.01, 49.99], [10.01, 50], [10, 50], [10, 49.99]]]}"
)
FLAGS = {"bit_0": "cloud", "bit_1": "cloud_shadow"}
PIXELS = np.arange(2 * 4 * 5, dtype=np.uint16).reshape(2, 4, 5) * 1000
MASK = np.array([[1, 1, 0, 0, 0], [1, 3, 2, 0, 0], [0] * 5, [0] * 5], np.uint8)
TRANSFORM = from_origin(10, 50, 0.002, 0.0025)


def tiff(pixels: np.ndarray[Any, Any], tags: Mapping[str, str] | None = None, **more: Any) -> bytes:
    """Return a GeoTIFF of `(bands, rows, columns)`."""
    bands, rows, columns = pixels.shape
    profile = {"crs": "EPSG:4326", "transform": TRANSFORM, **more}
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            count=bands,
            height=rows,
            width=columns,
            dtype=str(pixels.dtype),
            **profile,
        ) as image:
            image.write(pixels)
            image.update_tags(**(tags or {}))
        return bytes(memory.read())


def product(**changes: bytes | str | None) -> dict[str, bytes | str]:
    """Return the files of a scene by suffix; a change replaces one, and None removes it."""
    files: dict[str, bytes | str | None] = {
        "tif": tiff(PIXELS),
        "mask.tif": tiff(MASK[None], FLAGS),
        "hdr": HEADER,
        "geojson": FOOTPRINT,
        **{name.replace("_", "."): value for name, value in changes.items()},
    }
    return {f"{STEM}.{suffix}": value for suffix, value in files.items() if value is not None}


def archive(path: Path, members: Mapping[str, bytes | str]) -> Path:
    """Write a ZIP."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as written:
        for name, content in members.items():
            written.writestr(name, content)
    return path


def row_of(target: dict[str, Any], path: Path) -> PackageRow:
    """Return the row of a saved file."""
    download = parse_download(target)
    data = path.read_bytes()
    return PackageRow(
        key=download.key,
        target=json.dumps(target),
        name=path.name,
        state=State.SAVED,
        bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
    )


def record_of(rows: Sequence[PackageRow]) -> ExportRecord:
    """Return a record of saved packages."""
    steps = tuple(Step(key=row.key, run=1, at=SAVED_AT, doing=Activity.SAVED) for row in rows)
    return ExportRecord(
        rows=tuple(sorted(rows, key=lambda row: row.key)), runs=(), steps=steps, running=None
    )


def sandbox_export(folder: Path, count: int, package_bytes: int = 20_000) -> Path:
    """Make the folder of an export of the sandbox's packages."""
    folder.mkdir()
    scenario = Scenario(package_bytes=package_bytes)
    rows = []
    for target in demo_rows(count):
        path = folder / file_name(parse_download(target))
        path.write_bytes(b"".join(package_content(scenario, Identity.of(target), 1)))
        rows.append(row_of(target, path))
    return folder_of(folder, record_of(rows))


def export_of(folder: Path, *packages: Mapping[str, bytes | str]) -> Path:
    """Make the folder of an export of packages with these members."""
    folder.mkdir()
    rows = []
    for number, members in enumerate(packages):
        target = {"kind": "job", "workflow_id": "w", "job_id": f"j{number}"}
        rows.append(row_of(target, archive(folder / f"job-{number}.zip", members)))
    return folder_of(folder, record_of(rows))
