"""What happens in an export, one frozen dataclass a fact.

Every event has `at_s`, seconds since the export began, on a clock that never jumps. Events that
concern one package have its `key`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from .downloads import Download
from .errors import PixxelError
from .models import SavedPackage


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The root of all events."""

    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageEvent(Event):
    """An event that concerns one package."""

    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Started(Event):
    """The export takes up its work.

    Attributes:
        total: How many distinct downloads there are, or None where they come from a stream.
    """

    total: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowDamaged(PackageEvent):
    """The journal's row of a package holds what cannot be, and is rewritten.

    If what is damaged concerns a partial, the package is downloaded from its first byte; else it
    starts anew, and a file under its name is set aside.

    Attributes:
        field: The column.
        reason: What is wrong with it.
    """

    field: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested(PackageEvent):
    """The service has been asked to package, and has answered.

    Attributes:
        download_id: What the status call takes, or None where it takes none.
    """

    download_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recreated(PackageEvent):
    """A package is requested again; the service may now hold two.

    The answer to its creation was lost, or its id leads nowhere any more.

    Attributes:
        attempt: 1 for the first time that it is sent again.
        delay_s: After how long.
        reason: How the answer was lost, or where the id leads.
    """

    attempt: int
    delay_s: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Polled(PackageEvent):
    """The service was asked whether a package is ready, and it is not yet.

    Attributes:
        status_word: The service's word.
        polls: How often this package has been polled, this time included.
        next_s: Seconds until it is polled again.
    """

    status_word: str
    polls: int
    next_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried(PackageEvent):
    """A call failed and will be tried again.

    Attributes:
        operation: The operation id of the call.
        attempt: Which attempt failed, from 1.
        delay_s: After how long it is tried again.
        reason: Why it failed.
    """

    operation: str
    attempt: int
    delay_s: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimited(Event):
    """The service asked for fewer calls: all of them pause, then go on at a lower rate.

    Attributes:
        pause_s: How long nothing is sent.
        requests_per_second: The rate from now on; it recovers while the service is content.
    """

    pause_s: float
    requests_per_second: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryThrottled(PackageEvent):
    """A call failed, and waits: retries have used up their share of all calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFailed(Event):
    """A host failed several times in a row: requests to it wait, and one at a time tries it.

    Attributes:
        host: That of the service, or one of the storage.
        reason: How it failed last.
    """

    host: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRecovered(Event):
    """A host that failed answers again, and everything goes on.

    Attributes:
        host: That of the service, or one of the storage.
        held_s: How long requests to it waited.
    """

    host: str
    held_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HostOverloaded(Event):
    """A storage refuses transfers while others run: fewer run, and one alone where it has to.

    Told once for each host.

    Attributes:
        host: One of the storage.
        reason: What it says.
    """

    host: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready(PackageEvent):
    """A package has a signed URL.

    Attributes:
        waited_s: Since its creation in this run.
        polls: How often it was polled in this run.
    """

    waited_s: float
    polls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchStarted(PackageEvent):
    """A transfer has its slot.

    Attributes:
        name: The final name, relative to the export folder.
        offset: Bytes that are there from an earlier run.
    """

    name: str
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcurrencyChanged(Event):
    """With `fetches` of the limits at `auto`: another number of transfers may run at once.

    Left out when the reader is slow.

    Attributes:
        fetches: The number, for all exports of the client together.
    """

    fetches: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchProgress(PackageEvent):
    """Bytes have been written. Such events are left out when the reader is slow.

    Attributes:
        bytes: How many of the file are there.
        total: How many it will have, or None while that is unknown.
    """

    bytes: int
    total: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchInterrupted(PackageEvent):
    """A transfer broke off and will go on.

    Attributes:
        offset: Where it goes on; 0 means from the start.
        delay_s: After how long.
        reason: Why it broke off, without the URL.
    """

    offset: int
    delay_s: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlRefreshed(PackageEvent):
    """A signed URL was about to expire, or had expired, and was replaced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved(PackageEvent):
    """A verified file has its final name.

    Attributes:
        saved: The file.
        received: Bytes that came over the wire for it in this run, repeated ones included.
        transferred_s: Seconds from the first request to the storage until the file was saved.
    """

    saved: SavedPackage
    received: int
    transferred_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped(PackageEvent):
    """The file is there already, from an earlier run, and nothing was sent.

    Attributes:
        saved: The file.
    """

    saved: SavedPackage


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(PackageEvent):
    """A package is given up; the others go on.

    Attributes:
        download: What was asked for.
        error: Why.
    """

    download: Download
    error: PixxelError


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped(Event):
    """Nothing more is begun, for a reason that concerns the whole export.

    The key was rejected, the disk stayed full, or there is no way to the other side.

    After a rejected key, running transfers finish.

    Attributes:
        error: Why.
    """

    error: PixxelError


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted(Event):
    """The export ended before every package was settled; the next run continues it.

    Attributes:
        left: How many packages are neither saved nor failed; None if a stream was not read to
            its end.
    """

    left: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused(Event):
    """The disk has too little free space: no transfer goes on until it has more.

    Attributes:
        free_bytes: What it has.
        needed_bytes: What it should have.
    """

    free_bytes: int
    needed_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed(Event):
    """The disk has free space again."""


Settled: TypeAlias = Saved | Skipped | Failed
"""The events that end a package; each package has exactly one."""
