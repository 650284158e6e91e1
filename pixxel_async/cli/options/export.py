"""The options that `export` and every `download` share, and their checks against each other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from ...config import (
    FETCHES,
    POLL_INITIAL_S,
    POLL_MAX_S,
    STALL_TIMEOUT_S,
    WAIT_TIMEOUT_S,
    FetchPolicy,
    Limits,
    PollMethod,
    PollPolicy,
)
from ...display.base import Verbosity
from ..output.log_file import LogFormat
from .dataclass_options import takes_options
from .folder import FolderOptions, flag, read_size
from .service import SERVICE, SPEED, WAITING, ServiceOptions
from .types import above_zero, at_least_one, measure, transfers
from .unattended import UnattendedOptions

__all__ = ["RunOptions", "ServiceOptions", "above_zero", "at_least_one", "takes_options"]

OUTPUT = "Output"

LEAST_BANDWIDTH = 1024


def _bandwidth(text: str) -> int:
    size = read_size(text)
    if size < LEAST_BANDWIDTH:
        reason = f"{text} a second is too little: give {LEAST_BANDWIDTH} bytes or more."
        raise typer.BadParameter(reason)
    return size


@dataclass(frozen=True, kw_only=True)
class RunOptions(UnattendedOptions, FolderOptions, ServiceOptions):
    """How an export runs; each field is an option of the command line."""

    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "--directory",
            metavar="DIR",
            help="Folder for the packages; created if missing. A rerun into it resumes.",
        ),
    ]
    fetches: Annotated[
        Any,
        typer.Option(
            "--fetches",
            metavar="N|auto",
            parser=transfers,
            rich_help_panel=SPEED,
            help="Concurrent transfers; auto adapts to the link.",
        ),
    ] = FETCHES
    bwlimit: Annotated[
        int | None,
        typer.Option(
            "--bwlimit",
            metavar="SIZE",
            parser=_bandwidth,
            rich_help_panel=SPEED,
            show_default="no limit",
            help="Bytes per second of all transfers together, such as 10MB.",
        ),
    ] = None
    wait_timeout: Annotated[
        float,
        measure(
            "--wait-timeout",
            metavar="S",
            panel=WAITING,
            text="Fail a package that is not ready after this time.",
        ),
    ] = WAIT_TIMEOUT_S
    stall_timeout: Annotated[
        float,
        measure(
            "--stall-timeout",
            metavar="S",
            panel=WAITING,
            text="Retry a transfer that receives next to nothing for this long.",
        ),
    ] = STALL_TIMEOUT_S
    poll_initial: Annotated[
        float,
        measure(
            "--poll-initial",
            metavar="S",
            panel=WAITING,
            text="Delay from requesting a package to its first poll.",
        ),
    ] = POLL_INITIAL_S
    poll_max: Annotated[
        float,
        measure(
            "--poll-max",
            metavar="S",
            panel=WAITING,
            text="Longest interval between two polls.",
        ),
    ] = POLL_MAX_S
    polls: Annotated[
        PollMethod,
        typer.Option(
            "--polls",
            rich_help_panel=WAITING,
            help="Poll times: learned from packages that became ready, or growing intervals.",
        ),
    ] = PollMethod.LEARNING
    allow_private_storage: Annotated[
        bool,
        flag(
            "--allow-private-storage",
            panel=SERVICE,
            text="Download also from loopback, private and link-local addresses.",
        ),
    ] = False
    dry_run: Annotated[
        bool, flag("--dry-run", panel=OUTPUT, text="Show what would be done, and do nothing.")
    ] = False
    fail_fast: Annotated[
        bool,
        flag("--fail-fast", panel=OUTPUT, text="Stop at the first package that fails."),
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
        int,
        typer.Option(
            "--verbose",
            "-v",
            metavar="",
            count=True,
            show_default=False,
            rich_help_panel=OUTPUT,
            help="Also show saved packages, retries, interruptions and rate limiting; "
            "-vv: also skipped packages, and the whole log.",
        ),
    ] = 0

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
        if self.log_format is not LogFormat.TEXT and self.log_file is None:
            reason = "it needs --log-file: add that option, or leave this one out."
            raise typer.BadParameter(reason, param_hint="'--log-format'")

    @property
    def loudness(self) -> Verbosity:
        """How much is printed."""
        if self.quiet:
            return Verbosity.ERRORS
        return Verbosity(min(Verbosity.NORMAL + self.verbose, Verbosity.DEBUG))

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
            method=self.polls,
            initial_s=self.poll_initial,
            max_s=self.poll_max,
            wait_timeout_s=self.wait_timeout,
        )

    @property
    def fetch(self) -> FetchPolicy:
        """How packages are transferred."""
        return FetchPolicy(
            stall_timeout_s=self.stall_timeout, checksum=self.checksum, sync=self.sync
        )
