"""`pixxel-async wait`: polls requested packages until they are ready, and prints their URLs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import Annotated

import typer

from ...client import PixxelClient
from ...errors import AnswerLostError, PackageTimeoutError
from ...models import Package
from ...sansio.api.package_calls import needs_id
from ..manifest.lines import read_lines
from ..manifest.step_lines import Status, StepLine, parse_line_with_ids
from ..options.dataclass_options import takes_options
from ..options.export import WaitOptions
from ..output.exit_codes import ended
from ..step_run import UNANSWERED, run_step


@partial(takes_options, without={"verbose"})
def wait(
    options: WaitOptions,
    *,
    lines: Annotated[
        str,
        typer.Argument(
            metavar="LINES",
            help="What pixxel-async request has printed, or a manifest; - is standard input, read "
            "as it comes.",
        ),
    ],
) -> None:
    """Wait until packages are ready and print their signed URLs: the second of three steps.

    Writes one JSON object per package, as it becomes ready: the line with status, url and
    expires_at; error says why a package is not ready. One schedule polls all packages. A line
    with a download_id never requests another package.

    A signed URL is a secret: whoever has it can read the package until it expires. It is printed
    to standard output only, because that is what this command is for. Pass it on in a pipe, or
    write it to a file that only you can read (umask 077); keep it out of logs.
    """
    with ended():
        read = partial(read_lines, lines, parse_line_with_ids)
        raise typer.Exit(asyncio.run(run_step(options, wait_for, read)))


async def wait_for(client: PixxelClient, line: StepLine) -> StepLine:
    """Return the line of a package that is ready.

    Raises:
        PixxelError: It failed.
    """
    download = line.download
    if download is None or line.status is Status.FAILED:
        return line
    if line.status is Status.SENT and needs_id(download):
        raise AnswerLostError(UNANSWERED, key=download.key)
    if needs_id(download):
        if not line.is_known:
            package = await client.packages.request(download)
            line = _ready(line, package)
        if line.url is not None and line.download_id is None:
            return line  # nothing can renew it
        download = client.packages.adopt(replace(line, url=None).package())
    try:
        return _ready(line, await client.wait(download))
    except PackageTimeoutError as error:
        return line.failed(error, Status.PENDING)


def _ready(line: StepLine, package: Package) -> StepLine:
    return replace(line.now(package), url=package.signed_url)
