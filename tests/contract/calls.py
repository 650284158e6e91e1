"""Every creation and status call of the client, each with what the document should see in it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from pixxel_async import Package, PixxelClient

Ids: TypeAlias = Callable[[str], str]
"""Gives the id that stands for a name, such as `aoi_id`."""


@dataclass(frozen=True)
class ClientCall:
    """One method of the client.

    Attributes:
        name: For the test's id.
        operation: The operation id that the server has to recognise.
        send: Calls the client with ids of the given making.
        in_path: The names of the ids in the path, as the document has them.
        in_body: The lists in the body, each with the names of its ids; None for no body.
    """

    name: str
    operation: str
    send: Callable[[PixxelClient, Ids], Awaitable[Package]]
    in_path: tuple[str, ...] = ()
    in_body: Mapping[str, tuple[str, ...]] | None = None

    def path_ids(self, ids: Ids) -> dict[str, str]:
        return {name: ids(name) for name in self.in_path}

    def body(self, ids: Ids) -> Any:
        if self.in_body is None:
            return None
        return {name: [ids(one) for one in ones] for name, ones in self.in_body.items()}

    def __str__(self) -> str:
        return self.name


CALLS = (
    ClientCall(
        "insights.create_download",
        "downloadInsights",
        lambda client, ids: client.insights.create_download(ids("aoi_id"), ids("insight_id")),
        ("aoi_id", "insight_id"),
        {"inputs": (), "outputs": ()},
    ),
    ClientCall(
        "insights.create_download with lists",
        "downloadInsights",
        lambda client, ids: client.insights.create_download(
            ids("aoi_id"), ids("insight_id"), inputs=[ids("input")], outputs=[ids("output")]
        ),
        ("aoi_id", "insight_id"),
        {"inputs": ("input",), "outputs": ("output",)},
    ),
    ClientCall(
        "aois.create_download",
        "AOICreateDownload",
        lambda client, ids: client.aois.create_download(ids("aoi_id"), [ids("asset")]),
        ("aoi_id",),
        {"asset_ids": ("asset",)},
    ),
    ClientCall(
        "aois.get_download",
        "GetDownloadStatus",
        lambda client, ids: client.aois.get_download(ids("aoi_id"), ids("download_id")),
        ("aoi_id", "download_id"),
    ),
    ClientCall(
        "jobs.create_download",
        "downloadJob",
        lambda client, ids: client.jobs.create_download(ids("workflow_id"), ids("job_id")),
        ("workflow_id", "job_id"),
    ),
    ClientCall(
        "tasks.create_download",
        "downloadTask",
        lambda client, ids: client.tasks.create_download(
            ids("workflow_id"), ids("job_id"), ids("task_id")
        ),
        ("workflow_id", "job_id", "task_id"),
    ),
    ClientCall(
        "catalogs.create_download by catalog",
        "CreateDownload",
        lambda client, ids: client.catalogs.create_download(catalog_ids=[ids("catalog")]),
        in_body={"catalog_ids": ("catalog",)},
    ),
    ClientCall(
        "catalogs.create_download by order item",
        "CreateDownload",
        lambda client, ids: client.catalogs.create_download(order_item_ids=[ids("item")]),
        in_body={"order_item_ids": ("item",)},
    ),
    ClientCall(
        "catalogs.get_download",
        "GetDownloadById",
        lambda client, ids: client.catalogs.get_download(ids("download_id")),
        ("download_id",),
    ),
)

NAMES = {
    name
    for call in CALLS
    for name in (*call.in_path, *(one for ones in (call.in_body or {}).values() for one in ones))
}
"""All names that a call asks an id for."""
