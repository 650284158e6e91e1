"""The nouns of the service and their verbs: all that `--help` needs to list them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Noun:
    """A group of commands.

    Attributes:
        title: What its records are.
        verbs: Its commands, in the order of its help.
    """

    title: str
    verbs: tuple[str, ...]

    @property
    def help(self) -> str:
        """The line of `--help`."""
        return f"{self.title}: {', '.join(self.verbs)}."


READ = ("list", "get")
EXPORTABLE = ("list", "select")

NOUNS: dict[str, Noun] = {
    "projects": Noun("Projects of the workspace", READ),
    "aois": Noun("Areas of interest", ("list", "get", "create")),
    "assets": Noun("Assets of AOIs", EXPORTABLE),
    "insights": Noun("Insights of AOIs", ("list", "select", "estimate", "create", "delete")),
    "workflows": Noun("Workflows", ("list", "get", "estimate")),
    "jobs": Noun("Jobs of workflows", ("list", "select", "get", "create")),
    "tasks": Noun("Tasks of jobs", EXPORTABLE),
    "catalogs": Noun("Images that the account owns", ("list", "select", "get")),
    "orders": Noun("Orders", READ),
    "order-items": Noun("Items of orders", ("list", "select", "get")),
}
