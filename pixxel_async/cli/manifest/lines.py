"""Reads the lines of a step: of a file at once, from a pipe as they come.

Rules:
    * A file with an invalid line is refused: nothing is sent.
    * A pipe is read while the lines before are dealt with. An invalid line is reported, and the
      others continue. CSV is read to its end, as quotes may span lines.
    * Standard input is read on a thread that nobody waits for, and without its buffer: a read of a
      pipe cannot be cancelled, and would hold a lock when Python ends.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from itertools import count
from typing import Any, BinaryIO

from ...errors import InputError
from .reader import STDIN, STDIN_NAME, decode_row, is_csv, parse_rows, read_source
from .step_lines import StepLine

READ_BYTES = 64 * 1024
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
NO_LINES = (
    f"{STDIN_NAME}: no lines; each is a JSON object, such as pixxel-async request and "
    "pixxel-async wait print"
)


async def read_lines(
    source: str,
    parse: Callable[[Any], StepLine],
    on_problem: Callable[[str], None],
    *,
    may_be_csv: bool = True,
) -> AsyncIterator[StepLine]:
    """Yield the lines of a file, or of standard input if the source is `-`.

    Args:
        source: A path, or `-`.
        parse: Reads the decoded JSON of a line, and raises InputError.
        on_problem: Called with `FILE:LINE: reason` for an invalid line of standard input.
        may_be_csv: Whether it may be a manifest, which may be CSV.

    Raises:
        InputError: The source cannot be read or is empty, or a file has invalid lines.
    """
    if source != STDIN:
        for line in parse_rows(read_source(source), source, parse, may_be_csv=may_be_csv):
            yield line
        return
    stdin = _stdin_lines()
    has_begun = False
    for number in count(1):
        if (data := await anext(stdin, None)) is None:
            break
        if not data.strip():
            continue
        if may_be_csv and not has_begun and is_csv(data, STDIN_NAME):
            rest = [each async for each in stdin]
            for line in parse_rows(
                b"".join([b"\n" * (number - 1), data, *rest]), STDIN_NAME, parse
            ):
                yield line
            return
        has_begun = True
        try:
            yield parse(decode_row(data))
        except InputError as error:
            on_problem(f"{STDIN_NAME}:{number}: {error}")
    if not has_begun:
        raise InputError(NO_LINES)


async def _stdin_lines() -> AsyncIterator[bytes]:
    """Yield the lines of standard input, each with its line feed."""
    loop = asyncio.get_running_loop()
    chunks: asyncio.Queue[bytes] = asyncio.Queue()
    stream = getattr(sys.stdin.buffer, "raw", sys.stdin.buffer)

    def read() -> None:
        with suppress(RuntimeError):  # the loop has ended
            while chunk := _read(stream):
                loop.call_soon_threadsafe(chunks.put_nowait, chunk)
            loop.call_soon_threadsafe(chunks.put_nowait, b"")

    threading.Thread(target=read, name="pixxel-async stdin", daemon=True).start()
    rest = b""
    is_first = True
    while chunk := await chunks.get():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.removeprefix(BYTE_ORDER_MARK if is_first else b"") + b"\n"
            is_first = False
    if rest:
        yield rest.removeprefix(BYTE_ORDER_MARK if is_first else b"")


def _read(stream: BinaryIO) -> bytes:
    try:
        return stream.read(READ_BYTES)
    except OSError:  # such as a terminal that is gone
        return b""
