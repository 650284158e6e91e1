"""The page of the benchmarks says what the kept results say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import document, plots

MACHINE = {
    "cpu": "Some CPU",
    "cores": 2,
    "system": "Linux",
    "kernel": "6.1",
    "load_at_start": 0.1,
    "python": "3.11.7",
    "programs": {"nginx": "nginx version: nginx/1.22.1", "curl": "curl 7.88.1 (x)", "aria2c": None},
    "packages": {"httpx": "0.28.1"},
}


def transfers_row(contender: str, wall_s: float, scheme: str = "http") -> dict[str, Any]:
    return {
        "files": "4mib",
        "scheme": scheme,
        "contender": contender,
        "rounds": 3,
        "wall_s": wall_s,
        "cpu_s_per_gib": 2 * wall_s,
        "peak_mib": 50,
        "process_wall_s": wall_s + 0.5,
        "process_cpu_s": wall_s + 0.5,
    }


TRANSFERS = {
    "machine": MACHINE,
    "rows": [
        transfers_row("curl -Z", 1.0),
        transfers_row("ours", 0.5),
        transfers_row("curl -Z, openssl dgst", 4.0),
        transfers_row("ours, verified", 3.0),
        transfers_row("ours, busy event loop", 1.0),
        transfers_row("curl -Z", 2.0, "https"),
    ],
}


def test_figures_stand_beside_their_ratio_to_the_right_yardstick() -> None:
    text = "\n".join(document.transfers(TRANSFERS))
    assert "| ours | 0.50 s (0.50) | – |" in text  # noqa: RUF001 - an empty cell
    assert "| ours, verified | 3.00 s (0.75) |" in text
    assert "| ours, busy event loop | 1.00 s (2.00) |" in text
    assert "| curl -Z | 1.00 s (1.00) | 2.00 s (1.00) |" in text
    assert "| ours | 50 MiB | 0.50 s |" in text
    assert "nginx 1.22.1, curl 7.88.1; httpx 0.28.1. Load average when it began: 0.1." in text


def test_what_auto_brings_stands_beside_the_best_number() -> None:
    rows = [
        {"link": "slow", "fetches": fetches, "mib_per_s": rate}
        for fetches, rate in (("1", 10.0), ("64", 40.0), ("auto", 38.0))
    ]
    result = {"machine": MACHINE, "seconds": 20.0, "rounds": 1, "rows": rows}
    text = "\n".join(document.links(result))
    assert "| transfers at once: | 1 | 64 | auto | auto ÷ the best |" in text
    assert "| slow | 10.0 | 40.0 | 38.0 | 0.95 |" in text


def test_only_what_stands_between_the_markers_is_replaced() -> None:
    page = "before\n<!-- a -->\nold\n<!-- /a -->\nafter\n<!-- b -->\n<!-- /b -->\n"
    once = document.with_section(page, "a", r"new \1")
    assert once == "before\n<!-- a -->\n\nnew \\1\n\n<!-- /a -->\nafter\n<!-- b -->\n<!-- /b -->\n"
    assert document.with_section(once, "a", r"new \1") == once
    assert document.with_section(page, "c", "new") == page


@pytest.mark.parametrize("name", document.SECTIONS)
def test_the_page_says_what_the_results_say(name: str) -> None:
    kept = document.RESULTS / f"{name}.json"
    page = document.PAGE.read_text(encoding="utf-8")
    told = "\n".join(document.SECTIONS[name](json.loads(kept.read_text(encoding="utf-8"))))
    assert document.with_section(page, name, told) == page, "run python -m benchmarks.document"
    assert told in page


def test_pictures_have_a_bar_for_each(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs matplotlib: pip install -e '.[dev]'")
    picture = tmp_path / "pictures" / "transfers.svg"
    plots.transfers_plot(TRANSFERS, picture)
    first = picture.read_bytes()
    assert first.count(b"ours, verified") == 1
    plots.transfers_plot(TRANSFERS, picture)
    assert picture.read_bytes() == first
