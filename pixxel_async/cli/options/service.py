"""The options of every command that calls the service or the storage.

A command that needs more derives its own frozen dataclass from these; each field is an option.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

import typer

from ...config import (
    ANSWER_TIMEOUT_S,
    BASE_URL,
    CREATION_TIMEOUT_S,
    REQUESTS_PER_SECOND,
    AuthScheme,
    FetchPolicy,
    Limits,
    PollPolicy,
    RetryPolicy,
    Timeouts,
)
from ...sansio.units import exact_duration
from .types import duration_option, rate_option, transfers

SPEED = "Speed"
SERVICE = "Service"
WAITING = "Waiting"

ProfileName: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--profile",
        metavar="NAME",
        rich_help_panel=SERVICE,
        show_default="PIXXEL_PROFILE, or default",
        help="Profile of the config file.",
    ),
]
FetchesOption: TypeAlias = Annotated[
    Any,
    typer.Option(
        "--fetches",
        "-f",
        metavar="N|auto",
        parser=transfers,
        rich_help_panel=SPEED,
        help="Concurrent transfers; auto adapts to the network.",
    ),
]


@dataclass(frozen=True, kw_only=True)
class NetworkOptions:
    """How a command reaches other hosts."""

    proxy: Annotated[
        str | None,
        typer.Option(
            "--proxy",
            metavar="URL",
            rich_help_panel=SERVICE,
            show_default="HTTPS_PROXY and the like",
            help="Proxy for the service and the storage, or direct to use none.",
        ),
    ] = None
    ca_bundle: Annotated[
        str | None,
        typer.Option(
            "--ca-bundle",
            metavar="FILE",
            rich_help_panel=SERVICE,
            show_default="SSL_CERT_FILE and the like",
            help="CA certificates (PEM) to trust instead of the default ones.",
        ),
    ] = None
    profile: ProfileName = None


@dataclass(frozen=True, kw_only=True)
class ServiceOptions(NetworkOptions):
    """How a command calls the service."""

    requests_per_second: Annotated[
        float,
        rate_option(
            "--requests-per-second",
            default=REQUESTS_PER_SECOND,
            panel=SPEED,
            text="Maximum rate of API calls, such as 20, 5/s or 300/min; lower while the service "
            "throttles.",
        ),
    ] = REQUESTS_PER_SECOND
    answer_timeout: Annotated[
        float,
        duration_option(
            "--answer-timeout",
            default=ANSWER_TIMEOUT_S,
            panel=WAITING,
            text="Timeout for a response of the service. Calls that create packages get "
            f"{exact_duration(CREATION_TIMEOUT_S)} if that is longer.",
        ),
    ] = ANSWER_TIMEOUT_S
    base_url: Annotated[
        str | None,
        typer.Option(
            "--base-url",
            metavar="URL",
            rich_help_panel=SERVICE,
            show_default=f"PIXXEL_BASE_URL, or {BASE_URL}",
            help="URL of the service.",
        ),
    ] = None
    auth_scheme: Annotated[
        AuthScheme | None,
        typer.Option(
            "--auth-scheme",
            rich_help_panel=SERVICE,
            show_default="PIXXEL_AUTH_SCHEME, or raw",
            help="Send the key as it is (raw), or after the prefix Bearer.",
        ),
    ] = None

    @property
    def allow_private_storage(self) -> bool | None:
        """Whether a storage may have a private address; None uses the setting."""
        return None

    @property
    def timeouts(self) -> Timeouts:
        """Time limits for a single call."""
        return Timeouts(answer_s=self.answer_timeout)

    @property
    def limits(self) -> Limits:
        """Limits on concurrency and rates."""
        return Limits(requests_per_second=self.requests_per_second)

    @property
    def retry(self) -> RetryPolicy:
        """How often a failed call is retried."""
        return RetryPolicy()

    @property
    def poll(self) -> PollPolicy:
        """When packages are polled."""
        return PollPolicy()

    @property
    def fetch(self) -> FetchPolicy:
        """How packages are transferred."""
        return FetchPolicy()
