"""The options of every command that talks to the service.

A command that needs more derives its own frozen dataclass from these; each field is an option.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

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
from .types import measure

SPEED = "Speed"
SERVICE = "Service"
WAITING = "Waiting, in seconds"


@dataclass(frozen=True, kw_only=True)
class ServiceOptions:
    """How a command reaches the service."""

    requests_per_second: Annotated[
        float,
        measure(
            "--requests-per-second",
            metavar="R",
            panel=SPEED,
            text="API calls per second; lowered when the service asks for it.",
        ),
    ] = REQUESTS_PER_SECOND
    answer_timeout: Annotated[
        float,
        measure(
            "--answer-timeout",
            metavar="S",
            panel=WAITING,
            text="The longest wait for an answer of the service; calls that create packages wait "
            f"{CREATION_TIMEOUT_S:g} if that is longer.",
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
            help="How the key is sent: as it is, or after the prefix Bearer.",
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
            help="Profile of the config file.",
        ),
    ] = None

    @property
    def allow_private_storage(self) -> bool | None:
        """Whether a storage may have a private address; None takes the setting."""
        return None

    @property
    def timeouts(self) -> Timeouts:
        """How long one call may take."""
        return Timeouts(answer_s=self.answer_timeout)

    @property
    def limits(self) -> Limits:
        """How much is under way at once."""
        return Limits(requests_per_second=self.requests_per_second)

    @property
    def retry(self) -> RetryPolicy:
        """How often a failed call is tried again."""
        return RetryPolicy()

    @property
    def poll(self) -> PollPolicy:
        """When packages are asked about."""
        return PollPolicy()

    @property
    def fetch(self) -> FetchPolicy:
        """How packages are transferred."""
        return FetchPolicy()
