"""Writes docs/api-coverage.md: `python -m tests.contract.api_coverage`.

The operations are those of `calls.json`, the Python calls those that the tests of this folder send,
and the commands those that the command line names for each operation.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pixxel_async.cli.commands.records import commands_of_operations

from .calls import CALLS
from .change_calls import CHANGE_CALLS
from .document import OURS, PING, Contract
from .list_calls import LIST_CALLS

PAGE = Path(__file__).parents[2] / "docs" / "api-coverage.md"
HEAD = """# Coverage of the API

Each operation of the API, with the call of [`PixxelClient`][pixxel_async.PixxelClient] and the
command that make it. [Calls by resource](reference/resources.md) describes the calls, and
[the command line](command-line.md) the commands. `PixxelClient.request` sends what the API adds
after this version.

| operation | method and path | Python | command |
|---|---|---|---|
"""


def page() -> str:
    """Return the text of the page."""
    return HEAD + "".join(f"| {' | '.join(row)} |\n" for row in rows())


def rows() -> Iterator[tuple[str, str, str, str]]:
    """Yield the rows of the table, ordered by path."""
    contract, commands = Contract(OURS), commands_of_operations()
    for operation in sorted(contract.operations, key=lambda one: (one.path, one.method)):
        calls = python_calls(operation.id)
        yield (
            f"`{operation.id}`",
            f"`{operation.method.upper()} {operation.path}`",
            "<br>".join(f"`{name}`" for name in calls),
            "<br>".join(f"`pixxel-async {name}`" for name in sorted(commands[operation.id])),
        )


def python_calls(operation: str) -> list[str]:
    """Return the calls that make an operation, such as `aois.list`."""
    if operation == PING:
        return [PING]
    made = (one for one in (*CALLS, *LIST_CALLS, *CHANGE_CALLS) if one.operation == operation)
    return list(dict.fromkeys(one.name.split(" ")[0] for one in made))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
