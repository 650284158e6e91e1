"""`watch`: what it saves and says, how it ends, and that it lives long."""

from __future__ import annotations

import json
import math
import re
import shlex
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from pixxel_async.sandbox import (
    ApiFault,
    PackageFault,
    PackagingTime,
    RunFault,
    Sandbox,
    Scenario,
    World,
    sandbox_in_thread,
)
from pixxel_async.sandbox.world import Aoi, Catalog, Insight, Job, Workflow

from ..support import PROCESS_S, final_files, when
from .commands import QUICK, env_of, run, start

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
END_S = 3.0
"""A signal ends a watch within this."""
SMALL: Any = {"package_bytes": 20_000}
OUTPUT = list(b'["o1"]')
WORLD = World(
    aois=(
        Aoi(
            "a1", insights=(Insight("i1", output=list(b'["o1"]')), Insight("i2", status="running"))
        ),
        Aoi("a2", insights=(Insight("i3"), Insight("i4", status="failed"))),
    ),
    workflows=(Workflow("w1", jobs=(Job("j1"), Job("j2", status="running"))),),
    catalogs=(Catalog("c1", task_id=""), Catalog("c2", task_id="")),
)
WATCH = ("watch", "insights", "--aoi", "a1", "--aoi", "a2", *QUICK)
LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d\d:\d\d  (saved|failed) +(\S+).*")


def scenario(**changes: Any) -> Scenario:
    return Scenario(**{"world": WORLD, **SMALL, **changes})


def said(stdout: str) -> list[tuple[str, ...]]:
    """Return the word and the name of each line."""
    found = [LINE.fullmatch(line) for line in stdout.splitlines()]
    assert all(found), stdout
    return [match.groups() for match in found if match]


def requested(sandbox: Sandbox) -> set[str]:
    """Return the insights of which packages were requested."""
    paths = [call.path for call in sandbox.calls if call.operation == "downloadInsights"]
    return {path.split("/insights/")[1].split("/")[0] for path in paths}


def test_one_look_saves_what_is_finished_and_the_next_saves_nothing_twice(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with sandbox_in_thread(scenario()) as sandbox:
        env = env_of(sandbox)
        first = run(*WATCH, "--out", out, "--once", env=env)
        assert (first.exit_code, first.stderr) == (0, "ended: 2 packages saved, 0 failed, 0 left\n")
        assert [word for word, _ in said(first.stdout)] == ["saved", "saved"]
        assert requested(sandbox) == {"i1", "i3"}
        assert len(final_files(out)) == 2
        again = run(*WATCH, "--out", out, "--once", "--quiet", env=env)
        assert (again.exit_code, again.stdout, again.stderr) == (0, "", "")
        assert len(sandbox.gets) == 2
        exported = run("insights", "select", "--aoi", "a1", "--status", "any", env=env).stdout
        (tmp_path / "m.jsonl").write_text(exported)
        ended = run("export", tmp_path / "m.jsonl", "--out", out, *QUICK, "--json", env=env)
        statuses = {json.loads(line)["status"] for line in ended.stdout.splitlines()}
        assert statuses == {"skipped", "saved"}  # the same folder and journal


def test_jobs_and_images_are_watched_and_the_contents_chosen(tmp_path: Path) -> None:
    with sandbox_in_thread(scenario()) as sandbox:
        env = env_of(sandbox)
        words = ("--out", tmp_path, "--once", "--json", *QUICK)
        jobs = run("watch", "jobs", "--workflow", "w1", *words, env=env)
        images = run("watch", "catalogs", *words, env=env)
        chosen = run("watch", "insights", "--aoi", "a1", "--outputs", *words, env=env)
        unlisted = run("watch", "insights", "--aoi", "a2", "--inputs", *words, env=env)
    ended = [jobs, images, chosen, unlisted]
    assert [each.exit_code for each in ended] == [0] * 4
    rows = [json.loads(line) for each in ended for line in each.stdout.splitlines()]
    assert [row["target"] for row in rows if row["target"]["kind"] != "catalog"] == [
        {"kind": "job", "workflow_id": "w1", "job_id": "j1"},
        {"kind": "insight", "aoi_id": "a1", "insight_id": "i1", "outputs": ["o1"]},
        {"kind": "insight", "aoi_id": "a2", "insight_id": "i3"},
    ]
    catalogs = [row["target"]["catalog_ids"] for row in rows if row["target"]["kind"] == "catalog"]
    assert sorted(catalogs) == [["c1"], ["c2"]]
    assert {row["status"] for row in rows} == {"saved"}
    assert "insight i3 does not list the requested inputs" in unlisted.stderr


def test_statuses_and_a_beginning_may_be_given(tmp_path: Path) -> None:
    with sandbox_in_thread(scenario()) as sandbox:
        env = env_of(sandbox)
        words = (*WATCH, "--out", tmp_path, "--once")
        assert said(run(*words, "--since", "now", env=env).stdout) == []
        assert run(*words, "--status", "Failed", env=env).exit_code == 0
        assert requested(sandbox) == {"i4"}
        assert len(said(run(*words, "--status", "any", env=env).stdout)) == 3


def test_the_options_of_an_export_have_their_effect(tmp_path: Path) -> None:
    out, log = tmp_path / "out", tmp_path / "log"
    hook = shlex.join(
        [sys.executable, "-c", "import os; open(os.environ['PIXXEL_PATH'] + '.seen', 'w')"]
    )
    with sandbox_in_thread(scenario()) as sandbox:
        words = ("--extract", "--path-template", "{aoi_id}/{insight_id}.zip", "--log-file", log)
        ended = run(
            *WATCH, "--out", out, "--once", *words, "--log-format", "json", "--on-saved", hook,
            env=env_of(sandbox),
        )  # fmt: skip
    assert ended.exit_code == 0
    assert len(list((out / "a1").glob("i1-*.zip.seen"))) == 1
    assert len(list((out / "a2").glob("i3-*/*.mask.tif"))) == 1
    assert "--on-saved: 2 commands ran, 0 failed" in ended.stderr
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    assert [row["event"] for row in rows].count("Saved") == 2
    assert not any(row["message"].startswith("[") for row in rows)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("watch", "insights", "--out", "x"), "Missing option '--aoi'"),
        ((*WATCH, "--out", "x", "--every", "0"), "'--every'"),
        ((*WATCH, "--out", "x", "--since", "soon"), "not a valid date or time"),
        ((*WATCH, "--out", "x", "--discard-zip"), "it needs --extract"),
        ((*WATCH, "--out", "x", "--dry-run"), "No such option"),
    ],
)
def test_wrong_options_are_refused(words: tuple[str, ...], message: str) -> None:
    ended = run(*words, env={"PIXXEL_API_KEY": "k"})
    assert ended.exit_code == 2
    assert message in ended.stderr


