"""The events of an export, as frozen dataclasses.

Every event has `at_s`, the seconds since the export began on a monotonic clock. Events about one
package have its `key`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from .downloads import Download
from .errors import PixxelError
from .models import SavedPackage


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The base class of all events.

    Attributes:
        at_s: Seconds since the export began, on a monotonic clock.
    """

    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageEvent(Event):
    """The base class of events about one package.

    Attributes:
        key: The key of the download.
    """

    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Started(Event):
    """The export has started.

    Attributes:
        total: The number of distinct downloads, or None if they come from a stream.
    """

    total: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowDamaged(PackageEvent):
    """The journal's row of a package has an impossible value and is rewritten.

    If the damage concerns a partial file, the download restarts at the first byte. Otherwise the
    package is requested again, and an existing file of its name is set aside.

    Attributes:
        field: The column.
        reason: What is wrong with its value.
    """

    field: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested(PackageEvent):
    """The service has accepted the request for a package.

    Attributes:
        download_id: The id for the status call, or None for kinds that have none.
    """

    download_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recreated(PackageEvent):
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Polled(PackageEvent):
    """A package was polled and is not ready yet.

    Attributes:
        status_word: The service's own status.
        polls: The number of polls of this package so far, including this one.
        next_s: Seconds until the next poll.
    """

    status_word: str
    polls: int
    next_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried(PackageEvent):
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


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimited(Event):
    """The service throttled the client: all calls pause, then resume at a lower rate.

    Attributes:
        pause_s: Seconds during which no call is sent.
        requests_per_second: The new rate; it recovers while the service does not throttle.
    """

    pause_s: float
    requests_per_second: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryThrottled(PackageEvent):
    """A failed call waits for its retry: retries have used up their share of all calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFailed(Event):
    """A host is unreachable after several failures in a row: requests wait, one at a time probes.

    Attributes:
        host: The host of the service or of a storage.
        reason: The last failure.
    """

    host: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRecovered(Event):
    """A failed host answers again; requests resume.

    Attributes:
        host: The host of the service or of a storage.
        held_s: Seconds for which requests waited.
    """

    host: str
    held_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HostOverloaded(Event):
    """A storage refuses transfers while others run, so fewer run at once, down to one.

    Emitted once per host.

    Attributes:
        host: The host of the storage.
        reason: The reason it gives.
    """

    host: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready(PackageEvent):
    """A package is ready and has a signed URL.

    Attributes:
        waited_s: Seconds since its creation in this run.
        polls: The number of polls in this run.
    """

    waited_s: float
    polls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchStarted(PackageEvent):
    """A transfer has a slot and starts.

    Attributes:
        name: The final name, relative to the export folder.
        offset: Bytes on disk from an earlier run.
    """

    name: str
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcurrencyChanged(Event):
    """The limit on concurrent transfers has changed; only with `Limits.fetches` set to `auto`.

    These events are dropped when the reader is slow.

    Attributes:
        fetches: The new limit, for all exports of the client together.
    """

    fetches: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLeft(Event):
    """An estimate of how long the export still takes.

    It is made every few seconds, once packages have become ready and a transfer has shown how fast
    they arrive. These events are dropped when the reader is slow.

    Attributes:
        median_s: Seconds; the export takes longer about as often as not.
        p90_s: Seconds; the export takes no longer in about nine of ten cases.
    """

    median_s: float
    p90_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchProgress(PackageEvent):
    """Bytes have been written. These events are dropped when the reader is slow.

    Attributes:
        bytes: Bytes of the file so far.
        total: The size of the complete file in bytes, or None while it is unknown.
    """

    bytes: int
    total: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchInterrupted(PackageEvent):
    """A transfer was interrupted and will resume.

    Attributes:
        offset: The byte at which it resumes; 0 means from the start.
        delay_s: Seconds until it resumes.
        reason: Why it was interrupted, without the URL.
    """

    offset: int
    delay_s: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlRefreshed(PackageEvent):
    """An expired or soon-to-expire signed URL was replaced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved(PackageEvent):
    """A verified file has its final name.

    Attributes:
        saved: The file.
        received: Bytes received for it in this run, including repeated ones.
        transferred_s: Seconds from the first request to the storage until the file was saved.
    """

    saved: SavedPackage
    received: int
    transferred_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped(PackageEvent):
    """An earlier run has saved the file; nothing was sent.

    Attributes:
        saved: The file.
    """

    saved: SavedPackage


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(PackageEvent):
    """A package has failed; the export continues with the others.

    Attributes:
        download: The requested download.
        error: Why it failed.
    """

    download: Download
    error: PixxelError


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped(Event):
    """The export starts nothing more, for a reason that concerns all packages.

    The key was rejected, the disk stayed full, or the service is unreachable until a setting
    changes. After a rejected key, running transfers finish.

    Attributes:
        error: The reason.
    """

    error: PixxelError


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted(Event):
    """The export ended before every package was saved or failed; the next run resumes it.

    Attributes:
        left: The number of packages that are neither saved nor failed; None if a stream was not
            read to its end.
    """

    left: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused(Event):
    """The disk has too little free space: transfers pause until there is more.

    Attributes:
        free_bytes: The free space.
        needed_bytes: The space that is needed.
    """

    free_bytes: int
    needed_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed(Event):
    """The disk has enough free space again; transfers resume."""


Settled: TypeAlias = Saved | Skipped | Failed
"""The final event of a package; each package has exactly one."""
