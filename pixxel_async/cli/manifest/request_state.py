"""The state file of `request`: which packages were requested, so that none is requested twice.

Rules:
    * A line is added before a creation is sent, and another one with its response, both synced to
      disk: a run that is killed leaves either the id, or the fact that a package may exist.
    * The last line of a package counts. A last line that a kill has cut off is removed.
    * One process at a time uses a file.
"""

from __future__ import annotations

import os
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Self

from ...destinations.os_errors import sink_error
from ...destinations.thread_pool import ThreadPool
from ...errors import FolderBusyError
from ...journal.os_locks import LocksUnsupportedError, try_lock
from .reader import parse_rows
from .step_lines import Status, StepLine, parse_line


class RequestState:
    """An open state file, or none if there is no path; close it with `aclose`."""

    def __init__(self, path: Path | None) -> None:
        """Read the file, or create it.

        Raises:
            InputError: It has invalid lines.
            FolderBusyError: Another process uses it.
            SinkError: It cannot be read or written.
        """
        self._path = path
        self._descriptor = -1
        self._lines: dict[str, StepLine] = {}
        self._unanswered: Counter[str] = Counter()
        self._thread = ThreadPool(1, "pixxel-state")
        if path is None:
            return
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
            self._lock(path)
            for line in self._read(path):
                self._remember(line)
        except OSError as error:
            self._close()
            raise sink_error(error, path) from error
        except BaseException:
            self._close()
            raise

    def known(self, line: StepLine) -> StepLine:
        """Return what is known of a package: its line here, or else the given one."""
        found = self._lines.get(line.key)
        return found if found is not None and found.is_known else line

    def unanswered(self, line: StepLine) -> int:
        """Return how many runs have sent its creation since a response was recorded."""
        return max(self._unanswered[line.key], int(line.status is Status.SENT))

    async def note(self, line: StepLine) -> None:
        """Add a line, and return when it is on disk.

        Raises:
            SinkError: The disk refuses.
        """
        self._remember(line)
        if self._path is None:
            return
        data = f"{line.text()}\n".encode()
        try:
            await self._thread.run(lambda: self._append(data))
        except OSError as error:
            raise sink_error(error, self._path) from error

    async def __aenter__(self) -> Self:
        """Return the file."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        self._close()

    def _remember(self, line: StepLine) -> None:
        key = line.key
        self._lines[key] = line
        if line.status is Status.SENT:
            self._unanswered[key] += 1
        else:
            del self._unanswered[key]

    def _lock(self, path: Path) -> None:
        with suppress(LocksUnsupportedError):
            if not try_lock(self._descriptor, shared=False):
                message = (
                    f"{path}: another process uses this state file: wait until it has ended, or "
                    "give another --state"
                )
                raise FolderBusyError(message)

    def _read(self, path: Path) -> list[StepLine]:
        data = path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) < len(data):
            os.ftruncate(self._descriptor, len(whole))
        return parse_rows(whole, str(path), parse_line) if whole.strip() else []

    def _append(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._descriptor, data) :]
        os.fsync(self._descriptor)

    def _close(self) -> None:
        self._thread.shutdown(wait=True)
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