def test_a_list_that_cannot_be_read_is_a_warning_and_one_look_then_ends_with_2(
    tmp_path: Path,
) -> None:
    with sandbox_in_thread(scenario()) as sandbox:
        ended = run(*WATCH, "--aoi", "none", "--out", tmp_path, "--once", env=env_of(sandbox))
    assert ended.exit_code == 2
    assert len(said(ended.stdout)) == 2
    assert "AOI none: not read: " in ended.stderr


def test_a_rejected_key_ends_it_with_2_and_one_line(tmp_path: Path) -> None:
    with sandbox_in_thread(scenario()) as sandbox:
        env = {**env_of(sandbox), "PIXXEL_API_KEY": "wrong"}
        ended = run(*WATCH, "--out", tmp_path, env=env)
    assert ended.exit_code == 2
    assert ended.stdout == ""
    assert ended.stderr.count("rejected the API key") == 1


def test_a_key_that_is_rejected_later_ends_it_too(tmp_path: Path) -> None:
    faults = (ApiFault("status", on="downloadInsights", status=401),)
    with sandbox_in_thread(scenario(faults=faults)) as sandbox:
        ended = run(*WATCH, "--out", tmp_path, "--every", "0.1s", env=env_of(sandbox))
    assert ended.exit_code == 2
    assert ended.stderr.count("rejected the API key") == 1


@contextmanager
def watching(sandbox: Sandbox, out: Path, *words: str, **env: str) -> Iterator[Any]:
    """Run a watch as a process until the context ends."""
    with start(
        *WATCH, "--out", out, "--every", "0.3s", *words, env={**env_of(sandbox), **env}
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def end(process: subprocess.Popen[str], number: signal.Signals) -> tuple[str, str, float]:
    """Send a signal; return what the process said, and how long it took to end."""
    began = time.monotonic()
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=PROCESS_S)
    return stdout, stderr, time.monotonic() - began


STATES: dict[str, dict[str, Any]] = {
    "idle": {"world": World(aois=(Aoi("a1"), Aoi("a2")))},
    "packaging": {"faults": (PackageFault("never"),)},
    "transferring": {"package_bytes": 5_000_000, "size_spread": 0, "bytes_per_s": 200_000},
    "listing": {"faults": (ApiFault("slow", on="listInsights", delay_s=10),)},
}


def ended_in(state: str, out: Path, number: signal.Signals) -> tuple[int, str, float]:
    """Return how a watch in a state ends after a signal, what it says, and how long that takes."""
    wanted = "downloadInsights" if state in {"packaging", "transferring"} else "listInsights"
    with sandbox_in_thread(scenario(**STATES[state])) as sandbox:
        with watching(sandbox, out) as process:
            when(lambda: sandbox.counts[wanted])
            if state == "transferring":
                when(lambda: list(out.glob("*.part")))
            _, stderr, took_s = end(process, number)
    return process.returncode, stderr, took_s


