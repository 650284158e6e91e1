"""`pixxel-async bench`: the throughput of this link or machine, or the figures of an export.

Rules:
    * Signed URLs are secrets. They are never printed, and are best read from a file or a pipe:
      other users of a machine can see its command lines, and shells keep a history.
    * Received bytes are discarded, so that the disk does not affect the result.
    * The number of transfers grows until the storage refuses one.
    * Without URLs, a sandbox in a separate process stands in for the storage: in this process, it
      would share the processor time that is measured.
    * An export is measured with its disk: its packages go into a temporary folder.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr

from ...addresses import CA_BUNDLE, DIRECT, PROXY
from ...benchmark import Benchmark, measure_export, peak_memory, versions
from ...config import FETCHES, Limits, PollPolicy, Timeouts
from ...destinations.os_errors import sink_error
from ...downloads import JobDownload
from ...errors import ConfigError, InputError
from ...http.engines import Engine, storage_engine
from ...http.storage_client import StorageClient
from ...sansio.resilience.concurrency_choice import Step, fetches_to_set
from ...sansio.storage.address_policy import AddressPolicy, Scope
from ...settings.layers import from_everywhere
from ...settings.network import certificates, routes
from ...transfer.benchmark import MeasuredLink
from ..manifest.reader import name_of, parse_rows, read_source
from ..manifest.step_lines import parse_line
from ..options.dataclass_options import takes_options
from ..options.service import SPEED, FetchesOption, ServiceOptions
from ..options.types import duration_option, flag
from ..output.benchmark import print_comparison, print_export
from ..output.exit_codes import SOME_FAILED, SUCCESS, complain, ended, sandbox_needed

NO_SOURCES = "--export measures its own packages: leave out the sources"
NUMBERS = (1, 2, 4, 8, 16, 32)
STEP_S = 3.0
STDIN = "-"
SCHEMES = ("https://", "http://")
COMMENT = "#"

USER_GIVEN = AddressPolicy(service=Scope.LOOPBACK, allow_private_storage=True)
"""The URLs are the user's own: private addresses may be measured, too."""

PACKAGES = 4
PACKAGE_BYTES = 32 * 1024 * 1024
SANDBOX = (
    *("-m", "pixxel_async.cli", "sandbox", "--api-port", "0", "--storage-port", "0"),
    *("--packaging-min", "1ms", "--packaging-max", "1ms", "--url-lifetime", "1d"),
    *("--package-bytes", str(PACKAGE_BYTES)),
)
ADDRESS = "base URL"
START_S = 30.0
POLL = PollPolicy(initial_s=0.01, max_s=0.1, keep_times=False)


@dataclass(frozen=True, kw_only=True)
class BenchOptions(ServiceOptions):
    """What is measured, and how; each field is an option."""

    export: Annotated[
        str | None,
        typer.Option(
            "--export",
            metavar="MANIFEST",
            show_default="none",
            help="Measure an export of these packages instead. Give what pixxel-async request or "
            "wait has printed: packages of a manifest are requested again for each measurement.",
        ),
    ] = None
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="DIR",
            help="With --export: where to save them, in a temporary folder, which is removed.",
        ),
    ] = Path()
    fetches: FetchesOption = FETCHES
    compare: Annotated[
        bool,
        flag("--compare", text="Compare two files that --json has written, by ratios."),
    ] = False

    duration: Annotated[
        float,
        duration_option(
            "--duration",
            default=STEP_S,
            panel=SPEED,
            text="How long to measure each number of transfers.",
        ),
    ] = STEP_S
    json: Annotated[bool, flag("--json", text="Write one JSON object instead of lines.")] = False

    @property
    def limits(self) -> Limits:
        """Limits on concurrency and rates."""
        return Limits(fetches=self.fetches, requests_per_second=self.requests_per_second)


@takes_options
def bench(
    options: BenchOptions,
    *,
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SOURCE]...",
            show_default="this machine, against a local sandbox",
            help="Files with one signed URL per line; - is standard input. A URL works, too, but "
            "stays in the history of the shell.",
        ),
    ] = None,
) -> None:
    """Measure the download throughput with 1 to 32 concurrent transfers, or an export.

    Received bytes are discarded. One URL is enough; use a package of 100 MB or more.

    Without a source, a sandbox on this machine replaces the storage (extra `sandbox`): that
    measures the machine.

    With --export, packages are saved as by an export, and measured: throughput, time to the first
    byte, packaging, polls, processor time and memory. With --compare, the sources are two files.
    """
    with ended(interrupted="interrupted"):
        if options.compare:
            print_comparison(sources or [], as_json=options.json)
            raise typer.Exit(SUCCESS)
        if options.export is not None:
            if sources:
                raise InputError(NO_SOURCES)
            measured = asyncio.run(measure(options, options.export))
            print_export(measured, as_json=options.json)
            raise typer.Exit(SOME_FAILED if measured.failed else SUCCESS)
        cpu_s = time.process_time()
        steps, received = asyncio.run(_measure_sources(options, sources or []))
        is_link = bool(sources)
        number = fetches_to_set(steps) if is_link else None
        highest = max(step.bytes_per_s for step in steps)
        if options.json:
            found = {
                "measured": "link" if is_link else "machine",
                "versions": asdict(versions()),
                "steps": [asdict(step) for step in steps],
                "fetches": number,
                "received": received,
                "cpu_s": time.process_time() - cpu_s,
                "peak_bytes": peak_memory(),
            }
            typer.echo(json.dumps(found))
        else:
            typer.echo(f"\n{verdict(number, highest, is_link=is_link)}")
            typer.echo(f"{received / 1e6:,.0f} MB received and discarded.")
        raise typer.Exit(SUCCESS if highest else SOME_FAILED)


