"""`list` and `select`: what they write, say, and end with."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from pixxel_async import Insight
from pixxel_async.cli.options.filters import FILTERS_OF
from pixxel_async.cli.output.records import COLUMNS, GAP, OneTable, column_widths, drop_order
from pixxel_async.downloads import parse_download
from pixxel_async.sandbox import ApiFault, Sandbox, Scenario, sandbox_in_thread
from pixxel_async.sandbox.world import (
    Aoi,
    Asset,
    Catalog,
    Job,
    Order,
    OrderItem,
    Project,
    Task,
    Workflow,
    World,
)
from pixxel_async.sandbox.world import Insight as MadeInsight

from ..support import PROCESS_S
from .commands import COMMAND, QUICK, env_of, run, start

MAY = datetime(2025, 5, 1, tzinfo=UTC)
JUNE = datetime(2025, 6, 1, tzinfo=UTC)
FAST = ("--requests-per-second", "1000")
WORLD = World(
    projects=(Project("p1", name="one"), Project("p2", name="two")),
    aois=(
        Aoi(
            "a1",
            name="Field 1",
            project_id="p1",
            assets=(*map(Asset, ("s0", "s1", "s2")), Asset("s3", status="creating")),
            insights=(
                MadeInsight("i1", created_at=MAY, output=list(b'["o1", "o2"]')),
                MadeInsight("i2", created_at=JUNE),
                MadeInsight("i3", status="failed"),
            ),
        ),
        Aoi(
            "a2",
            name="Wood\t\x1b[31m",
            project_id="p2",
            assets=(Asset("s4", path="https://s.test/x?sig=canary"),),
            insights=(MadeInsight("i4", status="COMPLETED", created_at=JUNE),),
        ),
    ),
    workflows=(
        Workflow(
            "w1",
            project_id="p1",
            jobs=(
                Job("j1", tasks=(Task("t1"), Task("t2", status="failed"))),
                Job("j2", status="running", tasks=(Task("t3", status="running"),)),
            ),
        ),
        Workflow("w2", project_id="p2", jobs=(Job("j3", tasks=(Task("t4"),)),)),
    ),
    orders=(
        Order(
            "o1",
            items=(
                OrderItem("x1", project_id="p1"),
                OrderItem("x2", project_id="p1", status="PARTIALLY_FULFILLED"),
            ),
        ),
        Order("o2", status="UNPAID", items=(OrderItem("x3", project_id="p2", status="DRAFT"),)),
    ),
    catalogs=tuple(Catalog(f"c{n}") for n in range(5)),
)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with sandbox_in_thread(Scenario(world=WORLD, package_bytes=20_000)) as sandbox:
        yield sandbox


def told(sandbox: Sandbox, *words: str | Path) -> Any:
    return run(*words, *FAST, env=env_of(sandbox))


def ids(stdout: str) -> list[str]:
    return [line.split("\t")[0] for line in stdout.splitlines()]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("projects", "p1 p2"),
        ("projects --name two", "p2"),
        ("aois", "a1 a2"),
        ("aois --name Field*", "a1"),
        ("aois --project p2", "a2"),
        ("assets", "s0 s1 s2 s3 s4"),
        ("assets --aoi a2", "s4"),
        ("assets --project p1 --status success", "s0 s1 s2"),
        ("insights", "i1 i2 i3 i4"),
        ("insights --aoi a1", "i1 i2 i3"),
        ("insights --status completed", "i1 i2 i4"),
        ("insights --status failed --status Completed --limit 3", "i1 i2 i3"),
        ("insights --created-after 2025-06-01", "i2 i4"),
        ("insights --created-before yesterday --status failed", "i3"),
        ("insights --created-after 2025-05-01 --created-before 2025-06-01T00:00:00Z", "i1"),
        ("workflows --project p2", "w2"),
        ("jobs", "j1 j2 j3"),
        ("jobs --workflow w1 --status running", "j2"),
        ("aois --name Field* --name Wood*", "a1 a2"),
        ("aois --project p2 --project p1 --project p2", "a2 a1"),
        ("assets --aoi a2 --aoi a1 --aoi a2", "s4 s0 s1 s2 s3"),
        ("insights --aoi a2 --aoi a1", "i4 i1 i2 i3"),
        ("workflows --project p1 --project p2", "w1 w2"),
        ("jobs --workflow w2 --workflow w1", "j3 j1 j2"),
        ("tasks --workflow w1 --workflow w2 --job j3 --job j1", "t4 t1 t2"),
        ("order-items --project p2 --project p1", "x3 x1 x2"),
        ("tasks", "t1 t2 t3 t4"),
        ("tasks --workflow w1", "t1 t2 t3"),
        ("tasks --workflow w1 --job j1", "t1 t2"),
        ("tasks --project p2", "t4"),
        ("catalogs --limit 2", "c0 c1"),
        ("orders --status unpaid", "o2"),
        ("order-items", "x1 x2 x3"),
        ("order-items --status partially-fulfilled", "x2"),
        ("order-items --order o1 --project p1", "x1 x2"),
    ],
)
def test_list_finds_what_is_wanted(sandbox: Sandbox, words: str, found: str) -> None:
    noun, *filters = words.split()
    ended = told(sandbox, noun, "list", *filters)
    assert ended.stderr == ""
    assert ended.exit_code == 0
    assert ids(ended.stdout) == found.split()


def test_a_pipe_gets_columns_with_tabs_and_nothing_that_steers(sandbox: Sandbox) -> None:
    ended = told(sandbox, "aois", "list", "--name", "Wood*")
    assert ended.stdout.split("\t") == [
        "a2",
        "Wood\\t\\x1b[31m",
        "success",
        "2025-01-06T00:00:00Z",
        "p2\n",
    ]


def test_json_is_the_services_own_object_in_ascii_without_signatures(sandbox: Sandbox) -> None:
    ended = told(sandbox, "assets", "list", "--aoi", "a2", "--json")
    assert ended.stdout.isascii()
    (row,) = [json.loads(line) for line in ended.stdout.splitlines()]
    assert row["created_at"] == "2025-01-06 00:00:00+00:00"
    assert row["aoi_id"] == "a2"
    assert row["path"] == "https://s.test/x?…"
    ended = told(sandbox, "tasks", "list", "--limit", "1", "--json")
    row = json.loads(ended.stdout)
    assert (row["id"], row["job_id"], row["workflow_id"]) == ("t1", "j1", "w1")


def test_an_order_items_status_is_sent_as_the_document_spells_it(sandbox: Sandbox) -> None:
    sandbox.calls.clear()
    told(sandbox, "order-items", "list", "--status", "Partially-Fulfilled")
    assert "status=PARTIALLY_FULFILLED" in sandbox.calls[-1].query


@pytest.mark.parametrize(
    ("words", "rows"),
    [
        ("insights", ["a1 i1", "a1 i2", "a2 i4"]),
        ("insights --aoi a1 --status failed", ["a1 i3"]),
        ("insights --status any --limit 3", ["a1 i1", "a1 i2", "a1 i3"]),
        ("assets", ["a1 s0", "a1 s1", "a1 s2", "a2 s4"]),
        ("assets --per-package 2 --status any", ["a1 s0 s1", "a1 s2 s3", "a2 s4"]),
        ("jobs", ["w1 j1", "w2 j3"]),
        ("tasks", ["w1 j1 t1", "w2 j3 t4"]),
        ("catalogs", ["c0", "c1", "c2", "c3", "c4"]),
        ("catalogs --per-package 3", ["c0 c1 c2", "c3 c4"]),
        ("order-items", ["x1"]),
        ("order-items --status fulfilled --status partially_fulfilled", ["x1", "x2"]),
    ],
)
def test_select_writes_rows_that_an_export_reads(
    sandbox: Sandbox, words: str, rows: list[str]
) -> None:
    noun, *filters = words.split()
    ended = told(sandbox, noun, "select", *filters)
    assert ended.exit_code == 0
    assert ended.stdout.isascii()
    written = []
    for line in ended.stdout.splitlines():
        row = parse_download(json.loads(line)).row()
        assert row == json.loads(line)
        del row["kind"]
        parts = [[part] if isinstance(part, str) else part for part in row.values()]
        written.append(" ".join(one for part in parts for one in part))
    assert written == rows


def test_select_says_what_it_left_out_for_its_status(sandbox: Sandbox) -> None:
    ended = told(sandbox, "tasks", "select")
    assert ended.stderr == (
        "skipped for their status: 1 failed, 1 running (--status any selects all)\n"
    )
    assert told(sandbox, "tasks", "select", "--quiet").stderr == ""


def test_select_takes_the_outputs_that_are_listed(sandbox: Sandbox) -> None:
    ended = told(sandbox, "insights", "select", "--aoi", "a1", "--outputs")
    first, second = map(json.loads, ended.stdout.splitlines())
    assert first["outputs"] == ["o1", "o2"]
    assert second == {"kind": "insight", "aoi_id": "a1", "insight_id": "i2"}
    assert "do not list the requested inputs or outputs: 1" in ended.stderr


def test_if_nothing_matches_a_line_says_so(sandbox: Sandbox) -> None:
    listed = told(sandbox, "aois", "list", "--name", "none")
    assert (listed.exit_code, listed.stdout, listed.stderr) == (0, "", "no aois match\n")
    selected = told(sandbox, "insights", "select", "--created-before", "2020-01-01")
    assert (selected.exit_code, selected.stdout) == (0, "")
    assert selected.stderr == "nothing matches: the manifest is empty\n"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("tasks list --job j1", "add --workflow"),
        ("tasks select --job j1", "add --workflow"),
        ("aois list --created-after soon", "'soon' is not a valid date or time: give a date or"),
        ("aois list --created-after 30", "is not a valid date or time"),
        ("aois list --created-before -2d", "is not a valid date or time"),
        ("catalogs list --captured soon", "is not a valid time or interval"),
        ("catalogs list --captured 30d", "is not a valid time or interval"),
        ("catalogs list --captured ../..", "is not a valid time or interval"),
        ("catalogs list --captured 2024-01-01/soon", "is not a valid date or time"),
        ("aois list --limit 0", "at least 1"),
        ("assets select --per-package 0", "at least 1"),
        ("aois nothing", "No such command"),
        ("nothing list", "No such command"),
        ("aois select", "No such command"),
        ("assets list --aoi=", "'--aoi': the value is empty"),
    ],
)
def test_wrong_use_is_told(sandbox: Sandbox, words: str, reason: str) -> None:
    ended = told(sandbox, *words.split())
    assert ended.exit_code == 2
    assert reason in ended.stderr


def test_a_rejected_key_and_an_unknown_parent_are_told(sandbox: Sandbox) -> None:
    ended = run("aois", "list", env={**env_of(sandbox), "PIXXEL_API_KEY": "another"})
    assert ended.exit_code == 2
    assert "the service rejected the API key" in ended.stderr
    ended = told(sandbox, "assets", "select", "--aoi", "nowhere")
    assert ended.exit_code == 2
    assert ended.stderr.startswith("AOI nowhere: skipped: 404 ")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "found", "said"),
    [
        (
            "assets list --aoi a2 --aoi nowhere --aoi a1",
            "s4 s0 s1 s2 s3",
            "AOI nowhere: skipped: 404 ",
        ),
        ("aois list --project nowhere --project p1", "a1", "project nowhere: skipped: 404 "),
        ("jobs list --workflow nowhere --workflow w2", "j3", "workflow nowhere: skipped: 404 "),
        (
            "tasks list --workflow w1 --job j1 --job j9",
            "t1 t2",
            "workflow w1: job j9: skipped: 404 ",
        ),
        ("order-items list --project nowhere", "", "project nowhere: skipped: 404 "),
        ("order-items list --order o9 --order o2", "x3", "order o9: skipped: 404 "),
        ("order-items list --order o9 --project p1 --project p2", "", "order o9: skipped: 404 "),
        ("catalogs list --order o9", "", "order o9: skipped: 404 "),
        ("catalogs list --order-item x9", "", "order item x9: skipped: 404 "),
    ],
)
def test_the_wrong_id_of_several_is_named_and_the_others_are_listed(
    sandbox: Sandbox, words: str, found: str, said: str
) -> None:
    ended = told(sandbox, *words.split())
    assert ended.exit_code == 2
    assert ids(ended.stdout) == found.split()
    assert ended.stderr.startswith(said)
    assert ended.stderr.count("\n") == 1


def test_an_empty_project_is_not_a_wrong_one() -> None:
    world = World(projects=(Project("p1"), Project("p2")), aois=(Aoi("a1", project_id="p1"),))
    with sandbox_in_thread(Scenario(world=world)) as sandbox:
        ended = told(sandbox, "aois", "list", "--project", "p2", "--project", "p1")
    assert (ended.exit_code, ids(ended.stdout), ended.stderr) == (0, ["a1"], "")


def test_both_commands_have_the_same_filters() -> None:
    for noun, names in FILTERS_OF.items():
        for command in ("list", "select"):
            shown = run(noun, command, "--help")
            if "No such command" in shown.stderr:
                continue
            for name in {name for names in FILTERS_OF.values() for name in names}:
                option = f" --{name.replace('_', '-')} "
                assert (option in shown.stdout) == (name in names), (command, noun, option)


def test_a_parent_that_may_not_be_looked_into_is_told_and_the_others_go_on() -> None:
    fault = ApiFault("status", status=403, on="listInsights", times=1)
    with sandbox_in_thread(Scenario(world=WORLD, faults=(fault,))) as sandbox:
        ended = told(sandbox, "insights", "select")
    assert ended.exit_code == 2
    assert ended.stderr.startswith("AOI a1: skipped: 403 ")
    assert [json.loads(line)["insight_id"] for line in ended.stdout.splitlines()] == ["i4"]


def test_records_without_a_time_are_counted_when_times_matter() -> None:
    world = World(aois=(Aoi("a1", more={"created_at": None}), Aoi("a2", created_at=JUNE)))
    with sandbox_in_thread(Scenario(world=world)) as sandbox:
        ended = told(sandbox, "aois", "list", "--created-after", "2025-01-01")
    assert ids(ended.stdout) == ["a2"]
    assert "they have no creation time: 1" in ended.stderr


def test_what_is_selected_is_exported(sandbox: Sandbox, tmp_path: Path) -> None:
    environment = {**os.environ, **env_of(sandbox)}
    out = ("--out", tmp_path / "out", "--json", "--quiet", *QUICK)
    selecting = [*COMMAND, "insights", "select", "--status", "completed", *FAST]
    exporting = [*COMMAND, "export", "-", *map(str, out)]
    with subprocess.Popen(selecting, env=environment, stdout=subprocess.PIPE) as select:  # noqa: S603 - the command is ours
        ended = subprocess.run(  # noqa: S603 - likewise; the code is looked at below
            exporting,
            env=environment,
            stdin=select.stdout,
            capture_output=True,
            timeout=PROCESS_S,
            check=False,
        )
    assert (select.returncode, ended.returncode, ended.stderr) == (0, 0, b"")
    rows = [json.loads(line) for line in ended.stdout.splitlines()]
    assert {row["target"]["insight_id"] for row in rows} == {"i1", "i2", "i4"}
    assert {row["status"] for row in rows} == {"saved"}
    assert len(list((tmp_path / "out").glob("*.zip"))) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGPIPE there")
def test_a_reader_that_leaves_ends_it_quietly() -> None:
    many = World(catalogs=tuple(Catalog(f"c{n}") for n in range(500)))
    with sandbox_in_thread(Scenario(world=many)) as sandbox:
        with start("catalogs", "select", env=env_of(sandbox)) as process:
            assert process.stdout is not None
            assert "c0" in process.stdout.readline()
            process.stdout.close()
            assert process.wait(PROCESS_S) == 141
            assert process.stderr is not None
            assert process.stderr.read() == ""
        assert len(sandbox.calls) < 10


def test_rows_are_there_before_the_next_page_is() -> None:
    many = World(catalogs=tuple(Catalog(f"c{n}") for n in range(51)))
    slow = ("--requests-per-second", "0.02")
    buffered = {"PYTHONUNBUFFERED": ""}
    with sandbox_in_thread(Scenario(world=many)) as sandbox:
        with start("catalogs", "select", *slow, env={**env_of(sandbox), **buffered}) as process:
            assert process.stdout is not None
            rows = [process.stdout.readline() for _ in range(50)]
            assert process.poll() is None
            assert sandbox.counts["SearchCatalogs"] == 1
            process.kill()
    assert "c49" in rows[-1]


def table(*insights: Insight, width: int) -> list[str]:
    stream = StringIO()
    output = OneTable(Console(file=stream, width=width), COLUMNS["insights"])
    for insight in insights:
        output.write(insight)
    output.close()
    return stream.getvalue().splitlines()


@pytest.mark.parametrize(
    ("width", "heads"),
    [
        (20, ["id"]),
        (60, ["id", "name", "status"]),
        (80, ["id", "name", "status", "progress", "created_at"]),
        (200, ["id", "aoi_id", "name", "status", "progress", "created_at"]),
    ],
)
def test_a_table_cuts_no_word(
    width: int, heads: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    aoi, one, long = "a" * 36, "i" * 36, "An insight with a long name, as people give them"
    lines = table(
        Insight(id=one, aoi_id=aoi, name=long, status="completed"),
        Insight(id="2", aoi_id=aoi, name="\x1b[31m", created_at=MAY),
        width=width,
    )
    assert lines[0].split() == heads
    words = {word for line in lines for word in line.split()}
    assert words >= {one, "2"}
    assert words >= (set(long.split()) if "name" in heads else set())
    assert (f"{MAY.astimezone():%Y-%m-%d}" in words) == ("created_at" in heads)
    assert "\x1b" not in "".join(lines)
    assert all(len(line.rstrip()) <= max(width, 36) for line in lines)
    left_out = {"aoi_id", "name", "status", "progress", "created_at"} - set(heads)
    said = capsys.readouterr().err
    assert all(head in said for head in left_out)
    assert said == "" or left_out


def test_an_empty_table_is_nothing() -> None:
    assert table(width=80) == []


def test_columns_give_way_the_widest_first_and_then_fall_out() -> None:
    widths, words, order = [36, 20, 10], [36, 6, 8], [1, 2]
    assert column_widths(widths, words, order, 100) == {0: 36, 1: 20, 2: 10}
    assert column_widths(widths, words, order, 60) == {0: 36, 1: 10, 2: 10}
    assert column_widths(widths, words, order, 54) == {0: 36, 1: 6, 2: 8}
    assert column_widths(widths, words, order, 53) == {0: 36, 2: 10}
    assert column_widths(widths, words, order, 10) == {0: 36}


@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(0, 40)), min_size=1, max_size=8),
    st.integers(1, 200),
)
def test_columns_fit_and_hold_their_longest_words(sizes: list[tuple[int, int]], room: int) -> None:
    words = [word for word, _ in sizes]
    natural = [word + more for word, more in sizes]
    widths = column_widths(natural, words, list(range(len(sizes) - 1, 0, -1)), room)
    assert 0 in widths
    assert all(words[place] <= width <= natural[place] for place, width in widths.items())
    assert sum(widths.values()) + GAP * (len(widths) - 1) <= room or widths == {0: words[0]}


def test_ids_of_other_records_fall_out_first() -> None:
    assert drop_order(["id", "aoi_id", "name", "status", "project_id"]) == [4, 1, 3, 2]


def test_the_examples_of_the_page_are_understood() -> None:
    page = (Path(__file__).parents[2] / "docs" / "discovery.md").read_text(encoding="utf-8")
    commands = [
        command.split(" > ")[0].split()[1:]
        for line in page.splitlines()
        for command in line.split(" | ")
        if re.match("pixxel-async [a-z-]+ (list|select)\\b", command) and "|" not in command
    ]
    assert len(commands) > 5
    for words in commands:
        shown = run(*[word.strip("'") for word in words if word != "…"], "--help")
        assert shown.exit_code == 0
        for word in words:
            if word.startswith("--"):
                assert word in shown.stdout, word
