"""Commands that are one call each: what they send, ask, show, and end with."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest

from pixxel_async import PixxelClient
from pixxel_async.cli.commands.records import VERBS, commands_of_operations, group
from pixxel_async.cli.commands.verbs import Verb
from pixxel_async.cli.nouns import NOUNS
from pixxel_async.sandbox import (
    ApiFault,
    PackagingTime,
    Sandbox,
    Scenario,
    World,
    sandbox_in_thread,
)
from pixxel_async.sandbox.routes import ROUTES

from ..support import PROCESS_S
from .commands import COMMAND, env_of, run
from .test_list_and_select import FAST, WORLD

ALL = [
    pytest.param(noun, name, verb, id=f"{noun} {name}")
    for noun, verbs in VERBS.items()
    for name, verb in verbs.items()
]
INSIGHT = ("insights", "create", "a1", "--block", "ndvi", "--version", "1.0.0", "--inputs", "[1]")
JOB = ("jobs", "create", "w1", "--project", "p1")
DELETE = ("insights", "delete", "a1", "i1", "--project", "p1")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with sandbox_in_thread(Scenario(world=WORLD)) as sandbox:
        yield sandbox


def told(sandbox: Sandbox, *words: str | Path, stdin: bytes = b"") -> Any:
    return run(*words, *FAST, env=env_of(sandbox), stdin=stdin)


def sent(sandbox: Sandbox, method: str) -> list[str]:
    return [call.path for call in sandbox.calls if call.method == method]


def parameters_of(verb: Verb) -> dict[str, inspect.Parameter]:
    client = PixxelClient("key")
    call = attrgetter(verb.call)(client)
    return dict(inspect.signature(call).parameters)


@pytest.mark.parametrize(("noun", "name", "verb"), ALL)
def test_the_options_are_the_arguments_of_the_python_call(noun: str, name: str, verb: Verb) -> None:
    assert name in NOUNS[noun].verbs
    parameters = parameters_of(verb)
    fields = [field for field in verb.fields if not (verb.saves and field.argument == "output")]
    named = {field.argument for field in fields} if verb.parts is None else {verb.parts.argument}
    own = {*verb.ids, *named}
    assert own <= set(parameters)
    assert set(parameters) - own <= {"repeat_if_lost", "page_size", "user_id", "created_by"}
    needed = {name for name, one in parameters.items() if one.default is inspect.Parameter.empty}
    if verb.parts is None:
        assert needed == {*verb.ids, *(field.argument for field in fields if field.needed)}
    else:
        assert needed == {*verb.ids, verb.parts.argument}


@pytest.mark.parametrize("noun", NOUNS)
def test_a_group_has_the_verbs_that_its_line_names(noun: str) -> None:
    names = [command.name for command in group(noun).registered_commands]
    assert names == list(NOUNS[noun].verbs)
    assert set(VERBS.get(noun, ())) <= set(names)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("projects get p1", "p1\tone\tProject\t2025-01-06T00:00:00Z"),
        ("aois get a1", "a1\tField 1\tsuccess\t2025-01-06T00:00:00Z\tp1"),
        ("workflows get w1 --project p1", "w1\tWorkflow\t2025-01-06T00:00:00Z\tp1"),
        ("workflows estimate w1", "0"),
        ("jobs get w1 j1", "j1\tw1\tcompleted\t100\t2025-01-06T00:00:00Z"),
        ("orders get o1", "o1\tPAID\t2\t0\t2025-01-06T00:00:00Z"),
        ("order-items get x2", "x2\to1\tOrder item\tARCHIVE\tPARTIALLY_FULFILLED"),
        ("catalogs get c1", "c1\t"),
    ],
)
def test_a_record_is_shown_as_in_a_list(sandbox: Sandbox, words: str, line: str) -> None:
    ended = told(sandbox, *words.split())
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert ended.stdout.startswith(line)
    assert ended.stdout.count("\n") == 1


def test_json_is_the_services_own_object(sandbox: Sandbox) -> None:
    ended = told(sandbox, "jobs", "get", "w1", "j1", "--json")
    row = json.loads(ended.stdout)
    assert [task["id"] for task in row["tasks"]] == ["t1", "t2"]


@pytest.mark.parametrize(("noun", "name", "verb"), ALL)
@pytest.mark.parametrize("width", [60, 80, 140])
def test_help_cuts_no_word(noun: str, name: str, verb: Verb, width: int) -> None:
    shown = run(noun, name, "--help", env={"COLUMNS": str(width)})
    assert all(len(line) <= width for line in shown.stdout.splitlines())
    words = set(re.sub("[│╭╮╰╯─]", " ", shown.stdout).split())
    for field in verb.fields:
        assert {field.option, *field.metavar.split(), *field.help.split()} <= words


def test_what_is_not_there_is_told(sandbox: Sandbox) -> None:
    ended = told(sandbox, "aois", "get", "nowhere")
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert ended.stderr.startswith("404 ")


@pytest.mark.parametrize("words", [INSIGHT, JOB, DELETE], ids=" ".join)
def test_without_a_terminal_and_without_yes_nothing_is_sent(
    sandbox: Sandbox, words: tuple[str, ...]
) -> None:
    ended = told(sandbox, *words, stdin=b"y\n")
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert ended.stderr == (
        f"{words[0]} {words[1]}: nothing was sent, since there is no terminal to ask on; "
        "add --yes\n"
    )
    assert sandbox.calls == []


def test_yes_shows_what_it_does_and_what_it_costs(sandbox: Sandbox) -> None:
    ended = told(sandbox, *INSIGHT, "--yes")
    assert ended.exit_code == 0
    assert ended.stderr == (
        "insights create: aoi_id a1, block ndvi, version 1.0.0, inputs [1]; estimated cost: 1\n"
    )
    created = ended.stdout.split("\t")[0]
    assert created in told(sandbox, "insights", "list", "--aoi", "a1").stdout
    ended = told(sandbox, *DELETE, "--yes")
    assert (ended.exit_code, ended.stdout) == (0, "")
    assert ended.stderr == (
        "insights delete: aoi_id a1, insight_id i1, project_id p1\ninsights delete: deleted\n"
    )
    assert sent(sandbox, "DELETE") == ["/v0/aoi/a1/insights/i1"]


def test_quiet_and_yes_send_the_call_alone(sandbox: Sandbox) -> None:
    ended = told(sandbox, *JOB, "--yes", "--quiet")
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert not [call for call in sandbox.calls if call.path.endswith("/estimate")]


def answered(sandbox: Sandbox, answer: bytes, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command whose standard input is a terminal on which somebody answers."""
    pty = pytest.importorskip("pty", reason="Windows has no such terminals")
    ours, theirs = pty.openpty()
    os.write(ours, answer)
    try:
        return subprocess.run(  # noqa: S603 - the command is ours
            [*COMMAND, *words, *FAST],
            env={**os.environ, **env_of(sandbox)},
            stdin=theirs,
            capture_output=True,
            text=True,
            timeout=PROCESS_S,
            check=False,
        )
    finally:
        os.close(theirs)
        os.close(ours)


