"""Cancels or fails an export at every step of it, and looks whether anything is left behind.

One operation is run again and again: cancelled after the n-th turn of the event loop, or with an
error at the n-th call of one of its collaborators. After each run nothing may be left that a client
holds: no lock, no claim, no place, no task. Then the same client has to save all packages.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from pixxel_async import Download, FolderPolicy, PixxelClient, PreviousFailures
from pixxel_async.destinations.local_sink import LocalSink
from pixxel_async.destinations.partial_file import LocalPartial
from pixxel_async.http.libcurl import CurlEngine
from pixxel_async.http.service_calls import Api
from pixxel_async.http.storage_client import StorageClient
from pixxel_async.journal.export_folder import ExportFolder, running_process
from pixxel_async.journal.journal import Journal
from pixxel_async.sandbox import Sandbox

from ..support import final_files, other_tasks, partials

LIMIT_S = 60
"""What is waited for at most: only a hang takes so long."""

RETRYING = FolderPolicy(previous_failures=PreviousFailures.RETRY)

Point: TypeAlias = tuple[type, str]

POINTS: dict[str, Point] = {
    "journal.get": (Journal, "get"),
    "journal.put": (Journal, "put"),
    "journal.note": (Journal, "note"),
    "journal.flush": (Journal, "flush"),
    "sink.open": (LocalSink, "open"),
    "sink.disk": (LocalSink, "disk"),
    "partial.commit": (LocalPartial, "commit"),
    "partial.digests": (LocalPartial, "digests"),
    "partial.aclose": (LocalPartial, "aclose"),
    "api.create": (Api, "create"),
    "api.status": (Api, "status"),
    "storage.get": (StorageClient, "get"),
    "storage.prepare": (StorageClient, "prepare"),
    "engine.get": (CurlEngine, "get"),
    "folder.claim": (ExportFolder, "claim"),
}
"""The collaborators of an export, by the names of their calls."""


class Calls:
    """Counts the calls of a collaborator, and raises at one of them.

    Attributes:
        count: How many there were.
        has_raised: Whether that one has come.
    """

    def __init__(self, at: int, error: BaseException, *, after: bool) -> None:
        """Raise `error` at the call of this number, from 1; `after` it has done its work or not."""
        self.count = 0
        self.has_raised = False
        self._at = at
        self._error = error
        self._after = after

    def is_due(self) -> bool:
        """Count a call, and tell whether it is the one."""
        self.count += 1
        return self.count == self._at

    def fail(self) -> None:
        """Raise."""
        self.has_raised = True
        raise self._error

    def around(self, real: Callable[..., Any]) -> Callable[..., Any]:
        """Return a call that does the same until it is due."""
        if not asyncio.iscoroutinefunction(real):

            def call(*args: Any, **options: Any) -> Any:
                is_due = self.is_due()
                if is_due and not self._after:
                    self.fail()
                result = real(*args, **options)
                if is_due:
                    self.fail()
                return result

            return call

        async def await_(*args: Any, **options: Any) -> Any:
            is_due = self.is_due()
            if is_due and not self._after:
                self.fail()
            result = await real(*args, **options)
            if is_due and self._after and _can_be_dropped(result):
                self.fail()
            return result

        return await_


def _can_be_dropped(result: object) -> bool:
    """Return whether nobody has to close a result: else it would be lost by our own error."""
    return not hasattr(result, "aclose")


@contextmanager
def failing(point: Point, *, at: int, error: BaseException, after: bool = False) -> Iterator[Calls]:
    """Let a collaborator raise at its n-th call."""
    calls = Calls(at, error, after=after)
    owner, name = point
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, calls.around(getattr(owner, name)))
        yield calls


async def cancelled_after(steps: int, work: Awaitable[object]) -> bool:
    """Cancel work after so many turns of the event loop; tell whether it came in time."""
    task = asyncio.ensure_future(work)
    for _ in range(steps):
        if task.done():
            break
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task}, timeout=LIMIT_S)
    assert task.done(), f"it hangs after a cancellation at step {steps}"
    if not task.cancelled():
        task.result()
    return task.cancelled()


async def export(client: PixxelClient, downloads: list[Download], folder: Path) -> object:
    """Save some packages."""
    async with client.export(downloads, folder) as running:
        return await running.finish()


async def expect_nothing_left(client: PixxelClient, folder: Path) -> None:
    """Expect that a client holds nothing, and no process the folder."""
    assert other_tasks() == set()
    assert client._exporter._folders._open == {}
    assert not client._exporter._folders._lock.locked()
    assert running_process(folder) is None
    places = client._exporter.resources.slots._semaphore
    assert (places._in_use, places.is_wanted, client._exporter.resources.slots._followers) == (
        0,
        False,
        {},
    )
    assert client._api._slots._value == client._exporter.resources.limits.requests
    for guard in (client._api._guard, *client._exporter.resources.hosts._guards.values()):
        assert not guard._breaker._is_trying


async def expect_all_saved(
    client: PixxelClient, sandbox: Sandbox, downloads: list[Download], folder: Path
) -> None:
    """Expect that the next export of the same client saves everything."""
    async with asyncio.timeout(LIMIT_S):
        async with client.export(downloads, folder, folder=RETRYING) as running:
            report = await running.finish()
    assert report.is_complete, report
    expected = {sandbox.expected_sha256(download.row()) for download in downloads}
    assert set(final_files(folder).values()) == expected
    assert partials(folder) == []
