"""Areas as arguments: GeoJSON, an object with `__geo_interface__`, or a GeoJSON file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from ..errors import InputError
from ..sansio.geometry import geometry

MAX_FILE_BYTES = 16 * 1024 * 1024


class HasGeoInterface(Protocol):
    """A geometry of shapely, a row of geopandas, and others."""

    @property
    def __geo_interface__(self) -> Any:
        """GeoJSON, as a mapping."""


Area: TypeAlias = Mapping[str, Any] | HasGeoInterface | str | PathLike[str]
"""GeoJSON, an object with `__geo_interface__`, or the path of a GeoJSON file."""


def loaded(area: Area, field: str) -> object:
    """Return an area, read from its file if it is a path.

    Raises:
        InputError: The file cannot be read, is too large or is not JSON.
    """
    if not isinstance(area, str | PathLike):
        return area
    path = Path(area)
    try:
        with path.open("rb") as file:
            text = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        message = f"{field}: cannot read the GeoJSON file {path}: {reason}"
        raise InputError(message) from None
    if len(text) > MAX_FILE_BYTES:
        message = f"{field}: {path} is larger than {MAX_FILE_BYTES} bytes; simplify its geometry"
        raise InputError(message)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        message = f"{field}: {path} is not GeoJSON: {error}"
        raise InputError(message) from None


def searched_area(area: Area | None, field: str) -> dict[str, Any] | None:
    """Return the geometry of an area to search in, checked; None for none.

    Raises:
        InputError: The file cannot be read, or the geometry is not valid.
    """
    return None if area is None else geometry(loaded(area, field), field)
