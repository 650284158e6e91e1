"""The options of `NOUN list` and `NOUN select`: which records.

Rules:
    * A filter that takes an id or a word may be repeated: records match any of its values.
    * Each noun has the filters that `FILTERS_OF` lists, in both commands; all nouns have the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import typer

from ...sansio.api.record_filter import Criteria, words
from ..finder import SearchScope
from .dataclass_options import takes_options
from .service import ServiceOptions
from .types import at_least_one, flag, interval, moment, parsed_by

ANY = "any"
FILTERS = "Filters"
FILTERS_OF = {
    "projects": ("name",),
    "aois": ("project", "name", "status"),
    "assets": ("aoi", "project", "name", "status"),
    "insights": ("aoi", "project", "name", "status"),
    "workflows": ("project", "name"),
    "jobs": ("workflow", "project", "status"),
    "tasks": ("workflow", "job", "project", "name", "status"),
    "catalogs": ("order", "order_item", "item", "collection", "geometry", "captured", "status"),
    "orders": ("status",),
    "order-items": ("order", "project", "name", "status"),
}


def _filter(
    name: str, metavar: str, text: str, *, read: Callable[[str], Any] | None = None
) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        name,
        metavar=metavar,
        parser=read and parsed_by(read),
        rich_help_panel=FILTERS,
        show_default=False,
        help=text,
    )
    return option


def _ids(name: str, text: str) -> typer.models.OptionInfo:
    return _filter(name, "ID", f"{text} May be repeated.")


@dataclass(frozen=True, kw_only=True)
class FindOptions(ServiceOptions):
    """Which records; each field is an option."""

    aoi: Annotated[
        list[str] | None, _ids("--aoi", "Records of this AOI; without it, of all AOIs.")
    ] = None
    workflow: Annotated[
        list[str] | None,
        _ids("--workflow", "Records of this workflow; without it, of all workflows."),
    ] = None
    job: Annotated[
        list[str] | None, _ids("--job", "Tasks of this job, which is a job of a --workflow.")
    ] = None
    order: Annotated[list[str] | None, _ids("--order", "Records of this order.")] = None
    order_item: Annotated[list[str] | None, _ids("--order-item", "Images of this order item.")] = (
        None
    )
    item: Annotated[list[str] | None, _ids("--item", "Images of this item of the archive.")] = None
    collection: Annotated[
        list[str] | None, _ids("--collection", "Images of this collection of the archive.")
    ] = None
    geometry: Annotated[
        str | None,
        _filter("--geometry", "FILE", "Images that intersect the area of a GeoJSON file."),
    ] = None
    project: Annotated[list[str] | None, _ids("--project", "Records of this project.")] = None
    name: Annotated[
        list[str] | None,
        _filter(
            "--name",
            "NAME",
            "Records with this name; *, ? and [...] are wildcards. May be repeated.",
        ),
    ] = None
    status: Annotated[
        list[str] | None,
        _filter("--status", "WORD", "Records with this status, in any case. May be repeated."),
    ] = None
    captured: Annotated[
        str | None,
        _filter(
            "--captured",
            "INTERVAL",
            "Images taken in this interval, such as 2024-01-01T00:00:00Z/.., 30d/.. or yesterday.",
            read=interval,
        ),
    ] = None
    created_after: Annotated[
        datetime | None,
        _filter(
            "--created-after",
            "TIME",
            "Records created at this time or later: a date or time, in UTC unless it has a zone; "
            "or 30d, 12h, 2w ago; or today, yesterday, from midnight local time.",
            read=moment,
        ),
    ] = None
    created_before: Annotated[
        datetime | None,
        _filter("--created-before", "TIME", "Records created before this time.", read=moment),
    ] = None
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            metavar="N",
            callback=at_least_one,
            rich_help_panel=FILTERS,
            show_default=False,
            help="Stop after N records.",
        ),
    ] = None
    quiet: Annotated[bool, flag("--quiet", "-q", text="Show errors only.")] = False

    def __post_init__(self) -> None:
        """Check that a job comes with its workflow.

        Raises:
            typer.BadParameter: It does not.
        """
        if self.job and not self.workflow:
            reason = "the service finds a job by its workflow: add --workflow."
            raise typer.BadParameter(reason, param_hint="'--job'")

    @property
    def scope(self) -> SearchScope:
        """The parents to search."""
        return SearchScope(
            aois=_unique(self.aoi),
            workflows=_unique(self.workflow),
            jobs=_unique(self.job),
            orders=_unique(self.order),
            order_items=_unique(self.order_item),
            items=_unique(self.item),
            collections=_unique(self.collection),
            geometry=self.geometry,
            captured=self.captured,
        )

    def criteria(self, default: frozenset[str] = frozenset()) -> Criteria:
        """Return what records have to match.

        Args:
            default: The statuses that match if --status is not given.
        """
        given = words(self.status or ())
        return Criteria(
            statuses=frozenset() if ANY in given else given or default,
            names=_unique(self.name),
            project_ids=_unique(self.project),
            created_after=self.created_after,
            created_before=self.created_before,
        )


def finds(noun: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of `FindOptions` that its noun has."""
    every = {name for names in FILTERS_OF.values() for name in names}

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        return takes_options(command, without=every - set(FILTERS_OF[noun]))

    return decorate


def _unique(values: list[str] | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values or ()))
