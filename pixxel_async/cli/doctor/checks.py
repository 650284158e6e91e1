"""What `doctor` finds, and how it judges: pure functions over what was measured.

Rules:
    * A problem keeps an export from running. A warning is what may spoil one.
    * Signed URLs are made for a time of day. A clock that is five minutes off may make a fresh
      one look used up; the service's Date header (RFC 9110 section 6.6.1) is taken as right.
    * Each transfer has a socket and a file open, each call a socket; the rest is Python's own,
      the journal's, and a reserve.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ...config import LEAST_FREE_BYTES, REQUESTS
from ...destinations.sink import Disk
from ...sansio.units import duration, size

CLOCK_TOLERANCE_S = 300.0
SLOW_STEP_S = 2.0
FILES_PER_FETCH = 2
OTHER_FILES = 64

SHARED_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afpfs"})
FOUR_GIB_SYSTEMS = frozenset({"vfat", "msdos"})


class Level(StrEnum):
    """How a check has ended."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `doctor`.

    Attributes:
        name: What was looked at.
        level: How it is.
        text: What was found.
        remedy: What to do about it, or empty.
    """

    name: str
    level: Level
    text: str
    remedy: str = ""


def ok(name: str, text: str) -> Finding:
    """Return a finding that is well."""
    return Finding(name, Level.OK, text)


def warning(name: str, text: str, remedy: str) -> Finding:
    """Return a finding that may spoil an export."""
    return Finding(name, Level.WARNING, text, remedy)


def problem(name: str, text: str, remedy: str) -> Finding:
    """Return a finding that keeps an export from running."""
    return Finding(name, Level.PROBLEM, text, remedy)


def is_well(findings: Iterable[Finding]) -> bool:
    """Return whether an export can run."""
    return all(finding.level is not Level.PROBLEM for finding in findings)


def judge_clock(here: datetime, there: datetime | None) -> Finding:
    """Compare the clock of this machine with the service's."""
    name = "clock"
    if there is None:
        return ok(name, "not compared: the service sends no Date header")
    off_s = (here - there).total_seconds()
    if abs(off_s) <= CLOCK_TOLERANCE_S:
        return ok(name, "as the service's" if abs(off_s) < 2 else f"{duration(abs(off_s))} off")  # noqa: PLR2004 - the header has whole seconds
    way = "fast" if off_s > 0 else "slow"
    return warning(
        name,
        f"{duration(abs(off_s))} {way}; signed URLs depend on the time of day",
        "set the clock, such as with: timedatectl set-ntp true",
    )


def judge_space(disk: Disk) -> Finding:
    """Judge the free space of the folder's disk."""
    if not disk.is_known:
        return ok("space", "the file system does not report its size")
    free = f"{size(disk.free_bytes)} free"
    if disk.free_bytes < LEAST_FREE_BYTES:
        return problem(
            "space", free, f"free some: transfers pause below {LEAST_FREE_BYTES // 2**20} MiB"
        )
    return ok("space", free)


def judge_file_system(kind: str) -> Finding:
    """Judge the kind of file system that the folder lies on."""
    name = "file system"
    if kind in SHARED_SYSTEMS:
        return warning(
            name,
            f"{kind}: locks and renames may not be as strict as on a disk of this machine",
            "export to a local folder and copy it, or let one machine alone use the folder",
        )
    if kind in FOUR_GIB_SYSTEMS:
        return warning(name, f"{kind}: no file above 4 GiB", "choose another disk with --out")
    return ok(name, kind)


def judge_open_files(soft: int | None, hard: int | None, fetches: int) -> Finding:
    """Judge how many files may be open at once.

    Args:
        soft: The limit in force; None is none.
        hard: How far it may be raised; None is no bound.
        fetches: Transfers at once.
    """
    name = "open files"
    needed = FILES_PER_FETCH * fetches + REQUESTS + OTHER_FILES
    if soft is None or soft >= needed:
        limit = "no limit" if soft is None else f"{soft} allowed"
        return ok(name, f"{limit}, {needed} needed for {fetches} transfers")
    can_be_raised = hard is None or hard >= needed
    most = max(1, (soft - REQUESTS - OTHER_FILES) // FILES_PER_FETCH)
    remedy = f"ulimit -n {needed}" if can_be_raised else f"--fetches {most}"
    return problem(name, f"{soft} allowed, {needed} needed for {fetches} transfers", remedy)
