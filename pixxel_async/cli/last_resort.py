"""What no command has dealt with: a line and an exit code in place of a traceback.

Rules:
    * Memory, threads, descriptors and standard output are what a machine may lack anywhere: the
      line names what is missing, and the remedy.
    * Anything else is a bug of this program: the line says so. `--verbose` shows the traceback.
    * Errors of threads, tasks and destructors are printed only with `--verbose`.
"""

from __future__ import annotations

import errno
import logging
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator

from ..errors import PixxelError
from ..sansio.redact import redact
from .output import streams

FAILED = 1
MISUSE = 2
INTERRUPTED = 130
MOST_CHARS = 1000
READER_GONE = 141

MEMORY = "out of memory: close other programs, or raise the limit (ulimit -v)"
THREADS = (
    "the system allows no more threads: raise the limits for processes (ulimit -u) and memory "
    "(ulimit -v), or close other programs"
)
DESCRIPTORS = (
    "the system allows no more open files: raise the limit (ulimit -n), or lower --fetches"
)
NO_DIRECTORY = "the current directory is gone: change to another one, and run the command again"
_NO_THREAD = "can't start new thread"


def run(command: Callable[[], None]) -> int:
    """Run a command, and return the exit code."""
    is_verbose = bool({"-v", "-vv", "--verbose"} & set(sys.argv))
    if not is_verbose:
        _silence()
    try:
        try:
            command()
            code = 0
        except SystemExit as ended:
            code = _code_of(ended)
        streams.finish()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return READER_GONE
    except BaseException as error:  # noqa: BLE001 - nothing is left to deal with it
        return _tell(error, is_verbose=is_verbose)
    if streams.seen.has_no_reader:
        return READER_GONE
    failure = streams.seen.failure
    return _tell(failure, is_verbose=is_verbose) if failure and code == 0 else code


def _tell(error: BaseException, *, is_verbose: bool) -> int:
    line, code = line_of(error)
    try:
        if is_verbose:
            traceback.print_exception(error)
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
    except BrokenPipeError:
        return READER_GONE
    return code


def line_of(error: BaseException) -> tuple[str, int]:
    """Return what to say of an error that nobody has dealt with, and the exit code."""
    for each in _related(error):
        if isinstance(each, (streams.OutputError, PixxelError)):
            return redact(str(each), chars=MOST_CHARS), MISUSE
        if isinstance(each, FileNotFoundError) and each.filename is None and not _has_directory():
            return NO_DIRECTORY, MISUSE
        if missing := _missing(each):
            return missing, FAILED
    return (
        f"unexpected error: {type(error).__name__}: {redact(str(error))}; this is a bug: report it "
        "with what --verbose shows"
    ), FAILED


def _missing(error: BaseException) -> str:
    """Return which resource of the machine is missing, or an empty text."""
    text = str(error)
    if isinstance(error, RuntimeError) and _NO_THREAD in text:
        return THREADS
    if isinstance(error, OSError) and error.errno in {errno.EMFILE, errno.ENFILE}:
        return DESCRIPTORS
    is_memory = (
        isinstance(error, MemoryError)
        or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
        or (isinstance(error, ImportError) and "failed to map" in text)
        # Python reports a lack of memory as these, too: here it compiles only generated code.
        or (isinstance(error, (SyntaxError, SystemError)) and _has_memory_limit())
    )
    return MEMORY if is_memory else ""


def _has_memory_limit() -> bool:
    try:
        import resource  # noqa: PLC0415 - Windows has none
    except ImportError:  # elsewhere, memory does not suffice for it
        return sys.platform != "win32"
    return resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY


def _related(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, those that it is a group of, and what has caused them."""
    seen: set[int] = set()
    left: list[BaseException | None] = [error]
    while left:
        each = left.pop(0)
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        if isinstance(each, BaseExceptionGroup):
            left += each.exceptions
        left += [each.__cause__, each.__context__]


def _has_directory() -> bool:
    try:
        return bool(os.getcwd())  # noqa: PTH109 - it is the call that matters
    except OSError:
        return False


def _code_of(ended: SystemExit) -> int:
    if ended.code is None or isinstance(ended.code, int):
        return ended.code or 0
    sys.stderr.write(f"{ended.code}\n")
    return FAILED


def _silence() -> None:
    """Let neither threads nor tasks nor destructors write tracebacks."""
    threading.excepthook = lambda _: None
    sys.unraisablehook = lambda _: None
    logging.getLogger().addHandler(logging.NullHandler())
