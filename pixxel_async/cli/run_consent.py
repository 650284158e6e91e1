"""Shows what jobs and insights would cost, and asks before they are created.

Rules:
    * What the journal of the folder knows is not created again, so it is not asked about.
    * Without a terminal and without `--yes`, nothing is sent.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence

from ..client import PixxelClient
from ..config import PreviousFailures
from ..destinations.paths import absolute_path
from ..journal.models import IntentRow
from ..journal.reader import has_journal, read_record
from ..runs import RunInsight, RunJob, parse_run
from ..sansio.run_state import RunAction, first_action
from ..sansio.units import counted
from .client_factory import client_of
from .consent import check_can_ask, check_confirmed
from .options.export import RunOptions
from .options.runs import SpendOptions
from .output.exit_codes import complain


def intents_of(options: RunOptions) -> dict[str, IntentRow]:
    """Return the runs that the journal of the folder knows, by key.

    Raises:
        SinkError: The journal cannot be read.
    """
    folder = absolute_path(options.out)
    if not has_journal(folder):
        return {}
    return {row.key: row for row in read_record(folder).intents}


def earlier_runs(options: RunOptions) -> list[RunJob | RunInsight]:
    """Return the runs that the journal of the folder knows.

    Raises:
        SinkError: The journal cannot be read.
        InputError: A row of it is not a run.
    """
    return [parse_run(json.loads(row.target)) for row in intents_of(options).values()]


def new_runs(runs: Sequence[RunJob | RunInsight], options: RunOptions) -> list[RunJob | RunInsight]:
    """Return the runs that would be created.

    Raises:
        SinkError: The journal cannot be read.
    """
    known = intents_of(options)
    failures = PreviousFailures.RETRY if options.retry_failed else PreviousFailures.LEAVE
    distinct = {run.key: run for run in runs}
    return [run for run in distinct.values() if _is_new(known.get(run.key), failures)]


def ask(runs: Sequence[RunJob | RunInsight], options: SpendOptions) -> None:
    """Show what would be created, with its estimated cost, and ask.

    Raises:
        typer.Exit: It is declined, or there is no terminal to ask on.
        PixxelError: The service gave no estimate.
    """
    wanted = new_runs(runs, options)
    if not wanted or (options.yes and options.quiet):
        return
    check_can_ask(
        f"nothing was sent: {_counted(wanted)} would be created, which costs, and there is no "
        "terminal to ask on; add --yes",
        yes=options.yes,
    )
    costs = asyncio.run(_estimates(wanted, options))
    known = [cost for cost in costs if cost is not None]
    total = f"{sum(known):g}" if len(known) == len(costs) else f"{sum(known):g} or more"
    limit = "" if options.max_cost is None else f", with a limit of {options.max_cost:g}"
    complain(f"to be created: {_counted(wanted)}; estimated cost: {total}{limit}")
    check_confirmed("nothing was created", yes=options.yes)


def _is_new(row: IntentRow | None, failures: PreviousFailures) -> bool:
    if row is None:
        return True
    action = first_action(
        row.state,
        has_id=row.created_id is not None,
        is_unanswered=bool(row.is_unanswered),
        takes_up_itself=bool(row.is_retryable_next_run),
        failures=failures,
    )
    return action is RunAction.CREATE


async def _estimates(
    runs: Sequence[RunJob | RunInsight], options: SpendOptions
) -> list[float | None]:
    async with client_of(options) as client:
        found: dict[str, float | None] = {}
        for run in runs:
            source = _source(run)
            if source not in found:
                found[source] = await _estimate(client, run)
        return [found[_source(run)] for run in runs]


def _source(run: RunJob | RunInsight) -> str:
    return run.workflow_id if isinstance(run, RunJob) else run.key


async def _estimate(client: PixxelClient, run: RunJob | RunInsight) -> float | None:
    if isinstance(run, RunJob):
        return (await client.workflows.estimate(run.workflow_id)).cost
    estimate = await client.insights.estimate(
        run.aoi_id,
        run.block,
        run.version,
        run.inputs,
        name=run.name or None,
        project_id=run.project_id or None,
        metadata=run.metadata or None,
    )
    return estimate.cost


def _counted(runs: Sequence[RunJob | RunInsight]) -> str:
    return " and ".join(_counts(runs))


def _counts(runs: Sequence[RunJob | RunInsight]) -> Iterator[str]:
    jobs = sum(isinstance(run, RunJob) for run in runs)
    if jobs:
        yield counted(jobs, "job")
    if jobs < len(runs):
        yield counted(len(runs) - jobs, "insight")
