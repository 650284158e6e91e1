"""Manifests: what is read, and what is told of lines that are wrong."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async import CatalogDownload, InputError, JobDownload
from pixxel_async.cli.manifest.reader import parse_manifest, read_manifest
from pixxel_async.downloads import KINDS
from pixxel_async.sandbox import demo_rows

GOOD = b'{"kind": "job", "workflow_id": "w", "job_id": "j"}'
JOB = JobDownload(workflow_id="w", job_id="j")


def problems_of(data: bytes) -> tuple[str, ...]:
    with pytest.raises(InputError) as caught:
        parse_manifest(data, "m.jsonl")
    return caught.value.problems


def test_every_kind_is_read_in_order() -> None:
    rows = demo_rows(12)
    manifest = parse_manifest("\n".join(json.dumps(row) for row in rows).encode(), "m")
    assert [download.row() for download in manifest.downloads] == rows
    assert {download.kind for download in manifest.downloads} == set(KINDS)
    assert manifest.repeated == 0


def test_blank_lines_carriage_returns_and_a_byte_order_mark_are_passed_over() -> None:
    assert parse_manifest(b"\xef\xbb\xbf" + GOOD + b"\r\n\r\n  \n", "m").downloads == [JOB]


def test_other_line_separators_may_stand_in_a_string() -> None:
    row = '{"kind": "job", "workflow_id": "a\u2028b\u0085c", "job_id": "j"}'.encode()
    (download,) = parse_manifest(row, "m").downloads
    assert download == JobDownload(workflow_id="a\u2028b\u0085c", job_id="j")


@pytest.mark.fault(41)
def test_rows_that_ask_for_the_same_are_one_download() -> None:
    first = b'{"kind": "catalog", "catalog_ids": ["a", "b"]}'
    other_order = b'{"kind": "catalog", "catalog_ids": ["b", "a"]}'
    manifest = parse_manifest(b"\n".join([first, GOOD, other_order, GOOD]), "m")
    assert manifest.downloads == [CatalogDownload(catalog_ids=("a", "b")), JOB]
    assert manifest.repeated == 2


@pytest.mark.fault(41)
@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"kind": "job" "job_id": 1}', "not JSON: column 16: a comma or a closing"),
        (b'{"kind" "job"}', "not JSON: column 9: a colon is missing"),
        (b'{"kind": }', "not JSON: column 10: a value is missing"),
        (b"{kind: 1}", "not JSON: column 2: a field name in double quotes is missing"),
        (b'{"kind": "job', "not JSON: column 10: a string has no closing quote"),
        (b'{"kind": "\t"}', "not JSON: column 11: a control character"),
        (b'{"kind": "\\q"}', "not JSON: column 11: a backslash"),
        (b"{} {}", "not JSON: column 4: the row has ended"),
        (b"not json", "not JSON: column 1: a value is missing"),
        (b'{"kind": "\xff"}', "not UTF-8: byte 11 of the line is 0xff"),
        (b"[" * 100_000, "nested too deeply"),
        (b"9" * 5000, "a number is too long"),
        (b'["job"]', "a row is a JSON object"),
        (b"null", "a row is a JSON object"),
        (b"{}", 'field "kind" is missing'),
        (b'{"kind": "workflow"}', "unknown kind"),
        (b'{"kind": ["job"]}', "unknown kind"),
        (b'{"kind": "job", "workflow_id": "w"}', 'field "job_id" is missing'),
        (b'{"kind": "job", "workflow_id": "", "job_id": "j"}', 'field "workflow_id"'),
        (b'{"kind": "job", "workflow_id": 7, "job_id": "j"}', 'field "workflow_id"'),
        (b'{"kind": "job", "workflow_id": "w", "job_id": "j", "x": 1}', 'unknown field "x"'),
        (
            b'{"kind": "job", "workflow_id": "w", "job_id": "a", "job_id": "b"}',
            'field "job_id" stands twice',
        ),
        (
            b'{"kind": "catalog", "catalog_ids": ["a"], "order_item_ids": ["b"]}',
            "exactly one of catalog_ids and order_item_ids",
        ),
        (b'{"kind": "catalog", "catalog_ids": []}', "exactly one of catalog_ids"),
        (b'{"kind": "aoi", "aoi_id": "a", "asset_ids": []}', 'field "asset_ids"'),
    ],
    ids=lambda value: value[:40].decode("latin-1") if isinstance(value, bytes) else "",
)
def test_a_bad_line_is_told_with_file_and_line(line: bytes, reason: str) -> None:
    (problem,) = problems_of(GOOD + b"\n\n" + line + b"\n" + GOOD)
    assert problem.startswith("m.jsonl:3: ")
    assert reason in problem


def test_all_bad_lines_are_told() -> None:
    problems = problems_of(b"{\n" + GOOD + b"\n\xff\n\n[]\n" + b'{"kind": "x"}')
    assert [problem.split(": ")[0] for problem in problems] == [
        "m.jsonl:1",
        "m.jsonl:3",
        "m.jsonl:5",
        "m.jsonl:6",
    ]


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_an_empty_manifest_is_told(data: bytes) -> None:
    (problem,) = problems_of(data)
    assert problem.startswith("m.jsonl: the manifest is empty")


@pytest.mark.fault(41)
def test_utf_16_is_told_once() -> None:
    (problem,) = problems_of((GOOD * 3).decode().encode("utf-16"))
    assert problem == "m.jsonl:1: the file is UTF-16: save it as UTF-8"


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    missing = tmp_path / "missing.jsonl"
    with pytest.raises(InputError) as caught:
        read_manifest(str(missing))
    assert str(caught.value).startswith(f"{missing}: cannot be read: ")


def test_standard_input_is_named_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"{")))
    with pytest.raises(InputError) as caught:
        read_manifest("-")
    assert caught.value.problems[0].startswith("<stdin>:1: not JSON")


def element(number: int) -> str:
    return json.dumps({"kind": "job", "workflow_id": "w", "job_id": f"j{number}"}, indent=2)


@pytest.mark.parametrize("name", ["m.json", "m.jsonl", "<stdin>"])
@pytest.mark.parametrize("between", [",", " ,\n ", "\n\n,\r\n"])
def test_an_array_is_a_manifest(name: str, between: str) -> None:
    text = f"\n [ {between.join(map(element, (1, 2, 1)))}\n]\n"
    read = parse_manifest(text.encode(), name)
    assert [download.row()["job_id"] for download in read.downloads] == ["j1", "j2"]
    assert read.repeated == 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"[\n{element(1)},\n{{}}\n]", '7: element 2: field "kind" is missing'),
        (f"[\n{element(1)},\n7]", "7: element 2: "),
        (f"[{element(1)},\n{{'a': 1}}]", "6: element 2: not JSON: column 2: a field name"),
        (f"[{element(1)}\n{element(2)}]", "6: element 1: a comma or the closing bracket"),
        (f"[{element(1)}", "5: element 1: a comma or the closing bracket"),
        (f"[{element(1)},", "5: element 2: not JSON: "),
        (f"[{element(1)},]", "5: element 2: not JSON: "),
        ("[", "1: element 1: not JSON: "),
        (f"[{element(1)}]\n\n{element(2)}", "7: the array has ended before this"),
        ("[" * 100_000, "1: element 1: not a row"),
        ('[{"kind": "job", "kind": "job"}]', '1: element 1: field "kind" stands twice'),
    ],
)
def test_what_is_wrong_with_an_array_names_the_element_and_its_line(
    text: str, problem: str
) -> None:
    with pytest.raises(InputError) as caught:
        parse_manifest(text.encode(), "m.json")
    assert caught.value.problems[-1].startswith(f"m.json:{problem}")


def test_an_array_that_is_not_utf8_names_the_line() -> None:
    (problem,) = problems_of(b'[\n"\xff"]')
    assert problem == "m.jsonl:2: not UTF-8: 0xff stands on this line"


@given(st.text('[]{},:" \n1a'))
def test_any_text_that_begins_as_an_array_is_read_or_refused(text: str) -> None:
    problems: tuple[str, ...] = ()
    try:
        parse_manifest(f"[{text}".encode(), "m.json", may_be_empty=True)
    except InputError as error:
        problems = error.problems
    assert all(re.match(r"m\.json:\d+: ", problem) for problem in problems)
