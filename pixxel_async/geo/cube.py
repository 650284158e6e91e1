"""Scenes as data cubes: lazy, in place, with wavelengths and named flags.

Rules:
    * Nothing is extracted, and pixels are read when they are used.
    * Numbers become the quantity that they stand for; its attributes name the factor.
    * A mask that is not on the grid of its image is left out, with a warning.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import rioxarray
import xarray as xr
from rasterio.warp import transform_bounds
from xarray.backends import BackendArray
from xarray.core import indexing

from ..destinations.paths import absolute_path
from ..errors import ArchiveError, UsageError
from ..journal.reader import read_record
from ..models import SavedPackage
from .catalog import FOLDER, read_items
from .choice import path_of, scenes_of, the_scene
from .contents import Contents, open_contents
from .extra import ContentWarning
from .facts import SceneFacts
from .footprint import Bbox
from .mask_flags import MASKS, MEANINGS, unnamed
from .names import Role
from .packages import iso, saved_files
from .raster import gdal
from .selection import Interval, overlaps, parse_interval


def open_package(
    package: SavedPackage | str | Path,
    *,
    scene: str | None = None,
    flags: Mapping[str, int] | None = None,
) -> xr.Dataset:
    """Open a scene of a package as a dataset; it reads no pixels yet.

        from pixxel_async import geo

        cube = geo.open(await client.download(downloads[0], "packages"))
        red = cube.reflectance.sel(wavelength=660, method="nearest")
        clear = red.where(~cube.flags.sel(flag="cloud"))

    It has the variables `reflectance` (or `radiance`, or `digital_number` if its level is
    unknown), by wavelength in nanometers, `mask`, and `flags`, a truth value for each name.

    Args:
        package: What was saved, or the path of a ZIP, or of the directory of its files.
        scene: The name of the scene, for packages with several.
        flags: The bit value for each name, such as `{"cloud": 1}`, for masks that do not name
            their bits.

    Raises:
        ArchiveError: It cannot be read.
        UsageError: There is no such scene, or several of them.
    """
    with open_contents(path_of(package)) as contents:
        return _dataset(contents, the_scene(contents, scene), flags)


def open_export(
    directory: str | Path,
    *,
    bbox: Bbox | None = None,
    time: str | None = None,
    max_cloud: float | None = None,
    flags: Mapping[str, int] | None = None,
) -> list[xr.Dataset]:
    """Open the scenes of an export, ordered by time; it reads no pixels yet.

        from pixxel_async import geo

        for cube in geo.open_export("packages", time="2026-06-01/2026-06-30", max_cloud=10):
            print(cube.attrs["scene"], cube.sizes)

    With an index in the folder, only packages that it does not have are looked into first. A
    package that cannot be read is left out, with a warning.

    Args:
        directory: The export folder.
        bbox: West, south, east and north, in degrees; scenes are cropped to it.
        time: A day, or the first and the last one as in STAC: `2026-06-01/2026-06-30`, with `..`
            for an open end.
        max_cloud: The highest cloud cover, in percent; scenes without one are left out.
        flags: As of `open`.

    Raises:
        SinkError: It is not an export folder.
        UsageError: `time` is invalid.
    """
    folder = absolute_path(directory)
    interval = parse_interval(time)
    saved, _ = saved_files(folder, read_record(folder))
    items = read_items(folder / FOLDER, saved)
    found: list[xr.Dataset] = []
    for one in saved:
        if overlaps(items[one.package.id], bbox, interval, max_cloud):
            try:
                with open_contents(one.path) as contents:
                    found.extend(_selected(contents, bbox, interval, flags))
            except ArchiveError as error:
                warnings.warn(str(error), ContentWarning, stacklevel=2)
    return sorted(found, key=lambda cube: str(cube.attrs.get("acquired", "")))


def _selected(
    contents: Contents,
    bbox: Bbox | None,
    interval: Interval,
    flags: Mapping[str, int] | None,
) -> Iterator[xr.Dataset]:
    for facts in scenes_of(contents):
        if not interval.has(facts.begins, facts.ends):
            continue
        cube = _dataset(contents, facts, flags)
        if bbox is not None:
            cube = _cropped(cube, bbox)
        if cube.sizes["x"] and cube.sizes["y"]:
            yield cube


def _cropped(cube: xr.Dataset, bbox: Bbox) -> xr.Dataset:
    """Return the pixels that bounds in degrees touch; all of a raster without a position."""
    if cube.rio.crs is None or {"x", "y"} - cube.indexes.keys():
        return cube
    left, bottom, right, top = transform_bounds("EPSG:4326", cube.rio.crs, *bbox)
    width, height = (abs(step) / 2 for step in cube.rio.resolution(recalc=True))
    xs, ys = cube.x.to_numpy(), cube.y.to_numpy()
    return cube.isel(
        x=_range((xs + width > left) & (xs - width < right)),
        y=_range((ys + height > bottom) & (ys - height < top)),
    )


def _range(chosen: np.ndarray[Any, Any]) -> slice:
    at = np.flatnonzero(chosen)
    return slice(at[0], at[-1] + 1) if at.size else slice(0)


def _dataset(contents: Contents, facts: SceneFacts, flags: Mapping[str, int] | None) -> xr.Dataset:
    cube = xr.Dataset(attrs=dict(_attributes(contents, facts)))
    with ExitStack() as stack:
        stack.enter_context(gdal())
        if facts.image is not None:
            cube = _with_image(cube, contents, facts)
        if facts.mask is not None:
            cube = _with_mask(cube, contents, facts, flags)
    return cube


def _attributes(contents: Contents, facts: SceneFacts) -> Iterator[tuple[str, str]]:
    yield "scene", facts.scene.name
    yield "package", str(contents.path)
    if facts.scene.parts is not None:
        yield "satellite", facts.scene.parts.satellite
        yield "level", facts.scene.parts.level
    if facts.begins is not None:
        yield "acquired", iso(facts.begins)
    frame = facts.image or facts.mask
    if frame is not None and frame.crs is not None:
        yield "crs", frame.crs


def _with_image(cube: xr.Dataset, contents: Contents, facts: SceneFacts) -> xr.Dataset:
    image, shows = facts.image, facts.shows
    if image is None or shows is None:
        return cube
    raw = _opened(contents.href(facts.scene.files[Role.IMAGE]))
    raw.attrs = {"long_name": shows.long_name}
    if shows.unit:
        raw.attrs["units"] = shows.unit
    if image.nodata is not None:
        raw.attrs["_FillValue"] = np.dtype(image.dtype).type(image.nodata)
    if shows.factor is not None:
        raw.attrs["scale_factor"] = np.float32(1 / shows.factor)
        raw.attrs["divided_by"] = shows.factor
        raw.attrs["factor_source"] = shows.source
    decoded = xr.decode_cf(raw.to_dataset(name=shows.name))
    return cube.assign(_by_wavelength(decoded, facts).data_vars)


def _by_wavelength(cube: xr.Dataset, facts: SceneFacts) -> xr.Dataset:
    """Replace the numbers of the bands by their wavelengths, if all are known and distinct."""
    if not facts.bands:
        return cube
    cube = cube.assign_coords(band=("band", [band.name for band in facts.bands]))
    centers = [band.wavelength_nm for band in facts.bands]
    if None in centers or len(set(centers)) < len(centers):
        return cube
    length = {"units": "nm"}
    coordinates = {"wavelength": ("band", np.array(centers, float), length)}
    widths = [band.fwhm_nm for band in facts.bands]
    if None not in widths:
        coordinates["fwhm"] = ("band", np.array(widths, float), length)
    return cube.assign_coords(coordinates).swap_dims(band="wavelength")


def _with_mask(
    cube: xr.Dataset,
    contents: Contents,
    facts: SceneFacts,
    given: Mapping[str, int] | None,
) -> xr.Dataset:
    image, mask = facts.image, facts.mask
    if mask is None:
        return cube
    member = facts.scene.files[Role.MASK]
    if image is not None and _grid(image) != _grid(mask):
        text = f"{contents.path}: {member}: left out, since it is not on the grid of its image"
        warnings.warn(text, ContentWarning, stacklevel=5)
        return cube
    raw = _opened(contents.href(member)).isel(band=0, drop=True)
    bits = 8 * np.dtype(mask.dtype).itemsize
    flags = given or facts.flags or {unnamed(1 << bit): 1 << bit for bit in range(bits)}
    masks = np.array(list(flags.values()), mask.dtype)
    raw.attrs = {MASKS: masks, MEANINGS: " ".join(flags)}
    named = xr.Variable(("flag", *raw.dims), indexing.LazilyIndexedArray(_Flags(raw, masks)))
    return cube.assign(mask=raw, flags=named).assign_coords(flag=list(flags))


def _grid(raster: Any) -> tuple[Any, ...]:
    return raster.rows, raster.columns, raster.transform, raster.crs


def _opened(href: str) -> xr.DataArray:
    raster = rioxarray.open_rasterio(href, cache=False)
    if not isinstance(raster, xr.DataArray):
        message = f"{href}: it has several rasters"
        raise UsageError(message)
    return raster


class _Flags(BackendArray):
    """The truth of each flag at each pixel of a mask that is read when asked for."""

    def __init__(self, mask: xr.DataArray, masks: np.ndarray[Any, Any]) -> None:
        self._mask = mask
        self._masks = masks
        self.shape = (len(masks), *mask.shape)
        self.dtype = np.dtype(bool)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.BASIC, self._read
        )

    def _read(self, key: tuple[Any, ...]) -> np.ndarray[Any, Any]:
        values = self._mask[key[1:]].to_numpy()
        masks = self._masks[key[0]]
        shown: np.ndarray[Any, Any] = values & masks.reshape(masks.shape + (1,) * values.ndim)
        truth: np.ndarray[Any, Any] = shown != 0
        return truth
