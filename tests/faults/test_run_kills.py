"""Runs that are killed with SIGKILL around their creations: nothing is created twice."""

from __future__ import annotations

import hashlib
import json
import random
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pixxel_async import RunInsight, RunJob
from pixxel_async.journal.reader import read_record
from pixxel_async.runs import BaseRun
from pixxel_async.sandbox import (
    ApiFault,
    PackagingTime,
    Sandbox,
    Scenario,
    StorageFault,
    World,
    sandbox_in_thread,
)

from ..cli.commands import write_manifest
from ..support import PROCESS_S

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")

CREATIONS = ("createJob", "createInsights")
NO_LIMIT = 1e9


def faulty(world: World) -> Scenario:
    """Return a service that loses a fifth of the answers, and fails in other ways."""
    return Scenario(
        world=world,
        running=PackagingTime.uniform(0.1, 1.0),
        package_bytes=20_000,
        faults=(
            *(ApiFault("lost", on=operation, rate=0.1) for operation in CREATIONS),
            *(ApiFault("reset", on=operation, rate=0.05) for operation in CREATIONS),
            *(ApiFault("html", on=operation, rate=0.05, status=502) for operation in CREATIONS),
            ApiFault("status", status=503, rate=0.02),
            ApiFault("lost", rate=0.02),
            StorageFault("truncate", rate=0.05),
        ),
    )


def jobs_on(world: World, count: int) -> list[RunJob]:
    """Return jobs of three workflows on each area."""
    return [
        RunJob(workflow_id=one.id, project_id=one.project_id, aoi_id=aoi.aoi_id)
        for one in world.workflows[:3]
        for aoi in world.aois
    ][:count]


@dataclass(frozen=True)
class Killed:
    """Runs that are killed again and again, in one folder.

    Attributes:
        kills: How often.
        spread: The most moments before a kill.
        max_cost: What they may cost.
        seed: Of the moments.
    """

    kills: int
    spread: int
    max_cost: float = NO_LIMIT
    seed: int = 0

    def run(self, sandbox: Sandbox, runs: Sequence[BaseRun], folder: Path) -> dict[str, Any]:
        """Kill the runs, and let the last one end; return its report."""
        manifest = write_manifest(folder / "runs.jsonl", [one.row() for one in runs])
        chance = random.Random(self.seed)  # noqa: S311 - to repeat a run
        for number in range(self.kills):
            code, _ = self._once(sandbox, folder, manifest, chance.randint(3, self.spread), number)
            assert code == -signal.SIGKILL
            self._check(sandbox)
        code, said = self._once(sandbox, folder, manifest, 0, 0)
        assert code == 0, said
        self._check(sandbox)
        return json.loads(said)  # type: ignore[no-any-return]  # what the program writes

    def _once(
        self, sandbox: Sandbox, folder: Path, manifest: Path, calls: int, seed: int
    ) -> tuple[int, str]:
        words = (sys.executable, "-m", "tests.faults.killed_runs", sandbox.api_url, sandbox.api_key)
        numbers = (self.max_cost, calls, seed)
        done = subprocess.run(  # noqa: S603 - the program is ours
            [*words, str(folder / "out"), str(manifest), *map(str, numbers)],
            capture_output=True,
            text=True,
            timeout=PROCESS_S,
            check=False,
        )
        return done.returncode, done.stdout or done.stderr

    def _check(self, sandbox: Sandbox) -> None:
        assert cost_of(sandbox) <= self.max_cost


def cost_of(sandbox: Sandbox) -> float:
    """Return what everything that was created costs."""
    world = sandbox.world
    prices = {one.id: one.estimated_cost or 0 for one in world.workflows}
    return sum(
        prices[one.ids["workflow_id"]] for one in sandbox.creations if "workflow_id" in one.ids
    )


def check_files(sandbox: Sandbox, said: dict[str, Any], count: int) -> None:
    """Check that each package is right."""
    assert said["failed"] == [], said["errors"]
    assert len({path for _, path in said["saved"]}) == count
    for row, path in said["saved"]:
        digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
        assert digest == sandbox.expected_sha256(row)


def check_created_once(sandbox: Sandbox, folder: Path, count: int) -> None:
    """Check that each run was created once, and that the journal knows what was created."""
    created = [one.id for one in sandbox.creations]
    assert len(created) == count
    rows = read_record(folder / "out").intents
    assert sorted(str(row.created_id) for row in rows) == sorted(created)


def test_killed_a_few_times_everything_is_created_once(tmp_path: Path) -> None:
    world = World.made_up(aois=3, workflows=2, jobs_per_workflow=2, insights_per_aoi=2)
    insights = [
        RunInsight(aoi_id=aoi.aoi_id, block="ndvi", version="1.0.0", inputs=[1])
        for aoi in world.aois
    ]
    runs = [*jobs_on(world, 6), *insights]
    with sandbox_in_thread(faulty(world)) as sandbox:
        said = Killed(kills=3, spread=30, seed=4).run(sandbox, runs, tmp_path)
        check_created_once(sandbox, tmp_path, len(runs))
        check_files(sandbox, said, len(runs))


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_sixty_jobs_on_twenty_areas_killed_ten_times(tmp_path: Path) -> None:
    world = World.made_up(aois=20, workflows=3, jobs_per_workflow=2)
    runs = jobs_on(world, 60)
    with sandbox_in_thread(faulty(world)) as sandbox:
        said = Killed(kills=10, spread=90, seed=1).run(sandbox, runs, tmp_path)
        check_created_once(sandbox, tmp_path, 60)
        check_files(sandbox, said, 60)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_a_limit_is_not_exceeded_in_a_hundred_kills(tmp_path: Path) -> None:
    world = World.made_up(aois=20, workflows=3, jobs_per_workflow=2)
    prices = [one.estimated_cost or 0 for one in world.workflows]
    max_cost = sum(prices) * 20 * 0.6
    with sandbox_in_thread(faulty(world)) as sandbox:
        killed = Killed(kills=100, spread=30, max_cost=max_cost, seed=2)
        said = killed.run(sandbox, jobs_on(world, 60), tmp_path)
        assert max_cost - max(prices) < cost_of(sandbox) <= max_cost
        check_created_once(sandbox, tmp_path, len(said["saved"]))
    assert {name for _, name in said["failed"]} == {"CostLimitError"}
