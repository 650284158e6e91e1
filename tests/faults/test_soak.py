"""Half an hour of exports under faults and expiries in one process, and kills beside it."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from pixxel_async import Download
from pixxel_async.sandbox import (
    ApiFault,
    PackageFault,
    PackagingTime,
    Sandbox,
    Scenario,
    StorageFault,
    sandbox_in_thread,
)
from pixxel_async.sandbox.identity import Identity
from pixxel_async.sansio.files.filenames import file_name

from ..cli.test_kills import LARGE, Plan, killed_and_finished
from ..support import final_files, partials, some_downloads
from .soaking import BATCH

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")

MINUTES = float(os.environ.get("SOAK_MINUTES", "30"))
SCENARIO = Scenario(
    packaging=PackagingTime.uniform(0.1, 2.0),
    package_bytes=200_000,
    url_lifetime_s=2,
    bodies_at_once=12,
    faults=(
        ApiFault("status", status=520, rate=0.01),
        ApiFault("status", status=425, rate=0.005),
        ApiFault("html", status=403, rate=0.003),
        ApiFault("redirect", rate=0.003),
        ApiFault("empty", rate=0.003),
        ApiFault("repeat_key", status=409, rate=0.003),
        ApiFault("close", rate=0.05),
        ApiFault("slow", on="CreateDownload", delay_s=2.0, rate=0.05),
        ApiFault("status", status=502, rate=0.03),
        ApiFault("status", status=429, retry_after="1", rate=0.002),
        ApiFault("lost", rate=0.01),
        ApiFault("reset", rate=0.01),
        ApiFault("html", rate=0.01),
        ApiFault("not_json", rate=0.002),
        PackageFault("url_late", rate=0.05),
        PackageFault("unknown_word", rate=0.05),
        PackageFault("gone", rate=0.01),
        PackageFault("expired", rate=0.01),
        StorageFault("until_close", rate=0.03),
        StorageFault("cut_until_close", rate=0.01),
        StorageFault("page", status=200, rate=0.01),
        StorageFault("page", status=522, rate=0.01),
        StorageFault("status", status=403, rate=0.005),
        StorageFault("status", status=404, rate=0.003),
        StorageFault("status", status=410, rate=0.003),
        StorageFault("status", status=509, rate=0.01),
        StorageFault("status", status=530, rate=0.01),
        StorageFault("change_silently", rate=0.1),
        StorageFault("aligned_range", rate=0.1),
        StorageFault("slice", rate=0.1),
        StorageFault("truncate", rate=0.03),
        StorageFault("reset", rate=0.03),
        StorageFault("stall", rate=0.002),
        StorageFault("status", rate=0.03),
        StorageFault("expired", rate=0.03),
        StorageFault("ignore_range", rate=0.1),
        StorageFault("wrong_range", rate=0.1),
        StorageFault("wrong_checksum", rate=0.01),
        StorageFault("redirect", rate=0.03),
    ),
)
KILLS = Plan(
    packages=60, scenario=LARGE, fetches=8, requests_per_second=60, halts=(False,) * 3, seed=0
)


def served(sandbox: Sandbox, wanted: Sequence[Download]) -> dict[str, set[str]]:
    """Return what each package may be, by the name of its file: some faults replace it."""
    names = {Identity.of(download.row()): file_name(download) for download in wanted}
    right = defaultdict[str, set[str]](set)
    for package in sandbox.packages:
        if package.identity in names:
            right[names[package.identity]] |= package.served()
    return right


@pytest.mark.soak
@pytest.mark.timeout(MINUTES * 60 + 600)
def test_it_goes_on_for_long_and_stays_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ends = time.monotonic() + 60 * MINUTES
    rows, kills, seed = [], 0, 100
    out = tmp_path / "batches"
    with sandbox_in_thread(SCENARIO) as sandbox:
        words = (sys.executable, "-m", "tests.faults.soaking", sandbox.api_url, sandbox.api_key)
        with subprocess.Popen(  # noqa: S603 - the command is ours
            [*words, str(out)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            for line in process.stdout:
                rows.append(row := json.loads(line))
                assert row["complete"], row["reasons"]
                folder = out / str(row["number"])
                wanted = some_downloads(BATCH, row["number"])
                right = served(sandbox, wanted)
                files = final_files(folder)
                assert files.keys() == {file_name(download) for download in wanted}
                assert {
                    name for name, digest in files.items() if digest not in right[name]
                } == set()
                assert set(partials(folder)) <= set(row["planted"])
                shutil.rmtree(folder)
                if time.monotonic() < ends and row["number"] % 5 == 4:
                    seed += 1
                    place = tmp_path / f"kills-{seed}"
                    place.mkdir()
                    kills += killed_and_finished(place, replace(KILLS, seed=seed)).kills
                    shutil.rmtree(place)
                if time.monotonic() >= ends and not process.stdin.closed:
                    process.stdin.close()
            assert process.wait() == 0
        struck = sum(call.status >= 400 or not call.status for call in sandbox.calls)
        struck += sum(get.action != "" for get in sandbox.gets)
        calls, gets = len(sandbox.calls), len(sandbox.gets)
    quarter = max(1, len(rows) // 4)
    memory = [[row["rss"] / 1024**2 for row in part] for part in (rows[:quarter], rows[-quarter:])]
    first, last = map(statistics.median, memory)
    with capsys.disabled():
        print(  # noqa: T201 - the figures of a soak
            f"\nsoak of {MINUTES:g} minutes: {len(rows) * BATCH} packages in "
            f"{sum(row['runs'] for row in rows)} exports of one process, {calls} calls, "
            f"{gets} transfers, {struck} of both struck by a fault; "
            f"{sum(row['tampered'] for row in rows)} acts of tampering; {kills} kills of others; "
            f"memory {first:.0f} MiB in the first quarter, {last:.0f} MiB in the last; "
            f"descriptors {rows[0]['descriptors']} after the first export, "
            f"{rows[-1]['descriptors']} after the last"
        )
    assert last <= 1.2 * first + 10
    assert rows[-1]["descriptors"] <= rows[0]["descriptors"] + 20
