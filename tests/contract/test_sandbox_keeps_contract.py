"""The sandbox answers as the document says, at the paths that it says."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from werkzeug.datastructures import Headers

from pixxel_async.sandbox import PackageFault, PackagingTime, Sandbox, Scenario
from pixxel_async.sandbox.routes import ROUTES

from .document import Contract, Request

CREATIONS: dict[str, tuple[str, str, Any]] = {
    "insight": ("PUT", "/v0/aoi/a/insights/i/download", {"inputs": [], "outputs": []}),
    "aoi": ("POST", "/v0/aois/a/downloads", {"asset_ids": ["x"]}),
    "job": ("PUT", "/v0/workflows/w/jobs/j/download", None),
    "task": ("PUT", "/v0/workflows/w/jobs/j/tasks/t/download", None),
    "catalog": ("POST", "/v0/catalogs/download", {"catalog_ids": ["x"]}),
}
STATUS_PATHS = {"aoi": "/v0/aois/a/downloads/{}", "catalog": "/v0/catalogs/download/{}"}
EVERY_KIND = pytest.mark.parametrize("kind", CREATIONS)


class Asked:
    """Asks the sandbox, and lets the document judge its answers."""

    def __init__(self, contract: Contract, sandbox: Sandbox, raw: httpx.AsyncClient) -> None:
        self.contract = contract
        self.sandbox = sandbox
        self.raw = raw

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.raw.request(method, path, json=body)
        request = Request(self.contract.host_url, method, path, "", Headers(), None)
        document = answer.json()
        if isinstance(document, dict) and document.get("signed_url", "") is None:
            # The document does not say "nullable"; a service in Go may write null all the same,
            # so the sandbox does that now and then.
            del document["signed_url"]
        self.contract.check_answer(request, answer.status_code, json.dumps(document).encode())
        return document


@pytest.fixture
def faults() -> tuple[PackageFault, ...]:
    return ()


@pytest.fixture
async def asked(
    contract: Contract, faults: tuple[PackageFault, ...], packaging: PackagingTime
) -> AsyncIterator[Asked]:
    async with Sandbox(Scenario(packaging=packaging, faults=faults)) as sandbox:
        async with httpx.AsyncClient(
            base_url=sandbox.api_url, headers={"Authorization": sandbox.api_key}, trust_env=False
        ) as raw:
            yield Asked(contract, sandbox, raw)


@pytest.fixture
def packaging() -> PackagingTime:
    return PackagingTime.constant(0)


def test_it_answers_every_documented_call_under_its_name(contract: Contract) -> None:
    offered = {(route.method, route.path): route.operation for route in ROUTES}
    for operation in contract.operations:
        name = offered.get((operation.method.upper(), operation.path))
        # Four calls have no operation id in the document.
        assert name == operation.id or (name and not operation.id), operation.path


@EVERY_KIND
async def test_a_ready_package_is_told_as_documented(asked: Asked, kind: str) -> None:
    made = await asked.ask(*CREATIONS[kind])
    assert made["signed_url"].startswith(asked.sandbox.storage_url)
    if kind in STATUS_PATHS:
        path = STATUS_PATHS[kind].format(made.get("download_id") or made["id"])
        told = await asked.ask("GET", path)
        assert told.keys() == made.keys()


@pytest.mark.parametrize("packaging", [PackagingTime.constant(1e6)])
@EVERY_KIND
async def test_a_pending_package_is_told_as_documented(asked: Asked, kind: str) -> None:
    assert not (await asked.ask(*CREATIONS[kind])).get("signed_url")


@pytest.mark.parametrize("faults", [(PackageFault("failed"),)])
@EVERY_KIND
async def test_a_failed_package_is_told_as_documented(asked: Asked, kind: str) -> None:
    assert (await asked.ask(*CREATIONS[kind]))["status"].lower() == "failed"


async def test_ping_is_answered_as_documented(asked: Asked) -> None:
    assert await asked.ask("GET", "/ping") == "pong"


async def test_errors_are_told_as_documented(asked: Asked) -> None:
    path = STATUS_PATHS["catalog"].format("unknown")
    assert (await asked.ask("GET", path))["error"]["code"]
    method, path, _ = CREATIONS["catalog"]
    assert (await asked.ask(method, path, {}))["error"]["message"]
