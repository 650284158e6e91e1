"""`pixxel-async bench`: how fast this link or this machine is, and with how many transfers.

Rules:
    * Signed URLs are secrets. They are never printed, and best come from a file or a pipe: other
      users of a machine can see its command lines, and shells remember them.
    * Nothing is saved: what comes is thrown away, so the disk has no part in it.
    * The number of transfers rises until the storage refuses one.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr

from ...addresses import CA_BUNDLE, PROXY
from ...config import Timeouts
from ...errors import InputError
from ...http.engines import Engine, storage_engine
from ...http.storage_client import StorageClient
from ...sansio.resilience.concurrency_choice import Step, fetches_to_set
from ...sansio.storage.address_policy import AddressPolicy, Scope
from ...settings.layers import from_everywhere
from ...settings.network import certificates, routes
from ...transfer.benchmark import MeasuredLink
from ..options.dataclass_options import takes_options
from ..options.folder import flag
from ..options.service import SERVICE, SPEED
from ..options.types import measure
from ..output.exit_codes import SOME_FAILED, SUCCESS, complain, ended, sandbox_needed

NUMBERS = (1, 2, 4, 8, 16, 32)
SECONDS = 3.0
STDIN = "-"
SCHEMES = ("https://", "http://")
COMMENT = "#"


@dataclass(frozen=True, kw_only=True)
class BenchOptions:
    """How a link is measured; each field is an option of the command line."""

    seconds: Annotated[
        float,
        measure("--seconds", metavar="S", panel=SPEED, text="How long each number is measured."),
    ] = SECONDS
    proxy: Annotated[
        str | None,
        typer.Option(
            "--proxy",
            metavar="URL",
            rich_help_panel=SERVICE,
            show_default="HTTPS_PROXY and the like",
            help="Proxy for the storage; direct: none.",
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
    json: Annotated[bool, flag("--json", text="Write one JSON object instead of lines.")] = False


GIVEN = AddressPolicy(service=Scope.LOOPBACK, allow_private_storage=True)
"""The URLs are the user's own: what only this machine can reach may be measured, too."""


@takes_options
def bench(
    options: BenchOptions,
    *,
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SOURCE]...",
            show_default="this machine, against a sandbox on it",
            help="Files with a signed URL on each line; - is standard input. A URL will do, too, "
            "but shells remember what they are given.",
        ),
    ] = None,
) -> None:
    """Measure the download throughput with 1 to 32 concurrent transfers.

    What comes is thrown away. One URL is enough; a package of 100 MB or more tells most.

    Without a source, a sandbox stands in for the storage (extra `sandbox`): that shows the machine.
    """
    with ended(interrupted="interrupted"):
        steps, received = asyncio.run(_measure_sources(options, sources or []))
        is_link = bool(sources)
        number = fetches_to_set(steps) if is_link else None
        most = max(step.bytes_per_s for step in steps)
        if options.json:
            rows = [asdict(step) for step in steps]
            typer.echo(json.dumps({"steps": rows, "fetches": number, "received": received}))
        else:
            typer.echo(f"\n{verdict(number, most, is_link=is_link)}")
            typer.echo(f"{received / 1e6:,.0f} MB came, and were thrown away.")
        raise typer.Exit(SUCCESS if most else SOME_FAILED)


async def _measure_sources(options: BenchOptions, sources: list[str]) -> tuple[list[Step], int]:
    if sources:
        return await measure_link(options, read_urls(sources))
    with sandbox_needed():
        from .bench_machine import sandbox_process  # noqa: PLC0415 - a link needs no sandbox
    if not options.json:
        complain("no URL is given: a sandbox on this machine stands in for the storage.")
    async with sandbox_process() as urls:
        return await measure_link(options, urls)


async def measure_link(options: BenchOptions, urls: list[SecretStr]) -> tuple[list[Step], int]:
    """Measure one number after the other, and tell each; return them, and the bytes in all.

    Raises:
        PixxelError: A URL cannot be used, or nothing comes.
    """
    layers = from_everywhere(
        {"proxy": options.proxy, "ca_bundle": options.ca_bundle}, options.profile
    )
    proxy, ca_bundle = layers.value("proxy"), layers.value("ca_bundle")
    storage = StorageClient(
        storage_engine(
            Engine.AUTO,
            client=None,
            certificates=certificates(str(ca_bundle or CA_BUNDLE)),
            timeouts=Timeouts(),
            addresses=GIVEN,
        ),
        routes(proxy if isinstance(proxy, SecretStr) else SecretStr(PROXY)),
        addresses=GIVEN,
    )
    link, steps = MeasuredLink(storage, urls), []
    try:
        if not options.json:
            typer.echo("transfers        MB/s")
        for number in NUMBERS:
            step = await link.measure(number, options.seconds)
            steps.append(step)
            if not options.json:
                typer.echo(line_of(step))
            if step.trouble:
                break
    finally:
        await storage.aclose()
    return steps, link.received


def line_of(step: Step) -> str:
    """Return the line of one number."""
    told = step.trouble or f"{step.bytes_per_s / 1e6:,.1f}"
    return f"{step.fetches:>9}  {told:>10}"


def verdict(number: int | None, most: float, *, is_link: bool) -> str:
    """Say what to set, or what this machine can do."""
    if not most:
        return "Nothing came in the time that counts: try it with a longer --seconds."
    if number is None or not is_link:
        return (
            f"This machine takes up to {most / 1e6:,.0f} MB/s. To measure the link, give signed "
            "URLs: pixxel-async bench FILE"
        )
    return f"Set --fetches {number}: more transfers at once bring next to nothing more."


def read_urls(sources: Iterable[str]) -> list[SecretStr]:
    """Read signed URLs: given as they are, in files, or on standard input.

    Raises:
        InputError: A file cannot be read, or a line is no URL; no message has a part of one.
    """
    urls: list[SecretStr] = []
    problems: list[str] = []
    for source in sources:
        if source.lower().startswith(SCHEMES):
            urls.append(SecretStr(source))
            continue
        name = "<stdin>" if source == STDIN else source
        for number, line in enumerate(_lines(source, name), start=1):
            text = line.strip()
            if text.lower().startswith(SCHEMES):
                urls.append(SecretStr(text))
            elif text and not text.startswith(COMMENT):
                problems.append(f"{name}:{number}: no URL: a line is one that begins with https://")
    if problems or not urls:
        message = "there is no URL in what is given: each stands on a line of its own"
        raise InputError(message, problems=tuple(problems))
    return urls


def _lines(source: str, name: str) -> list[str]:
    try:
        data = sys.stdin.buffer.read() if source == STDIN else Path(source).read_bytes()
    except OSError as error:
        message = f"{name}: cannot be read: {error.strerror or error}"
        raise InputError(message) from None
    return data.decode("utf-8-sig", "replace").splitlines()
