"""A lock file with a heartbeat, for file systems without locks.

Rules:
    * A file created with O_EXCL names process, machine and start time; a thread touches it every
      `HEARTBEAT_S`.
    * The lock is stale if its process no longer runs on this machine, or if it belongs to another
      machine and missed `STALE_HEARTBEATS`. A process that was suspended for longer loses its
      lock, and writes nothing more.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import sys
import threading
import time
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Self

from ..destinations.folder_tree import OpenFolder
from ..errors import FolderBusyError, SinkError
from ..sansio.redact import printable

NAMED_LOCK = "lock.held"
HEARTBEAT_S = 5.0
STALE_HEARTBEATS = 12
STALE_S = HEARTBEAT_S * STALE_HEARTBEATS
MAX_NOTE_BYTES = 4096


class FolderLostError(SinkError):
    """This export has lost its folder; the export ends, and no package fails."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that holds a lock file.

    Attributes:
        pid: The process id, or zero if unreadable.
        host: The name of its machine.
        machine: The boot and the process namespace in which `pid` is valid.
        started: When the process started, in ticks since the boot; empty if unknown.
        token: Unique for each lock.
    """

    pid: int = 0
    host: str = ""
    machine: str = ""
    started: str = ""
    token: str = ""

    @property
    def is_gone(self) -> bool:
        """Whether the process certainly no longer runs."""
        if not self.is_here:
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False  # it runs, and belongs to another user
        return bool(self.started) and _started(self.pid) != self.started

    @property
    def is_here(self) -> bool:
        """Whether its process id is valid on this machine."""
        return self.pid > 0 and self.machine == _machine() and sys.platform != "win32"


def read_note(hidden: OpenFolder, name: str) -> bytes:
    """Read a file that a process wrote about itself."""
    with os.fdopen(hidden.open(name, os.O_RDONLY), "rb", buffering=0) as file:
        return file.read(MAX_NOTE_BYTES)


def busy_message(shown: str, pid: int | None, *, is_here: bool = True) -> str:
    """Return the message about a folder that a process of this or another machine has locked."""
    if is_here and pid == os.getpid():
        return (
            f"{shown}: another client of this process is already exporting into this folder: use "
            "one client for both, such as `client.export(...)` twice, and they share the folder"
        )
    first = "another process" if pid is None else f"process {pid}"
    return f"{shown}: {first} is already exporting into this folder"


class HeartbeatLock:
    """A lock file that a thread touches while the lock is held."""

    def __init__(self, hidden: OpenFolder, descriptor: int, note: bytes) -> None:
        """Take over a new lock file, and start the heartbeat."""
        self._path = os.path.join(hidden.path, NAMED_LOCK)  # noqa: PTH118 - text
        self._file = os.fdopen(descriptor, "r+b", buffering=0)
        self._note = note
        self._ended = threading.Event()
        self._thread = threading.Thread(
            target=self._beat, name="pixxel-heartbeat", args=(self._ended,), daemon=True
        )
        self._thread.start()

    @classmethod
    def acquire(cls, hidden: OpenFolder, shown: str) -> Self:
        """Lock the folder that contains `hidden`; messages call it `shown`.

        Raises:
            FolderBusyError: Another process holds the lock.
            OSError: The operating system refused.
        """
        me = Holder(
            pid=os.getpid(),
            host=socket.gethostname(),
            machine=_machine(),
            started=_started(os.getpid()),
            token=secrets.token_hex(8),
        )
        refuse_if_held(hidden, shown)
        _remove_stale(hidden)
        try:
            descriptor = hidden.create(NAMED_LOCK)
        except FileExistsError:
            raise FolderBusyError(busy_message(shown, None)) from None
        note = json.dumps(asdict(me)).encode()
        try:
            os.write(descriptor, note)
        except BaseException:
            os.close(descriptor)
            hidden.unlink(NAMED_LOCK)
            raise
        return cls(hidden, descriptor, note)

    def check(self) -> None:
        """Check that this process still holds the lock.

        Raises:
            FolderLostError: Another process took over the folder.
        """
        if not self._is_ours():
            message = (
                f"{printable(str(Path(self._path).parents[1]))}: another process has taken over "
                "this folder because this one was suspended for too long; this one stops writing: "
                "wait for the other one, or end it and run the command again"
            )
            raise FolderLostError(message)

    def release(self) -> None:
        """Unlock; may be called twice."""
        self._ended.set()
        self._thread.join()
        if not self._file.closed:
            if self._is_ours():
                with contextlib.suppress(OSError):
                    Path(self._path).unlink()
            self._file.close()

    def _is_ours(self) -> bool:
        try:
            there = os.lstat(self._path)
        except FileNotFoundError:
            return False
        except OSError:
            return True  # unknown
        ours = os.fstat(self._file.fileno())
        return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)

    def _beat(self, ended: threading.Event) -> None:
        while not ended.wait(HEARTBEAT_S):
            with contextlib.suppress(OSError):
                _touch(self._file.fileno(), self._note)


def _touch(descriptor: int, note: bytes) -> None:
    """Refresh the time of a file, by writing to it where times cannot be set."""
    if os.utime in os.supports_fd:
        with contextlib.suppress(OSError):
            os.utime(descriptor)
            return
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, note)


def refuse_if_held(hidden: OpenFolder, shown: str) -> None:
    """Raise FolderBusyError, with a remedy, if another process holds the lock file."""
    held = _held_by_name(hidden)
    if held is None:
        return
    who, age_s = held
    message = busy_message(shown, who.pid or None, is_here=who.is_here)
    if not who.is_here:
        left_s = max(1, round(STALE_S - age_s))
        message += (
            f" on {printable(who.host) or 'another machine'}; if it is gone, wait {left_s} s and "
            f"run the command again, or remove {hidden.shown(NAMED_LOCK)}"
        )
    raise FolderBusyError(message)


def _held_by_name(hidden: OpenFolder) -> tuple[Holder, float] | None:
    """Return the holder of the lock file, and the age of its last heartbeat; None if not held."""
    try:
        note = read_note(hidden, NAMED_LOCK)
        touched = hidden.lstat(NAMED_LOCK)
    except FileNotFoundError:
        return None
    if touched is None:
        return None
    who = _holder(note)
    age_s = _now(hidden) - touched.st_mtime
    is_stale = who.is_gone if who.is_here else age_s > STALE_S
    return None if is_stale else (who, max(0.0, age_s))


def holder_by_name(hidden: OpenFolder) -> int | None:
    """Return the id of the process that holds the lock file, or None."""
    with contextlib.suppress(OSError):
        held = _held_by_name(hidden)
        return None if held is None else held[0].pid
    return None


def _holder(note: bytes) -> Holder:
    try:
        found = json.loads(note)
        return Holder(
            pid=int(found["pid"]),
            **{name: str(found[name]) for name in ("host", "machine", "started", "token")},
        )
    except (ValueError, TypeError, KeyError, OverflowError):
        return Holder()  # not written yet, or truncated; its age decides


def _remove_stale(hidden: OpenFolder) -> None:
    """Remove a stale lock file; another process may be doing the same."""
    aside = f"{NAMED_LOCK}.{secrets.token_hex(8)}"
    try:
        judged = read_note(hidden, NAMED_LOCK)
        hidden.rename(NAMED_LOCK, aside)
    except FileNotFoundError:
        return
    if read_note(hidden, aside) != judged:  # it was replaced meanwhile: restore it
        hidden.rename(aside, NAMED_LOCK)
        return
    hidden.unlink(aside)


def _now(hidden: OpenFolder) -> float:
    """Return the time of the file system, which may be on another machine."""
    name = f"{NAMED_LOCK}.{secrets.token_hex(8)}"
    try:
        descriptor = hidden.create(name)
    except OSError:  # it is read-only
        return time.time()
    try:
        return os.fstat(descriptor).st_mtime
    finally:
        os.close(descriptor)
        hidden.unlink(name)


@cache
def _machine() -> str:
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
    with contextlib.suppress(OSError, NotImplementedError):
        parts.append(os.readlink("/proc/self/ns/pid"))  # noqa: PTH115 - a name, not a path
    return " ".join(parts)


def _started(pid: int) -> str:
    """Return when a process started, in ticks since the boot; empty if unknown."""
    try:
        status = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return ""
    # The program name, in parentheses, may contain anything; the start is field 22 (proc(5)).
    return status.rpartition(b")")[2].split()[19].decode("ascii", "replace")
