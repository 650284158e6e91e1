"""Options that commands share, and their checks.

Rules:
    * A set of options is a frozen dataclass: each field is an option of the command line.
    * `ServiceOptions` is for every command that talks to the service; a command that needs more
      derives its own set from it.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
import typing
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

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
from .display import Loudness

SPEED = "Speed"
WAITING = "Waiting, in seconds"
OUTPUT = "Output"
SERVICE = "Service"


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


def flag(name: str, *, text: str, panel: str | None = None) -> Any:
    """Return an option without a value; typer would show `<bool>` where its value stands."""
    return typer.Option(name, metavar="", rich_help_panel=panel, help=text)


def _measure(*names: str, metavar: str, panel: str, text: str) -> Any:
    return typer.Option(
        *names,
        metavar=metavar,
        callback=above_zero,
        rich_help_panel=panel,
        help=text,
    )


@dataclass(frozen=True, kw_only=True)
class ServiceOptions:
    """How a command reaches the service."""

    requests_per_second: Annotated[
        float,
        _measure(
            "--requests-per-second",
            metavar="R",
            panel=SPEED,
            text="Calls of the service; fewer when it asks for fewer.",
        ),
    ] = REQUESTS_PER_SECOND
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
    proxy: Annotated[
        str | None,
        typer.Option(
            "--proxy",
            metavar="URL",
            rich_help_panel=SERVICE,
            show_default="HTTPS_PROXY and the like",
            help="Proxy for the service and the storage; direct: none.",
        ),
    ] = None
    ca_bundle: Annotated[
        str | None,
        typer.Option(
            "--ca-bundle",
            metavar="FILE",
            rich_help_panel=SERVICE,
            show_default="SSL_CERT_FILE and the like",
            help="Certificates (PEM) to trust, in place of the usual ones.",
        ),
    ] = None
    profile: Annotated[
        str | None,
        typer.Option(
            "--profile",
            metavar="NAME",
            rich_help_panel=SERVICE,
            show_default="PIXXEL_PROFILE, or default",
            help="Which profile of the config file to use.",
        ),
    ] = None

    @property
    def limits(self) -> Limits:
        """How much is under way at once."""
        return Limits(requests_per_second=self.requests_per_second)

    @property
    def poll(self) -> PollPolicy:
        """When packages are asked about."""
        return PollPolicy()

    @property
    def fetch(self) -> FetchPolicy:
        """How packages are transferred."""
        return FetchPolicy()


@dataclass(frozen=True, kw_only=True)
class RunOptions(ServiceOptions):
    """How an export runs."""

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

    def __post_init__(self) -> None:
        """Check options against each other.

        Raises:
            typer.BadParameter: Two of them do not go together.
        """
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
        return Limits(fetches=self.fetches, requests_per_second=self.requests_per_second)

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
    """Give a command the fields of an options dataclass as options of its own.

    typer reads a command's signature; this one writes the shared options into it, so that
    commands need not repeat them. The dataclass is the annotation of the command's parameter
    `options`, in which the command gets them together.
    """
    own = inspect.signature(command, eval_str=True).parameters
    kind: type[Any] = own["options"].annotation
    shared = _parameters_of(kind)

    @functools.wraps(command)
    def run(**values: Any) -> None:
        options = kind(**{name: values.pop(name) for name in shared})
        command(options=options, **values)

    parameters = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in {**own, **shared}.items()
        if name != "options"
    ]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what `inspect` looks for first
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _parameters_of(kind: type[Any]) -> dict[str, inspect.Parameter]:
    """Return the fields of an options dataclass as parameters; inherited ones stand last."""
    hints = typing.get_type_hints(kind, include_extras=True)
    of_its_own = inspect.get_annotations(kind)
    parameters = {}
    for field in sorted(dataclasses.fields(kind), key=lambda field: field.name not in of_its_own):
        is_needed = field.default is dataclasses.MISSING
        parameters[field.name] = inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if is_needed else field.default,
            annotation=hints[field.name],
        )
    return parameters
