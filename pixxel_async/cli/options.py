"""The options that `export` and every `download` share, and their checks."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from ..config import (
    BASE_URL,
    FETCHES,
    POLL_INITIAL_S,
    POLL_MAX_S,
    REQUESTS_PER_SECOND,
    STALL_TIMEOUT_S,
    WAIT_TIMEOUT_S,
    AuthScheme,
    FetchPolicy,
    Limits,
    PollPolicy,
)
from ..display.base import Loudness
from .folder_options import FolderOptions, flag, read_size

SPEED = "Speed"
WAITING = "Waiting, in seconds"
OUTPUT = "Output"
SERVICE = "Service"

LEAST_BANDWIDTH = 1024


def at_least_one(value: int) -> int:
    """Check an option that counts.

    Raises:
        typer.BadParameter: It is below 1.
    """
    if value < 1:
        reason = f"{value} is too small: give a whole number from 1 up."
        raise typer.BadParameter(reason)
    return value


def above_zero(value: float) -> float:
    """Check an option that measures.

    Raises:
        typer.BadParameter: It is zero, negative or not finite.
    """
    if not (value > 0 and math.isfinite(value)):
        reason = f"{value:g} cannot be used: give a number above 0, such as 0.5 or 30."
        raise typer.BadParameter(reason)
    return value


def _bandwidth(text: str) -> int:
    size = read_size(text)
    if size < LEAST_BANDWIDTH:
        reason = f"{text} a second is too little: give {LEAST_BANDWIDTH} bytes or more."
        raise typer.BadParameter(reason)
    return size


def _measure(*names: str, metavar: str, panel: str, text: str) -> Any:
    return typer.Option(
        *names,
        metavar=metavar,
        callback=above_zero,
        rich_help_panel=panel,
        help=text,
    )


@dataclass(frozen=True, kw_only=True)
class RunOptions(FolderOptions):
    """How an export runs; each field is an option of the command line."""

    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "--directory",
            metavar="DIR",
            help="Folder for the packages; made if need be. A rerun into it goes on.",
        ),
    ]
    fetches: Annotated[
        int,
        typer.Option(
            "--fetches",
            metavar="N",
            callback=at_least_one,
            rich_help_panel=SPEED,
            help="Transfers at once.",
        ),
    ] = FETCHES
    requests_per_second: Annotated[
        float,
        _measure(
            "--requests-per-second",
            metavar="R",
            panel=SPEED,
            text="Calls of the service; fewer when it asks for fewer.",
        ),
    ] = REQUESTS_PER_SECOND
    bwlimit: Annotated[
        int | None,
        typer.Option(
            "--bwlimit",
            metavar="SIZE",
            parser=_bandwidth,
            rich_help_panel=SPEED,
            show_default="no limit",
            help="Bytes a second of all transfers together, such as 10MB.",
        ),
    ] = None
    wait_timeout: Annotated[
        float,
        _measure(
            "--wait-timeout",
            metavar="S",
            panel=WAITING,
            text="A package that is not ready after this has failed.",
        ),
    ] = WAIT_TIMEOUT_S
    stall_timeout: Annotated[
        float,
        _measure(
            "--stall-timeout",
            metavar="S",
            panel=WAITING,
            text="A transfer that brings next to nothing for this long is tried again.",
        ),
    ] = STALL_TIMEOUT_S
    poll_initial: Annotated[
        float,
        _measure(
            "--poll-initial",
            metavar="S",
            panel=WAITING,
            text="From asking for a package to the first look whether it is ready.",
        ),
    ] = POLL_INITIAL_S
    poll_max: Annotated[
        float,
        _measure(
            "--poll-max",
            metavar="S",
            panel=WAITING,
            text="The longest time between two looks.",
        ),
    ] = POLL_MAX_S
    dry_run: Annotated[
        bool, flag("--dry-run", panel=OUTPUT, text="Tell what would be done, and do nothing.")
    ] = False
    fail_fast: Annotated[
        bool,
        flag("--fail-fast", panel=OUTPUT, text="End with the first package that fails."),
    ] = False
    json: Annotated[
        bool,
        flag(
            "--json",
            panel=OUTPUT,
            text="Write one JSON object a package to standard output, as each one ends.",
        ),
    ] = False
    quiet: Annotated[bool, flag("--quiet", panel=OUTPUT, text="Show errors only.")] = False
    verbose: Annotated[
        bool,
        flag(
            "--verbose",
            panel=OUTPUT,
            text="Also show retries, interruptions, fresh URLs and slow-downs.",
        ),
    ] = False
    base_url: Annotated[
        str | None,
        typer.Option(
            "--base-url",
            metavar="URL",
            rich_help_panel=SERVICE,
            show_default=f"PIXXEL_BASE_URL, or {BASE_URL}",
            help="Where the service is.",
        ),
    ] = None
    auth_scheme: Annotated[
        AuthScheme | None,
        typer.Option(
            "--auth-scheme",
            rich_help_panel=SERVICE,
            show_default="PIXXEL_AUTH_SCHEME, or raw",
            help="How the key is sent: as it is, or after the word Bearer.",
        ),
    ] = None

    def __post_init__(self) -> None:
        """Check options against each other.

        Raises:
            typer.BadParameter: Two of them do not go together.
        """
        self.check()
        if self.poll_initial > self.poll_max:
            reason = (
                f"{self.poll_initial:g} is more than --poll-max {self.poll_max:g}: "
                "lower --poll-initial or raise --poll-max."
            )
            raise typer.BadParameter(reason, param_hint="'--poll-initial'")
        if self.quiet and self.verbose:
            reason = "--quiet and --verbose exclude each other: leave one out."
            raise typer.BadParameter(reason, param_hint="'--quiet'")

    @property
    def loudness(self) -> Loudness:
        """How much is told."""
        if self.quiet:
            return Loudness.ERRORS
        return Loudness.DETAILS if self.verbose else Loudness.NORMAL

    @property
    def limits(self) -> Limits:
        """How much is under way at once."""
        return Limits(
            fetches=self.fetches,
            requests_per_second=self.requests_per_second,
            bytes_per_second=self.bwlimit,
        )

    @property
    def poll(self) -> PollPolicy:
        """When packages are asked about."""
        return PollPolicy(
            initial_s=self.poll_initial, max_s=self.poll_max, wait_timeout_s=self.wait_timeout
        )

    @property
    def fetch(self) -> FetchPolicy:
        """How packages are transferred."""
        return FetchPolicy(stall_timeout_s=self.stall_timeout)


def takes_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the fields of `RunOptions` as options of its own.

    typer reads a command's signature; this one writes the shared options into it, so that six
    commands need not repeat them. The command gets them together, as `options`.
    """
    own = inspect.signature(command, eval_str=True).parameters
    # Not `eval_str`: the annotations of a base class are names of its own module.
    hints = get_type_hints(RunOptions, include_extras=True)
    shared = {
        name: parameter.replace(annotation=hints[name])
        for name, parameter in inspect.signature(RunOptions).parameters.items()
    }

    @functools.wraps(command)
    def run(**values: Any) -> None:
        options = RunOptions(**{name: values.pop(name) for name in shared})
        command(options=options, **values)

    parameters = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in {**own, **shared}.items()
        if name != "options"
    ]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what `inspect` looks for first
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run
