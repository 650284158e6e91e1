"""Every list and single record of the client, each with what the document should see in it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from pixxel_async import ImageSource, PixxelClient
from pixxel_async.records import Record

from .calls import Ids

PAGE = {"offset": "0", "limit": "50"}


@dataclass(frozen=True)
class ListCall:
    """One list of the client, or one record.

    Attributes:
        name: For the test's id.
        operation: The operation id that the server has to recognise.
        send: Calls the client with ids of the given making.
        holder: Where the records stand in the answer; empty for a single record.
        in_path: The names of the ids in the path, as the document has them.
        query: The query; `{name}` stands for an id.
        body: The body; None for no body.
    """

    name: str
    operation: str
    send: Callable[[PixxelClient, Ids], AsyncIterator[Record] | Awaitable[Record]]
    holder: str = ""
    in_path: tuple[str, ...] = ()
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None

    async def records(self, client: PixxelClient, ids: Ids) -> list[Record]:
        found = self.send(client, ids)
        if isinstance(found, AsyncIterator):
            return [record async for record in found]
        return [await found]

    def __str__(self) -> str:
        return self.name


SQUARE = {"type": "Polygon", "coordinates": [[[7, 1], [8, 1], [8, 2.5], [7, 1]]]}
NOON = datetime(2025, 4, 14, 12, tzinfo=UTC)
LIST_CALLS = (
    ListCall(
        "projects.list",
        "ListProjects",
        lambda client, _: client.projects.list(),
        "projects",
        query={"page_size": "50"},
    ),
    ListCall(
        "projects.get",
        "GetProjectById",
        lambda client, ids: client.projects.get(ids("id")),
        in_path=("id",),
    ),
    ListCall(
        "aois.list",
        "ListAOIs",
        lambda client, _: client.aois.list(page_size=7),
        "aois",
        query={"offset": "0", "limit": "7"},
    ),
    ListCall(
        "aois.list with filters",
        "ListAOIs",
        lambda client, _: client.aois.list(
            created_at=NOON,
            updated_at=date(2025, 4, 14),
            aoi_id="a&b",
            aoi_name="field 1+2/ü",
            project_ids=iter(["p", "q"]),
        ),
        "aois",
        query={
            "created_at": "2025-04-14T12:00:00Z",
            "updated_at": "2025-04-14T00:00:00Z",
            "aoi_id": "a&b",
            "aoi_name": "field 1+2/ü",
            "project_ids": "p,q",
            **PAGE,
        },
    ),
    ListCall(
        "aois.get",
        "GetAoiById",
        lambda client, ids: client.aois.get(ids("aoi_id")),
        in_path=("aoi_id",),
    ),
    ListCall(
        "aois.list_assets",
        "ListAssets",
        lambda client, ids: client.aois.list_assets(ids("aoi_id")),
        "assets",
        ("aoi_id",),
        PAGE,
    ),
    ListCall(
        "insights.list",
        "listInsights",
        lambda client, ids: client.insights.list(ids("aoiId")),
        "insights",
        ("aoiId",),
    ),
    ListCall(
        "insights.list with filters",
        "listInsights",
        lambda client, ids: client.insights.list(
            ids("aoiId"), insight_id="i", status="s", created_by="u", created_on=NOON
        ),
        "insights",
        ("aoiId",),
        {"id": "i", "status": "s", "created_by": "u", "created_on": "2025-04-14T12:00:00Z"},
    ),
    ListCall(
        "workflows.list",
        "listWorkflows",
        lambda client, _: client.workflows.list(
            project_id="p",
            workflow_id="w",
            name="n",
            created_by="u",
            created_on="yesterday",
            updated_at=NOON,
        ),
        "workflows",
        query={
            "project_id": "p",
            "id": "w",
            "name": "n",
            "created_by": "u",
            "created_on": "yesterday",
            "updated_at": "2025-04-14T12:00:00Z",
            **PAGE,
        },
    ),
    ListCall(
        "workflows.get",
        "getWorkflowsById",
        lambda client, ids: client.workflows.get(ids("workflow_id"), "p 1"),
        in_path=("workflow_id",),
        query={"project_id": "p 1"},
    ),
    ListCall(
        "jobs.list",
        "listJobs",
        lambda client, ids: client.jobs.list(
            ids("workflow_id"), job_id="j", status="s", created_by="u", created_on=NOON
        ),
        "jobs",
        ("workflow_id",),
        {"id": "j", "status": "s", "created_by": "u", "created_on": "2025-04-14T12:00:00Z"},
    ),
    ListCall(
        "jobs.get",
        "getJobById",
        lambda client, ids: client.jobs.get(ids("workflow_id"), ids("job_id")),
        in_path=("workflow_id", "job_id"),
    ),
    ListCall(
        "catalogs.search",
        "SearchCatalogs",
        lambda client, _: client.catalogs.search(),
        "catalogs",
        body={"offset": 0, "limit": 50},
    ),
    ListCall(
        "catalogs.search with filters",
        "SearchCatalogs",
        lambda client, _: client.catalogs.search(
            ids=["c"],
            item_ids=("i", "ü"),
            order_ids=iter(["o"]),
            order_item_ids=["oi"],
            collections=["l2a"],
            bbox=[1, 2.5, 3, 4],
            datetime="2024-01-01T00:00:00Z/..",
            intersects=SQUARE,
            query={"cloudcover": {"lt": 10}},
            sort_by=[{"datetime": "DESC"}],
        ),
        "catalogs",
        body={
            "ids": ["c"],
            "item_ids": ["i", "ü"],
            "order_ids": ["o"],
            "order_item_ids": ["oi"],
            "collections": ["l2a"],
            "bbox": [1, 2.5, 3, 4],
            "datetime": "2024-01-01T00:00:00Z/..",
            "intersects": SQUARE,
            "query": {"cloudcover": {"lt": 10}},
            "sort_by": [{"datetime": "DESC"}],
            "offset": 0,
            "limit": 50,
        },
    ),
    ListCall(
        "catalogs.get",
        "GetCatalogById",
        lambda client, ids: client.catalogs.get(ids("id")),
        in_path=("id",),
    ),
    ListCall(
        "orders.list",
        "ListOrders",
        lambda client, _: client.orders.list(user_id="u"),
        "orders",
        query={"user_id": "u", **PAGE},
    ),
    ListCall(
        "orders.get",
        "GetOrderById",
        lambda client, ids: client.orders.get(ids("id")),
        in_path=("id",),
    ),
    ListCall(
        "order_items.list",
        "ListOrderItems",
        lambda client, _: client.order_items.list(
            user_id="u",
            item_type="ARCHIVE",
            status="FULFILLED",
            order_ids=["o", "p"],
            created_by="v",
            created_at="a range",
            project_ids=["q"],
            ids=["i"],
            area="another",
        ),
        "order_items",
        query={
            "user_id": "u",
            "type": "ARCHIVE",
            "status": "FULFILLED",
            "order_ids": "o,p",
            "created_by": "v",
            "created_at": "a range",
            "project_ids": "q",
            "ids": "i",
            "area": "another",
            **PAGE,
        },
    ),
    ListCall(
        "order_items.get",
        "GetOrderItemById",
        lambda client, ids: client.order_items.get(ids("id")),
        in_path=("id",),
    ),
    ListCall(
        "satellites.list",
        "List Satellites",
        lambda client, _: client.satellites.list(),
        "satellites",
    ),
    ListCall(
        "satellites.search",
        "SearchSatelliteImages",
        lambda client, _: client.satellites.search(
            NOON,
            "2025-05-14T12:00:00Z",
            [ImageSource(satellite_id="s", collection_id="sentinel-2-l2a")],
            SQUARE,
            filters=[{"id": "eo:cloud_cover", "min": 0, "max": 20}],
        ),
        "items",
        body={
            "start_date": "2025-04-14T12:00:00Z",
            "end_date": "2025-05-14T12:00:00Z",
            "satellites": [{"satellite_id": "s", "collection_id": "sentinel-2-l2a"}],
            "filters": [{"id": "eo:cloud_cover", "min": 0, "max": 20}],
            "geometry": SQUARE,
            "limit": 50,
        },
    ),
    ListCall(
        "indices.list",
        "ListIndices",
        lambda client, _: client.indices.list(
            satellite_id="s", index_type="preset", expression_type="index", index_id="i"
        ),
        "indices",
        query={
            "satellite_id": "s",
            "type": "preset",
            "expression_type": "index",
            "index_id": "i",
            **PAGE,
        },
    ),
    ListCall(
        "visualizations.list",
        "ListVisualizations",
        lambda client, ids: client.visualizations.list(
            ids("aoi_id"),
            visualization_type="custom",
            user_id="u",
            expression_type="index",
            index_id="i",
            visualization_id="v",
        ),
        "visualization",
        ("aoi_id",),
        {
            "type": "custom",
            "user_id": "u",
            "expression_type": "index",
            "index_id": "i",
            "visualization_id": "v",
            **PAGE,
        },
    ),
    ListCall(
        "blocks.list",
        "listBlocks",
        lambda client, _: client.blocks.list(mode="insight"),
        "blocks",
        query={"mode": "insight"},
    ),
    ListCall(
        "blocks.list_versions",
        "listBlockVersions",
        lambda client, ids: client.blocks.list_versions(ids("name")),
        "blocks",
        ("name",),
    ),
    ListCall(
        "blocks.get",
        "getBlockVersion",
        lambda client, ids: client.blocks.get(ids("name"), ids("version")),
        in_path=("name", "version"),
    ),
    ListCall(
        "bandsets.list",
        "ListBandsets",
        lambda client, _: client.bandsets.list(),
        "bandsets",
    ),
    ListCall(
        "archives.list_collections",
        "ListCollections",
        lambda client, _: client.archives.list_collections(ids=["a", "b"]),
        "collections",
        query={"ids": "a,b"},
    ),
    ListCall(
        "archives.get_collection",
        "GetCollectionById",
        lambda client, ids: client.archives.get_collection(ids("cid")),
        in_path=("cid",),
    ),
    ListCall(
        "archives.list_items",
        "ListItemInCollection",
        lambda client, ids: client.archives.list_items(ids("cid")),
        "features",
        ("cid",),
        PAGE,
    ),
    ListCall(
        "archives.get_item",
        "GetCollectionItemById",
        lambda client, ids: client.archives.get_item(ids("cid"), ids("id")),
        in_path=("cid", "id"),
    ),
    ListCall(
        "archives.search",
        "SearchItemInArchive",
        lambda client, _: client.archives.search(
            ids=["i"],
            collections=iter(["c"]),
            bbox=[1, 2.5, 3, 4],
            datetime=NOON,
            intersects=SQUARE,
            query={"cloudcover": {"lt": 10}},
            sort_by=[{"field": "datetime", "direction": "desc"}],
        ),
        "features",
        body={
            "ids": ["i"],
            "collections": ["c"],
            "bbox": [1, 2.5, 3, 4],
            "datetime": "2025-04-14T12:00:00Z",
            "intersects": SQUARE,
            "query": {"cloudcover": {"lt": 10}},
            "sortby": [{"field": "datetime", "direction": "desc"}],
            "offset": 0,
            "limit": 50,
        },
    ),
    ListCall(
        "stores.list",
        "ListStores",
        lambda client, _: client.stores.list(),
        "stores",
    ),
    ListCall(
        "catalogs.list_deliveries",
        "ListDeliveries",
        lambda client, _: client.catalogs.list_deliveries(
            delivery_id="d", catalog_id="c", task_id="t", order_item_id="o"
        ),
        "deliveries",
        query={"delivery_id": "d", "catalog_id": "c", "task_id": "t", "order_item_id": "o"},
    ),
)
