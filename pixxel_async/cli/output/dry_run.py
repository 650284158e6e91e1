"""`--dry-run`: tells what an export would do."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import asdict
from pathlib import Path

import typer

from ...destinations.paths import absolute_path
from ...downloads import Download
from ...errors import PixxelError
from ...export.dry_run import Planned, PlannedAction, plan
from ...runs import RunInsight, RunJob
from ...sansio.redact import printable
from ...sansio.units import size
from ..options.export import RunOptions
from ..run_consent import new_runs
from .exit_codes import SOME_FAILED, SUCCESS, complain
from .sizes import Sizes, in_words, look_into

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
    """Tell what an export would do, and end the command; nothing is written.

    Nothing is sent, unless sizes are wanted: then packages are requested, and looked into.

    Raises:
        SinkError: The journal of the folder cannot be read.
        typer.Exit: With 0, or 1 if a package could not be looked into.
    """
    folder = absolute_path(options.out)
    new = new_runs(runs, options)
    planned = list(plan(downloads, folder, folder=options.folder, retry=options.retry))
    found = look_into(planned, options) if options.sizes else {}
    if options.json:
        for run in new:
            sys.stdout.write(json.dumps({"target": run.row(), "plan": "run"}) + "\n")
        for package in planned:
            row = _row(package, folder) | _sizes(found.get(package.download.key))
            sys.stdout.write(json.dumps(row) + "\n")
    else:
        known = [one for one in found.values() if isinstance(one, Sizes)]
        last = in_words(known) if found else "Nothing was sent."
        for line in [*_lines(planned, folder), *_run_lines(runs, new), last]:
            typer.echo(printable(line))
    failed = {key: error for key, error in found.items() if isinstance(error, PixxelError)}
    for key, error in failed.items():
        complain(f"{key}: {error}")
    raise typer.Exit(SOME_FAILED if failed else SUCCESS)


def _sizes(found: Sizes | PixxelError | None) -> dict[str, object]:
    if isinstance(found, Sizes):
        return asdict(found)
    return {} if found is None else {"error": str(found)}


def _row(package: Planned, folder: Path) -> dict[str, object]:
    return {
        "target": package.download.row(),
        "plan": package.intent.value,
        "path": package.path.relative_to(folder).as_posix(),
        "held_bytes": package.held_bytes,
    }


def _lines(planned: Sequence[Planned], folder: Path) -> list[str]:
    counts = Counter(package.intent for package in planned)
    width = len(str(len(planned)))
    lines = [
        f"{counts[intent]:>{width}} {text}" for intent, text in _WORDS.items() if counts[intent]
    ]
    if held := sum(package.held_bytes for package in planned):
        lines.append(f"{size(held)} of unfinished transfers would be resumed")
    return [f"{len(planned)} packages, into {folder}:", *lines]


def _run_lines(runs: Collection[object], new: Collection[object]) -> list[str]:
    if not runs:
        return []
    told = f"{len(new)} would be created first, {len(runs) - len(new)} are known"
    return [f"{len(runs)} jobs and insights: {told}"]
