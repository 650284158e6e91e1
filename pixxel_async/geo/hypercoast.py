"""A reader for HyperCoast's registry of sensors.

from hypercoast import registry
from pixxel_async.geo.hypercoast import SENSOR

registry.register_sensor(registry.SensorHandler(**SENSOR))
cube = registry.read_sensor("pixxel", "packages/job-1.zip")
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import xarray as xr

from .cube import open_package


def read_pixxel(
    filepath: str,
    wavelengths: Sequence[float] | None = None,
    method: str | None = "nearest",
    **kwargs: Any,
) -> xr.Dataset:
    """Read a package as HyperCoast's readers do: by row, column and wavelength.

    Args:
        filepath: A ZIP, or the directory of its files.
        wavelengths: Which to select, in nanometers; all by default.
        method: How to select them.
        **kwargs: More arguments for `Dataset.sel`.
    """
    cube = open_package(filepath)
    if wavelengths is not None:
        cube = cube.sel(wavelength=list(wavelengths), method=method, **kwargs)
    return cube.transpose("y", "x", "wavelength", ...)


def extract_pixxel(dataset: xr.Dataset, lat: float, lon: float) -> xr.DataArray:
    """Return the spectrum of the pixel that is nearest to a position in degrees."""
    from rasterio.warp import transform  # noqa: PLC0415 - for this alone

    (x,), (y,) = transform("EPSG:4326", dataset.attrs["crs"], [lon], [lat])[:2]
    spectrum: xr.DataArray = dataset.sel(x=x, y=y, method="nearest")["reflectance"]
    return spectrum


SENSOR: dict[str, Any] = {
    "name": "pixxel",
    "read": read_pixxel,
    "extract": extract_pixxel,
    "aliases": ("firefly", "pixxel-firefly"),
    "extensions": (".zip",),
    "default_rgb": (650, 550, 470),
    "default_variable": "reflectance",
    "crs": "dataset",
    "qgis_name": "Pixxel",
    "description": "Pixxel hyperspectral packages, read in place.",
}
"""The arguments of HyperCoast's `SensorHandler`."""
