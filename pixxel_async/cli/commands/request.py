"""`pixxel-async request`: creates packages, and does not wait for them.

Rules:
    * A line of an earlier run stands for its package: it is printed as it is, and nothing is sent.
    * A creation that an earlier run has sent without a recorded response is sent again, as by an
      export: at most `RECREATE_ATTEMPTS` times, over all runs.
    * After Ctrl-C, creations in flight may finish within `FINISH_S`, as those of an export.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import anyio
import anyio.lowlevel
import typer

from ...client import PixxelClient
from ...config import RECREATE_ATTEMPTS, RetryPolicy
from ...downloads import Download
from ...errors import AnswerLostError, PackageFailedError, PixxelError
from ...export.pipeline import FINISH_S
from ...models import PackageStatus
from ...sansio.api.package_calls import needs_id
from ...sansio.resilience.retry_rules import Failure, failure_of
from ..manifest.reader import name_of, parse_rows, read_source
from ..manifest.request_state import RequestState
from ..manifest.step_lines import Status, StepLine, parse_line_with_ids
from ..options.dataclass_options import takes_options
from ..options.export import OutputOptions
from ..options.folder import NoRecreate
from ..output.exit_codes import complain, ended
from ..step_run import run_step


@dataclass(frozen=True, kw_only=True)
class RequestOptions(OutputOptions):
    """How packages are requested; each field is an option."""

    state: Annotated[
        Path | None,
        typer.Option(
            "--state",
            metavar="FILE",
            show_default="none",
            help="File that remembers what was requested, created if missing. With it, a second "
            "run requests nothing twice, even after a kill.",
        ),
    ] = None
    no_recreate: NoRecreate = False

    @property
    def retry(self) -> RetryPolicy:
        """How often calls are retried."""
        return RetryPolicy(recreate=self._recreate)

    @property
    def _recreate(self) -> int:
        return 0 if self.no_recreate else RECREATE_ATTEMPTS


@partial(takes_options, without={"verbose"})
def request(
    options: RequestOptions,
    *,
    manifest: Annotated[
        str,
        typer.Argument(
            metavar="MANIFEST",
            help="A JSON Lines or CSV file; - is standard input. Lines of an earlier run may be "
            "among them.",
        ),
    ],
) -> None:
    r"""Request packages, without waiting for them: the first of three steps.

    Writes one JSON object per package, which pixxel-async wait takes:

    {"key": "...", "target": {"kind": "aoi", ...}, "download_id": "...", "status": "pending", ...}

    A line that has been printed before stands for its package: given again, it is not requested
    again. --state does the same with a file.
    """
    with ended():
        lines = distinct(parse_rows(read_source(manifest), name_of(manifest), parse_line_with_ids))

        async def all_lines(_: Callable[[str], None]) -> AsyncIterator[StepLine]:
            for line in lines:
                yield line

        async def run() -> int:
            async with RequestState(options.state) as state:
                requests = Requests(state, recreate=options.retry.recreate)
                return await run_step(options, requests.request, all_lines, requests.let_finish)

        raise typer.Exit(asyncio.run(run()))


def distinct(lines: list[StepLine]) -> list[StepLine]:
    """Return one line for each package: the last of those that know it, or else the first."""
    found: dict[str, StepLine] = {}
    for line in lines:
        if line.is_known or line.key not in found:
            found[line.key] = line
    return list(found.values())


class Requests:
    """Requests packages that are not known yet."""

    def __init__(self, state: RequestState, *, recreate: int) -> None:
        """Send a creation whose response an earlier run has lost at most `recreate` times."""
        self._state = state
        self._recreate = recreate
        self._sent: set[anyio.CancelScope] = set()

    def let_finish(self) -> None:
        """Let creations in flight end within `FINISH_S`."""
        for scope in self._sent:
            scope.deadline = anyio.current_time() + FINISH_S

    async def request(self, client: PixxelClient, line: StepLine) -> StepLine:
        """Return the line of a package that is requested.

        Raises:
            PixxelError: The service has refused it.
        """
        known = self._state.known(line)
        if known.is_known or known.download is None:
            return known
        with anyio.CancelScope() as scope:
            try:
                return await self._create(client, known.download, scope, line)
            finally:
                self._sent.discard(scope)
        await anyio.lowlevel.checkpoint()  # the step has ended
        raise AssertionError

    async def _create(
        self, client: PixxelClient, download: Download, scope: anyio.CancelScope, line: StepLine
    ) -> StepLine:
        fresh = StepLine(download=download)
        has_id = needs_id(download)
        if has_id and (lost := self._state.unanswered(line)):
            self._check_lost(download.key, lost)

        async def before() -> None:
            if has_id and scope not in self._sent:
                self._sent.add(scope)
                scope.shield = True  # or its response would be lost
                await self._state.note(replace(fresh, status=Status.SENT))

        try:
            package = await client.packages.request(download, before=before)
        except PixxelError as error:
            if failure_of(error) is not Failure.LOST:  # a response settles the creation
                await self._state.note(fresh.failed(error))
            raise
        done = fresh.now(package)
        if package.status is PackageStatus.FAILED:
            message = f'the service could not package it: its status is "{package.status_word}"'
            done = done.failed(PackageFailedError(message, key=download.key))
        elif not done.is_known:  # it is ready at once, and has no id to ask for its URL again
            return replace(done, url=package.signed_url)
        await self._state.note(done)
        return done

    def _check_lost(self, key: str, lost: int) -> None:
        if lost > self._recreate:
            message = (
                f"its creation was sent {lost} times without a recorded response, and is not sent "
                "again: the service may hold a package. To send it again, remove its lines from "
                "the state file"
            )
            raise AnswerLostError(message, key=key)
        complain(f"requested again: {key}: an earlier run sent it, and recorded no response")
