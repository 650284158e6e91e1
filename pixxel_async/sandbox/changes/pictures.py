"""Indices, and visualizations of AOIs by them, with legends, pictures and styles.

Rules:
    * The name of an index is unique for its satellite; an AOI has one visualization of each index.
    * A visualization has an asset and a legend for each date of its source assets: in both modes
      for a preset index, in dynamic mode for a custom one, none for a composite or greys.
    * An update replaces the legend of one mode; a rollback computes it again.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Mapping, Sequence
from functools import partial
from xml.sax.saxutils import quoteattr

from starlette.responses import Response

from ..lists.documents import Documents, JsonObject
from ..refusals import BAD_BODY, CONFLICT, NOT_THERE, ServiceError
from ..world import Asset
from ..world.record import with_space
from .bodies import Form, MapOf, Object
from .run import Run, moment
from .state import NOT_FINISHED

WORDS = ("creating", "creating", "success", "failed")
COLOURS = ("#2b83ba", "#abdda4", "#ffffbf", "#fdae61", "#d7191c")
LABELS = ("Very low", "Low", "Medium", "High", "Very high")
MOST_BINS = 15
SIDE = 16
"""Of a picture, in pixels."""

_DATE = re.compile(r"\d{4}_\d{2}_\d{2}", re.ASCII)
_MODES = frozenset({"dynamic", "theoretical"})
INDEX: Form = Object(
    {
        **dict.fromkeys(("name", "description", "expression", "colormap", "satellite_id"), str),
        "rescale": [int],
        "expression_type": frozenset({"composite", "index", "grayscale"}),
    }
)
VISUALIZATION: Form = Object({"index_id": str}, {"src_asset_ids": [str], "resolution": float})
_LEGEND_ITEM = Object({}, {"color": str, "label": str, "max": float, "min": float})
LEGEND: Form = Object(
    {"visualization_mode": _MODES, "legend": MapOf([_LEGEND_ITEM])}, {"dynamic_bins": int}
)
ROLLBACK: Form = Object({"index_id": str, "dates": [str], "visualization_mode": _MODES})
PNG: Form = Object({"index_id": str, "date": str, "visualization_mode": _MODES})
SLD: Form = Object({"dates": [str], "visualization_modes": [_MODES]})


def create_index(documents: Documents, ids: Mapping[str, str], body: JsonObject) -> JsonObject:
    """Create a custom index."""
    state = documents.state
    if any(
        (one["name"], one["satellite_id"]) == (body["name"], body["satellite_id"])
        for one in documents.indices
    ):
        reason = "name: there is an index of this name for this satellite"
        raise ServiceError(CONFLICT, "CONFLICT", reason)
    id_ = state.new_id()
    run = state.create("CreateIndex", id_, ids, body)
    made = with_space(moment(run.began))
    bands = sorted(set(re.findall(r"B\d+", body["expression"])))
    document = {"id": id_, **body, "bands": bands, "type": "custom"}
    state.indices.append({**document, "created_at": made, "updated_at": made})
    return state.indices[-1]


def create_visualization(
    documents: Documents, ids: Mapping[str, str], body: JsonObject
) -> JsonObject:
    """Create the visualization of an AOI by an index."""
    state, aoi = documents.state, documents.aoi_record(ids["aoi_id"])
    index = _index(documents, body["index_id"])
    dates = _dates(documents.assets(aoi.aoi_id), body.get("src_asset_ids"))
    if any(one["index_id"] == index["id"] for one in documents.visualizations(aoi.aoi_id)):
        raise ServiceError(CONFLICT, "CONFLICT", "the AOI has a visualization of this index")
    id_ = state.new_id()
    run = state.create("CreateVisualization", id_, ids, body)
    made = with_space(moment(run.began))
    assets = [
        Asset(
            state.new_id("asset", id_, date),
            name=f"{index['name']} {date}",
            asset_type="visualization",
            date=date,
            band_list=index["bands"],
            resolution=body.get("resolution"),
            geometry=aoi.geometry,
            visualization_id=id_,
            created_at=moment(run.began),
        ).document(aoi_id=aoi.aoi_id)
        for date in dates
    ]
    legend = {date.replace("-", "_"): _legends(index) for date in dates}
    document = {
        "id": id_,
        "aoi_id": aoi.aoi_id,
        "index_id": index["id"],
        "index_name": index["name"],
        "expression": index["expression"],
        "expression_type": index["expression_type"],
        "rescale": index["rescale"],
        "type": "custom",
        "metadata": {"legend": legend},
        "tenant_id": state.maker.org,
        "user_id": aoi.user_id,
        "created_at": made,
    }
    state.runs["visualization", id_] = run
    state.visualizations[aoi.aoi_id].append(partial(_visualization_at, document, assets, run))
    return documents.visualization(aoi.aoi_id, id_)


def update_legend(documents: Documents, ids: Mapping[str, str], body: JsonObject) -> JsonObject:
    """Replace the legend of one mode, on some dates."""
    mode, bins = body["visualization_mode"], body.get("dynamic_bins")
    if mode == "dynamic" and not (bins and 1 <= bins <= MOST_BINS):
        raise ServiceError(*BAD_BODY, f"dynamic_bins: it is between 1 and {MOST_BINS}")
    legend = _legend(documents, ids)
    _check_dates(body["legend"], legend)
    for date, items in body["legend"].items():
        given = {
            number: {name: value for name, value in item.items() if value is not None}
            for number, item in enumerate(items or ())
        }
        computed = _bins(bins if mode == "dynamic" and bins else max(1, len(given)))
        legend[date][mode] = [{**one, **given.get(n, {})} for n, one in enumerate(computed)]
    return {"legend": legend}


def roll_back_legend(documents: Documents, ids: Mapping[str, str], body: JsonObject) -> JsonObject:
    """Compute the legend of one mode again, on some dates."""
    legend = _legend(documents, ids)
    index = _index_of(documents, ids, body["index_id"])
    _check_dates(body["dates"], legend)
    for date in body["dates"]:
        legend[date].pop(body["visualization_mode"], None)
        computed = _legends(index).get(body["visualization_mode"])
        legend[date] |= {body["visualization_mode"]: computed} if computed else {}
    return documents.visualization(ids["aoi_id"], ids["visualization_id"])


def draw_png(documents: Documents, ids: Mapping[str, str], body: JsonObject) -> Response:
    """Draw stripes in the colours of the legend."""
    _check_made(documents, ids)
    _index_of(documents, ids, body["index_id"])
    _check_dates([body["date"]])
    pixels = [bytes.fromhex(COLOURS[x * len(COLOURS) // SIDE][1:]) for x in range(SIDE)]
    return Response(_png([b"".join(pixels)] * SIDE), media_type="image/png")


def write_sld(documents: Documents, ids: Mapping[str, str], body: JsonObject) -> JsonObject:
    """Write a style for each mode and date."""
    legend = _check_made(documents, ids)["metadata"]["legend"]
    _check_dates(body["dates"])
    return {
        "sld": {
            mode: {date: _sld(legend.get(date, {}).get(mode, ())) for date in body["dates"]}
            for mode in body["visualization_modes"]
        }
    }


def _index(documents: Documents, id_: str) -> JsonObject:
    for index in documents.indices:
        if index["id"] == id_:
            return index
    raise ServiceError(*NOT_THERE, "there is no such index")


def _index_of(documents: Documents, ids: Mapping[str, str], index_id: str) -> JsonObject:
    if documents.visualization(ids["aoi_id"], ids["visualization_id"])["index_id"] != index_id:
        raise ServiceError(*NOT_THERE, "there is no such index of this visualization")
    return _index(documents, index_id)


def _dates(assets: Sequence[JsonObject], wanted: Sequence[str] | None) -> list[str]:
    known = {one["id"]: one.get("date") for one in assets}
    for id_ in wanted or ():
        if id_ not in known:
            raise ServiceError(*NOT_THERE, "there is no such asset of this AOI")
    return sorted({date for id_ in wanted or known if (date := known[id_])})


def _legends(index: JsonObject) -> JsonObject:
    if index["expression_type"] != "index":
        return {}
    modes = ("dynamic", "theoretical") if index["type"] == "preset" else ("dynamic",)
    return {mode: _bins(len(COLOURS)) for mode in modes}


def _bins(count: int) -> list[JsonObject]:
    return [
        {
            "min": number / count,
            "max": (number + 1) / count,
            "color": COLOURS[number * len(COLOURS) // count],
            "label": LABELS[number * len(LABELS) // count],
            "area": 100 / count,
            "area_percentage": 100 / count,
        }
        for number in range(count)
    ]


def _legend(documents: Documents, ids: Mapping[str, str]) -> JsonObject:
    """Return the legend, which is to be modified."""
    document = documents.visualization(ids["aoi_id"], ids["visualization_id"])
    legend: JsonObject = document["metadata"]["legend"]
    return legend


def _check_made(documents: Documents, ids: Mapping[str, str]) -> JsonObject:
    document = documents.visualization(ids["aoi_id"], ids["visualization_id"])
    if document["status"] != "success":
        reason = f"the visualization has not been completed: it is {document['status']}"
        raise ServiceError(*NOT_FINISHED, reason)
    return document


def _check_dates(dates: Sequence[str], known: JsonObject | None = None) -> None:
    for date in dates:
        if not _DATE.fullmatch(date):
            raise ServiceError(*BAD_BODY, f"{date!r} is not a date, such as 2025_04_14")
        if known is not None and date not in known:
            raise ServiceError(*BAD_BODY, f"the visualization has no date {date}")


def _visualization_at(
    document: JsonObject, assets: Sequence[JsonObject], run: Run, now: float
) -> JsonObject:
    changed = with_space(run.changed_at(now))
    state = {"status": run.word(now, WORDS), "progress": run.progress(now), "updated_at": changed}
    return {**document, **state, "assets": [{**one, **state} for one in assets]}


def _png(rows: Sequence[bytes]) -> bytes:
    """Return a picture of eight bits a colour."""

    def chunk(name: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)

    header = struct.pack(">2I5B", len(rows[0]) // 3, len(rows), 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def _sld(legend: Sequence[JsonObject]) -> str:
    entries = "".join(
        f"<ColorMapEntry color={quoteattr(one['color'])} quantity={quoteattr(str(one['min']))}"
        f" label={quoteattr(one['label'])}/>"
        for one in legend
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<StyledLayerDescriptor version="1.0.0" xmlns="http://www.opengis.net/sld">'
        "<NamedLayer><Name>visualization</Name><UserStyle><FeatureTypeStyle><Rule>"
        f"<RasterSymbolizer><ColorMap>{entries}</ColorMap></RasterSymbolizer>"
        "</Rule></FeatureTypeStyle></UserStyle></NamedLayer></StyledLayerDescriptor>"
    )
