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
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, final

from .downloads import Download
from .errors import PixxelError
from .models import SavedPackage
from .runs import RunInsight, RunJob


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

    Attributes:
        total: The number of distinct downloads, or None if they come from a stream.
    """

    total: int | None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RowDamaged(_PackageEvent):
    """The journal's row of a package has an impossible value and is rewritten.

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

    Attributes:
        download_id: The id for the status call, or None for kinds that have none.
    """

    download_id: str | None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Recreated(_PackageEvent):
    """A package is requested again; the service may now have two.

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

    Attributes:
        pause_s: Seconds during which no call is sent.
        requests_per_second: The new rate; it recovers while the service does not throttle.
    """

    pause_s: float
    requests_per_second: float


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RetryThrottled(_PackageEvent):
    """A failed call waits for its retry: retries have used up their share of all calls."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class HostFailed(_Event):
    """A host is unreachable after several failures in a row: requests wait, one at a time probes.

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

    These events are dropped when the reader is slow.

    Attributes:
        fetches: The new limit, for all exports of the client together.
    """

    fetches: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLeft(_Event):
    """An estimate of how long the export still takes.

    It is made every few seconds, once packages have become ready and a transfer has shown how fast
    they arrive. These events are dropped when the reader is slow.

    Attributes:
        median_s: Seconds; the export takes longer about as often as not.
        p90_s: Seconds; the export takes no longer in about nine of ten cases.
    """

    median_s: float
    p90_s: float


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FetchProgress(_PackageEvent):
    """Bytes have been written. These events are dropped when the reader is slow.

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
    """An expired or soon-to-expire signed URL was replaced."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Saved(_PackageEvent):
    """A verified file has its final name.

    Attributes:
        saved: The file.
        received: Bytes received for it in this run, including repeated ones.
        transferred_s: Seconds from the first request to the storage until the file was saved.
        first_byte_s: Seconds from a request to the first response of the storage; None if unknown.
    """

    saved: SavedPackage
    received: int
    transferred_s: float
    first_byte_s: float | None = None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped(_PackageEvent):
    """An earlier run has saved the file; nothing was sent.

    Attributes:
        saved: The file.
    """

    saved: SavedPackage


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(_PackageEvent):
    """A package has failed; the export continues with the others.

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

    Attributes:
        left: The number of packages that are neither saved nor failed; None if a stream was not
            read to its end.
    """

    left: int | None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Paused(_Event):
    """The disk has too little free space: transfers pause until there is more.

    Attributes:
        free_bytes: The free space.
        needed_bytes: The space that is needed.
    """

    free_bytes: int
    needed_bytes: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed(_Event):
    """The disk has enough free space again; transfers resume."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _RunEvent(_Event):
    """What events about one run have.

    Attributes:
        key: The key of the run.
    """

    key: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RunSearched(_RunEvent):
    """A creation may have reached the service, so the list is searched before it is sent again.

    Attributes:
        reason: Why its outcome is unknown.
    """

    reason: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RunCreated(_RunEvent):
    """A job or an insight is there.

    Attributes:
        run: The requested run.
        created_id: The id of the job or insight.
        is_new: Whether this export created it; otherwise an earlier one did, or a search found it.
    """

    run: RunJob | RunInsight
    created_id: str
    is_new: bool


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RunPolled(_RunEvent):
    """A job or an insight was polled and has not finished yet.

    Attributes:
        status_word: The service's own status.
        polls: The number of polls of this run so far, including this one.
        next_s: Seconds until the next poll.
    """

    status_word: str
    polls: int
    next_s: float


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished(_RunEvent):
    """A job or an insight has finished; the export of its package begins.

    Attributes:
        download: Its package.
        waited_s: Seconds since its creation in this export.
    """

    download: Download
    waited_s: float


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RunFailed(_RunEvent):
    """A run was not created, or has failed: it has no package. The export continues.

    Attributes:
        run: The requested run.
        error: Why it failed.
    """

    run: RunJob | RunInsight
    error: PixxelError


RunEvent: TypeAlias = RunSearched | RunCreated | RunPolled | RunFinished | RunFailed
"""An event about one run."""

Settled: TypeAlias = Saved | Skipped | Failed
"""The final event of a package; each package has exactly one."""

Ended: TypeAlias = Settled | RunFailed
"""The final event of a package, or of a run that has none."""

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
    | RunEvent
    | Started
    | RateLimited
    | HostFailed
    | HostRecovered
    | HostOverloaded
    | ConcurrencyChanged
    | TimeLeft
    | Stopped
    | Interrupted
    | Paused
    | Resumed
)
"""Any event of an export."""
