"""An export that is killed at any moment, as a real process, and goes on.

What a kill may cost follows from what an export does, not from how fast it does it:
    * What the journal has noted is not asked for again: no package that is saved, and no byte of a
      partial that it vouches for, whether they lie behind a gap or not.
    * What it has not noted yet is lost. That is at most what has come of the packages which are
      being transferred, `--fetches` of them, and all of those which wait for a commit, `SAVES`.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from pixxel_async import SinkError, parse_download
from pixxel_async.export.fetch_stage import SAVES
from pixxel_async.journal.models import Ending, ExportRecord, PackageRow
from pixxel_async.journal.reader import read_record
from pixxel_async.sandbox import (
    PackagingTime,
    Sandbox,
    Scenario,
    StorageFault,
    demo_rows,
    sandbox_in_thread,
)
from pixxel_async.sandbox.identity import Identity
from pixxel_async.sandbox.recording import StorageGet
from pixxel_async.sandbox.reply import Sender
from pixxel_async.sandbox.storage import Storage
from pixxel_async.sansio.api.package_calls import needs_id
from pixxel_async.sansio.package_state import State
from pixxel_async.transfer.body_writer import ranges_from_json

from ..support import PROCESS_S, partials, when
from .commands import env_of, start, write_manifest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")

MOST_BYTES = 1.1
"""How much may be sent, as a share of what is saved."""
MOST_BYTES_OF_LARGE = 1.05
"""The same for large packages, of which a kill costs the latest bytes only."""
LARGE = Scenario(
    packaging=PackagingTime.uniform(0.1, 3.0),
    package_bytes=2_000_000,
    size_spread=0.5,
    bytes_per_s=2_000_000,
)
HALTED = StorageFault("stall", at=0.5)


@dataclass(frozen=True)
class Plan:
    """An export, and how it is killed.

    Attributes:
        halts: For each kill, whether all transfers are halted before it.
    """

    packages: int
    scenario: Scenario
    fetches: int
    requests_per_second: int
    halts: Sequence[bool]
    seed: int

    @property
    def options(self) -> tuple[str, ...]:
        """The options of each run."""
        rate = str(self.requests_per_second)
        return (
            *("--poll-initial", "0.2", "--poll-max", "0.6", "--requests-per-second", rate),
            *("--fetches", str(self.fetches)),
        )

    def moments(self) -> list[float]:
        """Draw after how many bytes that were sent each kill is due, one in each part of all."""
        chance = random.Random(self.seed)  # noqa: S311 - to repeat a run
        part = self.packages * self.scenario.package_bytes / (len(self.halts) + 1)
        return [part * (number + chance.random()) for number in range(len(self.halts))]


@dataclass(frozen=True)
class Kill:
    """How things stood at a kill.

    Attributes:
        record: What the journal had noted.
        gets: How many requests the storage had got.
    """

    record: ExportRecord
    gets: int


@dataclass(frozen=True)
class Outcome:
    """What came of an export that was killed again and again.

    Attributes:
        kills: How often it was killed in the middle.
        sent_share: Bytes that the storage sent, as a share of the bytes of the files.
        resumed: Partials that were there at a kill, and that the next run went on with.
        surplus: Creations that were answered beyond the first, of packages that have one each.
        recreated: How many of these the journal has counted.
        parts: Requests for a segment of a package.
    """

    kills: int
    sent_share: float
    resumed: int
    surplus: int
    recreated: int
    parts: int


class Halts:
    """Lets each transfer that begins from now on stand still in the middle of its body."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.are_on = Event()
        monkeypatch.setattr(
            Storage, "_next_fault", lambda *_: HALTED if self.are_on.is_set() else None
        )

    def wait(self, sandbox: Sandbox, out: Path, fetches: int) -> None:
        """Return when all transfers stand still and are noted, and what came before is saved."""
        first = len(sandbox.gets)
        self.are_on.set()

        def halted() -> set[str]:
            return {get.identity for get in sandbox.gets[first:] if get.action == HALTED.action}

        def is_noted() -> bool:
            rows = {identity_of(row): row for row in read_record(out).rows}
            begun = {get.identity for get in sandbox.gets}
            return all(rows[name].written for name in halted()) and all(
                rows[name].state is State.SAVED for name in begun - halted()
            )

        when(lambda: len(halted()) == fetches)
        when(is_noted, every_s=0.1)


