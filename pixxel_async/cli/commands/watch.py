"""`pixxel-async watch`: exports what finishes, as it finishes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from ...downloads import Download
from ...records import Catalog, Insight
from ...sansio.api import package_batching
from ...sansio.units import counted
from ..options.dataclass_options import takes_options
from ..options.types import flag
from ..options.watch import WatchOptions
from ..output.exit_codes import complain
from ..watch_run import run_watch

_WITHOUT = frozenset({"dry_run", "fail_fast", "stats", "summary", "on_done"})
"""Options of an export that has an end."""

app = typer.Typer(
    no_args_is_help=True,
    help="Export what finishes, as it finishes, until interrupted.",
    epilog="Example: pixxel-async watch insights --aoi AOI_ID --out packages --every 15m",
)


def _watches(command: Callable[..., None]) -> Callable[..., None]:
    return takes_options(command, without=_WITHOUT)


@app.command(
    epilog="Example: pixxel-async watch insights --aoi AOI_ID --aoi AOI_ID --out packages\n\n"
    "Example: pixxel-async watch insights --aoi AOI_ID --out packages --every 1h --since now"
)
@_watches
def insights(
    options: WatchOptions,
    *,
    aoi: Annotated[
        list[str],
        typer.Option("--aoi", metavar="ID", help="Insights of this AOI. May be repeated."),
    ],
    inputs: Annotated[
        bool, flag("--inputs", text="Include the inputs that each insight lists.")
    ] = False,
    outputs: Annotated[
        bool, flag("--outputs", text="Include the outputs that each insight lists.")
    ] = False,
) -> None:
    """Export insights; without --inputs and --outputs, the service chooses what a package has."""

    def pack(insight: Insight) -> Download:
        download, is_listed = package_batching.chosen_insight_download(
            insight, inputs=inputs, outputs=outputs
        )
        if not (is_listed or options.quiet):
            complain(
                f"insight {insight.id} does not list the requested inputs or outputs: the service "
                "chooses the contents of its package"
            )
        return download

    run_watch(
        lambda client: client.insights.watch(aoi, **options.watching),
        pack,
        options,
        f"the insights of {counted(len(set(aoi)), 'AOI')}",
    )


@app.command(
    epilog="Example: pixxel-async watch jobs --workflow WORKFLOW_ID --out packages --every 5m"
)
@_watches
def jobs(
    options: WatchOptions,
    *,
    workflow: Annotated[
        list[str],
        typer.Option("--workflow", metavar="ID", help="Jobs of this workflow. May be repeated."),
    ],
) -> None:
    """Export jobs as they finish."""
    run_watch(
        lambda client: client.jobs.watch(workflow, **options.watching),
        package_batching.job_download,
        options,
        f"the jobs of {counted(len(set(workflow)), 'workflow')}",
    )


@app.command(
    epilog="Without --status, all images are exported, whatever the status of their delivery to a "
    "store.\n\nExample: pixxel-async watch catalogs --order ORDER_ID --out packages --every 1h"
)
@_watches
def catalogs(
    options: WatchOptions,
    *,
    order: Annotated[
        list[str] | None,
        typer.Option(
            "--order",
            metavar="ID",
            show_default=False,
            help="Images of this order; without it, of all. May be repeated.",
        ),
    ] = None,
) -> None:
    """Export images as they come into the catalog, each as a package of its own."""

    def pack(image: Catalog) -> Download:
        (download,) = package_batching.catalog_packer(1).add(image)
        return download

    run_watch(
        lambda client: client.catalogs.watch(order, **options.watching),
        pack,
        options,
        f"the images of {counted(len(set(order)), 'order')}" if order else "all images",
    )
