"""`pixxel-async`: its commands, each imported when it runs.

The table below is all that `--help` needs; the rest of the package takes most of a second to
import. The text for each command is the first paragraph of the command's own help.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

from .._version import __version__
from .nouns import NOUNS
from .options.given_once import check_occurrences

EXPORTING = "Exporting"
RECORDS = "Records of the service"
STEPS = "Exporting in separate steps"
AFTERWARDS = "Checking an export"
SETTING_UP = "Setting up"
TRYING = "Trying it out without an account"


@dataclass(frozen=True, slots=True)
class Listed:
    """A command as `--help` lists it.

    Attributes:
        name: The command; the module has a function of this name, unless it is a group.
        module: Its module in `commands`.
        panel: The section of the help that lists it.
        help: The first paragraph of its help.
        epilog: The end of its own help; None for a group, which has its own.
    """

    name: str
    module: str
    panel: str
    help: str
    epilog: str | None = None

    @property
    def is_group(self) -> bool:
        """Whether it has subcommands: the `app` of the module."""
        return self.epilog is None


LISTED = (
    Listed(
        "export",
        "export",
        EXPORTING,
        "Save the packages that a manifest lists.",
        "Example: pixxel-async export manifest.jsonl --out packages\n\n"
        "Example: pixxel-async insights select --aoi AOI_ID | "
        "pixxel-async export - --out packages",
    ),
    Listed(
        "peek",
        "peek",
        EXPORTING,
        "Show the files in a package, given by its ids, without saving it.",
    ),
    Listed(
        "run",
        "run",
        EXPORTING,
        "Create jobs or insights, wait for them, and save their packages. This costs.",
    ),
    Listed("download", "download", EXPORTING, "Save one package, given by its ids."),
    *(Listed(name, "records", RECORDS, noun.help) for name, noun in NOUNS.items()),
    Listed(
        "watch",
        "watch",
        EXPORTING,
        "Export what finishes, as it finishes, until interrupted.",
    ),
    Listed(
        "request",
        "request",
        STEPS,
        "Request packages, without waiting for them: the first of three steps.",
        "Example: pixxel-async request manifest.jsonl --state requested.state > requested.jsonl\n\n"
        "Example: pixxel-async request manifest.jsonl | pixxel-async wait - | "
        "pixxel-async fetch - --out packages",
    ),
    Listed(
        "wait",
        "wait",
        STEPS,
        "Wait until packages are ready and print their signed URLs: the second of three steps.",
        "Example: pixxel-async wait requested.jsonl --wait-timeout 2h > ready.jsonl",
    ),
    Listed(
        "fetch",
        "fetch",
        STEPS,
        "Save packages that are ready, by their signed URLs: the last of three steps.",
        "Example: pixxel-async fetch ready.jsonl --out packages\n\n"
        "Example: pixxel-async fetch url.txt --output package.zip",
    ),
    Listed(
        "status",
        "status",
        AFTERWARDS,
        "Show the progress of an export, even while another process runs it.",
        "Example: pixxel-async status packages",
    ),
    Listed(
        "verify",
        "verify",
        AFTERWARDS,
        "Check the saved packages and report what is missing or changed.",
        "Example: pixxel-async verify packages --repair",
    ),
    Listed(
        "report",
        "report",
        AFTERWARDS,
        "Write report.html, report.json, report.csv and failed.jsonl about an export.",
        "Example: pixxel-async report packages --out report",
    ),
    Listed(
        "index",
        "index",
        AFTERWARDS,
        "Write a STAC catalog and a GeoParquet of the saved packages.",
        "Example: pixxel-async index packages",
    ),
    Listed(
        "doctor",
        "doctor",
        SETTING_UP,
        "Check what an export needs: key, clock, network, disk, limits.",
        "Example: pixxel-async doctor --out packages",
    ),
    Listed(
        "completion",
        "completion",
        SETTING_UP,
        "Write the completion script for a shell.",
        'Example: eval "$(pixxel-async completion bash)"',
    ),
    Listed(
        "bench",
        "bench",
        SETTING_UP,
        "Measure the download throughput with 1 to 32 concurrent transfers, or an export.",
        "Example: pixxel-async bench urls.txt\n\n"
        "Example: pixxel-async bench --export requested.jsonl --fetches 8 --json > 8.json\n\n"
        "Example: pixxel-async bench --compare 8.json 16.json",
    ),
    Listed(
        "auth",
        "auth",
        SETTING_UP,
        "Store, check or delete the API key.",
    ),
    Listed("config", "config", SETTING_UP, "Show the settings and edit the config file."),
    Listed(
        "demo",
        "sandbox",
        TRYING,
        "Run an example export against a local sandbox, without a key or network access.",
        "Example: pixxel-async demo --packages 100",
    ),
    Listed(
        "sandbox",
        "sandbox",
        TRYING,
        "Run a local stand-in for the service until you press Ctrl-C.",
        "Example: pixxel-async sandbox --packaging-max 30s --package-bytes 10MB --faults",
    ),
)


class Commands(TyperGroup):
    """The commands of the table: placeholders until one is called."""

    def __init__(self, **attributes: Any) -> None:
        """Add a placeholder for each command of the table."""
        super().__init__(**attributes)
        self._listed = {listed.name: listed for listed in LISTED}
        self._loaded: dict[str, Any] = {}
        for listed in LISTED:
            self.add_command(
                TyperCommand(listed.name, help=listed.help, rich_help_panel=listed.panel)
            )

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return name, command and arguments; imports the real command."""
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None and command.name in self._listed:
            command = self.load(command.name)
        return name, command, rest

    def load(self, name: str) -> Any:
        """Import a command, once."""
        if name not in self._loaded:
            self._loaded[name] = load(self._listed[name])
        return self._loaded[name]


def load(listed: Listed) -> Any:
    """Import a command."""
    module = import_module(f".commands.{listed.module}", __package__)
    holder = typer.Typer(add_completion=False)
    if listed.is_group:
        app = module.group(listed.name) if listed.name in NOUNS else module.app
        holder.add_typer(app, name=listed.name, rich_help_panel=listed.panel)
    else:
        command = holder.command(listed.name, epilog=listed.epilog, rich_help_panel=listed.panel)
        command(getattr(module, listed.name))
    loaded = get_group(holder).commands[listed.name]
    check_occurrences(loaded)
    return loaded


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    # rich's tracebacks show local variables in some versions of typer; they may hold the key.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Export data from the Pixxel API in bulk: request packages, wait for them, and save them.",
    epilog="The API key is read from PIXXEL_API_KEY. To try it without a key: pixxel-async demo",
)


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
            "--version",
            "-V",
            metavar="",
            callback=_version,
            is_eager=True,
            help="Show the version.",
        ),
    ] = False,
) -> None:
    """Declare the options that come before a command."""
    del version  # handled by its callback
