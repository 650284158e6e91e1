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


NOUNS: dict[str, Noun] = {
    "projects": Noun("Projects of the workspace", ("list", "get")),
    "aois": Noun("Areas of interest", ("list", "get", "create")),
    "assets": Noun("Assets of AOIs", ("list", "select")),
    "insights": Noun("Insights of AOIs", ("list", "select", "estimate", "create", "delete")),
    "workflows": Noun("Workflows", ("list", "get", "estimate")),
    "jobs": Noun("Jobs of workflows", ("list", "select", "get", "create")),
    "tasks": Noun("Tasks of jobs", ("list", "select")),
    "blocks": Noun("What insights and workflows run", ("list", "versions", "get")),
    "indices": Noun("Formulas over bands", ("list", "create")),
    "visualizations": Noun(
        "Indices of AOIs as pictures",
        ("list", "create", "metadata", "rollback", "png", "sld"),
    ),
    "satellites": Noun("Satellites and their images", ("list", "search")),
    "archives": Noun(
        "Images that can be ordered", ("collections", "collection", "items", "item", "search")
    ),
    "bandsets": Noun("Sets of bands for taskings", ("list",)),
    "orders": Noun("Orders", ("list", "get", "estimate", "create")),
    "order-items": Noun("Items of orders", ("list", "select", "get")),
    "catalogs": Noun(
        "Images that the account owns", ("list", "select", "get", "deliveries", "deliver")
    ),
    "stores": Noun("Buckets of yours for deliveries", ("list", "create", "delete")),
    "reports": Noun("Reports of all orders", ("download",)),
}
