"""A sandbox in a process of its own: one that shares ours would share its processor time too."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import SecretStr

from ...addresses import DIRECT
from ...client import PixxelClient
from ...config import Limits, PollPolicy
from ...downloads import JobDownload
from ...errors import ConfigError
from ...sandbox.scenario import API_KEY

PACKAGES = 4
PACKAGE_BYTES = 32 * 1024 * 1024
COMMAND = (
    *("-m", "pixxel_async.cli", "sandbox", "--api-port", "0", "--storage-port", "0"),
    *("--packaging-min", "0.001", "--packaging-max", "0.001", "--url-lifetime", "86400"),
    *("--package-bytes", str(PACKAGE_BYTES)),
)
ADDRESS = "base URL"
START_S = 30.0
POLL = PollPolicy(initial_s=0.01, max_s=0.1, keep_times=False)


@asynccontextmanager
async def sandbox_process() -> AsyncIterator[list[SecretStr]]:
    """Yield signed URLs of packages that a sandbox serves; leaving the context ends it.

    Raises:
        ConfigError: It does not start.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *COMMAND,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        address = await _address(process)
        async with PixxelClient(
            API_KEY,
            base_url=address,
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


async def _address(process: asyncio.subprocess.Process) -> str:
    """Return where the service of a sandbox is that has just been started."""
    output = process.stdout
    try:
        async with asyncio.timeout(START_S):
            while output is not None and (line := (await output.readline()).decode()):
                if line.startswith(ADDRESS):
                    return line.removeprefix(ADDRESS).strip()
    except TimeoutError:
        pass
    message = "the sandbox does not start; pixxel-async sandbox tells why"
    raise ConfigError(message)
