"""`pixxel-async index`: what is in the packages of an export, as a STAC catalog and GeoParquet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...geo.catalog import index as write_index
from ..output.exit_codes import complain, ended


def index(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The export folder.")],
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "--directory",
            "-o",
            metavar="INDEX_DIR",
            show_default="DIR/stac",
            help="Folder for the index, created if missing.",
        ),
    ] = None,
) -> None:
    """Write a STAC catalog and a GeoParquet of the saved packages.

    Run it as often as you like, also while the export runs: unchanged packages are not read again.
    The assets are paths that GDAL opens where they are, in the ZIPs.

    Needs the extra geo: pip install 'pixxel-async[geo]'
    """
    with ended():
        written = write_index(directory, out)
        for line in written.warnings:
            complain(line)
        complain(f"{written.items} packages, {written.read} of them read")
        for path in (written.catalog, written.parquet):
            if path is not None:
                typer.echo(str(path))
