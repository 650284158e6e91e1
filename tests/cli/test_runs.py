"""`run`, and `export` of runs: what is asked, sent, printed, and how it ends."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pixxel_async import RunJob
from pixxel_async.sandbox import RunFault, Sandbox, Scenario, World, sandbox_in_thread

from ..support import final_files
from .commands import QUICK, env_of, run, write_manifest
from .test_verbs import answered

WORLD = World.made_up(aois=3, workflows=2, jobs_per_workflow=1, insights_per_aoi=1)
WORKFLOW = WORLD.workflows[0]
AREAS = [aoi.aoi_id for aoi in WORLD.aois]
JOB = RunJob(workflow_id=WORKFLOW.id, project_id=WORKFLOW.project_id)
ONE = ("run", "workflow", WORKFLOW.id, "--project", WORKFLOW.project_id, *QUICK)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with sandbox_in_thread(Scenario(world=WORLD)) as running:
        yield running


def test_jobs_are_created_for_each_area_and_saved(sandbox: Sandbox, tmp_path: Path) -> None:
    areas = [word for area in AREAS[:2] for word in ("--aoi", area)]
    told = run(*ONE, *areas, "--out", tmp_path, "--yes", env=env_of(sandbox))
    assert told.exit_code == 0, told.stderr
    cost = 2 * (WORKFLOW.estimated_cost or 0)
    assert told.stderr.startswith(f"to be created: 2 jobs; estimated cost: {cost}\n")
    assert len(sandbox.creations) == len(final_files(tmp_path)) == 2
    again = run(*ONE, *areas, "--out", tmp_path, env=env_of(sandbox))  # there is nothing to ask
    assert again.exit_code == 0
    assert "to be created" not in again.stderr
    assert len(sandbox.creations) == 2


def test_the_project_is_that_of_the_area(sandbox: Sandbox, tmp_path: Path) -> None:
    area = next(one for one in WORLD.aois if one.project_id == WORKFLOW.project_id)
    words = ("run", "workflow", WORKFLOW.id, "--aoi", area.aoi_id, *QUICK)
    told = run(*words, "--out", tmp_path, "--yes", env=env_of(sandbox))
    assert told.exit_code == 0, told.stderr
    assert sandbox.creations[0].ids["project_id"] == WORKFLOW.project_id


def test_neither_project_nor_area(tmp_path: Path) -> None:
    told = run("run", "workflow", "w", "--out", tmp_path)
    assert told.exit_code == 2
    assert "give the project of the workflow, or an area with --aoi" in told.stderr


def test_without_a_terminal_and_without_yes_nothing_is_sent(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    told = run(*ONE, "--out", tmp_path / "out", env=env_of(sandbox))
    assert told.exit_code == 2
    assert told.stderr == (
        "nothing was sent: 1 job would be created, which costs, and there is no terminal to ask "
        "on; add --yes\n"
    )
    assert not sandbox.calls


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such terminals")
@pytest.mark.parametrize(("answer", "count"), [(b"y\n", 1), (b"n\n", 0), (b"\n", 0)])
def test_a_terminal_is_asked(sandbox: Sandbox, tmp_path: Path, answer: bytes, count: int) -> None:
    ended = answered(sandbox, answer, *ONE[:5], "--out", str(tmp_path))
    assert "Go ahead? [y/N]" in ended.stderr
    assert ended.returncode == (0 if count else 2)
    assert len(sandbox.creations) == count


def test_insights_on_areas(sandbox: Sandbox, tmp_path: Path) -> None:
    words = ("run", "insight", "ndvi", "1.0.0", "--inputs", "[1]", "--aoi", AREAS[0], *QUICK)
    told = run(*words, "--aoi", AREAS[1], "--out", tmp_path, "--yes", env=env_of(sandbox))
    assert told.exit_code == 0, told.stderr
    assert {made.ids["aoi_id"] for made in sandbox.creations} == set(AREAS[:2])
    assert len(final_files(tmp_path)) == 2


@pytest.mark.parametrize("inputs", ["1", "[]", "no"])
def test_inputs_are_an_array(tmp_path: Path, inputs: str) -> None:
    words = ("run", "insight", "b", "1", "--aoi", "a", "--inputs", inputs, "--out", tmp_path)
    told = run(*words, "--yes")
    assert told.exit_code == 2
    assert "it is not a JSON array with at least one value" in told.stderr


def test_a_detached_run_prints_rows_and_is_taken_up(sandbox: Sandbox, tmp_path: Path) -> None:
    env = env_of(sandbox)
    told = run(*ONE, "--out", tmp_path, "--yes", "--detach", "--quiet", env=env)
    assert (told.exit_code, told.stderr) == (0, "")
    row = {"kind": "job", "workflow_id": WORKFLOW.id, "job_id": sandbox.creations[0].id}
    assert json.loads(told.stdout) == row
    assert not final_files(tmp_path)
    later = run("export", "--wait-for-run", "--out", tmp_path, *QUICK, env=env)
    assert later.exit_code == 0, later.stderr
    assert len(final_files(tmp_path)) == len(sandbox.creations) == 1


def test_there_is_nothing_to_wait_for(tmp_path: Path) -> None:
    told = run("export", "--wait-for-run", "--out", tmp_path)
    assert (told.exit_code, told.stderr) == (
        0,
        "no job or insight was created into this folder: there is nothing to wait for\n",
    )
    told = run("export", "--out", tmp_path)
    assert told.exit_code == 2
    assert "give a manifest, or --wait-for-run" in told.stderr


def test_a_manifest_may_have_runs_and_downloads(sandbox: Sandbox, tmp_path: Path) -> None:
    job = WORKFLOW.jobs[0]
    rows = [JOB.row(), {"kind": "job", "workflow_id": WORKFLOW.id, "job_id": job.id}]
    words = ("export", write_manifest(tmp_path / "m.jsonl", rows), "--out", tmp_path / "out")
    refused = run(*words, *QUICK, env=env_of(sandbox))
    assert refused.exit_code == 2
    assert "1 job would be created" in refused.stderr
    told = run(*words, *QUICK, "--yes", "--json", env=env_of(sandbox))
    assert told.exit_code == 0, told.stderr
    assert {json.loads(line)["status"] for line in told.stdout.splitlines()} == {"saved"}
    assert len(sandbox.creations) == 1


def test_the_limit_is_shown_and_kept(sandbox: Sandbox, tmp_path: Path) -> None:
    words = ("--out", tmp_path, "--yes", "--max-cost", "1", "--json")
    told = run(*ONE, *words, env=env_of(sandbox))
    assert told.exit_code == 1
    assert "with a limit of 1\n" in told.stderr
    row = json.loads(told.stdout)
    assert (row["target"], row["status"]) == (JOB.row(), "failed")
    assert row["error"]["type"] == "CostLimitError"
    assert "raise max_cost (--max-cost) to create it" in row["error"]["message"]
    assert not sandbox.creations


@pytest.mark.parametrize("cost", ["-1", "inf", "nan", "much"])
def test_a_limit_is_a_cost(tmp_path: Path, cost: str) -> None:
    told = run(*ONE, "--out", tmp_path, "--max-cost", cost)
    assert told.exit_code == 2
    assert "is not a cost" in told.stderr


def test_a_dry_run_tells_and_sends_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    told = run(*ONE, "--out", tmp_path, "--dry-run", env=env_of(sandbox))
    assert told.exit_code == 0
    assert "1 jobs and insights: 1 would be created first, 0 are known" in told.stdout
    told = run(*ONE, "--out", tmp_path, "--dry-run", "--json", env=env_of(sandbox))
    assert json.loads(told.stdout) == {"target": JOB.row(), "plan": "run"}
    assert not sandbox.calls


def test_a_failed_run_is_in_the_summary(tmp_path: Path) -> None:
    with sandbox_in_thread(Scenario(world=WORLD, faults=(RunFault("failed", rate=1),))) as sandbox:
        summary = tmp_path / "summary.json"
        words = ("--out", tmp_path / "out", "--yes", "--summary", summary)
        told = run(*ONE, *words, env=env_of(sandbox))
    assert told.exit_code == 1
    assert "runs          1 created or found, 1 failed" in told.stderr
    assert "failed: " in told.stderr
    [failure] = json.loads(summary.read_text("utf-8"))["failures"]
    assert failure["target"] == JOB.row()
    assert failure["error"]["type"] == "RunFailedError"
