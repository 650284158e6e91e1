"""Write the kept results into the documentation: `python -m benchmarks.document`.

Rules:
    * A result goes between its two markers, `<!-- NAME -->` and `<!-- /NAME -->`; nothing else of
      the page is touched. A result without markers, or markers without a result, is left alone.
    * Each table names the machine that its figures come from.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .contenders.commands import BUSY, CURL, ONE_TRANSFER
from .plots import small_calls_plot, transfers_plot
from .start import YARDSTICK as START_YARDSTICK
from .transfers import YARDSTICKS

HERE = Path(__file__).parent
RESULTS = HERE / "results"
PAGE = HERE.parent / "docs" / "benchmarks.md"
PICTURES = HERE.parent / "docs" / "pictures"

Result = Mapping[str, Any]


def main() -> None:
    """Update the page and its pictures from the stored results."""
    page = PAGE.read_text(encoding="utf-8")
    for name, section in SECTIONS.items():
        path = RESULTS / f"{name}.json"
        if path.exists():
            result = json.loads(path.read_text(encoding="utf-8"))
            page = with_section(page, name, "\n".join(section(result)))
            if name in PLOTS:
                PLOTS[name](result, PICTURES / f"{name}.svg")
            sys.stdout.write(f"{name}: written\n")
    PAGE.write_text(page, encoding="utf-8")


def with_section(page: str, name: str, text: str) -> str:
    """Return a page with a text between the markers of a name."""
    markers = re.compile(f"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    return markers.sub(lambda found: f"{found[1]}\n{text}\n\n{found[2]}", page)


def machine(result: Result) -> str:
    """Describe a machine in a sentence."""
    found = result["machine"]
    programs = ", ".join(short(text) for text in found["programs"].values() if text)
    packages = ", ".join(f"{name} {number}" for name, number in found["packages"].items())
    return (
        f"{found['cpu']}, {found['cores']} cores, {found['system']} {found['kernel']}, "
        f"Python {found['python']}, {programs}; {packages}. "
        f"Load average when it began: {found['load_at_start']}."
    )


def short(said: str) -> str:
    """Return name and version from the version output of a program."""
    words = said.replace("nginx version:", "").replace("version", "").split()
    return " ".join(words[0].replace("/", " ").split() + words[1:2])


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a Markdown table."""
    yield "| " + " | ".join(head) + " |"
    yield "|---" * len(head) + "|"
    for cells in rows:
        yield "| " + " | ".join(cells) + " |"


def transfers(result: Result) -> Iterator[str]:
    """Yield the section about transfers."""
    rows = {(row["files"], row["scheme"], row["contender"]): row for row in result["rows"]}
    cases = list(dict.fromkeys((files, scheme) for files, scheme, _ in rows))
    names = list(dict.fromkeys(name for _, _, name in rows))
    head = ["", *(f"{SET_NAMES.get(files, files)}, {scheme}" for files, scheme in cases)]

    def cells(key: str, unit: str) -> Iterator[list[str]]:
        for name in names:
            line = [name]
            for case in cases:
                row, by = rows.get((*case, name)), rows.get((*case, YARDSTICKS.get(name, CURL)))
                line.append(compared(row, by, key, unit))
            yield line

    yield machine(result)
    yield ""
    yield (
        f"Wall time; in brackets ÷ `{CURL}`, for the verified save ÷ `{YARDSTICKS[VERIFIED]}`, for "
        f"the busy event loop ÷ {YARDSTICKS[BUSY]}:"
    )
    yield ""
    yield from table(head, cells("wall_s", " s"))
    yield ""
    yield "CPU seconds per GiB, user and system; in brackets as above:"
    yield ""
    yield from table(head, cells("cpu_s_per_gib", ""))
    yield ""
    yield "Peak memory, and what the start of Python adds to the wall time (median over the sets):"
    yield ""
    yield from table(["", "peak", "start"], peaks_and_starts(rows.values(), names))
    yield ""
    yield "![wall time by contender](pictures/transfers.svg)"


VERIFIED = "ours, verified"
SET_NAMES = {"4mib": "200 × 4 MiB", "256mib": "8 × 256 MiB", "64kib": "3,000 × 64 KiB"}  # noqa: RUF001 - as in the page


def compared(row: Result | None, by: Result | None, key: str, unit: str) -> str:
    """Return a figure, and its ratio to that of the yardstick."""
    if row is None:
        return "–"  # noqa: RUF001 - an empty cell
    figure = f"{row[key]:.2f}{unit}"
    return f"{figure} ({row[key] / by[key]:.2f})" if by else figure


