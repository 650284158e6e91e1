"""Manifests as CSV: what is read, and what is told of cells that are wrong."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Sequence
from typing import Any, get_args, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async import (
    AoiDownload,
    CatalogDownload,
    Download,
    InputError,
    JobDownload,
    TaskDownload,
    parse_download,
)
from pixxel_async.cli.manifest.csv_rows import COLUMNS, LIST_COLUMNS
from pixxel_async.cli.manifest.reader import parse_manifest, read_manifest
from pixxel_async.sandbox import demo_rows

from .commands import run

HEADER = b"kind,workflow_id,job_id,task_id,aoi_id,asset_ids\n"
GOOD = b"job,w,j,,,\n"
JOB = JobDownload(workflow_id="w", job_id="j")


def read(data: bytes | str, name: str = "m.csv") -> list[Download]:
    return parse_manifest(data if isinstance(data, bytes) else data.encode(), name).downloads


def problems_of(data: bytes, name: str = "m.csv") -> tuple[str, ...]:
    with pytest.raises(InputError) as caught:
        parse_manifest(data, name)
    return caught.value.problems


def written(
    rows: Sequence[dict[str, Any]], columns: Sequence[str] = COLUMNS, **dialect: Any
) -> bytes:
    """Write rows as the csv module does."""
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, columns, **dialect)
    writer.writeheader()
    for row in rows:
        cells = {
            name: ";".join(value) if isinstance(value, list) else value
            for name, value in row.items()
        }
        writer.writerow(cells)
    return stream.getvalue().encode()


def test_the_columns_are_the_fields_of_downloads() -> None:
    kinds = get_args(get_args(Download)[0])
    fields = {name: field for kind in kinds for name, field in kind.model_fields.items()}
    assert set(COLUMNS) == set(fields)
    lists = {name for name, field in fields.items() if get_origin(field.annotation) is Sequence}
    assert set(LIST_COLUMNS) == lists


# An id of a CSV manifest: any text without blanks at its ends; in lists, without separators too.
IDS = st.text(min_size=1, max_size=8).filter(
    lambda text: text == text.strip() and text.isprintable() and not text.startswith('"')
)
LISTED = IDS.filter(lambda text: not set(text) & set(" ;,") and len(text.split()) == 1)
LISTS = st.lists(LISTED, min_size=1, max_size=3)
ROWS = st.one_of(
    st.fixed_dictionaries({"kind": st.just("job"), "workflow_id": IDS, "job_id": IDS}),
    st.fixed_dictionaries({"kind": st.just("aoi"), "aoi_id": IDS, "asset_ids": LISTS}),
    st.fixed_dictionaries(
        {"kind": st.just("insight"), "aoi_id": IDS, "insight_id": IDS},
        optional={"inputs": LISTS, "outputs": LISTS},
    ),
    st.fixed_dictionaries({"kind": st.just("catalog"), "catalog_ids": LISTS}),
    st.fixed_dictionaries({"kind": st.just("catalog"), "order_item_ids": LISTS}),
)


@given(
    rows=st.lists(ROWS, min_size=1, max_size=5),
    columns=st.permutations(COLUMNS),
    delimiter=st.sampled_from(",;\t"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    end=st.sampled_from(["\n", "\r\n"]),
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
)
def test_what_the_csv_module_writes_is_read(  # noqa: PLR0913, PLR0917 - what may vary
    rows: list[dict[str, Any]],
    columns: list[str],
    delimiter: str,
    quoting: int,
    end: str,
    mark: bytes,
) -> None:
    data = mark + written(rows, columns, delimiter=delimiter, quoting=quoting, lineterminator=end)
    expected: dict[str, Download] = {}
    for download in map(parse_download, rows):
        expected.setdefault(download.key, download)  # the order of ids makes no other package
    manifest = parse_manifest(data, "m.csv")
    assert manifest.downloads == list(expected.values())
    assert manifest.repeated == len(rows) - len(expected)


@given(data=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_anything_is_read_or_told_with_its_line(data: bytes) -> None:
    for text in (data, HEADER + data):
        problems: tuple[str, ...] = ()
        try:
            parse_manifest(text, "m.csv")
        except InputError as error:
            problems = error.problems or ("none",)
        lines = text.count(b"\n") + text.count(b"\r") + 1
        for problem in problems:
            assert problem.encode()  # it can be written
            number = problem.split(":")[1]
            assert number.startswith(" the manifest is empty") or 1 <= int(number) <= lines


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_list_is_separated_by_semicolons_or_blanks(delimiter: str) -> None:
    head = delimiter.join(["kind", "aoi_id", "asset_ids"])
    row = delimiter.join(["aoi", " a ", '"x; y  z;\n;x"'])
    assert read(f"{head}\n{row}\n") == [AoiDownload(aoi_id="a", asset_ids=("x", "y", "z"))]


def test_quotes_are_those_of_rfc_4180() -> None:
    data = 'kind,workflow_id,job_id\njob,"a,""b""\r\nc", "j"\r\n'
    assert read(data) == [JobDownload(workflow_id='a,"b"\r\nc', job_id="j")]


def test_what_spreadsheets_leave_is_passed_over() -> None:
    data = b"\n;;;;\nkind;workflow_id;job_id;;\n;;;;\njob;w;j;;\njob;w;j\n   \n"
    manifest = parse_manifest(data, "m.csv")
    assert manifest.downloads == [JOB]
    assert manifest.repeated == 1


def test_a_short_row_leaves_fields_absent() -> None:
    assert read(HEADER + b"job,w,j\ntask,w,j,t\n") == [
        JOB,
        TaskDownload(workflow_id="w", job_id="j", task_id="t"),
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"workflow,w,j,,,", 'unknown kind "workflow"'),
        (b",w,j,,,", 'field "kind" is missing; it is one of insight'),
        (b"job,w,,,,", 'field "job_id" is missing'),
        (b"job,w,j,t,,", 'unknown field "task_id" for kind "job"'),
        (b"job,w,j,,,,,x", "8 cells, but 6 columns: put a cell that holds a comma in double"),
        (b'aoi,,,,a,"x,y"', 'field "asset_ids": separate ids by ; or a blank, not by , in "x,y"'),
        (b"aoi,,,,a,;", 'field "asset_ids": is empty'),
        (b"job,w,\xff,,,", "not UTF-8: 0xff stands in a cell; save the file as CSV UTF-8"),
        (b'job,"w"x,j,,,', "text follows a closing quote"),
        (b"job," + b"w" * 200_000 + b",j", "a cell has more than 131072 characters"),
        (b"job," + b"w" * 3000 + b",j", 'field "workflow_id"'),
    ],
    ids=lambda value: value[:24].decode("latin-1") if isinstance(value, bytes) else "",
)
def test_a_bad_row_is_told_with_file_and_line(row: bytes, reason: str) -> None:
    (problem,) = problems_of(HEADER + GOOD + row + b"\n" + GOOD)
    assert problem.startswith("m.csv:3: ")
    assert reason in problem


def test_lines_are_counted_as_an_editor_does() -> None:
    data = HEADER + b'job,"w\n\r\n\nw",j\n\nnone,w,j\r\n' + b'job,"w\nw",\n' + b"x,,\n"
    lines = [problem.split(": ")[0] for problem in problems_of(data)]
    assert lines == ["m.csv:7", "m.csv:8", "m.csv:10"]


def test_a_quote_that_is_never_closed_is_told_where_it_opens() -> None:
    problems = problems_of(HEADER + GOOD + b'x,,\njob,"w,j\n' + GOOD * 3)
    assert [problem.split(": ", 1)[0] for problem in problems] == ["m.csv:3", "m.csv:4"]
    assert problems[1].endswith("a quote that opens a cell here is never closed")


@pytest.mark.parametrize(
    ("header", "reasons"),
    [
        (b"kind,job,workflow_id", ['unknown column "job"; the columns are kind, aoi_id']),
        (b"kind,job_id,job_id", ['column "job_id" stands 2 times; keep one']),
        (b"workflow_id,job_id", ['column "kind" is missing; in each row it is one of insight']),
        (b"kind,,job_id", ["column 2 has no name"]),
        (b"a,kind,b,kind", ['unknown column "a"', 'column "kind" stands 2', 'column "b"']),
        (b'{"kind": "job"}', ["this is JSON, not CSV: give the file a name that ends in .jsonl"]),
        (b"kind,job_id\xff", ['unknown column "job_id?"']),
    ],
)
def test_a_wrong_header_is_told_and_its_rows_are_not(header: bytes, reasons: list[str]) -> None:
    problems = problems_of(b"\n" + header + b"\nnonsense,,,,,,,\n")
    assert len(problems) == len(reasons)
    for problem, reason in zip(problems, reasons, strict=True):
        assert problem.startswith("m.csv:2: ")
        assert reason in problem


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"\n;;\n", b"kind,job_id\n"])
def test_a_manifest_without_rows_is_told(data: bytes) -> None:
    (problem,) = problems_of(data)
    assert problem.startswith("m.csv: the manifest is empty; it has a header such as kind,")


def test_utf_16_is_told_once() -> None:
    (problem,) = problems_of((HEADER + GOOD).decode().encode("utf-16"))
    assert problem == "m.csv:1: the file is UTF-16: save it as UTF-8"


JSON_ROW = b'{"kind": "job", "workflow_id": "w", "job_id": "j"}\n'


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("m.csv", HEADER + GOOD),
        ("M.CSV", HEADER + GOOD),
        ("m.txt", HEADER + GOOD),
        ("<stdin>", HEADER + GOOD),
        ("<stdin>", b"\n " + JSON_ROW),
        ("m", JSON_ROW),
        ("m.jsonl", JSON_ROW),
    ],
)
def test_the_name_or_the_content_tells_what_it_is(name: str, data: bytes) -> None:
    assert read(data, name) == [JOB]


def test_a_json_name_is_json_whatever_it_holds() -> None:
    problems = problems_of(HEADER + GOOD, "m.jsonl")
    assert all("not JSON" in problem for problem in problems)


def test_csv_may_come_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(HEADER + GOOD)))
    assert read_manifest("-").downloads == [JOB]


def test_every_kind_comes_through() -> None:
    rows = demo_rows(12)
    assert [download.row() for download in read(written(rows))] == rows


@pytest.mark.fault(41)
def test_the_command_tells_every_bad_line_and_sends_nothing(tmp_path: Any) -> None:
    manifest = tmp_path / "m.csv"
    manifest.write_bytes(HEADER + b"job,w,,,,\njob,w,j,\x1b[31m,,\n")
    ended = run("export", manifest, "--out", tmp_path / "out")
    assert ended.exit_code == 2
    assert ended.stderr.splitlines() == [
        f'{manifest}:2: field "job_id" is missing',
        f'{manifest}:3: unknown field "task_id" for kind "job"',
    ]
    assert not (tmp_path / "out").exists()


def test_catalogs_by_order_items() -> None:
    data = "kind;catalog_ids;order_item_ids\ncatalog;a b;\ncatalog;;c\n"
    assert read(data) == [
        CatalogDownload(catalog_ids=("a", "b")),
        CatalogDownload(order_item_ids=("c",)),
    ]
