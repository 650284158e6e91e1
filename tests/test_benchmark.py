"""The public module that measures exports."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pixxel_async
from pixxel_async import AoiDownload, JobDownload
from pixxel_async.benchmark import (
    Percentiles,
    Ratio,
    compare,
    measure_export,
    measure_urls,
    peak_memory,
    versions,
)
from pixxel_async.sandbox import PackageFault, PackagingTime, Sandbox, Scenario

from .support import PROCESS_S, client_of, final_files

MEASURED = Scenario(
    package_bytes=100_000,
    size_spread=0,
    bytes_per_s=400_000,
    packaging=PackagingTime.constant(0.5),
    faults=(PackageFault("failed", only="j0"),),
)
JOBS = [JobDownload(workflow_id="w", job_id=f"j{number}") for number in range(8)]


def some(value: float | None) -> float:
    assert value is not None
    return value


async def test_an_export_is_measured(tmp_path: Path) -> None:
    async with Sandbox(MEASURED) as sandbox, client_of(sandbox) as client:
        measured = await measure_export(client, JOBS, tmp_path)
        assert measured.received == sandbox.sent_bytes
    assert (measured.saved, measured.failed) == (7, 1)
    assert measured.packaging_s.count == measured.transfer_s.count == 7
    assert measured.first_byte_s.count == measured.polls.count == 7
    assert some(measured.packaging_s.p50) >= 0.5
    assert some(measured.polls.p50) >= 1
    assert 0 < some(measured.first_byte_s.p50) <= some(measured.transfer_s.p50)
    assert some(measured.transfer_s.p50) >= 100_000 / 400_000 * 0.9
    assert 0 < measured.transferring_s <= measured.elapsed_s
    assert measured.bytes_per_s == measured.received / measured.transferring_s
    assert measured.cpu_s > 0
    assert (measured.peak_bytes or 2**20) >= 2**20
    row = json.loads(json.dumps(measured.row()))
    assert row["versions"]["package"] == pixxel_async.__version__
    assert row["packaging_s"]["p99"] == measured.packaging_s.p99


async def test_signed_urls_are_measured_without_a_call_of_the_service(tmp_path: Path) -> None:
    async with Sandbox(replace(MEASURED, faults=())) as sandbox, client_of(sandbox) as client:
        ready = [
            await client.wait(AoiDownload(aoi_id=f"a{number}", asset_ids=["s"]))
            for number in range(2)
        ]
        urls = [package.signed_url for package in ready if package.signed_url is not None]
        calls = len(sandbox.calls)
        measured = await measure_urls(client, [*urls, urls[0]], tmp_path)
        assert len(sandbox.calls) == calls
    assert (measured.saved, measured.polls.p99) == (2, 0)
    assert len(final_files(tmp_path)) == 2


async def test_an_export_that_saves_nothing_has_no_percentiles(tmp_path: Path) -> None:
    async with Sandbox(MEASURED) as sandbox, client_of(sandbox) as client:
        measured = await measure_export(client, JOBS[:1], tmp_path)
    assert (measured.saved, measured.failed, measured.bytes_per_s) == (0, 1, 0)
    assert measured.packaging_s == Percentiles(count=0, p50=None, p90=None, p99=None)


def test_two_measurements_are_compared_by_ratios() -> None:
    first = {
        "versions": {"cores": 2},
        "saved": 10,
        "gone": 1,
        "peak_bytes": None,
        "packaging_s": {"p50": 2.0},
        "steps": [{"fetches": 1, "bytes_per_s": 10.0, "error": ""}, {"fetches": 2}],
        "cpu_s": 0.0,
    }
    second = {
        **first,
        "saved": 5,
        "packaging_s": {"p50": 3.0},
        "steps": [{"fetches": 1, "bytes_per_s": 30.0}],
    }
    del second["gone"]
    ratios = compare(first, second)
    assert ratios == [
        Ratio("saved", 10, 5),
        Ratio("packaging_s.p50", 2, 3),
        Ratio("steps.1.bytes_per_s", 10, 30),
        Ratio("cpu_s", 0, 0),
    ]
    assert [ratio.value for ratio in ratios] == [0.5, 1.5, 3.0, None]


@given(st.lists(st.integers(min_value=0, max_value=999), min_size=1))
def test_a_percentile_is_the_least_value_that_so_many_do_not_exceed(values: list[int]) -> None:
    found = Percentiles.of(values)
    assert found.count == len(values)
    for rank, percentile in ((50, found.p50), (90, found.p90), (99, found.p99)):
        value = some(percentile)
        assert value in values
        assert sum(each <= value for each in values) * 100 >= rank * len(values)
        assert sum(each < value for each in values) * 100 < rank * len(values)


def test_the_versions_and_the_memory_are_those_of_this_process() -> None:
    found = versions()
    assert found.python == sys.version.split()[0]
    assert found.platform.count(" ") >= 2
    if sys.platform != "win32":
        assert (peak_memory() or 0) > 2**20


def test_the_module_is_imported_when_it_is_used() -> None:
    code = (
        "import sys, pixxel_async; assert 'pixxel_async.benchmark' not in sys.modules;"
        "pixxel_async.benchmark.compare; assert 'pixxel_async.client' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=PROCESS_S)  # noqa: S603 - ours


@pytest.mark.parametrize("name", pixxel_async.benchmark.__all__)
def test_what_it_offers_is_described(name: str) -> None:
    assert getattr(pixxel_async.benchmark, name).__doc__