def peaks_and_starts(rows: Iterable[Result], names: Iterable[str]) -> Iterator[list[str]]:
    """Yield the peak memory of each contender, and the time that its process took to start."""
    kept = list(rows)
    for name in names:
        own = [row for row in kept if row["contender"] == name]
        starts = sorted(row["process_wall_s"] - row["wall_s"] for row in own)
        peak = max(row["peak_mib"] for row in own)
        yield [name, f"{peak:.0f} MiB", f"{starts[len(starts) // 2]:.2f} s"]


def syncing(result: Result) -> Iterator[str]:
    """Yield the section about syncs."""
    yield machine(result)
    yield ""
    yield from table(
        ["", "synced", "not synced", "ratio"],
        (
            [
                SET_NAMES.get(row["files"], row["files"]),
                f"{row['synced_s']:.2f} s",
                f"{row['unsynced_s']:.2f} s",
                f"{row['synced_s'] / row['unsynced_s']:.2f}",
            ]
            for row in result["rows"]
        ),
    )


def few(result: Result) -> Iterator[str]:
    """Yield the section about a few large packages."""
    walls = {row["contender"]: row["wall_s"] for row in result["rows"]}
    yield machine(result)
    yield ""
    yield from table(
        ["", "wall", f"÷ {ONE_TRANSFER}"],
        (
            [name, f"{wall_s:.1f} s", f"{wall_s / walls[ONE_TRANSFER]:.2f}"]
            for name, wall_s in walls.items()
        ),
    )


def links(result: Result) -> Iterator[str]:
    """Yield the section about the number of transfers at once."""
    rates = {(row["link"], row["fetches"]): row["mib_per_s"] for row in result["rows"]}
    names = list(dict.fromkeys(link for link, _ in rates))
    numbers = list(dict.fromkeys(number for _, number in rates if number != "auto"))
    yield machine(result)
    yield ""
    yield f"MiB/s over {result['seconds']:g} s, rounds: {result['rounds']}; medians:"
    yield ""
    yield from table(
        ["transfers at once:", *numbers, "auto", "auto ÷ the best"],
        (
            [
                name,
                *(f"{rates[name, number]:.1f}" for number in (*numbers, "auto")),
                f"{rates[name, 'auto'] / max(rates[name, number] for number in numbers):.2f}",
            ]
            for name in names
        ),
    )


def small_calls(result: Result) -> Iterator[str]:
    """Yield the section about small calls."""
    rows = {(row["contender"], row["at_once"]): row for row in result["rows"]}
    names = list(dict.fromkeys(name for name, _ in rows))
    numbers = list(dict.fromkeys(at_once for _, at_once in rows))
    yield machine(result)
    yield ""
    yield from table(
        ["calls a second, at once:", *(f"{number:,}" for number in numbers), "peak memory"],
        (
            [
                name,
                *(f"{rows[name, number]['calls_per_s']:,.0f}" for number in numbers),
                f"{max(rows[name, number]['peak_mib'] for number in numbers):.0f} MiB",
            ]
            for name in names
        ),
    )
    yield ""
    yield "![calls a second by the number at once](pictures/small_calls.svg)"


def pipeline(result: Result) -> Iterator[str]:
    """Yield the section about whole exports."""
    yield machine(result)
    yield ""
    yield f"{result['packages']} packages, rounds: {result['rounds']}; medians:"
    yield ""
    yield from table(
        ["", "took", "lower bound", "ratio", "all created after"],
        (
            [
                row["rate"],
                f"{row['took_s']:.2f} s",
                f"{row['bound_s']:.2f} s",
                f"{row['ratio']:.3f}",
                f"{row['created_within_s']:.1f} s",
            ]
            for row in result["rows"]
        ),
    )


def start(result: Result) -> Iterator[str]:
    """Yield the section about the start."""
    yield machine(result)
    yield ""
    yield f"Wall time of whole processes, rounds: {result['rounds']}; medians:"
    yield ""
    yield from table(
        ["", "wall", f"÷ `{START_YARDSTICK}`"],
        (
            [
                f"`{row['command']}`",
                f"{row['wall_s']:.3f} s",
                f"{row['ratio']:.2f}",
            ]
            for row in result["rows"]
        ),
    )


def trace(result: Result) -> Iterator[str]:
    """Yield the section about the parts that one download goes through."""
    yield machine(result)
    yield ""
    yield from table(
        ["engine", "files of `pixxel_async` entered", "tasks", "threads"],
        (
            [row["engine"], str(len(row["files"])), str(row["tasks"]), str(row["threads"])]
            for row in result["rows"]
        ),
    )


SECTIONS: dict[str, Callable[[Result], Iterator[str]]] = {
    "transfers": transfers,
    "syncing": syncing,
    "few": few,
    "links": links,
    "small_calls": small_calls,
    "pipeline": pipeline,
    "start": start,
    "trace": trace,
}
PLOTS: dict[str, Callable[[Result, Path], None]] = {
    "transfers": transfers_plot,
    "small_calls": small_calls_plot,
}


if __name__ == "__main__":
    main()
