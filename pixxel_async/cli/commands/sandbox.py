"""`pixxel-async demo` and `pixxel-async sandbox`: both work without an account.

What they run is imported when they do, so that their help works without the extra `sandbox`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...display.base import Verbosity
from ..options.folder import flag
from ..options.types import above_zero, at_least_one
from ..output.exit_codes import ended, sandbox_needed


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
        run_demo(out, packages, Verbosity.ERRORS if quiet else Verbosity.NORMAL)


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
    """Run a stand-in of the service on this machine until Ctrl-C.

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
