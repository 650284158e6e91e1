"""The lock of an export folder: one process at a time exports into it.

Rules:
    * Where the file system has `flock`, the lock is the operating system's, and gone when the
      process is. Who only looks takes it shared, for a moment, and writes nothing.
    * Where it has none (ENOSYS, ENOLCK, EOPNOTSUPP), a file that is made with O_EXCL takes its
      place. It names process, machine and start, and a thread touches it every `HEARTBEAT_S`.
    * Such a lock is stale if its process is gone from this machine, or if its machine is another
      one and `STALE_HEARTBEATS` went by without a touch. A process that was suspended for longer
      finds its lock lost, and writes nothing more.
"""

from __future__ import annotations

import contextlib
import errno
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

from ..errors import FolderBusyError, SinkError
from ..sansio.redact import printable
from ..sinks.tree import OpenFolder

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

LOCK = "lock"
NAMED_LOCK = "lock.held"
OWNER = "owner"

LOCK_TIMEOUT_S = 0.4
"""How long a lock is waited for: who looks whether an export runs has it for a moment."""

HEARTBEAT_S = 5.0
STALE_HEARTBEATS = 12
STALE_S = HEARTBEAT_S * STALE_HEARTBEATS

MAX_NOTE_BYTES = 4096
UNSUPPORTED = frozenset(
    {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL, errno.ENOTTY}
)
"""What systems answer where a file system has no locks."""


class FolderLostError(SinkError):
    """The export folder no longer is this export's; it ends the export, and no package fails."""


class LocksUnsupportedError(Exception):
    """The file system has no locks."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock by name.

    Attributes:
        pid: The number of the process, or zero if it cannot be read.
        host: The name of its machine.
        machine: The boot and the process namespace in which `pid` means something.
        started: When the process started, as its system counts; empty where it does not tell.
        token: Another one for each lock.
    """

    pid: int = 0
    host: str = ""
    machine: str = ""
    started: str = ""
    token: str = ""

    @property
    def is_gone(self) -> bool:
        """Whether it surely does not run any more."""
        if not self.is_here:
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False  # it runs, and belongs to somebody else
        return bool(self.started) and _started(self.pid) != self.started

    @property
    def is_here(self) -> bool:
        """Whether its number means something on this machine."""
        return self.pid > 0 and self.machine == _machine() and sys.platform != "win32"


class FolderLock:
    """A lock that is held; `release` may be called twice."""

    def __init__(self, descriptor: int, named: _NamedLock | None) -> None:
        """Take over what `acquire` has locked."""
        self._file = os.fdopen(descriptor, "r+b", buffering=0)
        self._named = named

    @classmethod
    def acquire(cls, hidden: OpenFolder, *, shown: str) -> Self:
        """Lock a folder.

        Args:
            hidden: Where the lock lies.
            shown: The folder, for messages.

        Raises:
            FolderBusyError: Another process has it.
            SinkError: What has the name of the lock is not a file of ours.
            OSError: The operating system refused.
        """
        descriptor = hidden.open_or_create(LOCK)
        named = None
        try:
            deadline = time.monotonic() + LOCK_TIMEOUT_S
            try:
                while not try_lock(descriptor, shared=False):
                    if time.monotonic() >= deadline:
                        raise FolderBusyError(_busy(shown, read_owner(hidden)))
                    time.sleep(LOCK_TIMEOUT_S / 4)
            except LocksUnsupportedError:
                named = _NamedLock.acquire(hidden, shown)
            else:
                _refuse_if_held_by_name(hidden, shown)
            _write_owner(hidden)
        except BaseException:
            if named is not None:
                named.release()
            os.close(descriptor)
            raise
        return cls(descriptor, named)

    @property
    def is_named(self) -> bool:
        """Whether a file takes the place of the system's lock."""
        return self._named is not None

    def check(self) -> None:
        """Find out whether the folder is still ours; costs nothing with a lock of the system.

        Raises:
            FolderLostError: Another process has taken it over.
        """
        if self._named is not None:
            self._named.check()

    def release(self) -> None:
        """Unlock."""
        if self._named is not None:
            self._named.release()
        if not self._file.closed:
            with contextlib.suppress(OSError):
                _unlock(self._file.fileno())
            self._file.close()


def holder_of(hidden: OpenFolder) -> int | None:
    """Return the number of the process that has a folder, or None; writes nothing.

    Raises:
        SinkError: What has the name of the lock is not a file of ours.
    """
    try:
        descriptor = hidden.open(LOCK, os.O_RDONLY)
    except OSError:
        return _pid_by_name(hidden)
    try:
        if not try_lock(descriptor, shared=True):
            return read_owner(hidden)
        _unlock(descriptor)
    except LocksUnsupportedError:
        pass
    finally:
        os.close(descriptor)
    return _pid_by_name(hidden)


