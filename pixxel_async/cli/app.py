"""`pixxel-async`: its commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .._version import __version__
from ..display.base import Loudness
from . import auth, bench, completion, config, doctor, download, list_commands, select_commands
from .ending import complain, ended, sandbox_needed
from .folder_options import flag
from .manifest import read_manifest
from .options import RunOptions, above_zero, at_least_one, takes_options
from .report import report
from .run import run_export
from .status import status
from .verify import verify

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    # rich's tracebacks show local variables in some versions of typer; they may hold the key.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Ask the Pixxel API for download packages, wait for them, and save them, many at a time.",
    epilog="The key is read from PIXXEL_API_KEY. To see it work without one: pixxel-async demo",
)

EXPORTING = "Finding and exporting"
AFTERWARDS = "Looking after an export"
SETTING_UP = "Setting up"
TRYING = "Trying it without an account"


def _version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(f"pixxel-async {__version__}")
        raise typer.Exit


@app.callback()
def common(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", metavar="", callback=_version, is_eager=True, help="Show the version."
        ),
    ] = False,
) -> None:
    """Take the options that stand before a command."""
    del version  # its callback has dealt with it


@app.command(
    epilog="Example: pixxel-async export manifest.jsonl --out packages\n\n"
    "Example: pixxel-async select insights --aoi AOI_ID | pixxel-async export - --out packages",
    rich_help_panel=EXPORTING,
)
@takes_options
def export(
    options: RunOptions,
    *,
    manifest: Annotated[
        str,
        typer.Argument(metavar="MANIFEST", help="A JSON Lines or CSV file; - is standard input."),
    ],
) -> None:
    r"""Save the packages that a manifest lists.

    A manifest has one JSON object a line, such as

    {"kind": "insight", "aoi_id": "...", "insight_id": "...", "outputs": \["..."]}

    {"kind": "catalog", "catalog_ids": \["..."]}

    A CSV file has the names of the fields in its first line; ; separates the ids of a list.
    """
    with ended():
        rows = read_manifest(manifest)
        if rows.repeated and not options.quiet:
            complain(
                f"rows that repeat an earlier one: {rows.repeated}; each package is saved once"
            )
        run_export(rows.downloads, options)


app.add_typer(download.app, name="download", rich_help_panel=EXPORTING)
app.add_typer(list_commands.app, name="list", rich_help_panel=EXPORTING)
app.add_typer(select_commands.app, name="select", rich_help_panel=EXPORTING)

app.command(epilog="Example: pixxel-async status packages", rich_help_panel=AFTERWARDS)(status)
app.command(epilog="Example: pixxel-async verify packages --repair", rich_help_panel=AFTERWARDS)(
    verify
)
app.command(
    epilog="Example: pixxel-async report packages --out report", rich_help_panel=AFTERWARDS
)(report)

app.add_typer(auth.app, name="auth", rich_help_panel=SETTING_UP)
app.add_typer(config.app, name="config", rich_help_panel=SETTING_UP)
app.command("doctor", epilog=doctor.EPILOG, rich_help_panel=SETTING_UP)(doctor.doctor)
app.command("completion", epilog=completion.EPILOG, rich_help_panel=SETTING_UP)(
    completion.completion
)


app.command("bench", epilog=bench.EPILOG, rich_help_panel=SETTING_UP)(bench.bench)


@app.command(epilog="Example: pixxel-async demo --packages 100", rich_help_panel=TRYING)
def demo(
    *,
    out: Annotated[
        Path,
        typer.Option(
            "--out", "--directory", metavar="DIR", help="Folder for the packages; they stay there."
        ),
    ] = Path("demo-export"),
    packages: Annotated[
        int, typer.Option(metavar="N", callback=at_least_one, help="How many to export.")
    ] = 300,
    quiet: Annotated[bool, flag("--quiet", text="Show errors only.")] = False,
) -> None:
    """Watch an export of made-up packages; no key and no network are needed.

    A sandbox stands in for the service, and goes wrong now and then. Needs the extra `sandbox`.
    """
    with sandbox_needed():
        from .demo import run_demo  # noqa: PLC0415 - the other commands work without the extra
    with ended():
        run_demo(out, packages, Loudness.ERRORS if quiet else Loudness.NORMAL)


@app.command(
    epilog="Example: pixxel-async sandbox --packaging-min 1 --packaging-max 30 --faults",
    rich_help_panel=TRYING,
)
def sandbox(  # noqa: PLR0913 - an option is a parameter
    *,
    api_port: Annotated[
        int, typer.Option(metavar="PORT", min=0, max=65535, help="Port of the service; 0: any.")
    ] = 8080,
    storage_port: Annotated[
        int, typer.Option(metavar="PORT", min=0, max=65535, help="Port of the storage; 0: any.")
    ] = 8081,
    packaging_min: Annotated[
        float,
        typer.Option(metavar="S", callback=above_zero, help="Shortest time of packaging, seconds."),
    ] = 1.0,
    packaging_max: Annotated[
        float,
        typer.Option(metavar="S", callback=above_zero, help="Longest time of packaging, seconds."),
    ] = 10.0,
    package_bytes: Annotated[
        int, typer.Option(metavar="N", callback=at_least_one, help="Mean size of a package.")
    ] = 1_000_000,
    url_lifetime: Annotated[
        int,
        typer.Option(metavar="S", callback=at_least_one, help="Signed URLs expire after this."),
    ] = 3600,
    seed: Annotated[
        int, typer.Option(metavar="N", help="The same seed gives the same packages and times.")
    ] = 0,
    faults: Annotated[
        bool, flag("--faults", text="Errors, broken connections, expired URLs.")
    ] = False,
) -> None:
    """Serve a stand-in of the service on this machine, until Ctrl-C.

    It prints the lines that make a shell use it. Needs the extra `sandbox`.
    """
    with sandbox_needed():
        from .serve import run_sandbox, scenario  # noqa: PLC0415 - as above
    with ended():
        chosen = scenario(
            packaging_s=(packaging_min, packaging_max),
            package_bytes=package_bytes,
            url_lifetime_s=url_lifetime,
            seed=seed,
            has_faults=faults,
        )
        run_sandbox(chosen, api_port=api_port, storage_port=storage_port)