@pytest.mark.parametrize("answer", [b"y\n", b"YES\n"])
def test_a_terminal_is_asked(sandbox: Sandbox, answer: bytes) -> None:
    ended = answered(sandbox, answer, *JOB)
    assert ended.returncode == 0
    assert ended.stderr == (
        "jobs create: workflow_id w1, project_id p1; estimated cost: 0\nGo ahead? [y/N] "
    )
    assert sent(sandbox, "POST") == ["/v0/workflows/w1/jobs"]


@pytest.mark.parametrize("answer", [b"\n", b"n\n", b"yess\n", b"\x04"], ids=repr)
def test_anything_but_yes_declines(sandbox: Sandbox, answer: bytes) -> None:
    ended = answered(sandbox, answer, *JOB)
    assert ended.returncode == 2
    assert ended.stderr.endswith("jobs create: nothing was created\n")
    assert sent(sandbox, "POST") == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such terminals")
def test_ctrl_c_at_the_question_declines(sandbox: Sandbox) -> None:
    pty = pytest.importorskip("pty", reason="Windows has no such terminals")
    ours, theirs = pty.openpty()
    with subprocess.Popen(  # noqa: S603 - the command is ours
        [*COMMAND, *JOB, *FAST],
        env={**os.environ, **env_of(sandbox)},
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        said = ""
        while not said.endswith("[y/N] "):
            said += process.stderr.read(1)
        process.send_signal(2)
        assert process.wait(PROCESS_S) == 130
        assert process.stderr.read().endswith("interrupted: nothing was created\n")
    os.close(theirs)
    os.close(ours)
    assert sent(sandbox, "POST") == []


@pytest.mark.parametrize(
    ("action", "status", "code", "said"),
    [
        (
            "lost",
            500,
            1,
            "it may have been created: look with pixxel-async jobs list --workflow w1",
        ),
        ("not_json", 500, 1, "it may have been created: look with pixxel-async jobs list"),
        ("status", 500, 1, "jobs create: 500 "),
        ("status", 403, 2, "403 "),
        ("status", 400, 2, "400 "),
    ],
)
def test_a_change_is_sent_once_and_what_is_uncertain_is_told(
    action: Any, status: int, code: int, said: str
) -> None:
    fault = ApiFault(action, on="createJob", status=status)
    with sandbox_in_thread(Scenario(world=WORLD, faults=(fault,))) as sandbox:
        ended = told(sandbox, *JOB, "--yes", "--quiet")
        assert len(sent(sandbox, "POST")) == 1
    assert (ended.exit_code, ended.stdout) == (code, "")
    assert said in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert ("may have been created" in ended.stderr) == (code == 1)


def test_if_the_estimate_fails_nothing_is_created() -> None:
    fault = ApiFault("status", on="getWorkflowCostEstimate", status=403)
    with sandbox_in_thread(Scenario(world=WORLD, faults=(fault,))) as sandbox:
        ended = told(sandbox, *JOB, "--yes")
        assert sent(sandbox, "POST") == []
    assert ended.exit_code == 2
    assert "may have been" not in ended.stderr


def test_a_body_has_the_documented_fields_and_options_override_it(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    body = {"block": {"name": "ndvi", "version": "1.0.0"}, "input": [1, 2], "name": "from file"}
    file = tmp_path / "body.json"
    file.write_text(json.dumps(body), encoding="utf-8")
    words = ("insights", "create", "a1", "--yes", "--name", "mine")
    ended = told(sandbox, *words, "--body", file)
    assert ended.exit_code == 0
    assert "inputs [1, 2], name mine;" in ended.stderr.replace("block ndvi, version 1.0.0, ", "")
    ended = told(sandbox, *words, "--body", "-", stdin=json.dumps(body).encode())
    assert ended.exit_code == 0
    ended = told(sandbox, *words, "--body", "-", stdin=b'{"block": {"nam": "x"}, "typo": 1}')
    assert ended.exit_code == 2
    assert ended.stderr.startswith("insights create: --body: unknown field block, typo; ")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("aois create --name x", "aois create: missing --project, --satellite, --provider"),
        ("workflows get w1", "workflows get: missing --project"),
        ("insights create a1 --inputs [1", "'[1' is not valid JSON"),
        ("insights create a1 --metadata x", "'x' is not a pair: give KEY=VALUE"),
        (
            "insights create a1 --body no-such-file",
            "--body: no-such-file is not readable: No such file",
        ),
        ("insights create a1 --body -", "insights create: --body: - is not valid JSON"),
        ("insights create a1 --body /dev/null", "--body: /dev/null is not valid JSON"),
        ("catalogs list --geometry no.geojson", "cannot read the GeoJSON file no.geojson"),
        ("archives search --bbox 1,2,3", "'1,2,3' is not a bounding box: give W,S,E,N in degrees"),
        ("archives search --sort id", "'id' is not a field to sort by: give FIELD:asc"),
        ("archives search --captured soon", "is not a valid time or interval"),
        ("archives search --limit 0", "at least 1"),
        ("satellites search --source x", "'x' is not a collection of a satellite"),
        ("satellites search --range x=1", "'x=1' is not a range: give NAME=MIN..MAX"),
        ("indices create --rescale 1", "'1' is not a range: give MIN,MAX with whole numbers"),
        ("blocks list --mode x", "'x' is not one of insight, workflow"),
        ("orders create --recurrence once", "'once' is not one of ONCE, MONTHLY, BIMONTHLY"),
        ("visualizations list", "visualizations list: missing --aoi"),
        (
            "visualizations png a v --index i",
            "visualizations png: missing --date, --mode, --output",
        ),
    ],
)
def test_wrong_use_is_told_before_anything_is_sent(
    sandbox: Sandbox, words: str, reason: str
) -> None:
    ended = told(sandbox, *words.split())
    assert ended.exit_code == 2
    assert reason in ended.stderr
    assert sandbox.calls == []


