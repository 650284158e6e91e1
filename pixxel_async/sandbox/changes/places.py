"""Areas of interest that are created, and their assets; the search for images; the report.

Rules:
    * The name of an AOI is unique. It gets an asset for each of its images, which are there when it
      has been completed.
    * An image is found if it is of one of the satellites and its collection, was taken from the
      start to the end, both included, passes all filters, and touches the geometry.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, tzinfo
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from starlette.responses import Response

from ..lists.documents import Documents, JsonObject
from ..lists.shapes import areas, intersect
from ..lists.times import listed_time, timestamp
from ..refusals import BAD_BODY, BAD_PARAMETER, CONFLICT, ServiceError
from ..world import Aoi, Asset
from ..world.made_places import BANDS, SATELLITES
from ..world.made_reference import PLATFORMS
from .bodies import Form, Object
from .run import Run, moment

AOI_WORDS = ("started", "running", "success", "failed")
ASSET_WORDS = ("started", "creating", "success", "failed")
AOI: Form = Object(
    {
        **dict.fromkeys(("name", "description", "satellite_id", "provider", "project_id"), str),
        "geometry": Object({"type": frozenset({"Polygon"}), "coordinates": [object]}),
        "item_ids": [str],
    }
)
MOST_IMAGES = 10_000
IMAGE_SEARCH: Form = Object(
    {
        "start_date": str,
        "end_date": str,
        "satellites": [Object({"collection_id": str, "satellite_id": str})],
        "geometry": dict,
    },
    {"filters": [Object({"id": str, "min": int, "max": int})], "limit": int},
)
COLUMNS = ("order_id", "id", "name", "type", "status", "payment_status", "area", "final_amount")
"""Of the report, before the time."""


def create_aoi(documents: Documents, ids: Mapping[str, str], body: JsonObject) -> JsonObject:
    """Create an area of interest."""
    state = documents.state
    try:
        (rings,) = areas(body["geometry"])
    except ValueError as error:
        raise ServiceError(*BAD_BODY, f"geometry: {error}") from None
    documents.check_project(body["project_id"])
    if any(one.get("name") == body["name"] for one in documents.aois):
        raise ServiceError(CONFLICT, "CONFLICT", "name: there is an AOI of this name")
    id_ = state.new_id()
    x, y = zip(*((point[0], point[1]) for point in rings[0]), strict=True)
    run = state.create("AOICreateAOI", id_, ids, body)
    aoi = Aoi(
        id_,
        **{name: body[name] for name in ("name", "description", "project_id", "satellite_id")},
        user_id=state.maker.user(0),
        eo_bands=BANDS,
        geometry=body["geometry"],
        centroid=[(min(x) + max(x)) / 2, (min(y) + max(y)) / 2],
        created_at=moment(run.began),
        images={item_id: {} for item_id in body["item_ids"]},
        assets=tuple(
            Asset(
                state.new_id("asset", number),
                name=item_id,
                asset_type="stac_item",
                geometry=body["geometry"],
                created_at=moment(run.began),
            )
            for number, item_id in enumerate(body["item_ids"])
        ),
    )
    state.runs["aoi", id_] = run
    state.aois.append(partial(_aoi_at, aoi, run))
    return documents.aoi(id_)


def search_images(documents: Documents, _: Mapping[str, str], body: JsonObject) -> JsonObject:
    """Search images; the answer has them by their ids."""
    limit = body.get("limit") or 10
    if not 1 <= limit <= MOST_IMAGES:
        raise ServiceError(*BAD_BODY, f"limit: it is between 1 and {MOST_IMAGES}")
    try:
        start, end = timestamp(body["start_date"]), timestamp(body["end_date"])
        wanted = areas(body["geometry"])
    except ValueError as error:
        raise ServiceError(*BAD_BODY, str(error)) from None
    sources = {(one["collection_id"], one["satellite_id"]) for one in body["satellites"]}
    found = [
        item
        for item in documents.reference.items
        if (item["collection"], _satellite(item)) in sources
        and start <= (listed_time(item["properties"]["datetime"]) or start) <= end
        and all(_passes(item, one) for one in body.get("filters") or ())
        and any(intersect(one, own) for one in wanted for own in areas(item["geometry"]))
    ]
    page = found[: min(limit, documents.state.page_size or limit)]
    return {
        "items": {item["id"]: item for item in page},
        "pagination": {"limit": limit, "skip": 0, "total": len(found)},
    }


def report(documents: Documents, ids: Mapping[str, str], _: Any) -> Response:
    """Return all order items as CSV, with times of a time zone."""
    zone: tzinfo = UTC
    if ids.get("tz"):
        try:
            zone = ZoneInfo(ids["tz"])
        except (ZoneInfoNotFoundError, ValueError):
            reason = f"tz: {ids['tz']!r} is not a time zone, such as Europe/Berlin"
            raise ServiceError(*BAD_PARAMETER, reason) from None
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([*COLUMNS, "created_at"])
    for item in documents.order_items:
        made = listed_time(item.get("created_at"))
        when = made.astimezone(zone).isoformat() if made else ""
        writer.writerow([*(item.get(name, "") for name in COLUMNS), when])
    return Response(text.getvalue(), media_type="text/csv")


def _satellite(item: JsonObject) -> str:
    return SATELLITES[PLATFORMS.index(item["properties"]["platform"])]


def _passes(item: JsonObject, limits: JsonObject) -> bool:
    value = item["properties"].get(limits["id"])
    return isinstance(value, (int, float)) and limits["min"] <= value <= limits["max"]


def _aoi_at(aoi: Aoi, run: Run, now: float) -> Aoi:
    status, changed = run.word(now, ASSET_WORDS), run.changed_at(now)
    return replace(
        aoi,
        status=run.word(now, AOI_WORDS),
        progress=run.progress(now),
        updated_at=changed,
        assets=tuple(
            replace(one, status=status, progress=run.progress(now), updated_at=changed)
            for one in aoi.assets
        ),
    )