@posix
@pytest.mark.soak
@pytest.mark.parametrize("state", STATES)
def test_a_signal_ends_it_within_three_seconds(tmp_path: Path, state: str) -> None:
    took = [ended_in(state, tmp_path / str(number), signal.SIGTERM) for number in range(10)]
    times = sorted(took_s for _, _, took_s in took)
    print(f"\nSIGTERM, {state}: {times[0]:.2f} to {times[-1]:.2f} s")  # noqa: T201 - the figures of a soak
    assert {code for code, _, _ in took} == {143}
    assert times[-1] < END_S


@posix
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("state", STATES)
def test_a_signal_ends_it_and_it_says_how_to_continue(
    tmp_path: Path, state: str, number: signal.Signals
) -> None:
    out = tmp_path / "out"
    code, stderr, _ = ended_in(state, out, number)
    assert code == 128 + number
    assert "interrupted: 0 packages saved, 0 failed, " in stderr
    assert f"To resume:  pixxel-async {shlex.join([*WATCH, '--out', str(out)])}" in stderr
    with sandbox_in_thread(scenario()) as sandbox:
        assert run(*WATCH, "--out", out, "--once", env=env_of(sandbox)).exit_code == 0
    assert len(final_files(out)) == 2


@posix
def test_a_watch_that_began_with_now_says_when_that_was(tmp_path: Path) -> None:
    with sandbox_in_thread(scenario()) as sandbox:
        with watching(sandbox, tmp_path, "--since", "now") as process:
            when(lambda: sandbox.counts["listInsights"] >= 2)
            _, stderr, _ = end(process, signal.SIGTERM)
    assert re.search(r"--since 20\d\d-\d\d-\d\dT[\d:.]+Z\n", stderr)


