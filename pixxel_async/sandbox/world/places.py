"""Projects and areas of interest, with their assets and insights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime
from typing import Any

from .record import NOT_IN_DOCUMENT, Record, with_offset, with_space


@dataclass(frozen=True)
class Project(Record):
    """A project.

    Attributes:
        id: Its id.
        name: A short name for paths.
        title: Its name for people.
        org_id: The workspace.
        members_count: The number of members; in lists only.
        metadata: Anything.
    """

    id: str
    _: KW_ONLY
    name: str = "project"
    title: str = "Project"
    org_id: str = ""
    members_count: int = 1
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Asset(Record):
    """A raster of an area of interest.

    Attributes:
        id: Its id.
        name: For people.
        description: For people.
        asset_type: `mosaic`, `stac_item` or `visualization`.
        status: `success`, `failed`, `started` or `creating`.
        progress: In percent.
        date: The day of the images, `2025-04-14`; None if there is none.
        band_list: Names of bands.
        resolution: In metres.
        geometry: A GeoJSON polygon.
        centroid: Longitude and latitude.
        area_in_sq_m: Its area.
        path: Its location.
        visualization_id: Of a visualization.
    """

    id: str
    _: KW_ONLY
    name: str = "Asset"
    description: str = ""
    asset_type: str = "mosaic"
    status: str = "success"
    progress: int = 100
    date: str | None = None
    band_list: Sequence[str] = ()
    resolution: float | None = None
    geometry: Mapping[str, Any] | None = None
    centroid: Sequence[float] | None = None
    area_in_sq_m: float | None = None
    path: str | None = None
    visualization_id: str | None = None

    @staticmethod
    def write_time(time: datetime) -> str:
        """Return a time as the document shows it for assets."""
        return with_space(time)


@dataclass(frozen=True)
class Insight(Record):
    """What was found out about an area of interest.

    Attributes:
        id: Its id.
        name: For people.
        status: A word; the document names none.
        progress: In percent.
        created_by: The id of a user.
        err_msg: Why it failed.
        estimated_time_in_min: How long it should take.
        cost: In credits.
        metadata: Texts by name.
        input: Raw JSON, byte by byte: so it is documented.
        output: Likewise.
    """

    id: str
    _: KW_ONLY
    name: str = "Insight"
    status: str = "completed"
    progress: float = 100
    created_by: str = ""
    err_msg: str = ""
    estimated_time_in_min: int = 0
    cost: int = 0
    metadata: Mapping[str, str] = field(default_factory=dict)
    input: Sequence[int] = ()
    output: Sequence[int] = ()


@dataclass(frozen=True)
class Aoi(Record):
    """An area of interest.

    Attributes:
        aoi_id: Its id.
        name: For people.
        description: For people.
        project_id: The project that it belongs to.
        satellite_id: Whose images it has.
        status: `success`, `started`, `running`, `failed`, `updating` or `partial_success`.
        progress: In percent.
        user_id: Who made it.
        is_favourite: Whether they marked it.
        images: Anything, by the id of an image.
        eo_bands: Names of bands.
        geometry: A GeoJSON polygon.
        centroid: Longitude and latitude.
        area_in_sq_m: Its area.
        assets: Its rasters.
        insights: What was found out about it.
    """

    aoi_id: str
    _: KW_ONLY
    name: str = "Area"
    description: str = ""
    project_id: str = ""
    satellite_id: str = ""
    status: str = "success"
    progress: int = 100
    user_id: str = ""
    is_favourite: bool = False
    images: Mapping[str, Any] = field(default_factory=dict)
    eo_bands: Sequence[str] = ()
    geometry: Mapping[str, Any] | None = None
    centroid: Sequence[float] | None = None
    area_in_sq_m: float | None = None
    assets: tuple[Asset, ...] = field(default=(), metadata=NOT_IN_DOCUMENT)
    insights: tuple[Insight, ...] = field(default=(), metadata=NOT_IN_DOCUMENT)

    @staticmethod
    def write_time(time: datetime) -> str:
        """Return a time as the document shows it for areas of interest."""
        return with_offset(time)
