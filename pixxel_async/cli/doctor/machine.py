"""What `doctor` looks at on this machine: versions, limits, the folder, the config file."""

from __future__ import annotations

import os
import platform
import secrets
import sqlite3
import ssl
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from ..._version import __version__
from ...destinations.file_system_probe import NAME, REMEDY, UnsuitableError, probe
from ...destinations.folder_tree import FolderTree, OpenFolder
from ...destinations.paths import absolute_path, disk_of
from ...errors import ConfigError
from ...journal.os_locks import LocksUnsupportedError, has_record_locks, try_lock
from ...settings.config_file import ConfigFile
from .checks import (
    Finding,
    judge_file_system,
    judge_open_files,
    judge_space,
    ok,
    problem,
    warning,
)

LIBRARIES = ("httpx", "anyio", "pydantic", "tenacity", "typer")
MOUNTS = Path("/proc/self/mounts")


def versions() -> Finding:
    """Report the versions, for bug reports."""
    parts = [f"pixxel-async {__version__}", f"Python {platform.python_version()}"]
    parts += [f"{name} {metadata.version(name)}" for name in LIBRARIES]
    parts += [f"SQLite {sqlite3.sqlite_version}", ssl.OPENSSL_VERSION.partition("  ")[0]]
    return ok("versions", ", ".join(parts))


def config(file: ConfigFile) -> Iterator[Finding]:
    """Look at each profile of the config file."""
    name = "config file"
    try:
        names = file.profiles()
        for profile in names:
            file.profile(profile)
    except ConfigError as error:
        yield problem(name, str(error), f"mend {file.path}, or name another with PIXXEL_CONFIG")
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
    """Look at the folder of an export, or at the nearest one above it that is there."""
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
    """Return the kind of file system, as Linux names it; empty where it does not tell."""
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
