"""`--dry-run`: tells what an export would do."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

import typer

from ...destinations.paths import absolute_path
from ...downloads import Download
from ...export.dry_run import Planned, PlannedAction, plan
from ...runs import RunInsight, RunJob
from ...sansio.redact import printable
from ...sansio.units import size
from ..options.export import RunOptions
from ..run_consent import new_runs

_WORDS = {
    PlannedAction.CREATE: "would be requested",
    PlannedAction.POLL: "were requested by an earlier run and would be polled",
    PlannedAction.CREATE_AGAIN: "were requested without a recorded answer; would be repeated",
    PlannedAction.SKIP: "are there already",
    PlannedAction.LEAVE_FAILED: "failed in an earlier run; --retry-failed would retry them",
    PlannedAction.GIVE_UP: "were requested too often without an answer; --retry-failed would retry",
}


def dry_run(
    downloads: Sequence[Download], options: RunOptions, runs: Sequence[RunJob | RunInsight] = ()
) -> None:
    """Tell what an export would do, and end the command; nothing is sent or written.

    Raises:
        SinkError: The journal of the folder cannot be read.
        typer.Exit: With 0.
    """
    folder = absolute_path(options.out)
    new = new_runs(runs, options)
    planned = list(plan(downloads, folder, folder=options.folder, retry=options.retry))
    if options.json:
        for run in new:
            sys.stdout.write(json.dumps({"target": run.row(), "plan": "run"}) + "\n")
        for package in planned:
            sys.stdout.write(json.dumps(_row(package, folder)) + "\n")
    else:
        for line in _lines(planned, folder, runs, new):
            typer.echo(printable(line))
    raise typer.Exit


def _row(package: Planned, folder: Path) -> dict[str, object]:
    return {
        "target": package.download.row(),
        "plan": package.intent.value,
        "path": package.path.relative_to(folder).as_posix(),
        "held_bytes": package.held_bytes,
    }


def _lines(
    planned: Sequence[Planned], folder: Path, runs: Collection[object], new: Collection[object]
) -> list[str]:
    counts = Counter(package.intent for package in planned)
    width = len(str(len(planned)))
    lines = [
        f"{counts[intent]:>{width}} {text}" for intent, text in _WORDS.items() if counts[intent]
    ]
    if held := sum(package.held_bytes for package in planned):
        lines.append(f"{size(held)} of unfinished transfers would be gone on from")
    if runs:
        told = f"{len(new)} would be created first, {len(runs) - len(new)} are known"
        lines.append(f"{len(runs)} jobs and insights: {told}")
    return [f"{len(planned)} packages, into {folder}:", *lines, "Nothing was sent."]