def try_lock(descriptor: int, *, shared: bool) -> bool:
    """Lock an open file, or return False if somebody else has it.

    Raises:
        LocksUnsupportedError: The file system has no locks.
        OSError: The operating system refused.
    """
    try:
        if sys.platform == "win32":
            os.lseek(descriptor, 0, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except NotImplementedError as error:
        raise LocksUnsupportedError from error
    except OSError as error:
        if error.errno in {errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK}:
            return False
        if error.errno in UNSUPPORTED:
            raise LocksUnsupportedError from error
        raise
    return True


def has_record_locks(descriptor: int) -> bool:
    """Tell whether the file system has the locks that SQLite uses (POSIX, of byte ranges)."""
    if sys.platform == "win32":
        return True
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        fcntl.lockf(descriptor, fcntl.LOCK_UN)
    except NotImplementedError:
        return False
    except OSError as error:
        return error.errno not in UNSUPPORTED
    return True


def _unlock(descriptor: int) -> None:
    if sys.platform == "win32":
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
    else:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def read_owner(hidden: OpenFolder) -> int | None:
    """Return the number of the process that has a lock of the system, if it has noted it yet."""
    with contextlib.suppress(OSError, ValueError):
        return int(_read(hidden, OWNER))
    return None


def _write_owner(hidden: OpenFolder) -> None:
    descriptor = hidden.open_or_create(OWNER)
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        file.truncate(0)
        file.write(str(os.getpid()).encode())


def _read(hidden: OpenFolder, name: str) -> bytes:
    with os.fdopen(hidden.open(name, os.O_RDONLY), "rb", buffering=0) as file:
        return file.read(MAX_NOTE_BYTES)


def _busy(shown: str, pid: int | None) -> str:
    first = "another process" if pid is None else f"process {pid}"
    return f"{shown}: {first} exports into this folder already"


# The lock by name.


class _NamedLock:
    """A file that says who has a folder, and that is touched while this is so."""

    def __init__(self, hidden: OpenFolder, descriptor: int, note: bytes) -> None:
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
        me = Holder(
            pid=os.getpid(),
            host=socket.gethostname(),
            machine=_machine(),
            started=_started(os.getpid()),
            token=secrets.token_hex(8),
        )
        _refuse_if_held_by_name(hidden, shown)
        _remove_stale(hidden)
        try:
            descriptor = hidden.create(NAMED_LOCK)
        except FileExistsError:
            raise FolderBusyError(_busy(shown, None)) from None
        note = json.dumps(asdict(me)).encode()
        try:
            os.write(descriptor, note)
        except BaseException:
            os.close(descriptor)
            hidden.unlink(NAMED_LOCK)
            raise
        return cls(hidden, descriptor, note)

    def check(self) -> None:
        if not self._is_ours():
            message = (
                f"{printable(str(Path(self._path).parents[1]))}: another process has taken over "
                "this folder, since this one was suspended for too long; nothing more is written: "
                "wait for the other one, or end it and run the command again"
            )
            raise FolderLostError(message)

    def release(self) -> None:
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
            return True  # nobody knows
        ours = os.fstat(self._file.fileno())
        return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)

    def _beat(self, ended: threading.Event) -> None:
        while not ended.wait(HEARTBEAT_S):
            with contextlib.suppress(OSError):
                _touch(self._file.fileno(), self._note)


def _touch(descriptor: int, note: bytes) -> None:
    """Refresh the time of a file; writing does where times cannot be set."""
    if os.utime in os.supports_fd:
        with contextlib.suppress(OSError):
            os.utime(descriptor)
            return
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, note)


def _refuse_if_held_by_name(hidden: OpenFolder, shown: str) -> None:
    held = _held_by_name(hidden)
    if held is None:
        return
    who, age_s = held
    message = _busy(shown, who.pid or None)
    if not who.is_here:
        left_s = max(1, round(STALE_S - age_s))
        message += (
            f" on {printable(who.host) or 'another machine'}; if it is gone, wait {left_s} s and "
            f"run the command again, or remove {hidden.shown(NAMED_LOCK)}"
        )
    raise FolderBusyError(message)


def _held_by_name(hidden: OpenFolder) -> tuple[Holder, float] | None:
    """Return who holds the lock by name, and its age in seconds; None if nobody does."""
    try:
        note = _read(hidden, NAMED_LOCK)
        touched = hidden.lstat(NAMED_LOCK)
    except FileNotFoundError:
        return None
    if touched is None:
        return None
    who = _holder(note)
    age_s = _now(hidden) - touched.st_mtime
    is_stale = who.is_gone if who.is_here else age_s > STALE_S
    return None if is_stale else (who, max(0.0, age_s))


def _pid_by_name(hidden: OpenFolder) -> int | None:
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
        return Holder()  # it is about to be written, or was cut; its age tells


def _remove_stale(hidden: OpenFolder) -> None:
    """Remove a lock that nobody holds; another process may be doing the same."""
    aside = f"{NAMED_LOCK}.{secrets.token_hex(8)}"
    try:
        judged = _read(hidden, NAMED_LOCK)
        hidden.rename(NAMED_LOCK, aside)
    except FileNotFoundError:
        return
    if _read(hidden, aside) != judged:  # it was replaced meanwhile: give it back
        hidden.rename(aside, NAMED_LOCK)
        return
    hidden.unlink(aside)


def _now(hidden: OpenFolder) -> float:
    """Return the time as the file system counts it, which may be another machine's."""
    name = f"{LOCK}.{secrets.token_hex(8)}"
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
    """Return when a process started, in ticks since the boot; empty where nobody tells."""
    try:
        status = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return ""
    # The name of the program, in parentheses, may hold anything (proc(5), field 22).
    return status.rpartition(b")")[2].split()[19].decode("ascii", "replace")
