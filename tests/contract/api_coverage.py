"""Writes docs/api-coverage.md: `python -m tests.contract.api_coverage`.

The operations are those of `calls.json`, the Python calls those that the tests of this folder send,
and the commands those of the command line. `COMMANDS` has what the names do not tell; a command
that does not exist is not shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pixxel_async.cli.app import LISTED, load

from .calls import CALLS
from .change_calls import CHANGE_CALLS
from .document import OURS, PING, Contract
from .list_calls import LIST_CALLS

PAGE = Path(__file__).parents[2] / "docs" / "api-coverage.md"
NONE = "-"
COMMANDS = {
    "aois.create_download": "request",
    "aois.get_download": "wait",
    "aois.list_assets": "assets list",
    "archives.get_collection": "archives collection",
    "archives.get_item": "archives item",
    "archives.list_collections": "archives collections",
    "archives.list_items": "archives items",
    "blocks.list_versions": "blocks versions",
    "catalogs.create_deliveries": "catalogs deliver",
    "catalogs.create_download": "request",
    "catalogs.get_download": "wait",
    "catalogs.list_deliveries": "catalogs deliveries",
    "catalogs.search": "catalogs list",
    "insights.create_download": "request",
    "jobs.create_download": "request",
    "ping": "doctor",
    "reports.save": "reports download",
    "tasks.create_download": "request",
    "visualizations.rollback_metadata": "visualizations rollback",
    "visualizations.update_metadata": "visualizations metadata",
}
"""Commands that are not the noun and the verb of the Python call."""
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
    contract, there = Contract(OURS), set(commands())
    for operation in sorted(contract.operations, key=lambda one: (one.path, one.method)):
        calls = python_calls(operation.id)
        made_by = [f"`pixxel-async {name}`" for name in map(command, calls) if name in there]
        yield (
            f"`{operation.id}`",
            f"`{operation.method.upper()} {operation.path}`",
            "<br>".join(f"`{name}`" for name in calls),
            "<br>".join(dict.fromkeys(made_by)) or NONE,
        )


def python_calls(operation: str) -> list[str]:
    """Return the calls that make an operation, such as `aois.list`."""
    if operation == PING:
        return [PING]
    made = (one for one in (*CALLS, *LIST_CALLS, *CHANGE_CALLS) if one.operation == operation)
    return list(dict.fromkeys(one.name.split(" ")[0] for one in made))


def command(call: str) -> str:
    """Return the command that makes a call: that of the noun and the verb, or that of the table."""
    return COMMANDS.get(call, call.replace(".", " ").replace("_", "-"))


def commands() -> Iterator[str]:
    """Yield the commands of the command line, such as `aois list`."""
    for listed in LISTED:
        if listed.is_group:
            yield from (f"{listed.name} {verb}" for verb in load(listed).commands)
        else:
            yield listed.name


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
