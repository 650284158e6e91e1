"""Writes a file as a whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from .folder_tree import FILE_MODE
from .os_errors import sink_error


@contextmanager
def whole_file(path: Path, *, sync: bool = True) -> Iterator[BinaryIO]:
    """Open a temporary file beside `path`; it gets that name if nothing is raised.

    Args:
        path: The file.
        sync: Whether it has to outlast a power cut.

    Raises:
        SinkError: It cannot be written.
    """
    try:
        descriptor, partial = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with open(descriptor, "w+b") as file:  # noqa: PTH123 - a descriptor
                yield file
                file.flush()
                if sync:
                    os.fsync(file.fileno())
            Path(partial).chmod(FILE_MODE)
            Path(partial).replace(path)
        except BaseException:
            Path(partial).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise sink_error(error, path) from error