class Pauses:
    """Lets all transfers stand still, wherever they are."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, *, bytes_per_s: int, paused_bytes_per_s: int = 500
    ) -> None:
        self.are_on = Event()
        rate = property(
            lambda _: paused_bytes_per_s if self.are_on.is_set() else bytes_per_s, lambda *_: None
        )
        monkeypatch.setattr(Sender, "_bytes_per_s", rate, raising=False)

    def wait(self, sandbox: Sandbox, out: Path, _: int) -> None:
        """Return when what was sent is noted, but for what came behind the end of a segment."""
        self.are_on.set()
        when(lambda: kept_bytes(out) >= 0.97 * sandbox.sent_bytes, every_s=0.1)


def kept_bytes(out: Path) -> int:
    """Return how many bytes the journal vouches for."""
    kept = 0
    for row in read_record(out).rows:
        kept += row.written + sum(each.end - each.begin for each in ranges_from_json(row.stretches))
    return kept


def killed_and_finished(folder: Path, plan: Plan, halts: Halts | Pauses | None = None) -> Outcome:
    """Kill an export at random moments, let it finish, and check what it has left."""
    rows = demo_rows(plan.packages, plan.seed)
    manifest = write_manifest(folder / "m.jsonl", rows)
    out = folder / "out"
    words: list[str | Path] = ["export", manifest, "--out", out, "--json", "--quiet", *plan.options]
    kills: list[Kill] = []

    def kill(process: subprocess.Popen[str], moment: float, *, halt: bool) -> None:
        when(lambda: is_run_of(process, out), every_s=0.1)
        when(lambda: sandbox.sent_bytes >= moment)
        if halts is not None and halt:
            halts.wait(sandbox, out, plan.fetches)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        if halts is not None:
            halts.are_on.clear()
        kills.append(Kill(read_record(out), len(sandbox.gets)))

    with sandbox_in_thread(plan.scenario) as sandbox:
        env = env_of(sandbox)
        for moment, halt in zip(plan.moments(), plan.halts, strict=True):
            with start(*words, env=env, stdout=subprocess.DEVNULL) as process:
                kill(process, moment, halt=halt)
        with start(*words, env=env) as process:
            stdout, stderr = process.communicate(timeout=PROCESS_S)
        assert process.returncode == 0, stderr[-3000:]
        ended: list[dict[str, Any]] = [json.loads(line) for line in stdout.splitlines()]
        assert len(ended) == len({json.dumps(row["target"]) for row in ended}) == plan.packages
        for row in ended:
            digest = hashlib.sha256((out / row["path"]).read_bytes()).hexdigest()
            assert digest == row["sha256"] == sandbox.expected_sha256(row["target"])
        creations = Counter(
            (call.path, call.body)
            for call in sandbox.calls
            if call.method == "POST" and call.status in {200, 201}
        )
        sent, gets = sandbox.sent_bytes, list(sandbox.gets)
    assert partials(out) == []
    record = read_record(out)
    *killed, last = [run.ending for run in record.runs]
    assert last is Ending.COMPLETE
    assert killed == [None] * len(kills)
    with_id = sum(needs_id(parse_download(row)) for row in rows)
    assert len(creations) == with_id
    return Outcome(
        kills=len(kills),
        sent_share=sent / sum(row["bytes"] for row in ended),
        resumed=sum(resumed_after(kill, gets) for kill in kills),
        surplus=creations.total() - with_id,
        recreated=sum(row.recreated for row in record.rows),
        parts=sum(get.range[-1:].isdigit() for get in gets),
    )


def is_run_of(process: subprocess.Popen[str], out: Path) -> bool:
    """Return whether the journal knows of the run of a process."""
    assert process.poll() is None, "the export ended before it was killed"
    try:
        runs = read_record(out).runs
    except SinkError:  # there is no journal yet
        return False
    return bool(runs) and runs[-1].pid == process.pid


def identity_of(row: PackageRow) -> str:
    """Return how the sandbox names a package."""
    return Identity.of(json.loads(row.target)).text


_SEGMENT = re.compile(r"bytes=[0-9]+-[0-9]+")


def resumed_after(kill: Kill, gets: Sequence[StorageGet]) -> int:
    """Check that nothing is asked for again which was noted at a kill; count what went on."""
    later: dict[str, str] = {}
    for get in gets[kill.gets :]:
        if not _SEGMENT.fullmatch(get.range):  # of a helper, perhaps one of the killed process
            later.setdefault(get.identity, get.range)
    resumed = 0
    for row in kill.record.rows:
        identity = identity_of(row)
        if row.state is State.SAVED:
            assert identity not in later
        elif row.written and identity in later:  # else it has its name, and is only to be noted
            assert later[identity] == f"bytes={first_gap(row)}-"
            resumed += 1
    return resumed


def first_gap(row: PackageRow) -> int:
    """Return the first byte of a package that the journal does not vouch for."""
    at = row.written
    for stretch in ranges_from_json(row.stretches):
        at = stretch.end if stretch.begin == at else at
    return at


def check(outcome: Outcome, most_bytes: float = MOST_BYTES) -> None:
    """Check what a kill may cost at most."""
    assert outcome.sent_share <= most_bytes
    # A creation is sent again only if no answer was noted, and then it is counted.
    assert outcome.surplus <= outcome.recreated


@pytest.mark.fault(35)
def test_killed_a_few_times_it_converges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Plan(
        packages=380,
        scenario=Scenario(
            packaging=PackagingTime.uniform(0.1, 1.0),
            package_bytes=60_000,
            size_spread=0,
            bytes_per_s=1_200_000,
        ),
        fetches=4,
        requests_per_second=400,
        halts=(False, True),
        seed=1,
    )
    moving, halted = plan.halts.count(False), plan.halts.count(True)
    most_lost = moving * (plan.fetches + SAVES) + halted * plan.fetches * HALTED.at
    assert 1 + most_lost / plan.packages <= MOST_BYTES  # whatever the machine does meanwhile
    outcome = killed_and_finished(tmp_path, plan, Halts(monkeypatch))
    assert outcome.resumed >= plan.fetches * halted
    check(outcome)


@pytest.mark.fault(35)
@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [2, 3])
def test_killed_twenty_times_it_converges(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], seed: int
) -> None:
    plan = Plan(
        packages=500,
        scenario=LARGE,
        fetches=8,
        requests_per_second=60,
        halts=(False,) * 20,
        seed=seed,
    )
    outcome = killed_and_finished(tmp_path, plan)
    with capsys.disabled():
        print(f"\nkills, seed {seed}: {outcome}")  # noqa: T201 - the figures of a soak
    check(outcome)


@pytest.mark.fault(84)
def test_killed_while_segments_arrive_it_requests_hardly_a_byte_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = Plan(
        packages=1,
        scenario=Scenario(
            packaging=PackagingTime.constant(0.1), package_bytes=100_000_000, size_spread=0
        ),
        fetches=8,
        requests_per_second=60,
        halts=(True,) * 3,
        seed=6,
    )
    outcome = killed_and_finished(tmp_path, plan, Pauses(monkeypatch, bytes_per_s=4_000_000))
    assert outcome.parts >= 2 * outcome.kills
    assert outcome.resumed == outcome.kills
    check(outcome, MOST_BYTES_OF_LARGE)


@pytest.mark.fault(84)
@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [4, 5])
def test_killed_twenty_times_while_segments_arrive_it_converges(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], seed: int
) -> None:
    plan = Plan(
        packages=6,
        scenario=Scenario(
            packaging=PackagingTime.constant(0.1),
            package_bytes=150_000_000,
            size_spread=0.1,
            bytes_per_s=2_000_000,
        ),
        fetches=8,
        requests_per_second=60,
        halts=(False,) * 20,
        seed=seed,
    )
    outcome = killed_and_finished(tmp_path, plan)
    with capsys.disabled():
        print(f"\nkills, seed {seed}: {outcome}")  # noqa: T201 - the figures of a soak
    check(outcome, MOST_BYTES_OF_LARGE)
