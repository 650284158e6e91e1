"""An export that is killed at any moment, as a real process, and goes on."""

from __future__ import annotations

import hashlib
import json
import random
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pixxel_async import SinkError, parse_download
from pixxel_async.engine.history import read_record
from pixxel_async.engine.record import Ending
from pixxel_async.sandbox import PackagingTime, Scenario, demo_rows, sandbox_in_thread
from pixxel_async.sansio.wire import needs_id

from ..support import partials
from .commands import env_of, start, write_manifest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")

SCENARIO = Scenario(
    packaging=PackagingTime.uniform(0.1, 3.0),
    package_bytes=2_000_000,
    size_spread=0.5,
    bytes_per_s=2_000_000,
)
OPTIONS = (
    *("--poll-initial", "0.2", "--poll-max", "0.6", "--requests-per-second", "60"),
    *("--fetches", "8"),  # a kill loses what each has brought in 0.1 s
)
MOST_BYTES = 1.05
"""How much may be sent, as a share of what is saved."""


@dataclass(frozen=True)
class Outcome:
    """What came of an export that was killed again and again.

    Attributes:
        kills: How often it was killed in the middle.
        sent_share: Bytes that the storage sent, as a share of the bytes of the files.
        surplus: Creations that were answered beyond the first, of packages that have one each.
        recreated: How many of these the journal has counted.
    """

    kills: int
    sent_share: float
    surplus: int
    recreated: int


def killed_and_finished(folder: Path, *, packages: int, kills: int, seed: int) -> Outcome:
    """Kill an export at random moments, let it finish, and check what it has left."""
    moments = random.Random(seed)  # noqa: S311 - to repeat a run
    rows = demo_rows(packages, seed)
    manifest = write_manifest(folder / "m.jsonl", rows)
    out = folder / "out"
    words = ("export", manifest, "--out", out, "--json", "--quiet", *OPTIONS)
    with sandbox_in_thread(SCENARIO) as sandbox:
        env = env_of(sandbox)
        done = 0
        while done < kills:
            with start(*words, env=env, stdout=subprocess.DEVNULL) as process:
                wait_for_run(process, out)
                try:
                    process.wait(0.1 + 1.3 * moments.random())
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGKILL)
                    process.wait()
                    done += 1
                else:
                    pytest.fail("the export ended before it was killed often enough")
        with start(*words, env=env) as process:
            stdout, stderr = process.communicate(timeout=300)
        assert process.returncode == 0, stderr[-3000:]
        ended: list[dict[str, Any]] = [json.loads(line) for line in stdout.splitlines()]
        assert len(ended) == len({json.dumps(row["target"]) for row in ended}) == packages
        for row in ended:
            digest = hashlib.sha256((out / row["path"]).read_bytes()).hexdigest()
            assert digest == row["sha256"] == sandbox.expected_sha256(row["target"])
        creations = Counter(
            (call.path, call.body)
            for call in sandbox.calls
            if call.method == "POST" and call.status in {200, 201}
        )
        sent = sandbox.sent_bytes
    assert partials(out) == []
    record = read_record(out)
    *killed, last = [run.ending for run in record.runs]
    assert last is Ending.COMPLETE
    assert set(killed) == {None}
    assert len(killed) == kills
    with_id = sum(needs_id(parse_download(row)) for row in rows)
    assert len(creations) == with_id
    return Outcome(
        kills=kills,
        sent_share=sent / sum(row["bytes"] for row in ended),
        surplus=creations.total() - with_id,
        recreated=sum(row.recreated for row in record.rows),
    )


def wait_for_run(process: subprocess.Popen[str], out: Path) -> None:
    """Return when the journal knows of the run of a process."""
    while process.poll() is None:
        try:
            runs = read_record(out).runs
        except SinkError:  # there is no journal yet
            continue
        if runs and runs[-1].pid == process.pid:
            return


def check(outcome: Outcome) -> None:
    """Check what a kill may cost at most."""
    assert outcome.sent_share <= MOST_BYTES
    # A creation is sent again only if no answer was noted, and then it is counted.
    assert outcome.surplus <= outcome.recreated


@pytest.mark.fault(35)
def test_killed_a_few_times_it_converges(tmp_path: Path) -> None:
    check(killed_and_finished(tmp_path, packages=80, kills=4, seed=1))


@pytest.mark.fault(35)
@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [2, 3])
def test_killed_twenty_times_it_converges(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], seed: int
) -> None:
    outcome = killed_and_finished(tmp_path, packages=500, kills=20, seed=seed)
    with capsys.disabled():
        print(f"\nkills, seed {seed}: {outcome}")  # noqa: T201 - the figures of a soak
    check(outcome)
