"""`pixxel-async sandbox`: a local stand-in for the service, until Ctrl-C."""

from __future__ import annotations

import asyncio
import sys

import typer

from ...errors import ConfigError
from ...sandbox import ApiFault, PackagingTime, Sandbox, Scenario, StorageFault, serve
from ...sansio.units import exact_duration
from ..output.exit_codes import complain

FAULTS = (
    ApiFault("status", status=500, rate=0.02),
    ApiFault("reset", rate=0.01),
    StorageFault("truncate", rate=0.02),
    StorageFault("reset", rate=0.02),
    StorageFault("expired", rate=0.02),
)


def scenario(
    *,
    packaging_s: tuple[float, float],
    package_bytes: int,
    url_lifetime_s: int,
    seed: int,
    has_faults: bool,
) -> Scenario:
    """Return the scenario that the options describe.

    Raises:
        typer.BadParameter: Options conflict, or a package would be too small or too large.
    """
    shortest_s, longest_s = packaging_s
    if shortest_s > longest_s:
        reason = (
            f"{exact_duration(shortest_s)} is more than --packaging-max "
            f"{exact_duration(longest_s)}: "
            "lower --packaging-min or raise --packaging-max."
        )
        raise typer.BadParameter(reason, param_hint="'--packaging-min'")
    try:
        return Scenario(
            packaging=PackagingTime.uniform(shortest_s, longest_s),
            package_bytes=package_bytes,
            url_lifetime_s=url_lifetime_s,
            faults=FAULTS if has_faults else (),
            seed=seed,
        )
    except ValueError as error:
        reason = f"{error}: choose another --package-bytes."
        raise typer.BadParameter(reason, param_hint="'--package-bytes'") from None


def run_sandbox(scenario: Scenario, *, api_port: int, storage_port: int) -> None:
    """Serve until interrupted.

    Raises:
        ConfigError: A port cannot be used.
    """
    serving = serve(scenario, api_port=api_port, storage_port=storage_port, announce=announce)
    try:
        asyncio.run(serving)
    except KeyboardInterrupt:
        complain("sandbox stopped")
    except OSError as error:
        message = (
            f"the sandbox cannot listen: {error.strerror or error}; "
            "choose other ports with --api-port and --storage-port"
        )
        raise ConfigError(message) from None


def announce(sandbox: Sandbox) -> None:
    """Print the addresses of the sandbox, and the lines that make a shell use it."""
    typer.echo(f"base URL  {sandbox.api_url}")
    typer.echo(f"storage   {sandbox.storage_url}")
    typer.echo(f"key       {sandbox.api_key}\n")
    if sys.platform == "win32":
        typer.echo(f'$env:PIXXEL_BASE_URL = "{sandbox.api_url}"')
        typer.echo(f'$env:PIXXEL_API_KEY = "{sandbox.api_key}"')
    else:
        typer.echo(f"export PIXXEL_BASE_URL={sandbox.api_url}")
        typer.echo(f"export PIXXEL_API_KEY={sandbox.api_key}")
    complain("Press Ctrl-C to stop.")
