"""`pixxel-async fetch`: saves packages that are ready, as an export does.

Rules:
    * It requests no package. One that is not ready yet is polled by its id.
    * An expired URL is renewed if its line has the ids and there is a key. Without a key, URLs are
      used as long as they are valid.
    * With `--output`, a folder beside the file holds the journal and the partial until the file has
      its name: several files of one folder can be fetched at once.
    * A URL given as an argument is never repeated, not even in the hint how to resume.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import SecretStr

from ...client import PixxelClient
from ...config import NO_KEY
from ...destinations.os_errors import sink_error
from ...destinations.paths import absolute_path
from ...display.base import Verbosity
from ...downloads import Download
from ...errors import AnswerLostError, ConfigError, InputError
from ...events import Failed, Saved, Settled
from ...export.source import Downloads
from ...export.summary import Report
from ...models import SavedPackage
from ..client_factory import check_descriptors, client_of
from ..follower import Follower
from ..manifest.lines import read_lines
from ..manifest.reader import STDIN, URL_STARTS
from ..manifest.step_lines import Status, StepLine, parse_line, parse_line_to_fetch
from ..options.dataclass_options import takes_options
from ..options.export import RunOptions
from ..output.exit_codes import MISUSE, SOME_FAILED, complain, ended
from ..output.json_lines import row_of, write_line
from ..output.logs import log_shown
from ..output.summary import summary
from ..signals import Interruption
from ..step_run import UNANSWERED
from .export_run import choose_display, exit_code, has_come_to_something, what_next

NO_FOLDER = Path(os.devnull)
"""No folder can be there."""
NO_SUCH_KEY = SecretStr("there-is-no-key")
NO_KEY_TO_RENEW = f"its signed URL does not work any more; to request a fresh one: {NO_KEY}"
NO_URL = "a source with a question mark is a URL, which starts with https://, and not a file"
UNUSED = frozenset({"dry_run", "sizes", "json", "retry_failed", "no_recreate"})


@dataclass(frozen=True, kw_only=True)
class FetchOptions(RunOptions):
    """How packages are fetched; each field is an option."""

    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "--directory",
            "-o",
            metavar="DIR",
            show_default="needed without --output",
            help="Folder for the packages, created if missing. The same command resumes.",
        ),
    ] = NO_FOLDER
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="FILE",
            show_default="none",
            help="Path of the only package.",
        ),
    ] = None

    def __post_init__(self) -> None:
        """Check options against each other.

        Raises:
            typer.BadParameter: Two options conflict.
        """
        super().__post_init__()
        if (self.out == NO_FOLDER) == (self.output is None):
            reason = "give a folder, or --output FILE for one package; not both."
            raise typer.BadParameter(reason, param_hint="'--out'")
        given = {"--extract": self.extract, "--only": self.only, "--skip": self.skip}
        for option in (option for option, value in given.items() if value):
            if self.output is not None:
                reason = "it needs a folder: give --out DIR instead of --output."
                raise typer.BadParameter(reason, param_hint=f"'{option}'")


@partial(takes_options, without=UNUSED)
def fetch(
    options: FetchOptions,
    *,
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE",
            help="Files with what pixxel-async wait has printed, or with one signed URL per line; "
            "- is standard input, read as it comes. A URL works, too, but stays in the history of "
            "the shell.",
        ),
    ],
) -> None:
    """Save packages that are ready, by their signed URLs: the last of three steps.

    Packages are verified and resumed as by an export, and get their names last. An expired URL is
    renewed if its line has the ids. Writes one JSON object per package, as it ends.

    A signed URL is a secret: this command never prints one.
    """
    with ended():
        if any("?" in source and not _is_url(source) for source in sources):
            raise InputError(NO_URL)  # its text may hold a signature
        target = None if options.output is None else absolute_path(options.output)
        if target is not None and target.exists() and not options.overwrite:
            message = f"{target}: there is a file already: add --overwrite to replace it"
            raise InputError(message)
        check_descriptors()
        folder = absolute_path(options.out) if target is None else _beside(target)
        run = Fetch(options, _client(options), sources, Rows(folder, target))
        report, interruption = run.run()
    if options.loudness > Verbosity.ERRORS and has_come_to_something(report):
        typer.echo(summary(report, folder), err=True)
    for line in _what_next(report, interruption, sources):
        complain(line, wraps=False)
    raise typer.Exit(interruption.exit_code or run.exit_code(report))


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name}.fetch")


def _client(options: FetchOptions) -> tuple[PixxelClient, str]:
    """Return a client, and why it cannot renew a URL, if so."""
    try:
        return client_of(options), ""
    except ConfigError as error:
        if str(error) != NO_KEY:
            raise
    return client_of(options, api_key=NO_SUCH_KEY), NO_KEY_TO_RENEW


def _what_next(report: Report, interruption: Interruption, sources: list[str]) -> list[str]:
    lines = what_next(report, interruption, retries_failed=True)
    if any(_is_url(source) for source in sources):
        return [*lines[:-1], "To resume, run the same command again."] if lines else []
    return lines


def _is_url(source: str) -> bool:
    return source.lower().startswith(URL_STARTS)


class Rows:
    """Writes a line for each package, and gives the file of `--output` its name."""

    def __init__(self, folder: Path, target: Path | None) -> None:
        """Write about packages in a folder; `target` is where the only one belongs."""
        self.folder = folder
        self._target = target
        self._saved: SavedPackage | None = None

    @property
    def takes_one(self) -> bool:
        """Whether there may be only one package."""
        return self._target is not None

    def write(self, event: Settled) -> None:
        """Write how a package ended; that of `--output` ends in `finish`."""
        if self._target is None or isinstance(event, Failed):
            self.write_row(row_of(event, self.folder))
        else:
            self._saved = event.saved

    def write_row(self, row: dict[str, Any]) -> None:
        """Write a line.

        Raises:
            BrokenPipeError: Nobody reads it.
            SinkError: It cannot be written.
        """
        write_line(sys.stdout, json.dumps(row, ensure_ascii=True))

    def finish(self) -> None:
        """Move the file of `--output` to its place, once its folder is closed.

        Raises:
            SinkError: The disk refuses.
        """
        if self._target is None or self._saved is None:
            return
        try:
            self._saved.path.replace(self._target)
            shutil.rmtree(self.folder)
        except OSError as error:
            raise sink_error(error, self._target) from error
        event = Saved(at_s=0, key="", saved=self._saved, received=0, transferred_s=0)
        self.write_row({**row_of(event, self.folder), "path": str(self._target)})


@dataclass(slots=True)
class Fetch:
    """One run.

    Attributes:
        options: How packages are fetched.
        client: The client, and why it cannot renew a URL, if so.
        sources: Where the lines are.
        rows: Writes what has ended.
        failed: Lines of packages that failed in an earlier step.
        problems: Invalid lines.
    """

    options: FetchOptions
    client: tuple[PixxelClient, str]
    sources: list[str]
    rows: Rows
    failed: int = 0
    problems: int = 0
    _taken: int = field(default=0)

    def run(self) -> tuple[Report, Interruption]:
        """Save the packages.

        Raises:
            PixxelError: It could not begin, or a source is invalid.
        """
        display = choose_display(self.options.loudness, has_rows=True)

        async def export() -> tuple[Report, Interruption]:
            client, _ = self.client
            async with client:
                stop_at = Failed if self.options.fail_fast else None
                downloads: Downloads = self._downloads()
                if STDIN not in self.sources:  # their number is known
                    downloads = [each async for each in self._downloads()]
                begun = client.export(downloads, self.rows.folder, folder=self.options.folder)
                follower = Follower(begun, display, self.rows.write, stats_s=self.options.stats)
                return begun.report, await follower.run(stop_at)

        with log_shown(display, self.options.loudness), display:
            ended_so = asyncio.run(export())
        self.rows.finish()
        return ended_so

    def exit_code(self, report: Report) -> int:
        """Return the exit code of a run that was not interrupted."""
        if self.problems:
            return MISUSE
        return SOME_FAILED if self.failed else exit_code(report)

    async def _downloads(self) -> AsyncIterator[Download]:
        for source in self.sources:
            async for line in self._lines(source):
                if (download := self._take(line)) is not None:
                    yield download

    async def _lines(self, source: str) -> AsyncIterator[StepLine]:
        if _is_url(source):
            yield parse_line(source)
            return
        async for line in read_lines(source, parse_line_to_fetch, self._report, may_be_csv=False):
            yield line

    def _take(self, line: StepLine) -> Download | None:
        """Return what the client exports for a line, or None for one that cannot be fetched."""
        client, refusal = self.client
        if line.status is Status.SENT:
            line = line.failed(AnswerLostError(UNANSWERED, key=line.key))
        if line.status is Status.FAILED or (line.error is not None and line.url is None):
            self._fail(line)
            return None
        if self.rows.takes_one and self._taken:
            self._report("--output is for one package: give --out DIR for several")
            return None
        if line.url is None and refusal:
            raise ConfigError(NO_KEY)
        self._taken += 1
        return client.packages.adopt(
            line.package(), refusal="" if line.download is None else refusal
        )

    def _fail(self, line: StepLine) -> None:
        self.failed += 1
        complain(str(line))
        self.rows.write_row(
            {
                "target": line.download and line.download.row(),
                "status": "failed",
                "path": None,
                "bytes": None,
                "sha256": None,
                "extracted": None,
                "error": line.error,
            }
        )

    def _report(self, problem: str) -> None:
        self.problems += 1
        complain(problem)
