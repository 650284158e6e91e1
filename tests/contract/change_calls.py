"""Every call of the client that creates or changes something, or answers with no record."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pixxel_async import DeliveryRequest, OrderItemRequest, PixxelClient

from .calls import Ids
from .list_calls import SQUARE

COLLECTION = {
    "type": "FeatureCollection",
    "features": [{"type": "Feature", "properties": {}, "geometry": SQUARE}],
}
SECRETS = {"access_key_id": "an id", "secret_access_key": "a secret of the store"}


@dataclass(frozen=True)
class ChangeCall:
    """One method of the client.

    Attributes:
        name: The method, for the test's id.
        operation: The operation id that the server has to recognise.
        send: Calls the client with ids of the given making.
        in_path: The names of the ids in the path, as the document has them.
        query: The query; `{name}` stands for an id.
        body: The body; None for no body.
        example: Attributes of the answer, each with its place in the document's example.
        repeats: Whether it changes nothing, so that it may be repeated.
    """

    name: str
    operation: str
    send: Callable[..., Awaitable[Any]]
    in_path: tuple[str, ...] = ()
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    example: Mapping[str, str] = field(default_factory=dict)
    repeats: bool = False

    def __str__(self) -> str:
        return self.name


def archive_item() -> OrderItemRequest:
    return OrderItemRequest(
        project_id="p",
        usecase="agriculture",
        geometry=SQUARE,
        item_ids=["i", "ü"],
        store_id="s",
        store_path="a/b",
    )


TASKING: dict[str, Any] = {
    "project_id": "p",
    "usecase": "agriculture",
    "name": "Field 7",
    "geometry": SQUARE,
    "recurrence": "MONTHLY",
    "start_date": "2026-06-01T00:00:00Z",
    "end_date": "2026-09-01T00:00:00Z",
    "cloud_cover": 10,
    "off_nadir": 15,
    "bandset_id": "b",
    "delivery_speed": "STANDARD",
}
ORDER_ITEMS = [
    {
        "project_id": "p",
        "usecase": "agriculture",
        "geometry": COLLECTION,
        "item_ids": ["i", "ü"],
        "cloud_delivery": {"config": "s", "path": "a/b"},
    },
    {
        **{name: value for name, value in TASKING.items() if name != "bandset_id"},
        "geometry": COLLECTION,
        "bandset": {"bandset_id": "b"},
    },
]
VISUALIZATION = ("aoi_id", "visualization_id")


def both(ids: Ids) -> tuple[str, str]:
    return ids("aoi_id"), ids("visualization_id")


async def report(client: PixxelClient, _: Ids) -> Path:
    return await client.reports.save("orders.csv", tz="Asia/Kolkata")


CHANGE_CALLS = (
    ChangeCall(
        "jobs.create",
        "createJob",
        lambda client, ids, **more: client.jobs.create(ids("workflow_id"), "p 1", **more),
        ("workflow_id",),
        {"project_id": "p 1"},
    ),
    ChangeCall(
        "workflows.estimate",
        "getWorkflowCostEstimate",
        lambda client, ids: client.workflows.estimate(ids("workflow_id")),
        ("workflow_id",),
        example={"cost": "estimated_cost"},
        repeats=True,
    ),
    ChangeCall(
        "insights.create",
        "createInsights",
        lambda client, ids, **more: client.insights.create(
            ids("aoi_id"),
            "ndvi",
            "1.0.0",
            [1],
            name="A title",
            project_id="p",
            metadata={"a": "b"},
            **more,
        ),
        ("aoi_id",),
        body={
            "name": "A title",
            "block": {"name": "ndvi", "version": "1.0.0"},
            "input": [1],
            "project_id": "p",
            "metadata": {"a": "b"},
        },
        example={"id": "id", "message": "message"},
    ),
    ChangeCall(
        "insights.estimate",
        "createInsights",
        lambda client, ids: client.insights.estimate(ids("aoi_id"), "ndvi", "1.0.0", [1]),
        ("aoi_id",),
        body={"block": {"name": "ndvi", "version": "1.0.0"}, "input": [1], "estimate": True},
        example={"cost": "estimate"},
        repeats=True,
    ),
    ChangeCall(
        "insights.delete",
        "deleteInsights",
        lambda client, ids, **more: client.insights.delete(
            ids("aoi_id"), ids("insight_id"), "p", **more
        ),
        ("aoi_id", "insight_id"),
        {"project_id": "p"},
    ),
    ChangeCall(
        "aois.create",
        "AOICreateAOI",
        lambda client, _, **more: client.aois.create(
            name="Field 7",
            project_id="p",
            satellite_id="s",
            provider="pixxel",
            geometry=SQUARE,
            item_ids=["i"],
            **more,
        ),
        body={
            "name": "Field 7",
            "description": "",
            "satellite_id": "s",
            "provider": "pixxel",
            "project_id": "p",
            "geometry": SQUARE,
            "item_ids": ["i"],
        },
        example={"id": "aoi_id", "status": "status", "eo_bands": "eo_bands"},
    ),
    ChangeCall(
        "indices.create",
        "CreateIndex",
        lambda client, _, **more: client.indices.create(
            name="NDVI",
            expression="(B04-B08)/(B04+B08)",
            expression_type="index",
            satellite_id="s",
            colormap="rplumbho",
            rescale=[0, 1],
            **more,
        ),
        body={
            "name": "NDVI",
            "description": "",
            "expression": "(B04-B08)/(B04+B08)",
            "expression_type": "index",
            "satellite_id": "s",
            "colormap": "rplumbho",
            "rescale": [0, 1],
        },
        example={"name": "name", "type": "type", "rescale": "rescale"},
    ),
    ChangeCall(
        "visualizations.create",
        "CreateVisualization",
        lambda client, ids, **more: client.visualizations.create(
            ids("aoi_id"), "i", src_asset_ids=["a"], resolution=10, **more
        ),
        ("aoi_id",),
        body={"index_id": "i", "src_asset_ids": ["a"], "resolution": 10},
        example={"id": "id", "index_name": "index_name", "status": "status"},
    ),
    ChangeCall(
        "visualizations.update_metadata",
        "UpdateVisualizationMetadata",
        lambda client, ids, **more: client.visualizations.update_metadata(
            *both(ids),
            visualization_mode="dynamic",
            legend={"2024_05_06": [{"min": 0, "max": 51.5, "color": "#fff", "label": "Low"}]},
            dynamic_bins=5,
            **more,
        ),
        VISUALIZATION,
        body={
            "visualization_mode": "dynamic",
            "legend": {"2024_05_06": [{"min": 0, "max": 51.5, "color": "#fff", "label": "Low"}]},
            "dynamic_bins": 5,
        },
    ),
    ChangeCall(
        "visualizations.rollback_metadata",
        "RollbackVisualizationMetadata",
        lambda client, ids, **more: client.visualizations.rollback_metadata(
            *both(ids),
            index_id="i",
            dates=["2024_05_06"],
            visualization_mode="theoretical",
            **more,
        ),
        VISUALIZATION,
        body={"index_id": "i", "dates": ["2024_05_06"], "visualization_mode": "theoretical"},
        example={"id": "id", "index_name": "index_name"},
    ),
    ChangeCall(
        "visualizations.png",
        "GenerateIndexPng",
        lambda client, ids: client.visualizations.png(
            *both(ids), index_id="i", date="2024_05_06", visualization_mode="dynamic"
        ),
        VISUALIZATION,
        body={"index_id": "i", "date": "2024_05_06", "visualization_mode": "dynamic"},
        repeats=True,
    ),
    ChangeCall(
        "visualizations.sld",
        "GenerateVisualizationSLD",
        lambda client, ids: client.visualizations.sld(
            *both(ids), dates=["2024_05_06"], visualization_modes=["dynamic"]
        ),
        VISUALIZATION,
        body={"dates": ["2024_05_06"], "visualization_modes": ["dynamic"]},
        repeats=True,
    ),
    ChangeCall(
        "orders.create",
        "SubmitOrder",
        lambda client, _, **more: client.orders.create([archive_item(), TASKING], **more),
        body={"order_items": ORDER_ITEMS},
        example={"id": "id", "status": "status", "total_amount": "total_amount"},
    ),
    ChangeCall(
        "orders.estimate",
        "SubmitOrder",
        lambda client, _: client.orders.estimate([archive_item(), TASKING]),
        body={"dry_run": True, "order_items": ORDER_ITEMS},
        example={"cost": "total_amount"},
        repeats=True,
    ),
    ChangeCall(
        "reports.save", "DownloadOrderReport", report, repeats=True, query={"tz": "Asia/Kolkata"}
    ),
    ChangeCall(
        "stores.create",
        "CreateStore",
        lambda client, _, **more: client.stores.create(
            name="analysis",
            store_type="S3",
            bucket="b",
            region="us-east-2",
            secrets=SECRETS,
            path_prefix="data/",
            labels={"env": "prod"},
            **more,
        ),
        body={
            "name": "analysis",
            "type": "S3",
            "configs": {"bucket": "b", "region": "us-east-2", "path_prefix": "data/"},
            "secrets": SECRETS,
            "labels": {"env": "prod"},
        },
        example={"id": "id", "type": "type", "bucket": "configs.bucket"},
    ),
    ChangeCall(
        "stores.delete",
        "DeleteStore",
        lambda client, ids, **more: client.stores.delete(ids("id"), **more),
        ("id",),
    ),
    ChangeCall(
        "catalogs.create_deliveries",
        "CreateDelivery",
        lambda client, _, **more: client.catalogs.create_deliveries(
            [
                DeliveryRequest(store_id="s", catalog_ids=["c", "d", "c"]),
                {"store_id": "s", "path": "x/", "order_item_ids": ["o"]},
            ],
            **more,
        ),
        body={
            "deliveries": [
                {"cloud_info": {"config": "s"}, "catalog_ids": ["c", "d"]},
                {"cloud_info": {"config": "s", "path": "x/"}, "order_item_ids": ["o"]},
            ]
        },
    ),
)
CHANGES = tuple(call for call in CHANGE_CALLS if not call.repeats)
