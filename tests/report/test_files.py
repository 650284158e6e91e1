"""The files of a report: what they hold, and that nothing from outside gets out of its place."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async import SinkError, write_report
from pixxel_async.journal.models import Activity, ExportRecord
from pixxel_async.report import plots
from pixxel_async.report.html import page_of
from pixxel_async.report.tables import cell, csv_of
from pixxel_async.report.time_axis import axis_of
from pixxel_async.report.timeline import timelines_of
from pixxel_async.sansio.package_state import State

from .folders import folder_of
from .made import made_export, made_export_of_runs, record, row, run, step

NASTY = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "=cmd|' /C calc'!A0",
    "@SUM(1+1)",
    "\x1b[31mred\x07",
    "\u202egpj.exe",
    "a\u2028b",
    "{{ 7 * 7 }}",
    '"><b>',
    "<a href='https://canary.invalid'>here</a>",
)


def nasty_record() -> ExportRecord:
    rows = tuple(
        row(
            f"k{number}",
            name=f"{text}.zip",
            target=json.dumps({"kind": "job", "workflow_id": "w", "job_id": text}),
            state=State.FAILED,
            error=text,
            error_type="StorageError",
        )
        for number, text in enumerate(NASTY)
    )
    steps = [step(one.key, 1, Activity.PACKAGING) for one in rows]
    steps += [step(one.key, 5, Activity.FAILED) for one in rows]
    return record(rows, (run(version="<b>1</b>", seen_at=9),), tuple(steps))


class Seen(HTMLParser):
    """Collects the elements and the texts of a page, as a browser sees them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.fault(47)
def test_nothing_from_outside_becomes_a_part_of_the_page(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "<b>&amp; it's", nasty_record())
    files = write_report(folder)
    page = files.html.read_text("utf-8")
    seen = Seen(page)
    tags = [tag for tag, _ in seen.elements]
    assert tags.count("script") == 1
    assert not {"img", "b", "a", "link", "iframe"} & set(tags)
    assert not any(name.startswith("on") for _, attrs in seen.elements for name in attrs)
    text = "".join(seen.texts)
    assert "\\x1b[31mred\\x07" in text
    assert "\\u202egpj.exe" in text
    assert "{{ 7 * 7 }}" in text
    assert "<img src=x onerror=alert(1)>" in text
    assert not {"\x1b", "\u202e", "\u2028"} & set(page)


def test_a_pointer_sees_what_a_row_of_the_timeline_is() -> None:
    made = nasty_record()
    plot = plots.timeline(timelines_of(made), plots.scale_of(axis_of(made)))
    titles = plot.split("<title>")[1:]
    assert len(titles) == len(NASTY)
    assert all("packaging 4.0 s\nfailed: " in title for title in titles)


@given(st.floats(0, 1e9), st.integers(1, 10))
def test_ticks_are_round_and_fit(highest: float, most: int) -> None:
    found = plots.ticks(highest, most)
    assert found[0] == 0
    assert len(found) <= most + 1
    assert found[-1] <= highest * (1 + 1e-6)
    if highest >= 1e-6 and most > 1:
        assert found[-1] > 0.5 * highest


@given(st.integers(0, 10**6), st.integers(1, 10))
def test_counts_have_whole_ticks(highest: int, most: int) -> None:
    found = plots.ticks(highest, most, is_whole=True)
    assert all(value == int(value) for value in found)
    assert len(set(found)) == len(found) <= most + 1


@given(st.text())
def test_a_cell_is_no_formula_and_steers_nothing(text: str) -> None:
    shown = cell(text)
    assert shown.lstrip()[:1] not in tuple("=+-@\uff1d\uff0b\uff0d\uff20")
    assert not set(shown) & set("\t\r\n\x00\x1b\u202e")


@pytest.mark.parametrize("text", ["=1", " =1", "+1", "-1", "@x", "\uff1d1"])
def test_a_formula_gets_an_apostrophe(text: str) -> None:
    assert cell(text) == f"'{text}"


