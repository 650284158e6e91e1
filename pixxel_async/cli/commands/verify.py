"""`pixxel-async verify`: is what an export has saved still there, and still the same.

Rules:
    * What was found goes to standard output, the bar and the repair's own messages to standard
      error.
    * A repair has the folder for itself from the first look until it has forgotten what is
      fetched anew, so that it forgets nothing that another process has mended meanwhile.
    * That the key is there is known before anything is forgotten.
    * What was repaired is looked at again, just as closely; the exit code is that of this look.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Collection
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ...config import Verify
from ...destinations.paths import absolute_path
from ...display.base import Verbosity
from ...downloads import Download
from ...export.verify import JOBS, forget, held
from ...export.verify import verify as look_through
from ...sansio.files.verification import Condition, Finding
from ..client_factory import client_of
from ..options.export import RunOptions, at_least_one, takes_options
from ..options.types import flag
from ..output.exit_codes import GOES_ON, SOME_FAILED, SUCCESS, complain, ended
from ..output.findings import finding_writer
from .export_run import run_export

UNTOUCHED = "interrupted: nothing was changed"
REPAIR_HINT = "to fetch what is missing or changed again, add --repair"


FOLDER = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of an export.")]
MEANINGLESS = frozenset(
    {"retry_failed", "verify", "overwrite", "path_template", "dry_run", "fail_fast"}
)
"""Options of an export that have no meaning here; they keep their defaults."""


def takes_export_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of an export, with the argument DIR instead of `--out`."""
    taken = takes_options(command, without=MEANINGLESS)
    parameters = [
        parameter.replace(annotation=FOLDER) if name == "out" else parameter
        for name, parameter in inspect.signature(taken).parameters.items()
    ]
    taken.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what `inspect` looks for first
    taken.__annotations__["out"] = FOLDER
    return taken


@takes_export_options
def verify(
    options: RunOptions,
    *,
    repair: Annotated[
        bool, flag("--repair", text="Fetch what is missing, changed or broken again.")
    ] = False,
    contents: Annotated[
        bool, flag("--contents", text="Also read each member of each ZIP against its CRC-32.")
    ] = False,
    jobs: Annotated[
        int, typer.Option(metavar="N", callback=at_least_one, help="Files that are read at once.")
    ] = JOBS,
) -> None:
    """Check the saved packages and report what is missing or changed.

    Sizes, SHA-256 and ZIP structure are compared with what the export has noted.

    The options below are for --repair, which needs the key; those of output are for both.
    """
    with ended():
        folder = absolute_path(options.out)
    depth = Verify.CONTENTS if contents else Verify.STRUCTURE

    async def look(only: Collection[str] | None = None) -> list[Finding]:
        with finding_writer(folder, options, only=only) as told:
            findings = look_through(folder, depth=depth, jobs=jobs, only=only)
            async with aclosing(findings):
                return [told.tell(finding) async for finding in findings]

    async def look_and_forget() -> tuple[list[Finding], list[Download]]:
        async with client_of(options):
            pass  # there is a key
        async with held(folder) as open_folder:
            findings = await look()
            return findings, await forget(open_folder, findings)

    with ended(GOES_ON if repair else UNTOUCHED):
        if not repair:
            findings = asyncio.run(look())
            if any(one.is_repairable for one in findings) and _is_talkative(options):
                complain(REPAIR_HINT)
            raise _end(is_right=not any(one.is_wrong for one in findings))
        findings, downloads = asyncio.run(look_and_forget())
        is_right = not any(one.is_wrong and not one.is_repairable for one in findings)
        if downloads:
            _fetch(downloads, options)
            again = asyncio.run(look({download.key for download in downloads}))
            is_right &= all(one.condition is Condition.OK for one in again)
        raise _end(is_right=is_right)


def _end(*, is_right: bool) -> typer.Exit:
    return typer.Exit(SUCCESS if is_right else SOME_FAILED)


def _is_talkative(options: RunOptions) -> bool:
    return options.loudness > Verbosity.ERRORS and not options.json


def _fetch(downloads: list[Download], options: RunOptions) -> None:
    """Run an export of what was forgotten; whether it is complete is seen by looking again."""
    try:
        run_export(downloads, replace(options, json=False, retry_failed=True))
    except typer.Exit as end:
        if end.exit_code not in {SUCCESS, SOME_FAILED}:
            raise
