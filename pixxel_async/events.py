"""The events of an export, as frozen dataclasses.

Every event has `at_s`, the seconds since the export began on a monotonic clock. Events about one
package have its `key`. `Event` and `PackageEvent` are unions, so that type checkers know whether a
`match` handles every event:

    async with client.export(downloads, "packages") as export:
        async for event in export:
            match event:
                case Saved(saved=saved):
                    print(saved.path)
                case Failed(key=key, error=error):
                    print(key, error)
                case _:
                    pass

The examples below show what events look like; tests of your own code can create them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, final

from .downloads import Download
from .errors import PixxelError
from .models import SavedPackage


@dataclass(frozen=True, slots=True, kw_only=True)
class _Event:
    """What all events have.

    Attributes:
        at_s: Seconds since the export began, on a monotonic clock.
    """

    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _PackageEvent(_Event):
    """What events about one package have.

    Attributes:
        key: The key of the download.
    """

    key: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Started(_Event):
    """The export has started.

        Started(at_s=0.0, total=300)

    Attributes:
        total: The number of distinct downloads, or None if they come from a stream.
    """

    total: int | None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RowDamaged(_PackageEvent):
    """The journal's row of a package has an impossible value and is rewritten.

        RowDamaged(at_s=0.1, key="job:w/j", field="size", reason="negative: -1")

    If the damage concerns a partial file, the download restarts at the first byte. Otherwise the
    package is requested again, and an existing file of its name is set aside.

    Attributes:
        field: The column.
        reason: What is wrong with its value.
    """

    field: str
    reason: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Requested(_PackageEvent):
    """The service has accepted the request for a package.

        Requested(at_s=0.4, key="job:w/j", download_id=None)

    Attributes:
        download_id: The id for the status call, or None for kinds that have none.
    """

    download_id: str | None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Recreated(_PackageEvent):
    """A package is requested again; the service may now have two.

        Recreated(at_s=2.0, key="job:w/j", attempt=1, delay_s=0.5, reason="no response in time")

    The response to its creation was lost, or its id is stale.

    Attributes:
        attempt: 1 for the first repetition.
        delay_s: Seconds until it is sent.
        reason: How the response was lost, or why the id is stale.
    """

    attempt: int
    delay_s: float
    reason: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Polled(_PackageEvent):
    """A package was polled and is not ready yet.

        Polled(at_s=4.1, key="job:w/j", status_word="RUNNING", polls=2, next_s=3.0)

    Attributes:
        status_word: The service's own status.
        polls: The number of polls of this package so far, including this one.
        next_s: Seconds until the next poll.
    """

    status_word: str
    polls: int
    next_s: float


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Retried(_PackageEvent):
    """A call failed and will be retried.

        Retried(at_s=1.2, key="job:w/j", operation="ListAOIs", attempt=1, delay_s=0.3, reason="503")

    Attributes:
        operation: The operation id of the call.
        attempt: The number of the failed attempt, from 1.
        delay_s: Seconds until the retry.
        reason: Why it failed.
    """

    operation: str
    attempt: int
    delay_s: float
    reason: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimited(_Event):
    """The service throttled the client: all calls pause, then resume at a lower rate.

        RateLimited(at_s=9.0, pause_s=2.0, requests_per_second=10.0)

    Attributes:
        pause_s: Seconds during which no call is sent.
        requests_per_second: The new rate; it recovers while the service does not throttle.
    """

    pause_s: float
    requests_per_second: float


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RetryThrottled(_PackageEvent):
    """A failed call waits for its retry.

        RetryThrottled(at_s=9.5, key="job:w/j")

    Retries have used up their share of all calls.
    """


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class HostFailed(_Event):
    """A host is unreachable after several failures in a row: requests wait, one at a time probes.

        HostFailed(at_s=20.0, host="api.pixxel.space", reason="no connection in time")

    Attributes:
        host: The host of the service or of a storage.
        reason: The last failure.
    """

    host: str
    reason: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class HostRecovered(_Event):
    """A failed host answers again; requests resume.

        HostRecovered(at_s=50.0, host="api.pixxel.space", held_s=30.0)

    Attributes:
        host: The host of the service or of a storage.
        held_s: Seconds for which requests waited.
    """

    host: str
    held_s: float


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class HostOverloaded(_Event):
    """A storage refuses transfers while others run, so fewer run at once, down to one.

        HostOverloaded(at_s=12.0, host="storage.example.com", reason="SlowDown")

    Emitted once per host.

    Attributes:
        host: The host of the storage.
        reason: The reason it gives.
    """

    host: str
    reason: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Ready(_PackageEvent):
    """A package is ready and has a signed URL.

        Ready(at_s=61.0, key="job:w/j", waited_s=60.6, polls=9)

    Attributes:
        waited_s: Seconds since its creation in this run.
        polls: The number of polls in this run.
    """

    waited_s: float
    polls: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FetchStarted(_PackageEvent):
    """A transfer has a slot and starts.

        FetchStarted(at_s=61.2, key="job:w/j", name="job-j-2c166edd3fdce94f.zip", offset=0)

    Attributes:
        name: The final name, relative to the export folder.
        offset: Bytes on disk from an earlier run.
    """

    name: str
    offset: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ConcurrencyChanged(_Event):
    """The limit on concurrent transfers has changed; only with `Limits.fetches` set to `auto`.

        ConcurrencyChanged(at_s=63.0, fetches=12)

    These events are dropped when the reader is slow.

    Attributes:
        fetches: The new limit, for all exports of the client together.
    """

    fetches: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FetchProgress(_PackageEvent):
    """Bytes have been written. These events are dropped when the reader is slow.

        FetchProgress(at_s=62.0, key="job:w/j", bytes=8_388_608, total=268_435_456)

    Attributes:
        bytes: Bytes of the file so far.
        total: The size of the complete file in bytes, or None while it is unknown.
    """

    bytes: int
    total: int | None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FetchInterrupted(_PackageEvent):
    """A transfer was interrupted and will resume.

        FetchInterrupted(at_s=64.0, key="job:w/j", offset=9_437_184, delay_s=0.5, reason="reset")

    Attributes:
        offset: The byte at which it resumes; 0 means from the start.
        delay_s: Seconds until it resumes.
        reason: Why it was interrupted, without the URL.
    """

    offset: int
    delay_s: float
    reason: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class UrlRefreshed(_PackageEvent):
    """A signed URL was replaced.

        UrlRefreshed(at_s=65.0, key="job:w/j")

    It had expired, or would have expired soon.
    """


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Saved(_PackageEvent):
    """A verified file has its final name.

        async with client.export(downloads, "packages") as export:
            async for event in export:
                if isinstance(event, Saved):
                    print(event.saved.path, event.received / event.transferred_s, "bytes/s")

    Attributes:
        saved: The file.
        received: Bytes received for it in this run, including repeated ones.
        transferred_s: Seconds from the first request to the storage until the file was saved.
    """

    saved: SavedPackage
    received: int
    transferred_s: float


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped(_PackageEvent):
    """An earlier run has saved the file; nothing was sent.

        async with client.export(downloads, "packages") as export:
            async for event in export:
                if isinstance(event, Skipped):
                    print(event.saved.path, "is from an earlier run")

    Attributes:
        saved: The file.
    """

    saved: SavedPackage


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(_PackageEvent):
    """A package has failed; the export continues with the others.

        async with client.export(downloads, "packages") as export:
            async for event in export:
                if isinstance(event, Failed):
                    print(event.download.row(), event.error)

    Attributes:
        download: The requested download.
        error: Why it failed.
    """

    download: Download
    error: PixxelError


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped(_Event):
    """The export starts nothing more, for a reason that concerns all packages.

        Stopped(at_s=70.0, error=RouteError("the proxy refuses to connect"))

    The key was rejected, the disk stayed full, or the service is unreachable until a setting
    changes. After a rejected key, running transfers finish.

    Attributes:
        error: The reason.
    """

    error: PixxelError


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted(_Event):
    """The export ended before every package was saved or failed; the next run resumes it.

        Interrupted(at_s=80.0, left=41)

    Attributes:
        left: The number of packages that are neither saved nor failed; None if a stream was not
            read to its end.
    """

    left: int | None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Paused(_Event):
    """The disk has too little free space: transfers pause until there is more.

        Paused(at_s=90.0, free_bytes=200_000_000, needed_bytes=268_435_456)

    Attributes:
        free_bytes: The free space.
        needed_bytes: The space that is needed.
    """

    free_bytes: int
    needed_bytes: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed(_Event):
    """The disk has enough free space again.

        Resumed(at_s=120.0)

    Transfers resume.
    """


Settled: TypeAlias = Saved | Skipped | Failed
"""The final event of a package; each package has exactly one."""

PackageEvent: TypeAlias = (
    RowDamaged
    | Requested
    | Recreated
    | Polled
    | Retried
    | RetryThrottled
    | Ready
    | FetchStarted
    | FetchProgress
    | FetchInterrupted
    | UrlRefreshed
    | Saved
    | Skipped
    | Failed
)
"""An event about one package; it has the `key` of the download."""

Event: TypeAlias = (
    PackageEvent
    | Started
    | RateLimited
    | HostFailed
    | HostRecovered
    | HostOverloaded
    | ConcurrencyChanged
    | Stopped
    | Interrupted
    | Paused
    | Resumed
)
"""Any event of an export."""
