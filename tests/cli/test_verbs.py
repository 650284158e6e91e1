"""Commands that are one call each: what they send, ask, show, and end with."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest

from pixxel_async import PixxelClient
from pixxel_async.cli.commands.records import VERBS, group
from pixxel_async.cli.commands.verbs import Verb
from pixxel_async.cli.nouns import NOUNS
from pixxel_async.sandbox import ApiFault, Sandbox, Scenario, sandbox_in_thread

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
        ("insights create a1 --body no-such-file", "is not readable: No such file or directory"),
        ("insights create a1 --body -", "'-' is not valid JSON"),
    ],
)
def test_wrong_use_is_told_before_anything_is_sent(
    sandbox: Sandbox, words: str, reason: str
) -> None:
    ended = told(sandbox, *words.split())
    assert ended.exit_code == 2
    assert reason in ended.stderr
    assert sandbox.calls == []
