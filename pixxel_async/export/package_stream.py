"""Hands out the bytes of a package as they arrive, without a file that stays.

Rules:
    * It reads along an export of one package into a temporary directory. Resumption, fresh URLs and
      verification are those of an export, and memory does not grow with the package.
    * What was handed out cannot be taken back. The stream therefore has a digest of its own, and
      ends with an error unless that is the digest of the verified file.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
import anyio.to_thread

from .. import events
from ..config import Checksum, FetchPolicy, Sync
from ..destinations.os_errors import sink_error
from ..destinations.partial_file import PART_SUFFIX
from ..errors import IntegrityError, SinkError, UsageError
from ..http.client_lifetime import IS_CLOSED
from ..waits import to_end
from .export import Export

CHUNK_BYTES = 256 * 1024
PREFIX = "pixxel-async-"
NO_SEGMENTS = 2**62
"""A segment size that no package reaches: the bytes arrive in order."""

CHANGED = (
    "the object in the storage changed while it was streamed, so what was handed out is not the "
    "package: discard it and start again"
)


def stream_policy(fetch: FetchPolicy) -> FetchPolicy:
    """Return the policy for a transfer that is read along."""
    changes = {
        "checksum": Checksum.SHA256,
        "segment_bytes": NO_SEGMENTS,
        "sync": Sync.NONE,
        "write_s": 0.0,
    }
    return fetch.model_copy(update=changes)


class PackageStream:
    """The bytes of a package, in order: an async iterator that can be read once.

        async with client.stream(JobDownload(workflow_id="w", job_id="j")) as body:
            size = sum([len(chunk) async for chunk in body])
        print(size, body.sha256)

    Attributes:
        size: The size of the package in bytes, or None while it is unknown.
        sha256: Its SHA-256 in hexadecimal; empty until the end of the iteration.
    """

    def __init__(self, export: Export, directory: Path) -> None:
        """Read along an export of one package into a directory."""
        self.size: int | None = None
        self.sha256 = ""
        self._export = export
        self._directory = directory
        self._at = 0
        self._digest = hashlib.sha256()
        self._file: int | None = None
        self._chunks = self._read()

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Iterate over chunks of at most `CHUNK_BYTES`.

        Raises:
            PixxelError: The package could not be transferred or verified; what was handed out so
                far is to be discarded.
        """
        return self._chunks

    async def read(self, max_bytes: int) -> bytes:
        """Return the whole package.

        Raises:
            SinkError: It has more than `max_bytes`.
            PixxelError: As above.
        """
        gathered = bytearray()
        async for chunk in self:
            gathered += chunk
            if len(gathered) > max_bytes or (self.size or 0) > max_bytes:
                message = (
                    f"the package has {self.size or 'more'} bytes, and max_bytes is {max_bytes}: "
                    "raise it, or use `stream` or `download`"
                )
                raise SinkError(message)
        return bytes(gathered)

    async def aclose(self) -> None:
        """Close the file."""
        await self._chunks.aclose()
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    async def _read(self) -> AsyncGenerator[bytes, None]:
        name = ""
        async for event in self._export:
            match event:
                case events.FetchStarted(name=started):
                    name = started
                case events.FetchProgress(bytes=size, total=total):
                    self.size = total
                    async for chunk in self._new_bytes(name + PART_SUFFIX, size):
                        yield chunk
                case events.Saved(saved=saved):
                    self.size = saved.bytes
                    async for chunk in self._new_bytes(name, saved.bytes):
                        yield chunk
                    if self._at != saved.bytes or self._digest.hexdigest() != saved.sha256:
                        raise IntegrityError(CHANGED)
                    self.sha256 = saved.sha256
                    return
                case events.Failed(error=error):
                    raise error
        raise self._export.report.stopped or UsageError(IS_CLOSED)

    async def _new_bytes(self, name: str, size: int) -> AsyncIterator[bytes]:
        """Yield what the file has beyond the bytes that were handed out, up to a size."""
        while self._at < size:
            chunk = await anyio.to_thread.run_sync(self._pread, name, size - self._at)
            if not chunk:
                return  # it restarts; the digest decides in the end
            self._at += len(chunk)
            self._digest.update(chunk)
            yield chunk

    def _pread(self, name: str, count: int) -> bytes:
        try:
            if self._file is None:
                self._file = os.open(self._directory / name, os.O_RDONLY | os.O_CLOEXEC)
            return os.pread(self._file, min(count, CHUNK_BYTES), self._at)
        except FileNotFoundError:  # it has just been renamed
            return b""


@asynccontextmanager
async def streamed(
    begin: Callable[[Path], Export], directory: Path | None
) -> AsyncIterator[PackageStream]:
    """Open a stream; leaving the context ends the transfer, and removes its directory.

    Args:
        begin: Makes the export into a temporary directory.
        directory: Where that is created; None is the system's directory for such.

    Raises:
        SinkError: It cannot be created.
    """
    try:
        making = anyio.to_thread.run_sync(lambda: tempfile.mkdtemp(prefix=PREFIX, dir=directory))
        temporary = Path(await to_end(making, drop=shutil.rmtree))
    except OSError as error:
        raise sink_error(error, directory or Path(tempfile.gettempdir())) from error
    try:
        async with begin(temporary) as export:
            stream = PackageStream(export, temporary)
            try:
                yield stream
            finally:
                await stream.aclose()
    finally:
        with anyio.CancelScope(shield=True), suppress(OSError):
            await anyio.to_thread.run_sync(shutil.rmtree, temporary)
