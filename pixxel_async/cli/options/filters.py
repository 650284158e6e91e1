"""The options of `list` and `select`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, TypeAlias

import typer

from ...records.base import read_time
from ...sansio.api.record_filter import Criteria, words
from .folder import flag
from .service import ServiceOptions
from .types import at_least_one

ANY = "any"
FILTERS = "Filters"


def _time(text: str) -> datetime:
    time = read_time(text)
    if time is None:
        reason = f"{text!r} is no time: give one such as 2025-04-14 or 2025-04-14T08:30:00Z."
        raise typer.BadParameter(reason)
    return time


def _count(value: int | None) -> int | None:
    return value if value is None else at_least_one(value)


@dataclass(frozen=True, kw_only=True)
class FindOptions(ServiceOptions):
    """Which records; each field is an option of the command line."""

    created_after: Annotated[
        datetime | None,
        typer.Option(
            "--created-after",
            metavar="TIME",
            parser=_time,
            rich_help_panel=FILTERS,
            show_default=False,
            help="Made at this time or later: a date or a time, in UTC unless it has a zone.",
        ),
    ] = None
    created_before: Annotated[
        datetime | None,
        typer.Option(
            "--created-before",
            metavar="TIME",
            parser=_time,
            rich_help_panel=FILTERS,
            show_default=False,
            help="Made before this time.",
        ),
    ] = None
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            metavar="N",
            callback=_count,
            rich_help_panel=FILTERS,
            show_default=False,
            help="Stop after so many.",
        ),
    ] = None
    quiet: Annotated[bool, flag("--quiet", text="Tell errors only on standard error.")] = False

    def criteria(
        self,
        *,
        project: str | None = None,
        name: str | None = None,
        status: list[str] | None = None,
        default: frozenset[str] = frozenset(),
    ) -> Criteria:
        """Return what is wanted.

        Args:
            project: The project.
            name: The name.
            status: The status words that were given.
            default: Those that are wanted if none was given.
        """
        given = words(status or ())
        return Criteria(
            statuses=frozenset() if ANY in given else given or default,
            name=name,
            project_id=project,
            created_after=self.created_after,
            created_before=self.created_before,
        )


def _filter(name: str, metavar: str, text: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        name, metavar=metavar, rich_help_panel=FILTERS, show_default=False, help=text
    )
    return option


Project: TypeAlias = Annotated[str | None, _filter("--project", "ID", "In this project.")]
Name: TypeAlias = Annotated[
    str | None, _filter("--name", "NAME", "Of this name; *, ? and [...] are wildcards.")
]
Status: TypeAlias = Annotated[
    list[str] | None,
    _filter("--status", "WORD", "Of this status, in any case; may be repeated."),
]
Aoi: TypeAlias = Annotated[
    str | None, _filter("--aoi", "ID", "In this AOI; without it, all AOIs are walked.")
]
Workflow: TypeAlias = Annotated[
    str | None,
    _filter("--workflow", "ID", "Of this workflow; without it, all workflows are walked."),
]
Job: TypeAlias = Annotated[
    str | None,
    _filter("--job", "ID", "Of this job of --workflow; without it, all are walked."),
]
Orders: TypeAlias = Annotated[
    list[str] | None, _filter("--order", "ID", "Of this order; may be repeated.")
]
OrderItems: TypeAlias = Annotated[
    list[str] | None, _filter("--order-item", "ID", "Of this order item; may be repeated.")
]
Captured: TypeAlias = Annotated[
    str | None,
    _filter(
        "--captured",
        "INTERVAL",
        "Taken then: a time, or an interval such as 2024-01-01T00:00:00Z/..",
    ),
]
AsJson: TypeAlias = Annotated[
    bool, flag("--json", text="Write the service's own objects, one a line.")
]


def job_needs_workflow(workflow: str | None, job: str | None) -> None:
    """Check that a job is named together with its workflow.

    Raises:
        typer.BadParameter: It is not.
    """
    if job is not None and workflow is None:
        reason = "the service finds a job by its workflow: give --workflow, too."
        raise typer.BadParameter(reason, param_hint="'--job'")
