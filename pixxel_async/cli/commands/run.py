"""`pixxel-async run`: creates jobs and insights, waits for them, and saves their packages."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from ...display.event_text import rejected
from ...errors import AuthenticationError, InputError
from ...runs import RunInsight, RunJob
from ..client_factory import client_of
from ..options.dataclass_options import takes_options
from ..options.runs import CreateOptions
from ..outcome import reported
from ..output.exit_codes import MISUSE, complain, ended
from ..run_consent import ask
from .export_run import Creation, run_export

app = typer.Typer(
    no_args_is_help=True,
    help="Create jobs or insights, wait for them, and save their packages. This costs.",
    epilog="For many of them, write a manifest: see pixxel-async export --help",
)

Aois = Annotated[
    list[str] | None,
    typer.Option(
        "--aoi",
        metavar="AOI_ID",
        help="An area to run it for, one job each; only its project is sent. May be repeated.",
    ),
]
Label = Annotated[
    str, typer.Option("--label", metavar="TEXT", help="Tells it apart from an equal one.")
]


@app.command(
    epilog="Example: pixxel-async run workflow WORKFLOW_ID --project PROJECT_ID --out results\n\n"
    "Example: pixxel-async run workflow WORKFLOW_ID --aoi AOI_ID --max-cost 100 --out results"
)
@takes_options
def workflow(
    options: CreateOptions,
    *,
    workflow_id: Annotated[str, typer.Argument(metavar="WORKFLOW_ID", help="The workflow.")],
    project: Annotated[
        str | None,
        typer.Option(
            "--project",
            metavar="PROJECT_ID",
            show_default="the project of the area",
            help="The project of the workflow.",
        ),
    ] = None,
    aoi: Aois = None,
    label: Label = "",
) -> None:
    """Create jobs of a workflow, wait for them, and save their packages.

    The same command resumes, and creates nothing twice.
    """
    with ended():
        areas = list(dict.fromkeys(aoi or []))
        if project is None and not areas:
            reason = "give the project of the workflow, or an area with --aoi."
            raise typer.BadParameter(reason, param_hint="'--project'")
        projects = {"": project, **dict.fromkeys(areas, project)}
        if project is None:
            projects = _projects_of(areas, options)
        _run(
            [
                RunJob(
                    workflow_id=workflow_id,
                    project_id=projects[area] or "",
                    aoi_id=area,
                    label=label,
                )
                for area in areas or [""]
            ],
            options,
        )


@app.command(
    epilog="Example: pixxel-async run insight ndvi 1.0.0 --aoi AOI_ID --inputs '[1]' --out results"
)
@takes_options
def insight(  # noqa: PLR0913 - the documented fields, by name
    options: CreateOptions,
    *,
    block: Annotated[str, typer.Argument(metavar="BLOCK", help="The name of the block.")],
    version: Annotated[str, typer.Argument(metavar="VERSION", help="Its version.")],
    aoi: Annotated[
        list[str],
        typer.Option(
            "--aoi", metavar="AOI_ID", help="The area, one insight each. May be repeated."
        ),
    ],
    inputs: Annotated[
        str,
        typer.Option("--inputs", metavar="JSON", help="The inputs of the block, as a JSON array."),
    ],
    name: Annotated[str, typer.Option("--name", metavar="TEXT", help="A title.")] = "",
    project: Annotated[
        str, typer.Option("--project", metavar="PROJECT_ID", help="The project.")
    ] = "",
    label: Label = "",
) -> None:
    """Create insights on areas, wait for them, and save their packages.

    The same command resumes, and creates nothing twice.
    """
    with ended():
        values = _array(inputs)
        _run(
            [
                RunInsight(
                    aoi_id=area,
                    block=block,
                    version=version,
                    inputs=values,
                    name=name,
                    project_id=project,
                    label=label,
                )
                for area in dict.fromkeys(aoi)
            ],
            options,
        )


def _array(text: str) -> list[Any]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, list) or not values:
        reason = "it is not a JSON array with at least one value, such as '[1]'."
        raise typer.BadParameter(reason, param_hint="'--inputs'")
    return values


def _projects_of(areas: Sequence[str], options: CreateOptions) -> dict[str, str | None]:
    """Return the projects of areas.

    Raises:
        InputError: An area has none.
    """

    async def projects() -> dict[str, str | None]:
        async with client_of(options) as client:
            return {area: (await client.aois.get(area)).project_id for area in areas}

    try:
        found = asyncio.run(projects())
    except AuthenticationError as error:
        complain(rejected(error))
        raise typer.Exit(MISUSE) from None
    for area, project in found.items():
        if not project:
            message = f"the area {area} has no project: give the one of the workflow with --project"
            raise InputError(message)
    return found


def _run(runs: Sequence[RunJob | RunInsight], options: CreateOptions) -> None:
    with reported(options) as outcome:
        if not options.dry_run:
            ask(runs, options)
        first = Creation(runs=runs, max_cost=options.max_cost, detach=options.detach)
        run_export([], options, outcome, first)
