"""The files of one package: a ZIP, or the directory it was extracted into.

Rules:
    * Members are read where they are; nothing is extracted.
    * `href` is a path that GDAL opens: `/vsizip/` and the archive, or the file itself.
    * Only small files are read whole; a larger one is refused.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..errors import ArchiveError

MAX_TEXT_BYTES = 8 * 1024**2
"""More than any header or footprint needs."""


@dataclass(frozen=True, slots=True)
class Contents:
    """The members of a package.

    Attributes:
        path: The ZIP or the directory.
        sizes: The size of each member, in bytes, by its name.
        archive: The open ZIP, or None for a directory.
    """

    path: Path
    sizes: Mapping[str, int]
    archive: zipfile.ZipFile | None

    def href(self, member: str) -> str:
        """Return the path under which GDAL opens a member."""
        if self.archive is None:
            return (self.path / member).as_posix()
        path = self.path.as_posix()
        # GDAL finds the end of an archive's name by its suffix, or by braces.
        return f"/vsizip/{path}/{member}" if is_zip_name(path) else f"/vsizip/{{{path}}}/{member}"

    def text(self, member: str) -> str:
        """Return a small member as text.

        Raises:
            ValueError: It is too large, not UTF-8, or cannot be read.
        """
        if self.sizes[member] > MAX_TEXT_BYTES:
            message = f"it is larger than {MAX_TEXT_BYTES} bytes"
            raise ValueError(message)
        try:
            if self.archive is None:
                return (self.path / member).read_text("utf-8")
            return self.archive.read(member).decode("utf-8")
        except UnicodeDecodeError:
            message = "it is not UTF-8"
        except NotImplementedError:
            message = "its compression is not supported"
        except RuntimeError:
            message = "it is encrypted"
        except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            message = f"it cannot be read: {error}"
        raise ValueError(message)


def is_zip_name(path: str) -> bool:
    """Return whether a path is named like a ZIP."""
    return path.lower().endswith(".zip")


@contextmanager
def open_contents(path: Path) -> Iterator[Contents]:
    """Open the ZIP or the directory of a package.

    Raises:
        ArchiveError: It is neither, or cannot be read.
    """
    try:
        if path.is_dir():
            yield Contents(path, dict(_files_below(path)), None)
            return
        archive = zipfile.ZipFile(path)
    except FileNotFoundError:
        message = f"{path}: it does not exist"
        raise ArchiveError(message) from None
    except (OSError, zipfile.BadZipFile) as error:
        message = f"{path}: it cannot be read as a ZIP: {error}"
        raise ArchiveError(message) from error
    with archive:
        yield Contents(path, {one.filename: one.file_size for one in _members(archive)}, archive)


def _members(archive: zipfile.ZipFile) -> Iterator[zipfile.ZipInfo]:
    return (one for one in archive.infolist() if not one.is_dir())


def _files_below(folder: Path) -> Iterator[tuple[str, int]]:
    for root, folders, files in os.walk(folder):
        folders.sort()
        for name in files:
            path = Path(root, name)
            if not path.is_symlink():
                yield path.relative_to(folder).as_posix(), path.stat().st_size
