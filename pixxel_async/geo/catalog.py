"""The index of an export folder: a STAC catalog, and the same items as GeoParquet.

Rules:
    * Each file is written under a temporary name and renamed. The catalog is written last: what it
      links to is there.
    * The catalog holds a stamp for each item. A package with the same stamp is not read again.
    * A package that cannot be read has an item, with a warning; one whose file is missing has none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..destinations.os_errors import sink_error
from ..destinations.paths import absolute_path
from ..errors import ArchiveError
from ..journal.reader import read_record
from ..report.write import make_target, write_file
from .extra import extra_needed
from .packages import SavedFile, saved_files

FOLDER = "stac"
CATALOG = "catalog.json"
PARQUET = "items.parquet"
ITEMS = "items"
STAMP = "pixxel:stamp"
_JSON = "application/json"
_GEOJSON = "application/geo+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexFiles:
    """The files that `index` has written.

        from pixxel_async import geo

        files = geo.index("packages")
        print(files.catalog, files.items, *files.warnings)

    Attributes:
        catalog: The STAC catalog.
        parquet: The GeoParquet, or None if there is no item yet.
        items: How many packages it has.
        read: How many of them were read; the others were unchanged.
        warnings: What is broken or unknown in those that were read, and which files are missing.
    """

    catalog: Path
    parquet: Path | None
    items: int
    read: int
    warnings: tuple[str, ...]


def index(directory: str | Path, out: str | Path | None = None) -> IndexFiles:
    """Write a STAC catalog and a GeoParquet of the saved packages of an export; blocks.

        from pixxel_async import geo

        files = geo.index("packages")
        print(files.items, "packages,", files.read, "of them read")

    It does not disturb a running export. Call it again for the packages saved since then:
    unchanged ones are not read again. The assets are paths that GDAL opens where they are, in the
    ZIPs.

    Args:
        directory: The export folder.
        out: The folder for the index, created if missing; `stac` in the export folder by default.

    Raises:
        SinkError: It is not an export folder, or the index cannot be written.
        UsageError: The extra `geo` is not installed.
    """
    folder = absolute_path(directory)
    target = folder / FOLDER if out is None else absolute_path(out)
    saved, missing = saved_files(folder, read_record(folder))
    known = known_items(target)
    changed = [one for one in saved if known.get(one.package.id) != one.stamp]
    is_same = not changed and len(saved) == len(known)
    parquet = target / PARQUET if saved else None
    if not is_same or not (target / CATALOG).exists() or (parquet and not parquet.exists()):
        try:
            make_target(target / ITEMS, folder)
            changed = _write(target, saved, changed)
        except OSError as error:
            raise sink_error(error, target) from error
    return IndexFiles(
        catalog=target / CATALOG,
        parquet=parquet,
        items=len(saved),
        read=len(changed),
        warnings=(*missing, *(line for one in changed for line in _warnings(target, one))),
    )


def known_items(target: Path) -> dict[str, str]:
    """Return the stamp for each item of a catalog; none if there is no catalog of ours."""
    try:
        links = json.loads((target / CATALOG).read_text("utf-8"))["links"]
        return {link["title"]: link[STAMP] for link in links if link["rel"] == "item"}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def read_items(target: Path, saved: Iterable[SavedFile]) -> dict[str, dict[str, Any]]:
    """Return the items of saved packages: those of an index, and others from the packages."""
    known = known_items(target)
    found = {}
    for one in saved:
        item = _written(target, one) if known.get(one.package.id) == one.stamp else None
        found[one.package.id] = item or read_item(one)
    return found


def read_item(saved: SavedFile) -> dict[str, Any]:
    """Read a package and return its item, without links.

    Raises:
        UsageError: The extra `geo` is not installed.
    """
    with extra_needed():
        from .contents import Contents, open_contents  # noqa: PLC0415 - of the extra
        from .facts import PackageFacts, facts_of  # noqa: PLC0415 - likewise
        from .item import item_of  # noqa: PLC0415 - likewise
        from .raster import gdal  # noqa: PLC0415 - likewise
    try:
        with open_contents(saved.path) as contents, gdal():
            return item_of(saved.package, contents, facts_of(contents))
    except ArchiveError as error:
        facts = PackageFacts(scenes=(), others=(), warnings=(str(error),))
        return item_of(saved.package, Contents(saved.path, {}, None), facts)


def _written(target: Path, saved: SavedFile) -> dict[str, Any] | None:
    try:
        item = json.loads(_item_path(target, saved.package.id).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return item if isinstance(item, dict) else None


def _item_path(target: Path, id_: str) -> Path:
    return target / ITEMS / f"{id_}.json"


def _write(target: Path, saved: list[SavedFile], changed: list[SavedFile]) -> list[SavedFile]:
    """Write all files; return the packages that were read."""
    fresh = {one.package.id for one in changed}
    items = []
    for one in saved:
        item = None if one.package.id in fresh else _written(target, one)
        if item is None:
            item = {**read_item(one), "links": _links_of_item()}
            write_file(_item_path(target, one.package.id), _text(item), sync=False)
            fresh.add(one.package.id)
        items.append(item)
    if items:
        with extra_needed():
            from .parquet import write_parquet  # noqa: PLC0415 - of the extra
        write_parquet(items, target / PARQUET)
    else:
        (target / PARQUET).unlink(missing_ok=True)
    write_file(target / CATALOG, _text(_catalog(saved)))
    names = {f"{one.package.id}.json" for one in saved}
    for path in (target / ITEMS).glob("*.json"):
        if path.name not in names:
            path.unlink(missing_ok=True)
    return [one for one in saved if one.package.id in fresh]


def _catalog(saved: Iterable[SavedFile]) -> dict[str, Any]:
    items = [
        {
            "rel": "item",
            "href": f"./{ITEMS}/{quote(one.package.id)}.json",
            "type": _GEOJSON,
            "title": one.package.id,
            STAMP: one.stamp,
        }
        for one in saved
    ]
    return {
        "type": "Catalog",
        "stac_version": "1.1.0",
        "id": "pixxel-async-export",
        "title": "Packages of an export",
        "description": "The saved packages of a pixxel-async export.",
        "links": [{"rel": "root", "href": f"./{CATALOG}", "type": _JSON}, *items],
    }


def _links_of_item() -> list[dict[str, str]]:
    up = f"../{CATALOG}"
    return [{"rel": rel, "href": up, "type": _JSON} for rel in ("root", "parent")]


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=True, allow_nan=False) + "\n"


def _warnings(target: Path, saved: SavedFile) -> list[str]:
    item = _written(target, saved) or {"properties": {"pixxel:warnings": []}}
    return [f"{saved.path}: {line}" for line in item["properties"]["pixxel:warnings"]]
