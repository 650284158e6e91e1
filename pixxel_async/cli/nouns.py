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


LIST = ("list",)
EXPORTABLE = ("list", "select")

NOUNS: dict[str, Noun] = {
    "projects": Noun("Projects of the workspace", LIST),
    "aois": Noun("Areas of interest", LIST),
    "assets": Noun("Assets of AOIs", EXPORTABLE),
    "insights": Noun("Insights of AOIs", EXPORTABLE),
    "workflows": Noun("Workflows", LIST),
    "jobs": Noun("Jobs of workflows", EXPORTABLE),
    "tasks": Noun("Tasks of jobs", EXPORTABLE),
    "catalogs": Noun("Images that the account owns", EXPORTABLE),
    "orders": Noun("Orders", LIST),
    "order-items": Noun("Items of orders", EXPORTABLE),
}
