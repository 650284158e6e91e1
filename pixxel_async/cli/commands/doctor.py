"""`pixxel-async doctor`: checks what an export needs, and prints a line for each check."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr

from ...addresses import AUTO
from ...config import FETCHES, MOST_FETCHES, NO_KEY, Settings, Timeouts
from ...errors import ConfigError
from ...sansio.layout import wrapped
from ...sansio.redact import printable
from ...settings.config_file import config_file
from ...settings.layers import Layers, from_everywhere, key_of
from ...settings.values import API_KEY, fingerprint
from ..client_factory import given
from ..doctor import checks, service
from ..doctor.checks import Finding, is_well, ok, problem
from ..options.dataclass_options import takes_options
from ..options.service import FetchesOption, ServiceOptions
from ..options.types import flag
from ..output.exit_codes import SOME_FAILED, SUCCESS, ended, terminal_width

TIMEOUTS = Timeouts(connect_s=10, answer_s=20)
NAME_CHARS = 12
LEVEL_CHARS = 7
STAND_IN = SecretStr("no-key")
"""The connection is checked without a key, too; this one is never sent."""


@dataclass(frozen=True, kw_only=True)
class DoctorOptions(ServiceOptions):
    """What is checked."""

    out: Annotated[
        Path,
        typer.Option(
            "--out", "--directory", "-o", metavar="DIR", help="The export folder to check."
        ),
    ] = Path()
    fetches: FetchesOption = FETCHES
    json: Annotated[bool, flag("--json", text="Write one JSON object instead of lines.")] = False


@takes_options
def doctor(options: DoctorOptions) -> None:
    """Check what an export needs: key, clock, network, disk, limits.

    The exit code is 1 if there is a problem, and 0 if there is none; warnings do not count.
    """
    with ended(interrupted="interrupted"):
        findings = asyncio.run(_all(options))
        if options.json:
            rows = [dataclasses.asdict(finding) for finding in findings]
            typer.echo(json.dumps({"ok": is_well(findings), "checks": rows}, ensure_ascii=True))
        raise typer.Exit(SUCCESS if is_well(findings) else SOME_FAILED)


async def _all(options: DoctorOptions) -> list[Finding]:
    findings = []
    async for finding in _look(options):
        findings.append(finding)
        if not options.json:
            typer.echo(_line(finding, terminal_width(sys.stdout)))
    return findings


async def _look(options: DoctorOptions) -> AsyncIterator[Finding]:
    yield checks.versions()
    for finding in checks.config(config_file()):
        yield finding
    for finding in checks.folder(options.out):
        yield finding
    yield checks.open_files(MOST_FETCHES if options.fetches == AUTO else options.fetches)
    try:
        layers = from_everywhere(given(options), options.profile)
        keyless = _with_key(layers, STAND_IN)
    except ConfigError as error:
        yield problem("settings", str(error), "pixxel-async config show")
        return
    way = [finding async for finding in _way(keyless)]
    for finding in way:
        yield finding
    try:
        key, origin = key_of(layers)
        settings = _with_key(layers, key)
    except ConfigError as error:
        if str(error) == NO_KEY:
            yield problem("key", "none", "set PIXXEL_API_KEY, or pixxel-async auth login")
        else:
            yield problem("key", str(error), "pixxel-async config show")
        return
    yield ok("key", f"{fingerprint(key)} from {origin}")
    if is_well(way):
        try:
            yield await service.key(settings, TIMEOUTS)
        except ConfigError as error:
            yield problem("key", str(error), "pixxel-async auth login")


async def _way(settings: Settings) -> AsyncIterator[Finding]:
    try:
        async for finding in service.way(settings, TIMEOUTS):
            yield finding
    except ConfigError as error:
        yield problem("settings", str(error), "pixxel-async config show")


def _with_key(layers: Layers, key: SecretStr) -> Settings:
    return dataclasses.replace(layers, values={**layers.values, API_KEY: key}).settings()


def _line(finding: Finding, width: int | None) -> str:
    remedy = f"; {finding.remedy}" if finding.remedy else ""
    label = f"{finding.level:<{LEVEL_CHARS}}  {finding.name:<{NAME_CHARS}}  "
    return "\n".join(wrapped(label, printable(finding.text + remedy), width))