def test_a_body_lists_parts_and_an_option_is_for_each_of_them(sandbox: Sandbox) -> None:
    body = {"order_items": [{"project_id": "p1", "item_ids": ["i1"]}, {"item_ids": ["i2"]}]}
    words = ("orders", "create", "--yes", "--usecase", "farming", "--geometry", "no.geojson")
    ended = told(sandbox, *words, "--body", "-", stdin=json.dumps(body).encode())
    assert (ended.exit_code, ended.stderr) == (2, "orders create: missing --project\n")
    ended = told(sandbox, *words, "--project", "p2", "--body", "-", stdin=b'{"order_items": []}')
    assert "give an object with a list order_items, and nothing else" in ended.stderr
    ended = told(sandbox, *words, "--body", "-", stdin=b'{"order_items": [1]}')
    assert ended.stderr == "orders create: --body: 1 is not an object\n"
    ended = told(sandbox, *words, "--project", "p2", "--item", "i1")
    assert "order_items[0].geometry: cannot read the GeoJSON file no.geojson" in ended.stderr
    assert sent(sandbox, "POST") == []


def test_credentials_of_a_store_are_not_shown(sandbox: Sandbox, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets.json"
    secrets.write_text('{"access_key_id": "a", "secret_access_key": "canary"}', encoding="utf-8")
    words = ("stores", "create", "--name", "x", "--type", "S3", "--bucket", "b", "--region", "r")
    ended = told(sandbox, *words, "--secrets", secrets, "--yes", "--json")
    assert ended.exit_code == 0
    assert "region r, secrets …" in ended.stderr
    assert "canary" not in ended.stdout + ended.stderr


def test_each_operation_has_a_command() -> None:
    commands = commands_of_operations()
    assert set(commands) == {route.operation for route in ROUTES}
    for words in {command for names in commands.values() for command in names}:
        shown = run(*words.split(), "--help")
        assert shown.exit_code == 0
        assert f" {words} [OPTIONS]" in " ".join(shown.stdout.split())


RING = [[30.5, 30.5], [31.5, 30.5], [31.5, 31.5], [30.5, 31.5], [30.5, 30.5]]
WORLD_WIDE = [[[-180, -90], [180, -90], [180, 90], [-180, 90], [-180, -90]]]


class Day:
    """Runs commands against a sandbox; each has to succeed."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox = sandbox
        self.small = self.written(folder, "small", {"type": "Polygon", "coordinates": [RING]})
        self.wide = self.written(folder, "wide", {"type": "Polygon", "coordinates": WORLD_WIDE})
        self.folder = folder

    def written(self, folder: Path, name: str, value: Any) -> Path:
        path = folder / f"{name}.json"
        path.write_text(json.dumps(value), encoding="utf-8")
        return path

    def json(self, words: str, *more: str | Path) -> list[dict[str, Any]]:
        ended = told(self.sandbox, *words.split(), *more, "--json")
        assert ended.exit_code == 0, ended.stderr
        return [json.loads(line) for line in ended.stdout.splitlines()]

    def ids(self, words: str, *more: str | Path) -> list[str]:
        ended = told(self.sandbox, *words.split(), *more)
        assert ended.exit_code == 0, ended.stderr
        found = [line.split("\t")[0] for line in ended.stdout.splitlines()]
        assert found
        return found

    def silent(self, words: str, *more: str | Path) -> None:
        ended = told(self.sandbox, *words.split(), *more)
        assert (ended.exit_code, ended.stdout) == (0, ""), ended.stderr


def test_a_day_of_commands_sends_each_operation_of_a_noun(tmp_path: Path) -> None:
    world = World.made_up(projects=1, aois=1, workflows=1, orders=1)
    at_once = PackagingTime.constant(0)
    with sandbox_in_thread(Scenario(world=world, running=at_once, packaging=at_once)) as sandbox:
        day = Day(sandbox, tmp_path)
        (project,) = day.ids("projects list")
        assert day.ids(f"projects get {project}") == [project]
        aoi = areas(day, project)
        pictures(day, aoi)
        runs(day, aoi, project)
        orders(day, project)
        archive(day)
        sent = {name for name, count in sandbox.counts.items() if count}
    nouns = {
        name for name, words in commands_of_operations().items() if "download " not in words[0]
    }
    assert nouns - {"ping"} - sent == set()


def areas(day: Day, project: str) -> str:
    satellite = next(
        one
        for one in day.json("satellites list")
        if any(collection["id"] == "pixxel-l1c" for collection in one["collections"])
    )
    source = f"{satellite['id']}:pixxel-l1c"
    search = f"satellites search --start 2025-01-01 --end 2025-12-31 --source {source} --limit 2"
    images = day.ids(search, "--range", "eo:cloud_cover=0..100", "--geometry", day.wide)
    assert len(images) == 2
    create = f"aois create --name Mine --project {project} --satellite {satellite['id']}"
    items = ("--item", images[0], "--item", images[1])
    more = ("--provider", "pixxel", "--geometry", day.small, *items)
    (made,) = day.ids(create, *more, "--description", "A field")
    assert day.ids("aois list --name Mine") == [made]
    assert day.ids(f"aois get {made}") == [made]
    assert day.ids(f"assets list --aoi {made}")
    return next(one for one in day.ids("aois list") if one != made)


def pictures(day: Day, aoi: str) -> None:
    satellite = day.ids("satellites list")[0]
    create = f"indices create --name Mine --expression-type index --satellite {satellite}"
    more = ("--expression", "(B04-B08)/(B04+B08)", "--colormap", "viridis", "--rescale", "0,1")
    (index,) = day.ids(create, *more, "--description", "Bare soil")
    assert day.ids(f"indices list --index {index}") == [index]
    (made,) = day.json(f"visualizations create {aoi} --index {index} --resolution 10")
    assert made["id"] in day.ids(f"visualizations list --aoi {aoi} --type custom")
    date = next(iter(made["metadata"]["legend"]))
    this = f"{aoi} {made['id']}"
    steps = [{"color": "#ffffff", "label": "Low", "min": 0, "max": 0.5}]
    legend = day.written(day.folder, "legend", {date: steps})
    assert day.json(f"visualizations metadata {this} --mode dynamic --bins 2 --legend", legend)
    day.ids(f"visualizations rollback {this} --mode dynamic --index {index} --date {date}")
    picture = day.folder / "index.png"
    png = f"visualizations png {this} --mode dynamic --index {index} --date {date}"
    day.silent(png, "--output", picture)
    assert picture.read_bytes().startswith(b"\x89PNG")
    (styles,) = day.json(f"visualizations sld {this} --mode dynamic --date {date}")
    assert date in styles["sld"]["dynamic"]


def runs(day: Day, aoi: str, project: str) -> None:
    name = day.ids("blocks list --mode insight")[0]
    version = day.json(f"blocks versions {name}")[0]["spec"]["version"]
    assert day.ids(f"blocks get {name} {version}") == [name]
    block = f"{aoi} --block {name} --version {version} --inputs [123] --project {project}"
    day.ids(f"insights estimate {block}")
    (insight,) = day.ids(f"insights create {block} --yes")
    assert insight in day.ids(f"insights list --aoi {aoi}")
    day.silent(f"insights delete {aoi} {insight} --project {project} --yes")
    (workflow,) = day.ids("workflows list")
    assert day.ids(f"workflows get {workflow} --project {project}") == [workflow]
    (estimate,) = day.ids(f"workflows estimate {workflow}")
    assert estimate.isdecimal()
    (job,) = day.ids(f"jobs create {workflow} --project {project} --yes")
    assert day.ids(f"jobs get {workflow} {job}") == [job]
    assert job in day.ids(f"jobs list --workflow {workflow}")


def orders(day: Day, project: str) -> None:
    secrets = day.written(day.folder, "secrets", {"access_key_id": "a", "secret_access_key": "b"})
    create = "stores create --name Ours --type S3 --bucket images --region eu-central-1 --yes"
    (store,) = day.ids(f"{create} --label env=test --secrets", secrets)
    assert day.ids("stores list") == [store]
    item = f"--project {project} --usecase agriculture --item TD1_1 --store {store} --path in"
    (cost,) = day.ids(f"orders estimate {item} --geometry", day.small)
    assert float(cost) > 0
    bandset = day.ids("bandsets list")[0]
    about = {"project_id": project, "usecase": "agriculture"}
    geometry = json.loads(day.small.read_text())
    features = {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "geometry": geometry}],
    }
    tasking = {
        **about,
        "geometry": features,
        "recurrence": "ONCE",
        "start_date": "2026-01-01T00:00:00Z",
        "end_date": "2026-01-05T00:00:00Z",
        "bandset": {"bandset_id": bandset},
    }
    cloud = {"config": store, "path": "in"}
    image = {**about, "geometry": features, "item_ids": ["TD1_1"], "cloud_delivery": cloud}
    body = day.written(day.folder, "order", {"order_items": [image, tasking]})
    (order,) = day.ids("orders create --yes --body", body)
    assert order in day.ids("orders list")
    assert day.ids(f"orders get {order}") == [order]
    parts = day.ids(f"order-items list --order {order}")
    assert len(parts) == 2
    assert day.ids(f"order-items get {parts[0]}") == [parts[0]]
    catalog = day.ids(f"catalogs list --order {order}")[0]
    assert day.ids(f"catalogs get {catalog}") == [catalog]
    (delivery,) = day.ids(f"catalogs deliver --store {store} --path in --order-item {parts[1]}")
    assert day.ids(f"catalogs deliveries --delivery {delivery}") == [delivery]
    report = day.folder / "orders.csv"
    day.silent("reports download --tz UTC --output", report)
    assert report.read_bytes().count(b"\n") > 2
    day.silent(f"stores delete {store} --yes")


def archive(day: Day) -> None:
    collection = day.ids("archives collections")[0]
    assert day.ids(f"archives collection {collection}") == [collection]
    item = day.ids(f"archives items {collection} --limit 3")[0]
    assert day.ids(f"archives item {collection} {item}") == [item]
    search = f"archives search --collection {collection} --bbox -180,-90,180,90 --limit 5"
    more = ("--captured", "2025-01-01T00:00:00Z/..", "--geometry", day.wide)
    asked = ("--query", '{"cloudcover": {"lte": 100}}')
    found = day.json(search, *more, *asked)
    assert [one["type"] for one in found] == ["Feature"] * 5
