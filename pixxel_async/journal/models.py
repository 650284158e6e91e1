"""The records of a journal: packages, runs, and the steps of each package.

Times are seconds since 1970: the wall clock at the start of the run plus a monotonic clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from operator import attrgetter
from typing import Any, Self

from ..destinations.sink import Stamp
from ..sansio.package_state import State
from ..sansio.redact import printable


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageRow:
    """The journal row of one package.

    Attributes:
        key: The key of the download.
        target: The manifest row, as JSON.
        name: The final name of its file, relative to the export folder.
        state: Its state.
        download_id: The id for the status call, or None.
        is_unanswered: 1 from the call of a creation that is not idempotent until its response is
            recorded.
        recreated: How often its creation was repeated since it was last saved, because the response
            was lost or its id was stale.
        validator: The strong entity tag of the object that is being fetched, or None.
        total: The size of that object, in bytes, or None while unknown.
        mark: Bytes of the partial file that were synced to disk.
        written: Bytes of the partial file that were written, synced or not.
        written_sha256: The SHA-256 of these, in hexadecimal; a later run checks them by it.
        stretches: The ranges that exist behind them, as JSON: `begin`, `end` and `sha256` of each;
            empty for none.
        is_subset: 1 if they are of a ZIP of the chosen members, not of the whole package.
        members: Which members were chosen, as `MemberFilter.text`; empty for all.
        bytes: The size of the file; set before it gets its final name.
        sha256: Its SHA-256, in hexadecimal; set together with `bytes` unless checksums are off.
        mtime_ns: Modification time of the file, in nanoseconds since 1970; None in journals of
            earlier versions, like `inode` and `ctime_ns`.
        inode: Its inode number.
        ctime_ns: When it or its attributes last changed.
        checksum: Which checksum of the storage it matched, or empty.
        attempts: Requests to the storage, over all runs.
        extracted: The folder that it was extracted into, relative to the export folder, or None.
        is_discarded: 1 if the ZIP was removed after its extraction.
        error: Why it last failed, or empty.
        error_type: The class of that error, or empty.
        is_retryable_next_run: 1 if the next run retries a failed package by itself.
    """

    key: str
    target: str
    name: str
    state: State = State.QUEUED
    download_id: str | None = None
    is_unanswered: int = 0
    recreated: int = 0
    validator: str | None = None
    total: int | None = None
    mark: int = 0
    written: int = 0
    written_sha256: str | None = None
    stretches: str = ""
    is_subset: int = 0
    members: str = ""
    bytes: int | None = None
    sha256: str | None = None
    mtime_ns: int | None = None
    inode: int | None = None
    ctime_ns: int | None = None
    checksum: str = ""
    attempts: int = 0
    extracted: str | None = None
    is_discarded: int = 0
    error: str = ""
    error_type: str = ""
    is_retryable_next_run: int = 0

    def changed(self, **changes: Any) -> Self:
        """Return a copy with some fields changed, in half the time of `dataclasses.replace`."""
        copy = object.__new__(type(self))
        for set_field, value in zip(_SETTERS, _values(self), strict=True):
            set_field(copy, value)
        for name, value in changes.items():
            _SETTER_OF[name](copy, value)
        return copy

    def stamped(self, stamp: Stamp | None) -> Self:
        """Return a copy with the times and the inode of a file."""
        if stamp is None:
            return self.changed(mtime_ns=None, inode=None, ctime_ns=None)
        return self.changed(mtime_ns=stamp.mtime_ns, inode=stamp.inode, ctime_ns=stamp.ctime_ns)

    def without_partial(self) -> Self:
        """Return a copy that trusts no byte of a partial file."""
        return self.changed(
            mark=0,
            written=0,
            written_sha256=None,
            stretches="",
            is_subset=0,
            validator=None,
            total=None,
        )


_NAMES = tuple(field.name for field in fields(PackageRow))
_values = attrgetter(*_NAMES)
_SETTER_OF: dict[str, Callable[[PackageRow, Any], None]] = {
    name: vars(PackageRow)[name].__set__ for name in _NAMES
}
"""Sets each slot directly, since a frozen class refuses assignment."""
_SETTERS = tuple(_SETTER_OF.values())


class Activity(StrEnum):
    """What a package does between two steps."""

    QUEUED = "queued"
    PACKAGING = "packaging"
    READY = "ready"
    TRANSFERRING = "transferring"
    RETRYING = "retrying"
    SAVED = "saved"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A change of a package's activity.

    Attributes:
        key: The key of the download.
        run: The number of the run.
        at: When, in seconds since 1970.
        doing: The activity from then on. READY means waiting for a slot; SAVED, SKIPPED and FAILED
            last until the end of the run.
        size: Bytes of its file at that time.
    """

    key: str
    run: int
    at: float
    doing: Activity
    size: int = 0


class Ending(StrEnum):
    """How a run ended."""

    COMPLETE = "complete"
    INTERRUPTED = "interrupted"
    STOPPED = "stopped"


MEDIAN_LEFT = "time_left_s"
P90_LEFT = "time_left_p90_s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of an export.

    Attributes:
        number: From 1.
        pid: The process id.
        version: The version of this library.
        began_at: When it began, in seconds since 1970.
        seen_at: When it was last recorded as alive.
        ending: How it ended, or None while it runs or if it was killed.
        total: How many distinct downloads it got, or None for a stream.
        counts: Totals by name, as in `Report`: `saved`, `skipped`, `failed`, `bytes`, `received`,
            `polls`, `retries`, `recreated`, `interrupted`, `refreshed`. While it runs, also
            `time_left_s` and `time_left_p90_s`, the estimate as of `seen_at`, if there is one.
    """

    number: int
    pid: int
    version: str
    began_at: float
    seen_at: float
    ending: Ending | None
    total: int | None
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Corruption:
    """An invalid value in a row.

    Attributes:
        key: The key of the package; empty if unknown.
        field: The column.
        reason: Why the value is invalid.
    """

    key: str
    field: str
    reason: str

    def __str__(self) -> str:
        """Return one line, safe for a terminal."""
        whose = f"{self.key}: " if self.key else ""
        return printable(f"{whose}{self.field} {self.reason}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRecord:
    """The content of a journal at one moment.

    Attributes:
        rows: The packages, ordered by key.
        runs: The runs, oldest first.
        steps: The steps of all runs, in order of time.
        running: The id of the process that exports into the folder now, or None.
        damaged: The damage of rows; `rows` has the valid part of such a package.
    """

    rows: tuple[PackageRow, ...]
    runs: tuple[Run, ...]
    steps: tuple[Step, ...]
    running: int | None
    damaged: tuple[Corruption, ...] = ()
