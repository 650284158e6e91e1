"""`pixxel-async verify`: checks whether saved packages exist and are unchanged.

Rules:
    * Findings go to standard output; the bar and the messages of a repair to standard error.
    * A repair locks the folder from the first check until it has forgotten what it downloads
      again, so that it does not undo what another process repairs meanwhile.
    * It needs a key before it forgets anything.
    * Repaired packages are verified again, just as thoroughly; the exit code is that of this
      second check.
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
from ...export.verify import verify as verified
from ...journal.reader import read_record
from ...members import MemberFilter, filter_of
from ...sansio.files.verification import Condition, Finding
from ..client_factory import client_of
from ..options.export import RunOptions, at_least_one, takes_options
from ..options.types import flag
from ..output.exit_codes import GOES_ON, SOME_FAILED, SUCCESS, complain, ended
from ..output.findings import finding_writer
from .export_run import save

UNTOUCHED = "interrupted: nothing was changed"
REPAIR_HINT = "To download missing and changed packages again, add --repair"


FOLDER = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of an export.")]
NOT_OF_VERIFY = frozenset(
    {
        "retry_failed",
        "verify",
        "overwrite",
        "path_template",
        "only",
        "skip",
        "dry_run",
        "sizes",
        "fail_fast",
        "summary",
        "on_done",
    }
)
"""Options of an export that do not apply; they keep their defaults."""


def takes_export_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of an export, with the argument DIR instead of `--out`."""
    taken = takes_options(command, without=NOT_OF_VERIFY)
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
        bool, flag("--repair", text="Download missing, changed and broken packages again.")
    ] = False,
    contents: Annotated[
        bool, flag("--contents", text="Also check each member of each ZIP against its CRC-32.")
    ] = False,
    jobs: Annotated[
        int, typer.Option(metavar="N", callback=at_least_one, help="Files to read at once.")
    ] = JOBS,
) -> None:
    """Check the saved packages and report what is missing or changed.

    Compares size, SHA-256 and ZIP structure of each file with what the export recorded.

    The options below are for --repair, which needs the key; those for output are for both.
    """
    with ended():
        folder = absolute_path(options.out)
    depth = Verify.CONTENTS if contents else Verify.STRUCTURE

    async def check(only: Collection[str] | None = None) -> list[Finding]:
        found = []
        with finding_writer(folder, options, only=only) as writer:
            findings = verified(folder, depth=depth, jobs=jobs, only=only)
            async with aclosing(findings):
                async for finding in findings:
                    writer.write(finding)
                    found.append(finding)
        return found

    async def check_and_forget() -> tuple[list[Finding], list[Download]]:
        async with client_of(options):
            pass  # raises without a key
        async with held(folder) as open_folder:
            findings = await check()
            return findings, await forget(open_folder, findings)

    with ended(GOES_ON if repair else UNTOUCHED):
        if not repair:
            findings = asyncio.run(check())
            if any(one.is_repairable for one in findings) and _shows_hints(options):
                complain(REPAIR_HINT)
            raise _end(is_right=not any(one.is_wrong for one in findings))
        findings, downloads = asyncio.run(check_and_forget())
        is_right = not any(one.is_wrong and not one.is_repairable for one in findings)
        if downloads:
            _fetch(downloads, options)
            again = asyncio.run(check({download.key for download in downloads}))
            is_right &= all(one.condition is Condition.OK for one in again)
        raise _end(is_right=is_right)


def _end(*, is_right: bool) -> typer.Exit:
    return typer.Exit(SUCCESS if is_right else SOME_FAILED)


def _shows_hints(options: RunOptions) -> bool:
    return options.loudness > Verbosity.ERRORS and not options.json


def _fetch(downloads: list[Download], options: RunOptions) -> None:
    """Export the forgotten packages, with the members that the folder has of each.

    A second check decides whether that succeeded.
    """
    keys = {download.key for download in downloads}
    rows = read_record(absolute_path(options.out)).rows
    chosen = next((filter_of(row.members) for row in rows if row.key in keys), MemberFilter())
    options = replace(options, only=list(chosen.only), skip=list(chosen.skip))
    try:
        save(downloads, replace(options, json=False, retry_failed=True))
    except typer.Exit as end:
        if end.exit_code not in {SUCCESS, SOME_FAILED}:
            raise
