"""The command that resumes an export.

Rules:
    * It is complete: what was given is repeated, each option of it.
    * It can be pasted into a shell, whatever characters a word has.
    * It shows no password. A proxy that has one is left out of it, and has to come from the
      environment or the config file.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence

PROGRAM = "pixxel-async"
PROXY = "--proxy"

PROXY_NEEDED = (
    "The proxy's URL holds a password, which is not shown: put the URL into PIXXEL_PROXY, or store "
    "it with: pixxel-async config set proxy URL"
)

_USER_INFO = re.compile(r"(?<=://).*@", re.DOTALL)
_STREAMS = re.compile(r"-|/dev/stdin|/dev/fd/\d+|/proc/self/fd/\d+")


def this_command(*added: str) -> str:
    """Return the command that runs, as a shell takes it, with some words added."""
    return command([*sys.argv[1:], *(word for word in added if word not in sys.argv)])


def command(words: Sequence[str]) -> str:
    """Return a command of this program, as a shell takes it."""
    shown = [PROGRAM, *_without_passwords(words)]
    if os.name == "nt":
        return subprocess.list2cmdline(shown)
    return " ".join(quoted(word) for word in shown)


def quoted(word: str) -> str:
    r"""Return a word as a POSIX shell takes it; characters that do not print become `\xNN`.

    An argument that is not valid UTF-8 is repeated byte for byte.
    """
    if word.isprintable():
        return shlex.quote(word)
    return "$'" + "".join(_escaped(char) for char in word) + "'"


def is_retryable_next_run(*added: str) -> str:
    """Return the lines that say how to resume what this command has started."""
    if any(_STREAMS.fullmatch(word) for word in sys.argv[1:]):
        return "To resume, run the same pipeline again" + _with(added)
    return f"To resume:  {this_command(*added)}"


def needed_first() -> list[str]:
    """Return what has to be set before the command is run again, a line each."""
    words = sys.argv[1:]
    return [PROXY_NEEDED] if len(list(_without_passwords(words))) < len(words) else []


def _without_passwords(words: Sequence[str]) -> Iterator[str]:
    """Yield the words without a proxy that has a password; no other word keeps one either."""
    left = iter(words)
    for word in left:
        name, equals, value = word.partition("=")
        if name == PROXY:
            url = value if equals else next(left, None)
            if url is None or "@" not in url:
                yield word
                if url is not None and not equals:
                    yield url
            continue
        yield _USER_INFO.sub("***@", word)


def _escaped(char: str) -> str:
    if char.isprintable() and char not in "'\\":
        return char
    return "".join(f"\\x{byte:02x}" for byte in os.fsencode(char))


def _with(added: Sequence[str]) -> str:
    return f", with {' '.join(added)}." if added else "."
