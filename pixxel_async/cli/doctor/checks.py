"""What `doctor` checks on this machine, and how it judges what it finds.

Rules:
    * A problem keeps an export from running. A warning may slow or spoil one.
    * Signed URLs are made for a time of day: a clock that is five minutes off may make a fresh one
      look expired. The service's Date header (RFC 9110 section 6.6.1) counts as right.
    * Each transfer has a socket and a file open, each call a socket; the rest is for Python, the
      journal, and a reserve.
    * Whatever judges is a pure function of what was measured.
"""

from __future__ import annotations

import os
import platform
import secrets
import sqlite3
import ssl
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from importlib import metadata
from pathlib import Path

from ..._version import __version__
from ...config import LEAST_FREE_BYTES, REQUESTS
from ...destinations.file_system_probe import NAME, REMEDY, UnsuitableError, probe
from ...destinations.folder_tree import FolderTree, OpenFolder
from ...destinations.paths import absolute_path, disk_of
from ...destinations.sink import Disk
from ...errors import ConfigError
from ...journal.os_locks import LocksUnsupportedError, has_record_locks, try_lock
from ...sansio.units import duration, size
from ...settings.config_file import ConfigFile

CLOCK_TOLERANCE_S = 300.0
SLOW_STEP_S = 2.0
FILES_PER_FETCH = 2
OTHER_FILES = 64

SHARED_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afpfs"})
FOUR_GIB_SYSTEMS = frozenset({"vfat", "msdos"})

LIBRARIES = ("httpx", "anyio", "pydantic", "tenacity", "typer")
MOUNTS = Path("/proc/self/mounts")


class Level(StrEnum):
    """The result of a check."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `doctor`.

    Attributes:
        name: What was checked.
        level: The result.
        text: What was found.
        remedy: What to do about it, or empty.
    """

    name: str
    level: Level
    text: str
    remedy: str = ""


def ok(name: str, text: str) -> Finding:
    """Return a finding that is in order."""
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


def versions() -> Finding:
    """Report the versions, for bug reports."""
    parts = [f"pixxel-async {__version__}", f"Python {platform.python_version()}"]
    parts += [f"{name} {metadata.version(name)}" for name in LIBRARIES]
    parts += [f"SQLite {sqlite3.sqlite_version}", ssl.OPENSSL_VERSION.partition("  ")[0]]
    return ok("versions", ", ".join(parts))


def config(file: ConfigFile) -> Iterator[Finding]:
    """Check each profile of the config file."""
    name = "config file"
    try:
        names = file.profiles()
        for profile in names:
            file.profile(profile)
    except ConfigError as error:
        yield problem(name, str(error), f"correct {file.path}, or name another with PIXXEL_CONFIG")
        return
    if not file.path.exists():
        yield ok(name, f"none at {file.path}; none is needed")
        return
    try:
        file.check_mode()
    except ConfigError:
        yield warning(name, f"others may read {file.path}", f"chmod 600 '{file.path}'")
        return
    yield ok(name, f"{file.path}, profiles: {', '.join(names) or 'none'}")


def folder(out: Path) -> Iterator[Finding]:
    """Check the folder of an export, or the nearest existing one above it."""
    wanted = absolute_path(out)
    there = next(place for place in (wanted, *wanted.parents) if place.exists())
    try:
        with FolderTree(there).open() as place:
            probe(place, str(there))
            has_locks = _has_locks(place)
    except UnsuitableError as error:
        yield problem("folder", error.reason, REMEDY)
        return
    except OSError as error:
        text = f"{there} cannot be written: {error.strerror or error}"
        yield problem("folder", text, "choose another with --out")
        return
    yield ok("folder", f"{there} can be written")
    if not has_locks:
        yield warning(
            "locks",
            "this file system has none; a file takes their place, and is touched while an export "
            "runs",
            "let one machine alone use the folder, or choose another with --out",
        )
    yield judge_space(disk_of(there))
    if kind := file_system(there):
        yield judge_file_system(kind)


def _has_locks(place: OpenFolder) -> bool:
    name = f"{NAME}{secrets.token_hex(8)}"
    descriptor = place.create(name)
    try:
        return try_lock(descriptor, shared=False) and has_record_locks(descriptor)
    except LocksUnsupportedError:
        return False
    finally:
        os.close(descriptor)
        place.unlink(name)


def file_system(place: Path, mounts: Path = MOUNTS) -> str:
    """Return the kind of file system, as Linux names it; empty elsewhere."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    found, depth = "", -1
    for line in lines:
        point = Path(line.split(" ")[1].replace("\\040", " "))
        if place.resolve().is_relative_to(point) and len(point.parts) >= depth:
            found, depth = line.split(" ")[2], len(point.parts)
    return found


def open_files(fetches: int) -> Finding:
    """Compare the limit on open files with what that many transfers need."""
    if sys.platform == "win32":
        return ok("open files", "no limit that matters on Windows")
    import resource  # noqa: PLC0415 - not on Windows

    soft, hard = (
        None if limit == resource.RLIM_INFINITY else limit
        for limit in resource.getrlimit(resource.RLIMIT_NOFILE)
    )
    return judge_open_files(soft, hard, fetches)
