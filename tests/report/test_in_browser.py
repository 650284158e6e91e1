"""The page in a real browser: it draws, nothing overlaps, and it sends no requests."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from pixxel_async.report import plots
from pixxel_async.report.html import page_of
from pixxel_async.report.state_counts import StateGroup
from pixxel_async.report.timeline import tidy
from pixxel_async.sandbox import PackageFault, Scenario, StorageFault, demo_rows, sandbox_in_thread

from ..cli.commands import QUICK, env_of, run, write_manifest
from .browser import CHROMIUM, NAMES, Browser, Look
from .made import made_export, made_export_of_runs

if CHROMIUM is None:
    pytest.skip(
        f"needs one of {', '.join(NAMES)}: apt-get install chromium", allow_module_level=True
    )

TOLERANCE_PX = 1.0
FAULTY = Scenario(
    package_bytes=300_000,
    bytes_per_s=2_000_000,
    faults=(PackageFault("failed", rate=0.1), StorageFault("truncate", rate=0.1)),
)


@pytest.fixture(scope="module")
def real_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real")
    manifest = write_manifest(folder / "m.jsonl", demo_rows(40))
    with sandbox_in_thread(FAULTY) as sandbox:
        words = ("export", manifest, "--out", folder / "out", "--quiet", *QUICK)
        assert run(*words, env=env_of(sandbox)).exit_code == 1
    told = run("report", folder / "out", "--out", folder)
    assert told.exit_code == 0, told.stderr
    return folder / "report.html"


@pytest.fixture(scope="module")
def real_look(browser: Browser, real_page: Path) -> Look:
    return browser.look_at(real_page, in_picture=True)


def made_page(folder: Path, packages: int) -> Path:
    make = made_export if packages > 500 else made_export_of_runs
    page = folder / "report.html"
    text = page_of(tidy(make(packages)), folder=folder, retry_manifest=folder / "failed.jsonl")
    page.write_text(text, "utf-8")
    return page


def overlaps(one: dict[str, Any], other: dict[str, Any]) -> bool:
    wide = min(one["right"], other["right"]) - max(one["left"], other["left"])
    high = min(one["bottom"], other["bottom"]) - max(one["top"], other["top"])
    return bool(wide > TOLERANCE_PX and high > TOLERANCE_PX)


def holds(outer: dict[str, Any], inner: dict[str, Any]) -> bool:
    return bool(
        inner["left"] >= outer["left"] - TOLERANCE_PX
        and inner["right"] <= outer["right"] + TOLERANCE_PX
        and inner["top"] >= outer["top"] - TOLERANCE_PX
        and inner["bottom"] <= outer["bottom"] + TOLERANCE_PX
    )


def faults_of(look: Look) -> Iterator[str]:
    """Yield the layout problems of a page."""
    blocks = look.told["blocks"]
    for one, other in combinations(blocks, 2):
        if overlaps(one, other) and not holds(one, other):
            yield f"blocks: {one} {other}"
    for plot in look.told["plots"]:
        texts = [(kind, box) for kind, boxes in plot["texts"].items() for box in boxes]
        for kind, box in texts:
            if not holds(plot["box"], box):
                yield f"{plot['id']}: {kind} {box} stands out of {plot['box']}"
        for (kind, one), (_, other) in combinations(texts, 2):
            if overlaps(one, other):
                yield f"{plot['id']}: {kind} {one} covers {other}"
    scroll, inner = look.told["width"]
    if scroll > inner:
        yield f"the page is wider than its window: {scroll} of {inner}"


def colours_of(look: Look) -> dict[StateGroup, int]:
    """Count the pixels that have exactly the colour of a state."""
    assert look.image is not None
    counts = {colour: count for count, colour in look.image.getcolors(maxcolors=2**24) or []}
    found = {}
    for standing, colour in plots.COLOURS.items():
        if colour.startswith("#"):
            red, green, blue = bytes.fromhex(colour[1:])
            found[standing] = counts.get((red, green, blue), 0)
    return found


def test_the_report_of_a_real_export_is_drawn(real_look: Look) -> None:
    look = real_look
    assert look.said == []
    assert [plot["id"] for plot in look.told["plots"]] == [
        "plot-occupancy",
        "plot-throughput",
        "plot-timeline",
    ]
    assert list(faults_of(look)) == []
    assert look.told["sorted"] == sorted(look.told["sorted"])
    assert len(set(look.told["sorted"])) > 5
    drawn = colours_of(look)
    for standing in (StateGroup.PACKAGING, StateGroup.TRANSFERRING, StateGroup.SAVED):
        assert drawn[standing] > 1000, standing
    assert drawn[StateGroup.FAILED] > 100


def test_the_report_of_a_real_export_is_complete(real_page: Path) -> None:
    report = json.loads((real_page.parent / "report.json").read_text("ascii"))
    totals = report["totals"]
    assert totals["packages"] == 40
    assert totals["saved"] + totals["failed"] == 40
    assert totals["failed"] > 0
    assert all(one["spans"] for one in report["packages"])
    assert totals["received"] >= 0.9 * totals["bytes_saved"]
    page = real_page.read_text("utf-8")
    assert f"{totals['saved']} of 40 packages are saved" in page
    assert "X-Amz" not in page


@pytest.mark.parametrize("packages", [12, 300, 1000])
def test_nothing_overlaps(browser: Browser, tmp_path: Path, packages: int) -> None:
    page = made_page(tmp_path, packages)
    for width in (1280, 760, 500):
        look = browser.look_at(page, width=width)
        assert look.said == []
        assert list(faults_of(look)) == []
        sizes = look.told["sorted"]
        assert sizes == sorted(sizes)
        assert (
            len({len(str(size)) for size in sizes}) > 1
        )  # as texts, they would be sorted otherwise


def test_it_is_drawn_on_dark_ground_too(browser: Browser, tmp_path: Path) -> None:
    look = browser.look_at(made_page(tmp_path, 60), scheme="dark", in_picture=True)
    assert look.image is not None
    assert colours_of(look)[StateGroup.PACKAGING] > 2000
    red, green, blue = look.image.getpixel((2, 2))  # type: ignore[misc]  # RGB
    assert max(red, green, blue) < 60


def test_nothing_is_asked_of_a_network(real_look: Look, real_page: Path) -> None:
    assert real_look.told["requests"] == []
    assert real_look.told["refused"] == []
    (policy,) = re.findall(
        r'Content-Security-Policy" content="(.*?)"', real_page.read_text("utf-8")
    )
    assert dict(part.split(" ", 1) for part in policy.split("; ")) == {
        "default-src": "'none'",
        "script-src": "'unsafe-inline'",
        "style-src": "'unsafe-inline'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_a_request_would_be_seen_and_refused(
    browser: Browser, real_page: Path, tmp_path: Path
) -> None:
    page = tmp_path / "with_picture.html"
    picture = '<img src="https://canary.invalid/x.png">'
    page.write_text(real_page.read_text("utf-8").replace("<main>", f"<main>{picture}"), "utf-8")
    look = browser.look_at(page)
    assert look.told["refused"] == ["https://canary.invalid/x.png"]
    assert look.said != []
