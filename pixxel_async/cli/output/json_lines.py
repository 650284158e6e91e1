"""The objects of `--json`: one line a package on standard output.

Rules:
    * The lines are ASCII: what an id holds beyond that is escaped, as JSON allows, so that no
      encoding of a terminal or pipe can stand in the way, and nothing can steer a terminal.
    * Each line is flushed: who reads the pipe sees a package when it has ended.
"""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any, TextIO

from ... import events
from ...errors import SinkError

_READER_GONE = frozenset({errno.EPIPE, errno.EINVAL})
"""Windows has the second for a pipe without a reader."""


def row_of(event: events.Ended, folder: Path) -> dict[str, Any]:
    """Return the object of a package that has ended.

    Args:
        event: How it has ended.
        folder: The absolute path that `path` is relative to.
    """
    match event:
        case (
            events.Failed(download=wanted, error=error) | events.RunFailed(run=wanted, error=error)
        ):
            return {
                "target": wanted.row(),
                "status": "failed",
                "path": None,
                "bytes": None,
                "sha256": None,
                "extracted": None,
                "error": {"type": type(error).__name__, "message": str(error)},
            }
        case events.Saved(saved=saved) | events.Skipped(saved=saved):
            return {
                "target": saved.download.row(),
                "status": "skipped" if saved.skipped else "saved",
                "path": saved.path.relative_to(folder).as_posix(),
                "bytes": saved.bytes,
                "sha256": saved.sha256 or None,
                "extracted": saved.extracted and saved.extracted.relative_to(folder).as_posix(),
                "error": None,
            }


class Rows:
    """Writes the objects."""

    def __init__(self, stream: TextIO, folder: Path) -> None:
        """Write to a stream about an export into a folder, given by its absolute path."""
        self._stream = stream
        self._folder = folder

    def write(self, event: events.Ended) -> None:
        """Write the line of a package that has ended.

        Raises:
            BrokenPipeError: Who reads the stream has gone.
            SinkError: The stream takes no more, such as a file on a full disk.
        """
        write_line(self._stream, json.dumps(row_of(event, self._folder), ensure_ascii=True))


def write_line(stream: TextIO, line: str) -> None:
    """Write a line of data, and flush it; what the encoding does not have is escaped.

    Raises:
        BrokenPipeError: Who reads the stream has gone.
        SinkError: The stream takes no more, such as a file on a full disk.
    """
    encoding = stream.encoding or "utf-8"
    try:
        stream.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        stream.flush()
    except BrokenPipeError:
        raise BrokenPipeError from None  # without its number, which makes click end with 1
    except OSError as error:
        if error.errno in _READER_GONE:
            raise BrokenPipeError from None
        message = f"standard output cannot be written: {error.strerror or error}"
        raise SinkError(message) from None
