"""What somebody does to an export folder between two runs, drawn at random.

Rules:
    * Whatever is planted or edited, a run saves the right bytes or gives a reason.
    * What is planted and is no file blocks its own package alone, until it is removed.
    * Nothing outside the folder changes: links lead to a file whose content is known.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import socket
import sqlite3
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from pixxel_async import Download
from pixxel_async.sansio.files.filenames import file_name

PRECIOUS = b"precious"
UMASKS = (0o022, 0o000, 0o077, 0o777)
EDITS: tuple[tuple[str, object], ...] = (
    ("total", 2**62),
    ("total", -1),
    ("mark", 2**62),
    ("mark", 0),
    ("mark", 100),
    ("written", 2**63 - 1),
    ("written", 0),
    ("written_sha256", "0" * 64),
    ("stretches", "{"),
    ("stretches", "[]"),
    ("validator", '"of another object"'),
    ("validator", '"v"\r\nX-Evil: 1'),
    ("target", "{"),
    ("target", "[" * 100_000),
    ("name", "a\0b.zip"),
    ("name", "../outside/evil.zip"),
    ("name", "/etc/evil.zip"),
    ("name", ".pixxel-async/evil.zip"),
    ("state", "lost"),
    ("state", "saved"),
    ("state", "failed"),
    ("state", "created"),
    ("state", "ready"),
    ("bytes", 2**62),
    ("bytes", 1),
    ("sha256", "\0"),
    ("sha256", "0" * 64),
    ("download_id", "leads-nowhere"),
    ("download_id", "i" * 1_000_000),
    ("recreated", -3),
    ("recreated", 2),
    ("error", "a\0\x1b[31m"),
)
"""Columns of the journal, and what somebody writes there: what cannot be, and what can."""


@dataclass
class Tampering:
    """What has been done to one export folder.

    Attributes:
        folder: The export folder.
        outside: A file outside of it, which links lead to.
        done: Each act, in words.
        planted: The names of partials that somebody has planted.
        edited: The SHA-256 of files with a final name after somebody has changed them.
    """

    folder: Path
    outside: Path
    done: list[str] = field(default_factory=list)
    planted: set[str] = field(default_factory=set)
    edited: set[str] = field(default_factory=set)
    _names: list[tuple[str, str]] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        self.outside.parent.mkdir(parents=True, exist_ok=True)
        self.outside.write_bytes(PRECIOUS)
        self.outside.chmod(0o644)

    def act(self, chance: random.Random, downloads: Sequence[Download]) -> None:
        """Do up to three things; before the first run there is not much to do them to."""
        acts = (self._plant, self._edit_row, self._change_saved)
        for act in chance.choices(acts, k=chance.randint(0, 3)):
            act(chance, file_name(chance.choice(downloads)))

    def undo(self) -> None:
        """Remove what is planted and is no file, and mend names, as the reasons ask for."""
        if self._names:
            with closing(sqlite3.connect(self._journal)) as connection, connection:
                statement = "UPDATE OR IGNORE package SET name = ? WHERE key = ?"
                connection.executemany(statement, self._names)
        for path in self.folder.glob("*.part"):
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            elif not stat.S_ISREG(path.lstat().st_mode):
                path.unlink()

    def check(self) -> None:
        """Check that nothing outside has changed, and that nobody else may read the folder."""
        assert self.outside.read_bytes() == PRECIOUS
        assert stat.S_IMODE(self.outside.stat().st_mode) == 0o644
        assert [path.name for path in self.outside.parent.iterdir()] == [self.outside.name]
        modes = {
            str(path.relative_to(self.folder)): stat.filemode(info.st_mode)
            for path in (self.folder, *self.folder.rglob("*"))
            if not os.path.samestat(info := path.lstat(), self.outside.stat())
        }
        strange = {
            name: mode
            for name, mode in modes.items()
            if mode not in {"-rw-------", "drwx------"} and name not in self.planted
        }
        assert strange == {}

    @property
    def _journal(self) -> Path:
        return self.folder / ".pixxel-async" / "journal.sqlite"

    def _plant(self, chance: random.Random, name: str) -> None:
        plant = chance.choice(PLANTS)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        path = self.folder / f"{name}.part"
        if path.is_dir():
            path.rmdir()
        path.unlink(missing_ok=True)
        plant(path, self.outside)
        self.planted.add(path.name)
        self.done.append(f"plant {plant.__name__} {name}")

    def _edit_row(self, chance: random.Random, name: str) -> None:
        if not self._journal.exists():
            return
        column, value = chance.choice(EDITS)
        with closing(sqlite3.connect(self._journal)) as connection, connection:
            if column == "name":
                statement = "SELECT name, key FROM package WHERE name = ?"
                self._names += connection.execute(statement, (name,)).fetchall()
            statement = f"UPDATE OR IGNORE package SET {column} = ? WHERE name = ?"  # noqa: S608 - our names
            connection.execute(statement, (value, name))
        self.done.append(f"edit {column} = {str(value)[:30]!r} of {name}")

    def _change_saved(self, chance: random.Random, name: str) -> None:
        path = self.folder / name
        if not path.is_file():
            return
        change = chance.choice(CHANGES)
        change(path)
        if path.exists():
            self.edited.add(hashlib.sha256(path.read_bytes()).hexdigest())
        self.done.append(f"{change.__name__} {name}")


@contextmanager
def umask(mask: int) -> Iterator[None]:
    """Set the umask of this process while the context is open."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def symbolic_link(path: Path, target: Path) -> None:
    path.symlink_to(target)


def dangling_link(path: Path, target: Path) -> None:
    path.symlink_to(target.with_name("not-there-yet"))


def hard_link(path: Path, target: Path) -> None:
    path.hardlink_to(target)


def fifo(path: Path, _: Path) -> None:
    os.mkfifo(path)


def directory(path: Path, _: Path) -> None:
    path.mkdir()


def unix_socket(path: Path, _: Path) -> None:
    with TemporaryDirectory() as short, socket.socket(socket.AF_UNIX) as opened:
        opened.bind(f"{short}/s")  # the address of a socket is short
        shutil.move(f"{short}/s", path)


def some_file(path: Path, _: Path) -> None:
    path.write_bytes(b"of nobody")
    path.chmod(0o600)


def delete(path: Path) -> None:
    path.unlink()


def edit_in_place(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"edited")


def shorten(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(b"x" * path.stat().st_size)
    other.chmod(0o600)
    other.replace(path)


PLANTS: tuple[Callable[[Path, Path], None], ...] = (
    symbolic_link,
    dangling_link,
    hard_link,
    fifo,
    unix_socket,
    directory,
    some_file,
)
CHANGES: tuple[Callable[[Path], None], ...] = (delete, edit_in_place, shorten, empty, replace)
