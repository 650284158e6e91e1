"""What is remembered of an export: its packages, its runs, and the steps of each package.

Times are seconds since 1970, of the run's own clock: its beginning by the wall, and from there on
a clock that never jumps.
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
    """What is remembered of one package.

    Attributes:
        key: The key of the download.
        target: The manifest row, as JSON.
        name: The final name of its file, relative to the export folder.
        state: Where it stands.
        download_id: What the status call takes, or None.
        is_unanswered: 1 from the sending of a creation that must not be repeated lightly, until
            its answer is noted.
        recreated: How often its creation was sent again since it was last saved, because the
            answer was lost or its id led nowhere.
        validator: The strong entity tag of the object that is being fetched, or None.
        total: The size of that object, in bytes, or None while unknown.
        mark: Bytes of the partial that were synced to the disk.
        written: Bytes of the partial that were written, synced or not.
        written_sha256: The SHA-256 of these, in hexadecimal; a later run trusts them by it.
        stretches: What is there behind them, as JSON: `begin`, `end` and `sha256` of each stretch;
            empty for none.
        bytes: The size of the file; set before it gets its final name.
        sha256: Its SHA-256, in hexadecimal; set together with `bytes`, if a checksum is wanted.
        mtime_ns: When the file was last written, in nanoseconds since 1970; None in the journals of
            earlier versions.
        inode: Its number in the file system, or None likewise.
        ctime_ns: When it or its attributes last changed, or None likewise.
        checksum: Which checksum of the storage it agreed with, or empty.
        attempts: Requests to the storage, of all runs.
        extracted: The folder that it was extracted into, relative to the export folder, or None.
        is_discarded: 1 if the ZIP was removed after its extraction.
        error: Why it failed last, or empty.
        error_type: The class of that error, or empty.
        is_retryable_next_run: 1 if the next run takes a failed package up by itself.
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
        """Return a copy with some fields changed, for half of what `replace` takes."""
        copy = object.__new__(type(self))
        for set_field, value in zip(_SETTERS, _values(self), strict=True):
            set_field(copy, value)
        for name, value in changes.items():
            _SETTER_OF[name](copy, value)
        return copy

    def stamped(self, stamp: Stamp | None) -> Self:
        """Return a copy that knows its file by a stamp."""
        if stamp is None:
            return self.changed(mtime_ns=None, inode=None, ctime_ns=None)
        return self.changed(mtime_ns=stamp.mtime_ns, inode=stamp.inode, ctime_ns=stamp.ctime_ns)

    def without_partial(self) -> Self:
        """Return a copy that vouches for no byte of a partial."""
        return self.changed(
            mark=0, written=0, written_sha256=None, stretches="", validator=None, total=None
        )


_NAMES = tuple(field.name for field in fields(PackageRow))
_values = attrgetter(*_NAMES)
_SETTER_OF: dict[str, Callable[[PackageRow, Any], None]] = {
    name: vars(PackageRow)[name].__set__ for name in _NAMES
}
"""What each slot is set with; the methods of a frozen class would refuse."""
_SETTERS = tuple(_SETTER_OF.values())


class Activity(StrEnum):
    """What a package is doing from one step to the next."""

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
    """A package began to do something else.

    Attributes:
        key: The key of the download.
        run: The number of the run.
        at: When, in seconds since 1970.
        doing: What it does from then on. READY is to wait for a slot; SAVED, SKIPPED and FAILED
            last until the end of the run.
        size: Bytes of its file that were there by then.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of an export.

    Attributes:
        number: From 1.
        pid: The process.
        version: The version of this library.
        began_at: When, in seconds since 1970.
        seen_at: When it was last heard of.
        ending: How it ended, or None while it runs, and if it was killed.
        total: How many distinct downloads it was given, or None if they came as a stream.
        counts: Totals by name, as in `Report`: `saved`, `skipped`, `failed`, `bytes`, `received`,
            `polls`, `retries`, `recreated`, `interrupted`, `refreshed`.
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
    """A row that holds what cannot be.

    Attributes:
        key: The key of the package; empty for a row that concerns none.
        field: The column.
        reason: Why its value cannot be.
    """

    key: str
    field: str
    reason: str

    def __str__(self) -> str:
        """Return it as a line, safe for a terminal."""
        whose = f"{self.key}: " if self.key else ""
        return printable(f"{whose}{self.field} {self.reason}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRecord:
    """All that an export folder remembers, at one moment.

    Attributes:
        rows: The packages, in the order of their keys.
        runs: The runs, the first one first.
        steps: The steps of all runs, in the order in which they happened.
        running: The number of the process that exports into the folder now, or None.
        damaged: What is wrong with rows that hold what cannot be; of such a package, `rows` has
            what can be believed.
    """

    rows: tuple[PackageRow, ...]
    runs: tuple[Run, ...]
    steps: tuple[Step, ...]
    running: int | None
    damaged: tuple[Corruption, ...] = ()
