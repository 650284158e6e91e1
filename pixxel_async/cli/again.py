"""The command that goes on with an export."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Sequence

PROGRAM = "pixxel-async"

_PASSWORD = re.compile(r"(?<=://)[^/@]*@")


def this_command(*added: str) -> str:
    """Return the command that runs, as a shell takes it, with some words added.

    A password in an address, such as that of a proxy, is not repeated.
    """
    return command([*sys.argv[1:], *(word for word in added if word not in sys.argv)])


def command(words: Sequence[str]) -> str:
    """Return a command of this program, as a shell takes it."""
    return shlex.join([PROGRAM, *(_PASSWORD.sub("***@", word) for word in words)])


def goes_on(*added: str) -> str:
    """Return what is told to somebody who wants to go on with what this command has begun."""
    if "-" in sys.argv[1:]:
        return "The same pipeline again goes on from here" + _with(added)
    return f"To go on:  {this_command(*added)}"


def _with(added: Sequence[str]) -> str:
    return f", with {' '.join(added)}." if added else "."
