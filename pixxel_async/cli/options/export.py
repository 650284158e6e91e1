"""The options that `export` and every `download` share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

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
from ...sansio.units import exact_duration
from ..output.log_file import LogFormat
from .dataclass_options import takes_options
from .folder import FolderOptions
from .service import SERVICE, SPEED, WAITING, FetchesOption, ServiceOptions
from .types import at_least_one, bandwidth, duration_option, flag, parsed_by
from .unattended import UnattendedOptions

__all__ = ["RunOptions", "ServiceOptions", "at_least_one", "takes_options"]

OUTPUT = "Output"


@dataclass(frozen=True, kw_only=True)
class OutputOptions(ServiceOptions):
    """What a command that works for a while prints."""

    quiet: Annotated[bool, flag("--quiet", "-q", panel=OUTPUT, text="Show errors only.")] = False
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
            typer.BadParameter: Two options conflict.
        """
        if self.quiet and self.verbose:
            reason = "it conflicts with --verbose: leave one out."
            raise typer.BadParameter(reason, param_hint="'--quiet'")

    @property
    def loudness(self) -> Verbosity:
        """How much the command prints."""
        if self.quiet:
            return Verbosity.ERRORS
        return Verbosity(min(Verbosity.NORMAL + self.verbose, Verbosity.DEBUG))


@dataclass(frozen=True, kw_only=True)
class WaitOptions(OutputOptions):
    """How a command waits for packages."""

    wait_timeout: Annotated[
        float,
        duration_option(
            "--wait-timeout",
            default=WAIT_TIMEOUT_S,
            panel=WAITING,
            text="Fail a package that is not ready after this time, such as 90m or 6h.",
        ),
    ] = WAIT_TIMEOUT_S
    poll_initial: Annotated[
        float,
        duration_option(
            "--poll-initial",
            default=POLL_INITIAL_S,
            panel=WAITING,
            text="Delay between the creation of a package and its first poll.",
        ),
    ] = POLL_INITIAL_S
    poll_max: Annotated[
        float,
        duration_option(
            "--poll-max",
            default=POLL_MAX_S,
            panel=WAITING,
            text="Longest interval between two polls.",
        ),
    ] = POLL_MAX_S
    polls: Annotated[
        PollMethod,
        typer.Option(
            "--polls",
            rich_help_panel=WAITING,
            help="When to poll: learned from packages that became ready, or at growing intervals.",
        ),
    ] = PollMethod.LEARNING

    def __post_init__(self) -> None:
        """Check options against each other.

        Raises:
            typer.BadParameter: Two options conflict.
        """
        if self.poll_initial > self.poll_max:
            reason = (
                f"{exact_duration(self.poll_initial)} is more than --poll-max "
                f"{exact_duration(self.poll_max)}: lower --poll-initial or raise --poll-max."
            )
            raise typer.BadParameter(reason, param_hint="'--poll-initial'")
        super().__post_init__()

    @property
    def poll(self) -> PollPolicy:
        """When packages are polled."""
        return PollPolicy(
            method=self.polls,
            initial_s=self.poll_initial,
            max_s=self.poll_max,
            wait_timeout_s=self.wait_timeout,
        )


@dataclass(frozen=True, kw_only=True)
class RunOptions(UnattendedOptions, FolderOptions, WaitOptions):
    """How an export runs; each field is an option."""

    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "--directory",
            "-o",
            metavar="DIR",
            help="Folder for the packages, created if missing. The same command resumes.",
        ),
    ]
    fetches: FetchesOption = FETCHES
    bwlimit: Annotated[
        int | None,
        typer.Option(
            "--bwlimit",
            metavar="RATE",
            parser=parsed_by(bandwidth),
            rich_help_panel=SPEED,
            show_default="no limit",
            help="Maximum bandwidth of all transfers together, such as 10MB/s.",
        ),
    ] = None
    stall_timeout: Annotated[
        float,
        duration_option(
            "--stall-timeout",
            default=STALL_TIMEOUT_S,
            panel=WAITING,
            text="Retry a transfer that receives almost nothing for this long.",
        ),
    ] = STALL_TIMEOUT_S
    allow_private_storage: Annotated[
        bool,
        flag(
            "--allow-private-storage",
            panel=SERVICE,
            text="Also download from loopback, private and link-local addresses.",
        ),
    ] = False
    dry_run: Annotated[
        bool, flag("--dry-run", "-n", panel=OUTPUT, text="Show what would be done, and do nothing.")
    ] = False
    sizes: Annotated[
        bool,
        flag(
            "--sizes",
            panel=OUTPUT,
            text="With --dry-run: request the packages, and show how much would be transferred.",
        ),
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
            text="Write one JSON object per package to standard output, as each one ends.",
        ),
    ] = False

    def __post_init__(self) -> None:
        """Check options against each other.

        Raises:
            typer.BadParameter: Two options conflict.
        """
        self.check()
        super().__post_init__()
        if self.sizes and not self.dry_run:
            reason = "it needs --dry-run: add that option, or leave this one out."
            raise typer.BadParameter(reason, param_hint="'--sizes'")
        if self.log_format is not LogFormat.TEXT and self.log_file is None:
            reason = "it needs --log-file: add that option, or leave this one out."
            raise typer.BadParameter(reason, param_hint="'--log-format'")

    @property
    def limits(self) -> Limits:
        """Limits on concurrency and rates."""
        return Limits(
            fetches=self.fetches,
            requests_per_second=self.requests_per_second,
            bytes_per_second=self.bwlimit,
        )

    @property
    def fetch(self) -> FetchPolicy:
        """How packages are transferred."""
        return FetchPolicy(
            stall_timeout_s=self.stall_timeout, checksum=self.checksum, sync=self.sync
        )