def test_a_row_of_the_table_is_a_package() -> None:
    timelines = timelines_of(nasty_record())
    rows = list(csv.DictReader(io.StringIO(csv_of(timelines))))
    assert [row["state"] for row in rows] == ["failed"] * len(NASTY)
    assert {row["packaging_s"] for row in rows} == {"4.0"}
    names = {row["name"] for row in rows}
    assert "'=cmd|' /C calc'!A0.zip" in names
    assert "\\x1b[31mred\\x07.zip" in names


def test_json_holds_everything_as_it_is(tmp_path: Path) -> None:
    made = nasty_record()
    files = write_report(folder_of(tmp_path, made), tmp_path / "out" / "deep")
    assert files.json == tmp_path / "out" / "deep" / "report.json"
    text = files.json.read_text("ascii")
    report = json.loads(text)
    assert {one["error"]["message"] for one in report["packages"]} == set(NASTY)
    assert report["totals"]["failed"] == len(NASTY)
    assert report["packages"][0]["spans"] == [
        {
            "run": 1,
            "doing": "packaging",
            "from": "1970-01-01T00:00:01.000Z",
            "to": "1970-01-01T00:00:05.000Z",
        }
    ]
    failed = [json.loads(line) for line in files.failed.read_text("ascii").split("\n") if line]
    assert {one["job_id"] for one in failed} == set(NASTY)


def test_a_report_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, record((row("a"),), (run(),)))
    (folder / "report.csv" / "in the way").mkdir(parents=True)
    with pytest.raises(SinkError, match=r"report\.csv"):
        write_report(folder)
    names = {path.name for path in folder.iterdir()}
    assert names == {".pixxel-async", "report.csv", "report.json"}


def test_a_report_written_again_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, made_export(5))
    first = write_report(folder).json.read_bytes()
    assert write_report(folder).json.read_bytes() == first
    names = {path.name for path in folder.iterdir()}
    assert names == {".pixxel-async", "failed.jsonl", "report.csv", "report.html", "report.json"}


def test_an_export_without_steps_has_a_page_without_plots(tmp_path: Path) -> None:
    made = record((row("a", state=State.SAVED, bytes=5),))
    page = page_of(made, folder=tmp_path, retry_manifest=tmp_path / "failed.jsonl")
    assert "All packages are saved: 1" in page
    assert "has no steps" in page
    assert "svg" not in page.split("</style>")[1]


@pytest.mark.parametrize("packages", [1, 12, 61, 300, 1000])
def test_the_plots_are_drawn_within_their_areas(packages: int) -> None:
    made = made_export_of_runs(packages)
    scale = plots.scale_of(axis_of(made))
    for plot in (
        plots.timeline(timelines_of(made), scale),
        plots.state_counts(made, scale),
        plots.throughput(made, scale),
    ):
        xs = [float(x) for x in re.findall(r"[ML]([\d.]+) ", plot)]
        assert len(xs) > 1
        assert max(xs) <= plots.WIDE
        assert all(
            0 <= float(share) <= 100 for share in re.findall(r"(?:left|bottom):(.*?)%", plot)
        )


@pytest.mark.untraced
@pytest.mark.parametrize("packages", [1000, 5000])
def test_many_packages_make_a_page_that_a_mail_can_carry(tmp_path: Path, packages: int) -> None:
    page = page_of(made_export(packages), folder=tmp_path, retry_manifest=tmp_path / "failed.jsonl")
    assert len(page) < 1_000_000
    assert ("1,000 of 5,000 active packages are drawn" in page) == (packages == 5000)


def test_what_was_never_transferred_has_no_transfer_attempts(tmp_path: Path) -> None:
    page = page_of(nasty_record(), folder=tmp_path, retry_manifest=tmp_path / "failed.jsonl")
    assert "transfer attempts" in page
    assert "requests</th>" not in page
