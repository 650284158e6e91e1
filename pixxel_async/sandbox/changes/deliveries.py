"""Stores, and deliveries of catalogs into them.

Rules:
    * A delivery is one of a catalog; of an order item, there is one for each of its catalogs.
    * The name of a store is unique, and a store with deliveries under way can't be deleted.
    * The secrets of a store are checked for their names, and never returned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from ..lists.documents import Documents, JsonObject
from ..refusals import BAD_BODY, CONFLICT, NOT_THERE, ServiceError
from ..world.record import with_zulu
from .bodies import Form, MapOf, Object
from .run import Run, moment
from .state import Made

DELIVERY_WORDS = ("CREATED", "IN_PROGRESS", "SUCCESS", "FAILED")
UNDER_WAY = DELIVERY_WORDS[:2]
CLOUD = Object({"config": str}, {"path": str})
STORE_SECRETS = {
    "S3": {"access_key_id", "secret_access_key"},
    "AZBLOB": {"account_name", "tenant_id", "client_id", "client_secret"},
    "GCS": {"project_id", "service_account_credentials"},
}
DELIVERIES: Form = Object(
    {"deliveries": [Object({"cloud_info": CLOUD}, {"catalog_ids": [str], "order_item_ids": [str]})]}
)
STORE: Form = Object(
    {
        "name": str,
        "type": frozenset(STORE_SECRETS),
        "configs": Object({"bucket": str, "region": str}, {"path_prefix": str}),
        "secrets": MapOf(str),
    },
    {"labels": MapOf(str)},
)


def create_deliveries(documents: Documents, ids: Mapping[str, str], body: JsonObject) -> JsonObject:
    """Create the deliveries of catalogs, or of all that an order item became."""
    wanted = [(_catalogs(documents, one), one["cloud_info"]) for one in body["deliveries"]]
    if not wanted:
        raise ServiceError(*BAD_BODY, "deliveries: it is empty")
    for _, cloud in wanted:
        check_store(documents, cloud)
    state = documents.state
    made: list[Made[JsonObject]] = []
    for catalogs, cloud in wanted:
        for catalog in catalogs:
            id_ = state.new_id()
            state.record("CreateDelivery", id_, ids, body)
            run = state.next_run("CreateDelivery", {"catalog_id": catalog["id"], **cloud})
            made.append(delivery(documents, id_, catalog, cloud, run))
    state.deliveries.extend(made)
    return {"deliveries": [one(state.now) for one in made]}


def delivery(
    documents: Documents, id_: str, catalog: JsonObject, cloud: JsonObject, run: Run
) -> Made[JsonObject]:
    """Return a delivery of a catalog."""
    user = documents.state.maker.user(0)
    document = {
        "delivery_id": id_,
        "catalog_id": catalog["id"],
        "task_id": catalog.get("task_id", ""),
        "cloud_delivery": cloud,
        "target_path": f"{(cloud.get('path') or '').strip('/')}/{catalog['id']}.zip".lstrip("/"),
        "created_at": with_zulu(moment(run.began)),
        "created_by": user,
        "updated_by": user,
    }
    return partial(_delivery_at, document, run)


def check_store(documents: Documents, cloud: JsonObject) -> None:
    """Refuse an unknown store."""
    if cloud["config"] not in documents.state.stores:
        raise ServiceError(*BAD_BODY, "config: there is no such store")


def create_store(documents: Documents, ids: Mapping[str, str], body: JsonObject) -> JsonObject:
    """Create a store; its secrets are not returned."""
    state = documents.state
    lacking = STORE_SECRETS[body["type"]] - {
        name for name, value in body["secrets"].items() if value
    }
    if lacking:
        raise ServiceError(*BAD_BODY, f"secrets.{min(lacking)}: it is required")
    if any(store["name"] == body["name"] for store in state.stores.values()):
        raise ServiceError(CONFLICT, "CONFLICT", "name: there is a store of this name")
    id_ = state.new_id()
    run = state.create("CreateStore", id_, ids, body)
    made = with_zulu(moment(run.began))
    state.stores[id_] = {
        "id": id_,
        **{name: body[name] for name in ("name", "type", "configs")},
        "labels": body.get("labels") or {},
        "created_at": made,
        "updated_at": made,
        "created_by": state.maker.user(0),
    }
    return state.stores[id_]


def delete_store(documents: Documents, ids: Mapping[str, str], _: Any) -> None:
    """Delete a store into which nothing is being delivered."""
    state, id_ = documents.state, ids["id"]
    if id_ not in state.stores:
        raise ServiceError(*NOT_THERE, "there is no such store")
    for delivery in documents.deliveries({}):
        is_open = delivery["status"] in UNDER_WAY
        if is_open and delivery["cloud_delivery"]["config"] == id_:
            raise ServiceError(CONFLICT, "CONFLICT", "the store has deliveries under way")
    del state.stores[id_]


def _catalogs(documents: Documents, asked: JsonObject) -> Sequence[JsonObject]:
    by_catalog, by_item = asked.get("catalog_ids"), asked.get("order_item_ids")
    if bool(by_catalog) == bool(by_item):
        raise ServiceError(*BAD_BODY, "give exactly one list: catalog_ids or order_item_ids")
    if by_catalog:
        return [documents.catalog(id_) for id_ in by_catalog]
    for id_ in by_item or ():
        documents.order_item(id_)
    origins = documents.origins
    return [
        one
        for one in documents.catalogs
        if origins.get(one.get("task_id", ""), ("", ""))[1] in (by_item or ())
    ]


def _delivery_at(document: JsonObject, run: Run, now: float) -> JsonObject:
    changed = with_zulu(run.changed_at(now))
    return {**document, "status": run.word(now, DELIVERY_WORDS), "updated_at": changed}
