"""`calls.json` says what the vendor's document says, for the calls that it describes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pixxel_async.sandbox.routes import ROUTES

from .document import OURS, VENDORS, Contract

OPERATIONS = 55
CATALOG_DOWNLOAD = "/v0/catalogs/download"


def differences(ours: Contract, others: Contract) -> list[str]:
    """Return the ids of the operations of ours that another document describes differently."""
    theirs = {one.id: others.facts(one) for one in others.operations}
    return [one.id for one in ours.operations if theirs.get(one.id) != ours.facts(one)]


@pytest.mark.skipif(
    not VENDORS.is_file(),
    reason="needs the vendor's OpenAPI document: name the file in OPENAPI_DOCUMENT",
)
def test_both_documents_say_the_same() -> None:
    ours, theirs = Contract(OURS), Contract(VENDORS)
    assert differences(ours, theirs) == []
    assert ours.host_url == theirs.host_url


def test_ours_describes_every_call_of_the_sandbox_and_no_others() -> None:
    described = {(one.id, one.method.upper(), one.path) for one in Contract(OURS).operations}
    assert len(described) == OPERATIONS
    assert described == {(route.operation, route.method, route.path) for route in ROUTES}


@pytest.mark.parametrize(
    ("where", "value", "operation"),
    [
        (("paths", CATALOG_DOWNLOAD, "post", "security"), [], "CreateDownload"),
        (("paths", CATALOG_DOWNLOAD, "post", "requestBody", "required"), False, "CreateDownload"),
        (("paths", CATALOG_DOWNLOAD, "post", "operationId"), "Create", "Create"),
        (
            ("paths", "/v0/workflows/{workflow_id}", "get", "parameters", 1, "required"),
            False,
            "getWorkflowsById",
        ),
        (("paths", "/v0/orders", "get", "parameters", 1, "schema", "default"), 5, "ListOrders"),
        (
            ("paths", "/v0/orders/{id}", "get", "responses", "410"),
            {"$ref": "#/components/responses/Error"},
            "GetOrderById",
        ),
        (
            ("components", "schemas", "JobDownload", "properties", "workflowId", "type"),
            "integer",
            "downloadJob",
        ),
        (("components", "schemas", "Polygon", "required"), ["type"], "GetAoiById"),
        (
            ("components", "schemas", "InsightDownload", "properties", "more"),
            {"type": "string"},
            "downloadInsights",
        ),
        (
            ("components", "schemas", "OrderTask", "properties", "delivery_status", "enum", 0),
            "ANOTHER",
            "ListOrderItems",
        ),
    ],
    ids=str,
)
def test_a_difference_is_found(
    tmp_path: Path, where: tuple[str | int, ...], value: object, operation: str
) -> None:
    changed = json.loads(OURS.read_bytes())
    holder: Any = changed
    for part in where[:-1]:
        holder = holder[part]
    holder[where[-1]] = value
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(changed))
    assert operation in differences(Contract(path), Contract(OURS))


def test_ours_holds_facts_alone() -> None:
    def texts(value: Any, *, is_schema_map: bool = False) -> list[str]:
        if isinstance(value, list):
            return [text for one in value for text in texts(one)]
        if not isinstance(value, dict):
            return []
        found = []
        for name, one in value.items():
            if not is_schema_map and name in {"description", "summary", "example", "examples"}:
                found += [one] if one else []
            else:
                found += texts(one, is_schema_map=name == "properties")
        return found

    assert texts(json.loads(OURS.read_bytes())) == []
