"""`pixxel-async NOUN list`: records of the service."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from .. import finder
from ..find_run import leave, report_skipped, run_find
from ..finder import Noun
from ..options.filters import FindOptions, finds
from ..options.types import flag
from ..output.exit_codes import complain, ended
from ..output.records import choose_output
from .command import Command

AsJson: TypeAlias = Annotated[
    bool, flag("--json", text="Write the service's own objects, one per line.")
]


def _command(noun: str, records: Noun, operation: str, text: str, example: str) -> Command:
    @finds(noun)
    def run(options: FindOptions, *, as_json: AsJson = False) -> None:
        output = choose_output(noun, as_json=as_json)
        count, finder = run_find(records, options, options.criteria(), output.write)
        with ended():
            output.close()
        report_skipped(finder, options)
        if not (count or finder.unreadable or options.quiet):
            complain(f"no {noun} match")
        leave(finder)

    return Command(run, text, f"Example: pixxel-async {noun} list {example}".rstrip(), operation)


COMMANDS = {
    noun: _command(noun, records, operation, text, example)
    for noun, records, operation, text, example in (
        ("projects", finder.projects, "ListProjects", "List the projects of the workspace.", ""),
        (
            "aois",
            finder.aois,
            "ListAOIs",
            "List areas of interest.",
            "--name 'Field *' --created-after 30d",
        ),
        ("assets", finder.assets, "ListAssets", "List the assets of AOIs.", "--aoi AOI_ID --json"),
        (
            "insights",
            finder.insights,
            "listInsights",
            "List the insights of AOIs.",
            "--status completed",
        ),
        ("workflows", finder.workflows, "listWorkflows", "List workflows.", "--project PROJECT_ID"),
        (
            "jobs",
            finder.jobs,
            "listJobs",
            "List the jobs of workflows.",
            "--workflow WORKFLOW_ID --status running",
        ),
        (
            "tasks",
            finder.tasks,
            "",
            "List the tasks of jobs.",
            "--workflow WORKFLOW_ID --job JOB_ID",
        ),
        (
            "catalogs",
            finder.catalogs,
            "SearchCatalogs",
            "List the images that the account owns; --status is the status of their delivery.",
            "--captured 2024-01-01T00:00:00Z/..",
        ),
        (
            "orders",
            finder.orders,
            "ListOrders",
            "List orders; --status is the status of their payment.",
            "--status paid",
        ),
        (
            "order-items",
            finder.order_items,
            "ListOrderItems",
            "List the items of orders.",
            "--status fulfilled",
        ),
    )
}
"""The command of each noun."""
