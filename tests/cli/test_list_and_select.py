"""`list` and `select`: what they write, say, and end with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from pixxel_async import Insight
from pixxel_async.cli.output.records import COLUMNS, OneTable, column_widths
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
        ("insights --created-after 2025-05-01 --created-before 2025-06-01T00:00:00Z", "i1"),
        ("workflows --project p2", "w2"),
        ("jobs", "j1 j2 j3"),
        ("jobs --workflow w1 --status running", "j2"),
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
    ended = told(sandbox, "list", *words.split())
    assert ended.stderr == ""
    assert ended.exit_code == 0
    assert ids(ended.stdout) == found.split()


def test_a_pipe_gets_columns_with_tabs_and_nothing_that_steers(sandbox: Sandbox) -> None:
    ended = told(sandbox, "list", "aois", "--name", "Wood*")
    assert ended.stdout.split("\t") == [
        "a2",
        "Wood\\t\\x1b[31m",
        "success",
        "2025-01-06T00:00:00Z",
        "p2\n",
    ]


def test_json_is_the_services_own_object_in_ascii_without_signatures(sandbox: Sandbox) -> None:
    ended = told(sandbox, "list", "assets", "--aoi", "a2", "--json")
    assert ended.stdout.isascii()
    (row,) = [json.loads(line) for line in ended.stdout.splitlines()]
    assert row["created_at"] == "2025-01-06 00:00:00+00:00"
    assert row["aoi_id"] == "a2"
    assert row["path"] == "https://s.test/x?…"
    ended = told(sandbox, "list", "tasks", "--limit", "1", "--json")
    row = json.loads(ended.stdout)
    assert (row["id"], row["job_id"], row["workflow_id"]) == ("t1", "j1", "w1")


def test_an_order_items_status_is_sent_as_the_document_spells_it(sandbox: Sandbox) -> None:
    sandbox.calls.clear()
    told(sandbox, "list", "order-items", "--status", "Partially-Fulfilled")
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
    ended = told(sandbox, "select", *words.split())
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
    ended = told(sandbox, "select", "tasks")
    assert ended.stderr == (
        "left out for their status: 1 failed, 1 running (--status any takes all)\n"
    )
    assert told(sandbox, "select", "tasks", "--quiet").stderr == ""


def test_select_takes_the_outputs_that_are_listed(sandbox: Sandbox) -> None:
    ended = told(sandbox, "select", "insights", "--aoi", "a1", "--outputs")
    first, second = map(json.loads, ended.stdout.splitlines())
    assert first["outputs"] == ["o1", "o2"]
    assert second == {"kind": "insight", "aoi_id": "a1", "insight_id": "i2"}
    assert "do not list what is wanted of them: 1" in ended.stderr


def test_if_nothing_matches_list_ends_well_and_select_does_not(sandbox: Sandbox) -> None:
    listed = told(sandbox, "list", "aois", "--name", "none")
    assert (listed.exit_code, listed.stdout, listed.stderr) == (0, "", "no aois match\n")
    selected = told(sandbox, "select", "insights", "--created-before", "2020-01-01")
    assert (selected.exit_code, selected.stdout) == (1, "")
    assert selected.stderr == "nothing matches: no row was written\n"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("list tasks --job j1", "give --workflow"),
        ("select tasks --job j1", "give --workflow"),
        ("list aois --created-after soon", "is no time"),
        ("list aois --limit 0", "from 1 up"),
        ("select assets --per-package 0", "from 1 up"),
        ("list nothing", "No such command"),
        ("list assets --aoi=", "an id is empty"),
    ],
)
def test_wrong_use_is_told(sandbox: Sandbox, words: str, reason: str) -> None:
    ended = told(sandbox, *words.split())
    assert ended.exit_code == 2
    assert reason in ended.stderr


def test_a_rejected_key_and_an_unknown_parent_are_told(sandbox: Sandbox) -> None:
    ended = run("list", "aois", env={**env_of(sandbox), "PIXXEL_API_KEY": "another"})
    assert ended.exit_code == 2
    assert "the service rejected the API key" in ended.stderr
    ended = told(sandbox, "select", "assets", "--aoi", "nowhere")
    assert ended.exit_code == 2
    assert ended.stderr.startswith("404 ")


def test_a_parent_that_may_not_be_looked_into_is_told_and_the_others_go_on() -> None:
    fault = ApiFault("status", status=403, on="listInsights", times=1)
    with sandbox_in_thread(Scenario(world=WORLD, faults=(fault,))) as sandbox:
        ended = told(sandbox, "select", "insights")
    assert ended.exit_code == 2
    assert ended.stderr.startswith("AOI a1: left out: 403 ")
    assert [json.loads(line)["insight_id"] for line in ended.stdout.splitlines()] == ["i4"]


def test_records_without_a_time_are_counted_when_times_matter() -> None:
    world = World(aois=(Aoi("a1", more={"created_at": None}), Aoi("a2", created_at=JUNE)))
    with sandbox_in_thread(Scenario(world=world)) as sandbox:
        ended = told(sandbox, "list", "aois", "--created-after", "2025-01-01")
    assert ids(ended.stdout) == ["a2"]
    assert "tells no time of creation: 1" in ended.stderr


def test_what_is_selected_is_exported(sandbox: Sandbox, tmp_path: Path) -> None:
    environment = {**os.environ, **env_of(sandbox)}
    out = ("--out", tmp_path / "out", "--json", "--quiet", *QUICK)
    selecting = [*COMMAND, "select", "insights", "--status", "completed", *FAST]
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
        with start("select", "catalogs", env=env_of(sandbox)) as process:
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
        with start("select", "catalogs", *slow, env={**env_of(sandbox), **buffered}) as process:
            assert process.stdout is not None
            rows = [process.stdout.readline() for _ in range(50)]
            assert process.poll() is None
            assert len(sandbox.calls) == 2  # the preflight and one page
            process.kill()
    assert "c49" in rows[-1]


def table(*insights: Insight, width: int) -> list[str]:
    stream = StringIO()
    output = OneTable(Console(file=stream, width=width), COLUMNS["insights"])
    for insight in insights:
        output.write(insight)
    output.close()
    return stream.getvalue().splitlines()


@pytest.mark.parametrize("width", [20, 60, 90, 200])
def test_a_table_never_cuts_ids(width: int) -> None:
    aoi, one, long = "a" * 36, "i" * 36, "An insight with a long name, as people give them"
    lines = table(
        Insight(id=one, aoi_id=aoi, name=long, status="completed"),
        Insight(id="2", aoi_id=aoi, name="\x1b[31m", created_at=MAY),
        width=width,
    )
    assert lines[0].split() == ["id", "aoi_id", "name", "status", "progr…", "created_at"] or (
        lines[0].split()[:2] == ["id", "aoi_id"]
    )
    assert len(lines) == 3
    assert lines[1].startswith(f"{one}  {aoi}  An ")
    assert (long in lines[1]) == (width == 200)
    assert "2025-05-01" in lines[2]
    assert "\x1b" not in "".join(lines)


def test_an_empty_table_is_nothing() -> None:
    assert table(width=80) == []


def test_columns_give_way_the_widest_first() -> None:
    assert column_widths([36, 20, 10], [True, False, False], 100) == [36, 20, 10]
    assert column_widths([36, 20, 10], [True, False, False], 60) == [36, 10, 10]
    assert column_widths([36, 20, 10], [True, False, False], 10) == [36, 6, 6]


def test_the_examples_of_the_page_are_understood() -> None:
    page = (Path(__file__).parents[2] / "docs" / "discovery.md").read_text(encoding="utf-8")
    commands = [
        command.split(" > ")[0].split()[1:]
        for line in page.splitlines()
        for command in line.split(" | ")
        if command.startswith(("pixxel-async list ", "pixxel-async select ")) and "|" not in command
    ]
    assert len(commands) > 5
    for words in commands:
        shown = run(*[word.strip("'") for word in words if word != "…"], "--help")
        assert shown.exit_code == 0
        for word in words:
            if word.startswith("--"):
                assert word in shown.stdout, word
