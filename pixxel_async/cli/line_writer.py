"""Lines of data on standard output.

Rules:
    * Each line is flushed: who reads a pipe sees it at once.
    * A character that the stream's encoding does not have is written as an escape.
"""

from __future__ import annotations

import errno
from typing import TextIO

from ..errors import SinkError

_READER_GONE = frozenset({errno.EPIPE, errno.EINVAL})
"""Windows has the second for a pipe without a reader."""


def write_line(stream: TextIO, line: str) -> None:
    """Write a line and flush it.

    Raises:
        BrokenPipeError: Who reads the stream has gone.
        SinkError: The stream takes no more, such as a file on a full disk.
    """
    encoding = stream.encoding or "utf-8"
    try:
        stream.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        stream.flush()
    except OSError as error:
        if error.errno in _READER_GONE:
            raise BrokenPipeError from None
        message = f"standard output cannot be written: {error.strerror or error}"
        raise SinkError(message) from None
