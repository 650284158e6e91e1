"""Items as a GeoParquet."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from stac_geoparquet.arrow import parse_stac_items_to_arrow, to_parquet

from ..destinations.folder_tree import FILE_MODE


def write_parquet(items: Iterable[dict[str, Any]], path: Path) -> None:
    """Write items into one file, as a whole or not at all."""
    table = parse_stac_items_to_arrow(list(items))
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as temporary:
        partial = Path(temporary) / path.name
        to_parquet(table, partial)
        partial.chmod(FILE_MODE)
        partial.replace(path)
