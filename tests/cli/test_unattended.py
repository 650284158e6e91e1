"""Exports that nobody watches: heartbeats, logs, hooks, summaries."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import signal
import sys
from pathlib import Path
from typing import Any, Self

import pytest

from pixxel_async import events
from pixxel_async.cli.follower import beating
from pixxel_async.cli.hooks import AT_ONCE, MOST_HANGING, SHOWN_FAILURES, Hook
from pixxel_async.cli.output.log_file import LogFile, LogFormat
from pixxel_async.display.base import Verbosity
from pixxel_async.export.summary import Report
from pixxel_async.sandbox import PackageFault, Scenario, demo_rows, sandbox_in_thread

from ..support import PROCESS_S, when
from .commands import QUICK, env_of, run, start, write_manifest
from .stories import fetch_started, job, ready, requested, saved, skipped, started, tell

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such processes")
SMALL = Scenario(package_bytes=20_000)
NEVER = {"kind": "job", "workflow_id": "w", "job_id": "endless"}


class Beats:
    """A display that notes when it beats, by the clock of the event loop."""

    def __init__(self) -> None:
        self.at: list[float] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def show(self, event: events.Event, report: Report) -> None: ...

    def say(self, text: str) -> None: ...

    def beat(self) -> None:
        self.at.append(asyncio.get_running_loop().time())


@pytest.mark.looptime
@pytest.mark.parametrize(("every_s", "count"), [(60, 59), (900, 3), (0, 0)])
async def test_a_heartbeat_comes_at_its_interval_and_ends_with_the_export(
    every_s: float, count: int
) -> None:
    display = Beats()
    began = asyncio.get_running_loop().time()
    async with beating(display, every_s):
        await asyncio.sleep(3590)
    await asyncio.sleep(3590)
    assert display.at == [pytest.approx(began + every_s * (n + 1)) for n in range(count)]


def python(code: str) -> str:
    """Return a command that runs Python code."""
    return shlex.join([sys.executable, "-I", "-S", "-c", code])


async def outcome_of(hook: Hook, *values: dict[str, str]) -> dict[str, int]:
    async with hook:
        for each in values:
            hook.start(each)
        await hook.finish()
    assert hook.outcome is not None
    return hook.outcome


async def test_a_hook_gets_values_and_no_key_and_no_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIXXEL_API_KEY", "canary-key")
    monkeypatch.setenv("PIXXEL_BASE_URL", "http://inherited")
    out = tmp_path / "seen.json"
    code = f"import json, os, sys; json.dump([sys.argv, dict(os.environ)], open({str(out)!r}, 'w'))"
    said: list[str] = []
    hook = Hook("--on-saved", f"{python(code)} '$PIXXEL_PATH' '; touch x' $(id)", said.append)
    counts = await outcome_of(hook, {"PIXXEL_PATH": "/a b/$c.zip"})
    assert (counts, said) == ({"ran": 1, "failed": 0, "not_run": 0}, [])
    words, environment = json.loads(out.read_text())
    assert words[1:] == ["$PIXXEL_PATH", "; touch x", "$(id)"]
    assert environment["PIXXEL_PATH"] == "/a b/$c.zip"
    assert environment["PIXXEL_BASE_URL"] == "http://inherited"
    assert "canary-key" not in out.read_text()


async def test_a_missing_program_is_reported_once() -> None:
    said: list[str] = []
    hook = Hook("--on-saved", "no-such-program --x", said.append)
    counts = await outcome_of(hook, *[{"PIXXEL_PATH": str(n)} for n in range(20)])
    assert counts["ran"] == 0
    assert counts["failed"] + counts["not_run"] == 20
    assert counts["failed"] <= AT_ONCE
    assert {line.split(":")[1] for line in said} == {" no-such-program cannot be started"}
    assert len(said) == counts["failed"]


async def test_failures_are_reported_with_their_reasons_up_to_a_number() -> None:
    said: list[str] = []
    hook = Hook("--on-saved", python("import sys; sys.exit('no room\\nmore')"), said.append)
    values = [{"PIXXEL_PATH": f"/p{n}.zip"} for n in range(SHOWN_FAILURES + 4)]
    counts = await outcome_of(hook, *values)
    assert counts == {"ran": len(values), "failed": len(values), "not_run": 0}
    assert len(said) == SHOWN_FAILURES + 1
    assert re.fullmatch(r"--on-saved: exit code 1: no room \(/p\d+\.zip\)", said[0])
    assert said[-1] == "--on-saved: further failures are only counted"


@posix
async def test_hanging_hooks_are_ended_and_then_no_more_are_started(tmp_path: Path) -> None:
    code = (
        "import os, signal; signal.signal(signal.SIGTERM, signal.SIG_DFL)\n"
        f"open(os.path.join({str(tmp_path)!r}, str(os.getpid())), 'w'); signal.pause()"
    )
    said: list[str] = []
    hook = Hook("--on-saved", python(code), said.append, limit_s=0.5)
    counts = await outcome_of(hook, *[{"PIXXEL_PATH": str(n)} for n in range(20)])
    assert MOST_HANGING <= counts["ran"] <= MOST_HANGING + 2 * AT_ONCE
    assert counts["ran"] == counts["failed"]
    assert counts["ran"] + counts["not_run"] == 20
    assert "ended, since it ran for 0.5 s" in said[0]
    assert "--on-saved: too many run too long; no more are started" in said
    assert not any(is_running(int(path.name)) for path in tmp_path.iterdir())


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@posix
async def test_hooks_and_what_they_started_end_with_the_command(tmp_path: Path) -> None:
    child = f"import os; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))"
    code = (
        "import subprocess, sys, signal\n"
        f"subprocess.Popen([sys.executable, '-c', {child + '; import signal; signal.pause()'!r}])\n"
        "signal.pause()"
    )
    hook = Hook("--on-saved", python(code), print)
    pid = tmp_path / "pid"
    async with hook:
        for number in range(10):
            hook.start({"PIXXEL_PATH": str(number)})
        assert len(hook._workers) == AT_ONCE
        await asyncio.to_thread(when, lambda: pid.exists() and pid.read_text())
    await asyncio.to_thread(when, lambda: not is_running(int(pid.read_text())))
    assert hook._processes == set()


@posix
async def test_a_hook_that_is_still_being_started_ends_too(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[asyncio.subprocess.Process] = []
    has_begun, may_return = asyncio.Event(), asyncio.Event()
    create = asyncio.create_subprocess_exec

    async def slowly(*words: str, **options: Any) -> asyncio.subprocess.Process:
        begun.append(await create(*words, **options))
        has_begun.set()
        await may_return.wait()
        return begun[0]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", slowly)
    async with Hook("--on-saved", python("import signal; signal.pause()"), print) as hook:
        hook.start({})
        await has_begun.wait()
        asyncio.get_running_loop().call_soon(may_return.set)
    assert await begun[0].wait() == -signal.SIGKILL


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--on-saved", "say 'it"), "is not a command"),
        (("--on-done", " "), "it is empty"),
        (("--stats", "soon"), "is not an interval"),
        (("--log-format", "json"), "it needs --log-file"),
    ],
)
def test_wrong_options_are_reported(tmp_path: Path, words: tuple[str, ...], reason: str) -> None:
    manifest = write_manifest(tmp_path / "m.jsonl", demo_rows(1))
    ended = run("export", manifest, "--out", tmp_path / "out", *words)
    assert ended.exit_code == 2
    assert reason in " ".join(ended.stderr.replace("│", " ").split())


def summary_of(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(path.read_text("ascii"))
    return loaded


def test_an_export_with_hooks_log_and_summary(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.jsonl", demo_rows(4))
    out, log, summary = tmp_path / "out", tmp_path / "log", tmp_path / "summary.json"
    notes = tmp_path / "notes"
    code = (
        f"import os; open({str(notes)!r}, 'a').write("
        "'{PIXXEL_PATH} {PIXXEL_SHA256} {PIXXEL_KEY}\\n'.format_map(os.environ)); os._exit(5)"
    )
    done = f"import os; open({str(notes)!r} + '.done', 'w').write(os.environ['PIXXEL_EXIT_CODE'])"
    files = ("--summary", summary, "--log-file", log, "--log-format", "json")
    words = ("export", manifest, "--out", out, *files, *QUICK)
    with sandbox_in_thread(SMALL) as sandbox:
        hooks = ("--on-saved", python(code), "--on-done", python(done))
        ended = run(*words, *hooks, "--quiet", env=env_of(sandbox))
    assert ended.exit_code == 0
    assert ended.stderr.count("exit code 5") == 4
    assert "--on-saved: 4 commands ran, 4 failed" in ended.stderr
    rows = [line.split(" ", 2) for line in notes.read_text().splitlines()]
    assert {Path(path) for path, _, _ in rows} == set(out.glob("*.zip"))
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for _, digest, _ in rows)
    assert notes.with_name("notes.done").read_text() == "0"
    told = summary_of(summary)
    assert (told["ending"], told["exit_code"], told["saved"], told["left"]) == ("complete", 0, 4, 0)
    assert told["hooks"] == {"on_saved": {"ran": 4, "failed": 4, "not_run": 0}}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", told["began_at"])
    lines = [json.loads(line) for line in log.read_text("ascii").splitlines()]
    assert [line["event"] for line in lines].count("Saved") == 4
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", line["time"]) for line in lines)
    assert lines[0] == {
        **lines[0],
        "event": "Started",
        "key": None,
        "message": "started: 4 packages",
    }


def test_skipped_packages_are_counted_and_not_listed(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.jsonl", demo_rows(5))
    words = ("export", manifest, "--out", tmp_path / "out", *QUICK)
    with sandbox_in_thread(SMALL) as sandbox:
        assert run(*words, env=env_of(sandbox)).exit_code == 0
        again = run(*words, "-v", env=env_of(sandbox)).stderr
        each = run(*words, "-vv", env=env_of(sandbox)).stderr
    assert "it exists already" not in again
    assert "packages      5: 0 saved, 5 there already, 0 failed" in again
    assert each.count("it exists already") == 5


def test_a_summary_is_written_if_the_export_cannot_begin(tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"kind": "nothing"}\n')
    summary = tmp_path / "summary.json"
    words = ("--out", tmp_path / "out", "--summary", summary)
    assert run("export", bad, *words).exit_code == 2
    told = summary_of(summary)
    assert (told["ending"], told["exit_code"]) == ("failed", 2)
    assert told["error"]["type"] == "InputError"
    manifest = write_manifest(tmp_path / "m.jsonl", demo_rows(1))
    assert run("export", manifest, *words, env={"PIXXEL_API_KEY": ""}).exit_code == 2
    assert summary_of(summary)["error"]["type"] == "ConfigError"


def test_failures_are_in_the_summary(tmp_path: Path) -> None:
    rows = [{**NEVER, "job_id": f"j{n}"} for n in range(3)]
    manifest = write_manifest(tmp_path / "m.jsonl", rows)
    summary = tmp_path / "summary.json"
    scenario = Scenario(package_bytes=20_000, faults=(PackageFault("failed", only="j1"),))
    with sandbox_in_thread(scenario) as sandbox:
        words = ("export", manifest, "--out", tmp_path / "out", "--summary", summary, *QUICK)
        assert run(*words, env=env_of(sandbox)).exit_code == 1
    told = summary_of(summary)
    assert (told["ending"], told["saved"], told["failed"]) == ("incomplete", 2, 1)
    (failure,) = told["failures"]
    assert failure["target"] == rows[1]
    assert failure["error"]["type"] == "PackageFailedError"


@posix
def test_an_interrupted_export_writes_its_summary_and_runs_its_hook(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.jsonl", [*demo_rows(2), NEVER])
    summary, code = tmp_path / "summary.json", tmp_path / "code"
    done = f"import os; open({str(code)!r}, 'w').write(os.environ['PIXXEL_EXIT_CODE'])"
    scenario = Scenario(package_bytes=20_000, faults=(PackageFault("never", only="endless"),))
    options = ("-v", "--summary", summary, "--on-done", python(done))
    words = ("export", manifest, "--out", tmp_path / "out", *options, *QUICK)
    with sandbox_in_thread(scenario) as sandbox:
        with start(*words, env=env_of(sandbox)) as process:
            assert process.stderr is not None
            for line in process.stderr:
                if line.startswith("[2/3]"):
                    break
            assert summary_of(summary)["ending"] == "running"
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=PROCESS_S)
    assert process.returncode == 143
    told = summary_of(summary)
    assert (told["ending"], told["exit_code"], told["signal"]) == ("interrupted", 143, 15)
    assert (told["saved"], told["left"]) == (2, 1)
    assert code.read_text() == "143"


def test_a_summary_that_cannot_be_written_is_misuse_and_nothing_is_sent(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.jsonl", demo_rows(1))
    words = ("export", manifest, "--out", tmp_path / "out", *QUICK)
    for option in ("--summary", "--log-file"):
        with sandbox_in_thread(SMALL) as sandbox:
            ended = run(*words, option, tmp_path / "no" / "file", env=env_of(sandbox))
            assert sandbox.calls == []
        assert ended.exit_code == 2
        assert str(tmp_path / "no" / "file") in ended.stderr


def test_an_empty_selection_is_no_failure(tmp_path: Path) -> None:
    summary = tmp_path / "summary.json"
    for stdin in (b"", b"\n", b"[]"):
        ended = run("export", "-", "--out", tmp_path / "out", "--summary", summary, stdin=stdin)
        assert ended.exit_code == 0
        assert (
            ended.stderr == "the manifest on standard input is empty: there is nothing to export\n"
        )
        assert summary_of(summary)["ending"] == "complete"
    assert not (tmp_path / "out").exists()
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    assert run("export", empty, "--out", tmp_path / "out").exit_code == 2


def log_of(path: Path, style: LogFormat = LogFormat.TEXT) -> LogFile:
    return LogFile(path, style, Verbosity.ERRORS, print, clock=lambda: 1_800_000_000.0)


def test_a_log_has_details_and_times(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with log_of(path) as log:
        tell(log, started(2), requested(), ready(), fetch_started(), saved(), skipped(job(2)))
        log.beat()
        log.say("a line\x1b")
    lines = path.read_text().splitlines()
    assert all(re.match(r"2027-01-1\d \d\d:\d\d:\d\d [+-]\d\d:\d\d  ", line) for line in lines)
    texts = [line.split("  ", 1)[1] for line in lines]
    assert texts[0] == "started: 2 packages"
    assert texts[1].startswith("[1/2] saved ")
    assert texts[2].startswith("2 of 2 packages done")
    assert texts[3:] == [r"a line\x1b"]


@posix
def test_a_log_follows_a_rotation_and_is_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("before\n")
    with log_of(path) as log:
        log.say("one")
        path.rename(tmp_path / "log.1")
        log.say("two")
    assert [line.split()[-1] for line in (tmp_path / "log.1").read_text().splitlines()] == [
        "before",
        "one",
    ]
    assert path.read_text().endswith("two\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_log_that_cannot_be_written_is_reported_once() -> None:
    said: list[str] = []
    with LogFile(Path("/dev/full"), LogFormat.TEXT, Verbosity.NORMAL, said.append) as log:
        for _ in range(3):
            log.say("x")
    assert said == ["/dev/full: the log cannot be written; the export continues"]