async def measure(options: BenchOptions, manifest: str) -> Benchmark:
    """Measure an export of the packages of a manifest, or of lines of `request`.

    Raises:
        PixxelError: The export could not start.
        SinkError: There can be no temporary folder.
    """
    from ..client_factory import client_of  # noqa: PLC0415 - slow to import, and a link needs none

    lines = parse_rows(read_source(manifest), name_of(manifest), parse_line)
    try:
        folder = tempfile.mkdtemp(prefix=".pixxel-bench-", dir=options.out)
    except OSError as error:
        raise sink_error(error, options.out) from error
    try:
        async with client_of(options) as client:
            downloads = [
                line.download
                if line.download is not None and not line.is_known
                else client.packages.adopt(line.package())
                for line in lines
            ]
            return await measure_export(client, downloads, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _measure_sources(options: BenchOptions, sources: list[str]) -> tuple[list[Step], int]:
    if sources:
        return await measure_link(options, read_urls(sources))
    if not options.json:
        complain("No URL given: measuring this machine against a local sandbox.")
    async with sandbox_process() as urls:
        return await measure_link(options, urls)


async def measure_link(options: BenchOptions, urls: list[SecretStr]) -> tuple[list[Step], int]:
    """Measure and print one number after the other; return them, and all bytes received.

    Raises:
        PixxelError: A URL cannot be used, or nothing is received.
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
            addresses=USER_GIVEN,
        ),
        routes(proxy if isinstance(proxy, SecretStr) else SecretStr(PROXY)),
        addresses=USER_GIVEN,
    )
    link, steps = MeasuredLink(storage, urls), []
    try:
        if not options.json:
            typer.echo("transfers        MB/s")
        for number in NUMBERS:
            step = await link.measure(number, options.duration)
            steps.append(step)
            if not options.json:
                typer.echo(line_of(step))
            if step.error:
                break
    finally:
        await storage.aclose()
    return steps, link.received


def line_of(step: Step) -> str:
    """Return the line for one number of transfers."""
    result = step.error or f"{step.bytes_per_s / 1e6:,.1f}"
    return f"{step.fetches:>9}  {result:>10}"


def verdict(number: int | None, highest: float, *, is_link: bool) -> str:
    """Return the recommendation for a link, or the limit of this machine."""
    if not highest:
        return "Nothing was received in the measured time: try a longer --duration."
    if number is None or not is_link:
        return (
            f"This machine reaches up to {highest / 1e6:,.0f} MB/s. To measure the link, give "
            "signed URLs: pixxel-async bench FILE"
        )
    return f"Set --fetches {number}: more concurrent transfers gain almost nothing."


def read_urls(sources: Iterable[str]) -> list[SecretStr]:
    """Read signed URLs from arguments, files or standard input.

    Raises:
        InputError: A file cannot be read, or a line is not a URL; no message contains a part of
            one.
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
                problems.append(f"{name}:{number}: not a URL: start each line with https://")
    if problems or not urls:
        message = "no URLs found: give one signed URL per line"
        raise InputError(message, problems=tuple(problems))
    return urls


def _lines(source: str, name: str) -> list[str]:
    try:
        data = sys.stdin.buffer.read() if source == STDIN else Path(source).read_bytes()
    except OSError as error:
        message = f"{name}: cannot be read: {error.strerror or error}"
        raise InputError(message) from None
    return data.decode("utf-8-sig", "replace").splitlines()


@asynccontextmanager
async def sandbox_process() -> AsyncIterator[list[SecretStr]]:
    """Yield signed URLs of packages on a sandbox, which ends with the context.

    Raises:
        ConfigError: The sandbox does not start.
        typer.Exit: The extra `sandbox` is not installed.
    """
    from ...client import PixxelClient  # noqa: PLC0415 - slow to import, and a link needs neither

    with sandbox_needed():
        from ...sandbox.scenario import API_KEY  # noqa: PLC0415 - likewise
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *SANDBOX,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with PixxelClient(
            API_KEY,
            base_url=await _base_url(process),
            proxy=DIRECT,
            poll=POLL,
            limits=Limits(requests_per_second=1000),
        ) as client:
            ready = [
                await client.wait(JobDownload(workflow_id="bench", job_id=str(number)))
                for number in range(PACKAGES)
            ]
        yield [package.signed_url for package in ready if package.signed_url is not None]
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _base_url(process: asyncio.subprocess.Process) -> str:
    """Return the base URL that a sandbox prints when it has started."""
    output = process.stdout
    try:
        async with asyncio.timeout(START_S):
            while output is not None and (line := (await output.readline()).decode()):
                if line.startswith(ADDRESS):
                    return line.removeprefix(ADDRESS).strip()
    except TimeoutError:
        pass
    message = "the sandbox does not start; to see the reason, run: pixxel-async sandbox"
    raise ConfigError(message)
