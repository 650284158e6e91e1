"""Records of deliveries to storage of your own."""

from __future__ import annotations

from pydantic import AliasChoices, AliasPath, Field

from .base import Id, Object, Record, Text, Time


class Store(Record, frozen=True):
    """A bucket of yours that the service delivers to (operations `ListStores`, `CreateStore`).

        async for store in client.stores.list():
            print(store.name, store.type, store.bucket)

    The service does not return its credentials.

    Attributes:
        type: `S3`, `GCS` or `AZBLOB`.
        bucket: The name of the bucket.
        region: The region, as its provider names it.
        path_prefix: Comes before the path of each object.
        labels: Texts of your own, by name.
        created_by: The user who created it.
    """

    name: Text = ""
    type: Text = ""
    bucket: Text = Field("", validation_alias=AliasPath("configs", "bucket"))
    region: Text = Field("", validation_alias=AliasPath("configs", "region"))
    path_prefix: Text = Field("", validation_alias=AliasPath("configs", "path_prefix"))
    labels: Object = Field(default_factory=dict)
    created_by: Text = ""
    updated_at: Time = None


class Delivery(Record, frozen=True):
    """A delivery of an image to a store (operations `ListDeliveries`, `CreateDelivery`).

        async for delivery in client.catalogs.list_deliveries():
            print(delivery.catalog_id, delivery.status, delivery.target_path)

    Attributes:
        id: The service's `delivery_id`.
        catalog_id: The image.
        task_id: The task of an automatic delivery; empty for one that was requested.
        status: `CREATED`, `IN_PROGRESS`, `SUCCESS`, `FAILED` or `UNSPECIFIED`.
        store_id: The store.
        path: The path that was asked for.
        target_path: Where it lies below that path.
    """

    id: Id = Field(validation_alias=AliasChoices("delivery_id", "id"))
    catalog_id: Text = ""
    task_id: Text = ""
    status: Text = ""
    store_id: Text = Field("", validation_alias=AliasPath("cloud_delivery", "config"))
    path: Text = Field("", validation_alias=AliasPath("cloud_delivery", "path"))
    target_path: Text = ""
    created_by: Text = ""
    updated_at: Time = None