@posix
def test_another_process_cannot_take_the_folder_of_an_idle_watch(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with sandbox_in_thread(scenario()) as sandbox:
        with watching(sandbox, out) as process:
            when(lambda: len(list(out.glob("*.zip"))) == 2)
            other = run(*WATCH, "--out", out, "--once", env=env_of(sandbox))
            end(process, signal.SIGTERM)
        assert other.exit_code == 2
        assert f"process {process.pid}" in other.stderr or str(process.pid) in other.stderr


@posix
def test_passing_failures_are_tried_again_in_the_next_interval_and_others_are_not(
    tmp_path: Path,
) -> None:
    slow = scenario(
        packaging=PackagingTime.constant(2.5), faults=(PackageFault("failed", only='"i3"'),)
    )
    with sandbox_in_thread(slow) as sandbox:
        with watching(sandbox, tmp_path, "--wait-timeout", "1s", "--json") as process:
            when(lambda: list(tmp_path.glob("*.zip")))
            looks = sandbox.counts["listInsights"]
            when(lambda: sandbox.counts["listInsights"] > looks + 4)
            stdout, _, _ = end(process, signal.SIGTERM)
    rows = [json.loads(line) for line in stdout.splitlines()]
    errors = {
        name: [
            row["error"] and row["error"]["type"] for row in rows if name in row["target"].values()
        ]
        for name in ("i1", "i3")
    }
    for name, last in (("i1", None), ("i3", "PackageFailedError")):
        *before, ending = errors[name]
        assert set(before) == {"PackageTimeoutError"}
        assert ending == last


@dataclass(frozen=True)
class Outcome:
    """What came of a watch over insights that finish at random.

    Attributes:
        finished: How many insights finished well.
        saved: How many packages were saved.
        requested_s: From the end of an insight until its package was first requested.
        saved_s: From the end of an insight until its package was saved.
        looks: How often each AOI was asked, at most.
        looks_until_requested: How often an AOI was asked from the end of an insight until its
            package was requested, at most.
        took_s: From the signal to the end.
    """

    finished: int
    saved: int
    requested_s: list[float]
    saved_s: list[float]
    looks: int
    looks_until_requested: int
    took_s: float

    @property
    def figures(self) -> str:
        """The figures in one line."""
        parts = [f"{self.finished} finished, {self.saved} saved, {self.looks} looks at an AOI"]
        for name, times in (("requested", self.requested_s), ("saved", self.saved_s)):
            middle = times[len(times) // 2]
            parts.append(f"{name} after {times[0]:.2f} to {times[-1]:.2f} s, median {middle:.2f}")
        return "; ".join([*parts, f"SIGTERM ended it in {self.took_s:.2f} s"])


def watched(  # noqa: PLR0913 - the figures of a run, by name
    tmp_path: Path, *, insights: int, aois: int, lasts_s: float, every_s: float, faults: Any = ()
) -> Outcome:
    """Create insights that finish within some seconds, and watch them with a process."""
    ids = [f"a{number}" for number in range(aois)]
    running = PackagingTime.uniform(0.05 * lasts_s, 0.9 * lasts_s)
    world = World(aois=tuple(map(Aoi, ids)))
    plan = scenario(world=world, running=running, faults=faults)
    saved_at: dict[str, float] = {}

    def read(process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            row = json.loads(line)
            assert row["status"] == "saved", line
            assert row["target"]["insight_id"] not in saved_at, "saved twice"
            saved_at[row["target"]["insight_id"]] = time.time()

    words = [word for id_ in ids for word in ("--aoi", id_)]
    words += ["--out", str(tmp_path / "out"), "--every", f"{every_s}s", "--json", *QUICK]
    with sandbox_in_thread(plan) as sandbox:
        with start("watch", "insights", *words, env=env_of(sandbox), stderr=None) as process:
            reader = Thread(target=read, args=(process,))
            reader.start()
            when(lambda: sandbox.counts["listInsights"] >= aois)  # a process takes long to start
            create_insights(sandbox, ids, insights)
            runs = {id_: run for (_, id_), run in sandbox._api._state.runs.items()}
            ends = {id_: run.end for id_, run in runs.items() if run.is_done(math.inf)}
            when(lambda: time.time() > max(run.end for run in runs.values()) + 2 * every_s)
            when(lambda: len(saved_at) == len(ends))
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert process.wait(PROCESS_S) == 143
            took_s = time.monotonic() - began
            reader.join()
        asked: dict[str, float] = {}
        aoi_of = {made.id: made.ids["aoi_id"] for made in sandbox.creations}
        for call in sandbox.calls:
            if call.operation == "downloadInsights":
                asked.setdefault(call.path.split("/insights/")[1].split("/")[0], call.at)
        assert asked.keys() == saved_at.keys() == ends.keys()
        assert set(Counter(get.identity for get in sandbox.gets).values()) == {1}
        looks = [
            (call.path.split("/")[3], call.at)
            for call in sandbox.calls
            if call.operation == "listInsights"
        ]
    return Outcome(
        finished=len(ends),
        saved=len(final_files(tmp_path / "out")),
        requested_s=sorted(asked[id_] - at for id_, at in ends.items()),
        saved_s=sorted(saved_at[id_] - at for id_, at in ends.items()),
        looks=max(Counter(aoi for aoi, _ in looks).values()),
        looks_until_requested=max(
            sum(aoi == aoi_of[id_] and at < look < asked[id_] for aoi, look in looks)
            for id_, at in ends.items()
        ),
        took_s=took_s,
    )


def create_insights(sandbox: Sandbox, aois: list[str], count: int) -> None:
    headers = {"Authorization": sandbox.api_key}
    body = {"block": {"name": "ndvi", "version": "1.0.0"}, "input": [123, 125]}
    with httpx.Client(base_url=sandbox.api_url, headers=headers, trust_env=False) as http:
        for number in range(count):
            path = f"/v0/aoi/{aois[number % len(aois)]}/insights"
            http.post(path, json=body).raise_for_status()


LATE_S = 1.0
"""A busy machine is this late."""
FAILED_RUNS = RunFault("failed", rate=0.1)


@posix
def test_insights_that_finish_at_random_are_saved_once_within_an_interval(tmp_path: Path) -> None:
    outcome = watched(tmp_path, insights=20, aois=3, lasts_s=5, every_s=1.5, faults=(FAILED_RUNS,))
    assert 0 < outcome.finished == outcome.saved <= 20
    assert outcome.requested_s[0] >= 0
    assert outcome.looks_until_requested <= 1


@posix
@pytest.mark.soak
@pytest.mark.parametrize("is_faulty", [False, True], ids=["well", "with faults"])
def test_two_minutes_of_insights_that_finish_at_random(tmp_path: Path, is_faulty: bool) -> None:  # noqa: FBT001 - a parameter
    faults: list[Any] = [FAILED_RUNS]
    if is_faulty:
        faults += [
            ApiFault("status", on="listInsights", status=500, rate=0.1),
            ApiFault("reset", on="downloadInsights", rate=0.05),
            PackageFault("url_late", rate=0.1),
        ]
    every_s = 5.0
    outcome = watched(
        tmp_path, insights=240, aois=6, lasts_s=120, every_s=every_s, faults=tuple(faults)
    )
    print(f"\nwatch of two minutes, every {every_s:g} s: {outcome.figures}")  # noqa: T201 - of a soak
    assert outcome.finished == outcome.saved
    assert outcome.requested_s[0] >= 0
    assert outcome.requested_s[-1] <= every_s * (2 if is_faulty else 1) + LATE_S
    assert outcome.took_s < END_S
