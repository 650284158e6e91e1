"""What `bench` prints of a measured export, and of two measurements."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from ...benchmark import Benchmark, Percentiles, compare
from ...errors import InputError
from ...sansio.redact import printable
from ...sansio.units import size

FILES = 2
WRITTEN_BY = "give a file that pixxel-async bench --json has written"


def print_export(measured: Benchmark, *, as_json: bool) -> None:
    """Print a measured export."""
    if as_json:
        typer.echo(json.dumps(measured.row()))
        return
    for line in _export_lines(measured):
        typer.echo(line)


def _export_lines(measured: Benchmark) -> Iterator[str]:
    rate = f"{size(int(measured.bytes_per_s))}/s while transferring"
    yield f"packages         {measured.saved} saved, {measured.failed} failed"
    yield f"received         {size(measured.received)} in {measured.elapsed_s:.1f} s, {rate}"
    yield f"processor time   {measured.cpu_s:.2f} s"
    if measured.peak_bytes is not None:
        yield f"peak memory      {size(measured.peak_bytes)}"
    yield f"{'':<15}{'p50':>10}{'p90':>10}{'p99':>10}"
    yield _spread("first byte", measured.first_byte_s, " s")
    yield _spread("packaging", measured.packaging_s, " s")
    yield _spread("transfer", measured.transfer_s, " s")
    yield _spread("polls", measured.polls)


def _spread(name: str, found: Percentiles, unit: str = "") -> str:
    values = (found.p50, found.p90, found.p99)
    digits = 3 if unit else 0
    cells = ("-" if value is None else f"{value:.{digits}f}{unit}" for value in values)
    return f"{name:<15}" + "".join(f"{cell:>10}" for cell in cells)


def print_comparison(files: list[str], *, as_json: bool) -> None:
    """Print the ratios of two measurements.

    Raises:
        InputError: They are not two measurements of the same kind.
    """
    if len(files) != FILES:
        message = f"--compare takes two files, not {len(files)}: {WRITTEN_BY}"
        raise InputError(message)
    first, second = map(_read, files)
    if first["measured"] != second["measured"]:
        message = (
            f"{files[0]} measures the {first['measured']}, {files[1]} the {second['measured']}: "
            "compare two of the same kind"
        )
        raise InputError(message)
    ratios = compare(first, second)
    if as_json:
        rows = [{**asdict(each), "ratio": each.value} for each in ratios]
        typer.echo(json.dumps({"versions": [first["versions"], second["versions"]], "rows": rows}))
        return
    for name, value in first["versions"].items():
        if (other := second["versions"].get(name)) != value:
            typer.echo(printable(f"{name}: {value}, then {other}"))
    width = max((len(each.name) for each in ratios), default=0)
    typer.echo(f"{'':<{width}}{'A':>18}{'B':>18}{'B ÷ A':>9}")
    for each in ratios:
        ratio = "-" if each.value is None else f"{each.value:.2f}"
        cells = f"{each.first:>18,.3f}{each.second:>18,.3f}{ratio:>9}"
        typer.echo(printable(f"{each.name:<{width}}{cells}"))


def _read(file: str) -> dict[str, Any]:
    found: Any = None
    try:
        found = json.loads(Path(file).read_bytes())
    except OSError as error:
        message = f"{file}: cannot be read: {error.strerror or error}"
        raise InputError(message) from None
    except (ValueError, RecursionError):
        pass
    is_whole = isinstance(found, dict) and isinstance(found.get("versions"), dict)
    if not is_whole or not isinstance(found.get("measured"), str):
        message = f"{file}: not a measurement: {WRITTEN_BY}"
        raise InputError(message)
    return dict(found)
