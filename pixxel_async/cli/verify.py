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

from ..config import Verify
from ..downloads import Download
from ..engine.checking import JOBS, forget, held
from ..engine.checking import verify as look_through
from ..sansio.checking import Finding
from .connect import client_of
from .display import Loudness
from .ending import GOES_ON, SOME_FAILED, SUCCESS, complain, ended
from .findings import teller
from .options import RunOptions, at_least_one, flag, takes_options
from .run import run_export

UNTOUCHED = "interrupted: nothing was changed"
REPAIR_HINT = "to fetch what is missing or changed again, add --repair"


def with_folder_as_argument(command: Callable[..., None]) -> Callable[..., None]:
    """Turn the option `--out` of a command into its argument DIR."""
    folder = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of an export.")]
    parameters = [
        parameter.replace(annotation=folder) if name == "out" else parameter
        for name, parameter in inspect.signature(command).parameters.items()
    ]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what `inspect` looks for first
    command.__annotations__["out"] = folder
    return command


@with_folder_as_argument
@takes_options
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
    """Read what an export has saved again, and say what is missing or changed.

    Sizes, SHA-256 and ZIP structure are compared with what the export has noted.

    The options of speed, waiting and service are for --repair, which needs the key.
    """
    folder = options.out.expanduser().absolute()
    depth = Verify.CONTENTS if contents else Verify.STRUCTURE

    async def look(only: Collection[str] | None = None) -> list[Finding]:
        findings = look_through(folder, depth=depth, jobs=jobs, only=only)
        with teller(folder, options, only=only) as told:
            async with aclosing(findings):
                return [finding async for finding in findings if told.tell(finding).is_wrong]

    async def look_and_forget() -> tuple[list[Finding], list[Download]]:
        async with client_of(options):
            pass  # there is a key
        async with held(folder) as open_folder:
            wrong = await look()
            return wrong, await forget(open_folder, wrong)

    with ended(GOES_ON if repair else UNTOUCHED):
        if repair:
            wrong, downloads = asyncio.run(look_and_forget())
        else:
            wrong, downloads = asyncio.run(look()), []
            if any(finding.is_repairable for finding in wrong) and _is_talkative(options):
                complain(REPAIR_HINT)
        if downloads:
            _fetch(downloads, options)
            stay_wrong = [finding for finding in wrong if not finding.is_repairable]
            wrong = stay_wrong + asyncio.run(look({download.key for download in downloads}))
        raise typer.Exit(SOME_FAILED if wrong else SUCCESS)


def _is_talkative(options: RunOptions) -> bool:
    return options.loudness > Loudness.ERRORS and not options.json


def _fetch(downloads: list[Download], options: RunOptions) -> None:
    """Run an export of what was forgotten; whether it is complete is seen by looking again."""
    try:
        run_export(downloads, replace(options, json=False))
    except typer.Exit as end:
        if end.exit_code not in {SUCCESS, SOME_FAILED}:
            raise
