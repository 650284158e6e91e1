"""Opens files below a directory without following links.

Rules:
    * The user chooses the directory, including links in its path. Below it no link is followed:
      each part of a name is opened relative to the descriptor of the part before it (`openat`,
      O_NOFOLLOW).
    * Writes go only to regular files with one hard link that belong to this user, or to the owner
      of their directory: file systems without owners give all files the same one.
    * New files and directories have mode 0600 or 0700, whatever the umask.
    * No open blocks: a FIFO without a reader is refused, like a device or a socket.
    * Without `dir_fd` (Windows), each part is checked before it is used.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..errors import SinkError
from ..sansio.files.filenames import name_problem
from ..sansio.redact import printable
from .paths import FOLDER_MODE, PERMISSIONS, make_folders

FILE_MODE = 0o600

HAS_DIR_FD = {os.open, os.mkdir, os.stat, os.unlink, os.rename} <= os.supports_dir_fd

_CAREFUL = 0
for _flag in ("O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK", "O_NOCTTY", "O_BINARY"):
    _CAREFUL |= getattr(os, _flag, 0)

_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a directory",
    stat.S_IFREG: "a file",
}
_REMEDY = "remove it or move it away, and run the command again"


class UnsafeFileError(SinkError):
    """A name in the export folder belongs to something that no export created."""


def kind_of(info: os.stat_result) -> str:
    """Return the type of a file, in words."""
    return _KINDS.get(stat.S_IFMT(info.st_mode), "not a regular file")


@dataclass(frozen=True, slots=True)
class OpenFolder:
    """An open directory; its methods take names of one part.

    Attributes:
        path: Its path, for messages.
        descriptor: Base for relative names, or None if the system has no `dir_fd`.
    """

    path: str
    descriptor: int | None

    def shown(self, name: str) -> str:
        """Return the path of a name, safe for a terminal."""
        return printable(os.path.join(self.path, name))  # noqa: PTH118 - text

    def lstat(self, name: str) -> os.stat_result | None:
        """Return the status of a name, without following a link; None if it does not exist."""
        try:
            return os.lstat(self._at(name), dir_fd=self.descriptor)
        except FileNotFoundError:
            return None

    def create(self, name: str) -> int:
        """Create a new file, open for reading and writing."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | _CAREFUL
        descriptor = os.open(self._at(name), flags, FILE_MODE, dir_fd=self.descriptor)
        try:
            _set_mode(descriptor, FILE_MODE)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def open(self, name: str, flags: int = os.O_RDWR) -> int:
        """Open a file of ours, or raise `UnsafeFileError`; writing sets its mode to 0600."""
        self.check(name)
        descriptor = self._open(name, flags)
        try:
            self._check(name, os.fstat(descriptor))
            if flags & (os.O_RDWR | os.O_WRONLY):
                _set_mode(descriptor, FILE_MODE)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def open_or_create(self, name: str) -> int:
        """Open a file of ours for reading and writing, or create it."""
        try:
            return self.create(name)
        except FileExistsError:
            return self.open(name)

    def open_to_read(self, name: str) -> int:
        """Open a regular file for reading, with any owner and any number of links.

        Raises:
            FileNotFoundError: The name does not exist.
            UnsafeFileError: It is not a regular file.
        """
        self._check_kind(name, os.lstat(self._at(name), dir_fd=self.descriptor))
        descriptor = self._open(name, os.O_RDONLY)
        try:
            self._check_kind(name, os.fstat(descriptor))
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def check(self, name: str) -> bool:
        """Return whether a file of ours exists; raise `UnsafeFileError` for anything else."""
        info = self.lstat(name)
        if info is None:
            return False
        self._check(name, info)
        return True

    def is_linked_or_foreign(self, info: os.stat_result) -> bool:
        """Return whether a write would change a file elsewhere, or one of another user."""
        if stat.S_ISLNK(info.st_mode):
            return True
        return stat.S_ISREG(info.st_mode) and (info.st_nlink > 1 or self._is_foreign(info))

    def unlink(self, name: str) -> None:
        """Remove a file or a link, if it exists."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._at(name), dir_fd=self.descriptor)

    def remove_folder(self, name: str) -> None:
        """Remove a directory and its contents."""
        shutil.rmtree(self._at(name), dir_fd=self.descriptor)

    def rename(self, old: str, new: str) -> None:
        """Rename a file or a link; replaces an existing one."""
        there = self.descriptor
        os.replace(self._at(old), self._at(new), src_dir_fd=there, dst_dir_fd=there)

    def mkdir(self, name: str) -> None:
        """Create a directory with mode 0700."""
        os.mkdir(self._at(name), FOLDER_MODE, dir_fd=self.descriptor)
        if self.descriptor is not None:
            descriptor = self._open(name, os.O_RDONLY | os.O_DIRECTORY)
            try:
                _set_mode(descriptor, FOLDER_MODE)
            finally:
                os.close(descriptor)

    def chmod(self, name: str, mode: int) -> None:
        """Set the mode of a file that has been checked."""
        os.chmod(self._at(name), mode, dir_fd=self.descriptor)

    def sync(self) -> None:
        """Sync its entries to disk; Windows has no such call, and needs none."""
        if self.descriptor is not None:
            with contextlib.suppress(OSError):  # some network file systems cannot sync a directory
                os.fsync(self.descriptor)

    @contextmanager
    def folder(self, name: str, *, make: bool = False) -> Iterator[OpenFolder]:
        """Open a subdirectory.

        Raises:
            FileNotFoundError: It does not exist, and `make` is False.
            UnsafeFileError: It is not a directory.
        """
        if make and self.lstat(name) is None:
            with contextlib.suppress(FileExistsError):  # another thread was faster
                self.mkdir(name)
        info = os.lstat(self._at(name), dir_fd=self.descriptor)
        if not stat.S_ISDIR(info.st_mode):
            message = f"{self.shown(name)} is {kind_of(info)}, not a directory; {_REMEDY}"
            raise UnsafeFileError(message)
        path = os.path.join(self.path, name)  # noqa: PTH118 - text
        if self.descriptor is None:
            yield OpenFolder(path, None)
            return
        descriptor = self._open(name, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield OpenFolder(path, descriptor)
        finally:
            os.close(descriptor)

    def check_owner(self) -> None:
        """Raise `UnsafeFileError` for a directory of another user; set the mode of ours to 0700.

        The owner of its parent counts as this user.
        """
        if self.descriptor is None or sys.platform == "win32":
            return
        info = os.fstat(self.descriptor)
        above = os.stat(os.path.dirname(self.path))  # noqa: PTH116, PTH120 - text
        if info.st_uid not in {os.geteuid(), above.st_uid}:
            whose = f"{printable(self.path)} belongs to another user (uid {info.st_uid})"
            message = f"{whose}; {_REMEDY}"
            raise UnsafeFileError(message)
        _set_mode(self.descriptor, FOLDER_MODE)

    def _at(self, name: str) -> str:
        return name if self.descriptor is not None else os.path.join(self.path, name)  # noqa: PTH118 - text

    def _open(self, name: str, flags: int) -> int:
        try:
            return os.open(self._at(name), flags | _CAREFUL, dir_fd=self.descriptor)
        except OSError as error:
            if error.errno in {errno.ELOOP, errno.ENXIO}:  # it was replaced after the check
                message = f"{self.shown(name)} is a link, a FIFO or a device; {_REMEDY}"
                raise UnsafeFileError(message) from error
            raise

    def _check(self, name: str, info: os.stat_result) -> None:
        self._check_kind(name, info)
        if info.st_nlink > 1:
            message = (
                f"{self.shown(name)} has {info.st_nlink} hard links, so another file would change "
                "with it; replace it with a copy of its own, and run the command again"
            )
            raise UnsafeFileError(message)
        if self._is_foreign(info):
            message = f"{self.shown(name)} belongs to another user (uid {info.st_uid}); {_REMEDY}"
            raise UnsafeFileError(message)

    def _check_kind(self, name: str, info: os.stat_result) -> None:
        if not stat.S_ISREG(info.st_mode):
            message = f"{self.shown(name)} is {kind_of(info)}, not a file; {_REMEDY}"
            raise UnsafeFileError(message)

    def _is_foreign(self, info: os.stat_result) -> bool:
        if sys.platform == "win32" or info.st_uid == os.geteuid():
            return False
        there = self.path if self.descriptor is None else self.descriptor
        return info.st_uid != os.stat(there).st_uid  # noqa: PTH116 - it may be a descriptor


class FolderTree:
    """A directory and the files below it."""

    def __init__(self, root: Path) -> None:
        """Open nothing yet; links in the path of `root` are followed."""
        self.root = root

    @contextmanager
    def open(self, *, make: bool = False) -> Iterator[OpenFolder]:
        """Open the directory itself."""
        if make:
            make_folders(self.root)
        if not HAS_DIR_FD:
            yield OpenFolder(str(self.root), None)
            return
        flags = os.O_RDONLY | os.O_DIRECTORY | getattr(os, "O_CLOEXEC", 0)
        descriptor = os.open(self.root, flags)
        try:
            yield OpenFolder(str(self.root), descriptor)
        finally:
            os.close(descriptor)

    @contextmanager
    def folder_of(self, name: str, *, make: bool = False) -> Iterator[tuple[OpenFolder, str]]:
        """Open the directory that contains a name; yield it and the last part of the name.

        Raises:
            FileNotFoundError: A directory is missing, and `make` is False.
            SinkError: The name is not valid, or leads through something that is not a directory.
        """
        check_name(self.root, name)
        *folders, last = name.split("/")
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(self.open(make=make))
            for part in folders:
                folder = stack.enter_context(folder.folder(part, make=make))
            yield folder, last


def check_name(root: Path, name: str) -> None:
    """Raise `UnsafeFileError` for a name that no export gives, such as one outside the folder."""
    if problem := name_problem(name):
        message = (
            f"{printable(str(root))}: {printable(repr(name))} is not a valid name ({problem}); "
            "the journal was edited: restore a good copy of it, or choose another folder"
        )
        raise UnsafeFileError(message)


def _set_mode(descriptor: int, wanted: int) -> None:
    """Set a mode regardless of the umask; file systems without modes are left alone."""
    if sys.platform == "win32":
        return
    mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
    if mode & PERMISSIONS != wanted:
        with contextlib.suppress(OSError):
            os.fchmod(descriptor, mode & ~PERMISSIONS | wanted)
