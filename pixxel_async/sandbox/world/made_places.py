"""Generated projects and areas of interest."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random

from .maker import Maker, later, nth, raw_json, rectangle
from .places import Aoi, Asset, Insight, Project

PLACES = (
    ("Nile Delta", 31.0, 30.9),
    ("Río Negro", -60.4, -2.9),
    ("Punjab", 75.3, 30.9),
    ("Camargue", 4.6, 43.5),
    ("Lake Chad", 14.1, 13.1),
    ("Atacama", -68.3, -23.6),
    ("Mekong Delta", 105.8, 9.9),
    ("Murray Basin", 142.2, -34.8),
    ("Iowa", -93.6, 42.0),
    ("Skåne", 13.5, 55.8),
)
"""Names, longitudes and latitudes."""
SUBJECTS = ("fields", "coast", "wetland", "forest", "quarry", "reservoir", "orchards")
ANALYSES = ("Crop health", "Water quality", "Canopy moisture", "Bare soil", "Algal bloom")
SATELLITES = ("0004ab8d-0ad1-4d62-8a3f-fe18a7000e70", "0005c5bb-0bd2-4c80-9393-4a808341c54c")
"""The two that the document names."""
BANDS = tuple(f"B{number:02}" for number in range(1, 13))
AOI_STATUS = ("success", "success", "running", "partial_success", "success", "failed", "started")
ASSET_TYPES = ("mosaic", "stac_item", "visualization")
ASSET_STATUS = ("success", "success", "creating", "success", "failed", "success", "started")
INSIGHT_STATUS = ("completed", "completed", "pending", "completed", "failed", "running")
HALF_SIDE_DEG = 0.05
AREA_SQ_M = 1.2e8
DAY = timedelta(days=1)


def made_projects(maker: Maker, count: int) -> tuple[Project, ...]:
    """Generate projects."""
    return tuple(_project(maker, number) for number in range(count))


def made_aois(maker: Maker, count: int, *, assets: int, insights: int) -> list[Aoi]:
    """Generate areas of interest without a project, with their assets and insights."""
    return [_aoi(maker, number, assets, insights) for number in range(count)]


def _project(maker: Maker, number: int) -> Project:
    place = PLACES[number % len(PLACES)][0]
    made = maker.day("project", number)
    return Project(
        maker.id("project", number),
        name=f"project-{number + 1}",
        title=f"{place} survey {number + 1}",
        org_id=maker.org,
        members_count=1 + number % 5,
        created_at=made,
        updated_at=made + DAY,
    )


def _aoi(maker: Maker, number: int, assets: int, insights: int) -> Aoi:
    chance = maker.chance("aoi", number)
    place, x, y = PLACES[number % len(PLACES)]
    subject = SUBJECTS[number % len(SUBJECTS)]
    x, y = round(x + chance.uniform(-1, 1), 4), round(y + chance.uniform(-1, 1), 4)
    status = nth(AOI_STATUS, number)
    plain = Aoi(
        maker.id("aoi", number),
        name=f"{place} {subject} {number + 1}",
        description=f"{subject.capitalize()} near {place}",
        satellite_id=SATELLITES[number % 2],
        status=status,
        progress=_progress(status, chance),
        user_id=maker.user(number),
        is_favourite=number % 4 == 0,
        eo_bands=BANDS,
        geometry=_square(x, y),
        centroid=[x, y],
        area_in_sq_m=AREA_SQ_M,
        created_at=maker.day("aoi", number),
    )
    return replace(
        plain,
        updated_at=plain.created_at + DAY,
        assets=tuple(_asset(maker, plain, number, n) for n in range(assets)),
        insights=tuple(_insight(maker, plain, number, n) for n in range(insights)),
    )


def _asset(maker: Maker, aoi: Aoi, aoi_number: int, number: int) -> Asset:
    chance = maker.chance("asset", aoi_number, number)
    status = nth(ASSET_STATUS, aoi_number, number)
    kind = nth(ASSET_TYPES, number)
    made = later(aoi.created_at, chance, 60 * DAY)
    id_ = maker.id("asset", aoi_number, number)
    return Asset(
        id_,
        name=f"{aoi.name} {kind.replace('_', ' ')} {number + 1}",
        description=f"A {kind.replace('_', ' ')} of {aoi.name}",
        asset_type=kind,
        status=status,
        progress=_progress(status, chance),
        date=(made - 3 * DAY).date().isoformat(),
        band_list=BANDS[: 3 + number % 4],
        resolution=5.0,
        geometry=aoi.geometry,
        centroid=aoi.centroid,
        area_in_sq_m=aoi.area_in_sq_m,
        path=f"https://assets.invalid/{aoi.aoi_id}/{id_}.tif",
        visualization_id=id_ if kind == "visualization" else None,
        created_at=made,
    )


def _insight(maker: Maker, aoi: Aoi, aoi_number: int, number: int) -> Insight:
    chance = maker.chance("insight", aoi_number, number)
    status = nth(INSIGHT_STATUS, aoi_number, number)
    ids = [maker.id("asset", aoi_number, n) for n in range(2)]
    return Insight(
        maker.id("insight", aoi_number, number),
        name=f"{nth(ANALYSES, number)}, {aoi.name}",
        status=status,
        progress=_progress(status, chance),
        created_by=maker.user(aoi_number + number),
        err_msg="the images are cloudy" if status == "failed" else "",
        estimated_time_in_min=chance.randrange(5, 90),
        cost=chance.randrange(1, 50),
        metadata={"made_up": "yes"},
        input=raw_json({"asset_ids": ids}),
        output=raw_json({"layers": 1} if status == "completed" else {}),
        created_at=later(aoi.created_at, chance, 60 * DAY),
    )


def _progress(status: str, chance: Random) -> int:
    done = {"success": 100, "completed": 100, "started": 0, "pending": 0}
    return done.get(status, chance.randrange(10, 90))


def _square(x: float, y: float) -> dict[str, object]:
    half = HALF_SIDE_DEG
    return rectangle(x - half, y - half, x + half, y + half)
