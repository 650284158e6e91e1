"""Case 31: out of file descriptors, in a process that really may have few."""

from __future__ import annotations

import asyncio
import json
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from pixxel_async.sandbox import Sandbox, Scenario
from pixxel_async.sansio.resilience.adaptive_concurrency import FIRST

from ..support import final_files, partials


@pytest.mark.fault(31)
@pytest.mark.measured
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
@pytest.mark.parametrize("fetches", ["64", "auto"])
async def test_with_few_descriptors_fewer_transfers_run_and_all_is_saved(
    tmp_path: Path, fetches: str
) -> None:
    scenario = Scenario(package_bytes=300_000, bytes_per_s=3_000_000)
    async with Sandbox(scenario) as sandbox:
        words = (sandbox.api_url, sandbox.api_key, str(tmp_path), "42", fetches)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "tests.faults.few_descriptors", *words),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        said, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    told = json.loads(said)
    assert (told["saved"], told["failed"]) == (100, 0)
    assert told["short"] > 0
    changes = [64 if fetches == "64" else FIRST, *told["told"]]
    assert any(later < former for former, later in pairwise(changes))
    assert len(final_files(tmp_path)) == 100
    assert partials(tmp_path) == []
