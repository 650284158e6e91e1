"""`pixxel-async demo` and `pixxel-async sandbox`: both work without an account.

They import what they run only when they run, so that `--help` works without the extra `sandbox`.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from ...display.base import Verbosity
from ..options.types import at_least_one, duration_option, flag, size_option
from ..output.exit_codes import ended, sandbox_needed

PACKAGING_MIN_S = 1.0
PACKAGING_MAX_S = 10.0
PACKAGE_BYTES = 1_000_000
URL_LIFETIME_S = 3600.0


def demo(
    *,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "--directory",
            "-o",
            metavar="DIR",
            help="Folder for the packages; they are kept.",
        ),
    ] = Path("demo-export"),
    packages: Annotated[
        int, typer.Option(metavar="N", callback=at_least_one, help="Number of packages.")
    ] = 300,
    quiet: Annotated[bool, flag("--quiet", "-q", text="Show errors only.")] = False,
) -> None:
    """Run an example export against a local sandbox, without a key or network access.

    The sandbox stands in for the service and injects faults. Needs the extra `sandbox`.
    """
    with sandbox_needed():
        from .demo import run_demo  # noqa: PLC0415 - the other commands work without the extra
    with ended():
        run_demo(out, packages, Verbosity.ERRORS if quiet else Verbosity.NORMAL)


def sandbox(  # noqa: PLR0913 - an option is a parameter
    *,
    api_port: Annotated[
        int,
        typer.Option(
            metavar="PORT", min=0, max=65535, help="Port of the service; 0 chooses a free one."
        ),
    ] = 8080,
    storage_port: Annotated[
        int,
        typer.Option(
            metavar="PORT", min=0, max=65535, help="Port of the storage; 0 chooses a free one."
        ),
    ] = 8081,
    packaging_min: Annotated[
        float,
        duration_option(
            "--packaging-min", default=PACKAGING_MIN_S, text="Shortest packaging time."
        ),
    ] = PACKAGING_MIN_S,
    packaging_max: Annotated[
        float,
        duration_option("--packaging-max", default=PACKAGING_MAX_S, text="Longest packaging time."),
    ] = PACKAGING_MAX_S,
    package_bytes: Annotated[
        int, size_option("--package-bytes", default=PACKAGE_BYTES, text="Mean size of a package.")
    ] = PACKAGE_BYTES,
    url_lifetime: Annotated[
        float,
        duration_option("--url-lifetime", default=URL_LIFETIME_S, text="Lifetime of signed URLs."),
    ] = URL_LIFETIME_S,
    seed: Annotated[
        int,
        typer.Option(metavar="N", help="Seed: the same seed gives the same packages and times."),
    ] = 0,
    faults: Annotated[
        bool, flag("--faults", text="Inject errors, broken connections and expired URLs.")
    ] = False,
) -> None:
    """Run a local stand-in for the service until you press Ctrl-C.

    It prints the lines that make a shell use it. Needs the extra `sandbox`.
    """
    with sandbox_needed():
        from .serve import run_sandbox, scenario  # noqa: PLC0415 - as above
    with ended():
        chosen = scenario(
            packaging_s=(packaging_min, packaging_max),
            package_bytes=package_bytes,
            url_lifetime_s=math.ceil(url_lifetime),
            seed=seed,
            has_faults=faults,
        )
        run_sandbox(chosen, api_port=api_port, storage_port=storage_port)
