"""`pixxel-async demo`: an example export from a sandbox in the same process."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import typer

from ...client import PixxelClient
from ...config import Limits, PollPolicy, RetryPolicy
from ...destinations.paths import absolute_path
from ...display.base import Verbosity
from ...downloads import parse_download
from ...export.summary import Report
from ...sandbox import PackagingTime, Sandbox, Scenario, demo_rows
from ..follower import Follower
from ..output.exit_codes import complain, terminal_width
from ..output.logs import log_shown
from ..output.summary import summary
from ..signals import Interruption
from .export_run import choose_display, exit_code, what_next
from .serve import FAULTS

SEED = 7

SCENARIO = Scenario(
    packaging=PackagingTime.uniform(0.3, 4.0),
    package_bytes=600_000,
    size_spread=0.9,
    bytes_per_s=1_500_000,
    faults=FAULTS,
    seed=SEED,
)
LIMITS = Limits(requests=32, requests_per_second=200, fetches=12)
POLL = PollPolicy(initial_s=0.3, max_s=1.5, keep_times=False)
RETRY = RetryPolicy(initial_s=0.1, max_s=1.0)


def run_demo(folder: Path, packages: int, loudness: Verbosity) -> None:
    """Export example packages, and end the command.

    Raises:
        typer.Exit: With the exit code.
    """
    folder = absolute_path(folder)
    display = choose_display(loudness)

    async def export() -> tuple[Report, Interruption]:
        downloads = [parse_download(row) for row in demo_rows(packages, SEED)]
        async with (
            Sandbox(SCENARIO) as sandbox,
            PixxelClient(
                sandbox.api_key,
                base_url=sandbox.api_url,
                limits=LIMITS,
                poll=POLL,
                retry=RETRY,
            ) as client,
        ):
            begun = client.export(downloads, folder)
            return begun.report, await Follower(begun, display).run()

    if loudness > Verbosity.ERRORS:
        complain(f"Exporting {packages} example packages from a local sandbox that injects faults.")
    with log_shown(display, loudness), display:
        report, interruption = asyncio.run(export())
    if loudness > Verbosity.ERRORS:
        for line in summary(report, folder, terminal_width(sys.stderr)):
            complain(line)
        if report.skipped:
            complain(
                "Packages from an earlier run exist already and were not requested again. "
                "To download them again, remove the folder or choose another one with --out."
            )
        for line in what_next(report, interruption):
            complain(line, wraps=False)
    raise typer.Exit(interruption.exit_code or exit_code(report))
