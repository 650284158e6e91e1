"""What creates, changes or deletes is accepted by the judge, and sent as often as it may be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import reduce
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from pixxel_async import (
    AnswerLostError,
    ApiError,
    ConflictError,
    DeliveryRequest,
    PermissionDeniedError,
    PixxelClient,
    RetryPolicy,
    ServerError,
    TransportError,
)

from ..support import QUICK_LIMITS
from .calls import CALLS
from .change_calls import CHANGE_CALLS, CHANGES, SECRETS, ChangeCall
from .conftest import KEY
from .document import PING, PNG, Contract
from .list_calls import LIST_CALLS
from .mock_server import MockServer
from .test_client_keeps_contract import AWKWARD, BY_STATUS, plain

EVERY_CALL = pytest.mark.parametrize("call", CHANGE_CALLS, ids=str)
EVERY_CHANGE = pytest.mark.parametrize("call", CHANGES, ids=str)
WITH_IDS = pytest.mark.parametrize("call", [one for one in CHANGE_CALLS if one.in_path], ids=str)
SEVERAL = RetryPolicy(attempts=4, initial_s=0.001, max_s=0.002)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
async def patient(server: MockServer) -> AsyncIterator[PixxelClient]:
    """A client that retries what it may."""
    async with PixxelClient(KEY, base_url=server.url, retry=SEVERAL, limits=QUICK_LIMITS) as client:
        yield client


def test_the_client_makes_every_call_of_the_document(contract: Contract) -> None:
    made = {call.operation for call in (*CALLS, *LIST_CALLS, *CHANGE_CALLS)} | {PING}
    assert made == {operation.id for operation in contract.operations}
    assert len(contract.operations) == len(made) == 55


@EVERY_CALL
async def test_a_call_is_accepted_and_the_documents_example_read(
    client: PixxelClient, server: MockServer, call: ChangeCall
) -> None:
    answer = await call.send(client, plain)
    assert server.problems == []
    (heard,) = server.heard
    assert heard.operation == call.operation
    assert heard.ids == {name: plain(name) for name in call.in_path}
    assert dict(parse_qsl(heard.target.partition("?")[2])) == dict(call.query)
    assert heard.body == call.body
    assert ("content-type" in heard.headers) == (call.body is not None)
    is_estimate = call.name == "insights.estimate"
    operation = server.contract.operation(call.operation)
    example = server.contract.example(operation, 200 if is_estimate else operation.success)
    for name, place in call.example.items():
        value = reduce(lambda found, key: found[key], place.split("."), example)
        read = getattr(answer, name)
        assert (list(read) if isinstance(read, tuple) else read) == value
    if "aoi_id" in call.in_path and hasattr(answer, "aoi_id"):
        assert answer.aoi_id == plain("aoi_id")


async def test_what_an_example_cannot_tell(client: PixxelClient, server: MockServer) -> None:
    job = await client.jobs.create("w", "p")
    assert (job.id, job.workflow_id, job.cost) == ("some id", "w", 1)
    assert [(task.workflow_id, task.job_id) for task in job.tasks] == [("w", "some id")]
    picture = await client.visualizations.png(
        "a", "v", index_id="i", date="2024_05_06", visualization_mode="dynamic"
    )
    assert picture == PNG
    assert server.heard[-1].headers["accept"] == "image/png, application/json"
    request = DeliveryRequest(store_id="s", catalog_ids=["c"])
    (delivery,) = await client.catalogs.create_deliveries([request])
    operation = server.contract.operation("CreateDelivery")
    (example,) = server.contract.example(operation, 201)["deliveries"]
    assert (delivery.id, delivery.status) == (example["delivery_id"], example["status"])
    assert delivery.path == example["cloud_delivery"]["path"]
    insight = await client.insights.create("a", "ndvi", "1.0.0", [1], name="A title")
    assert (insight.aoi_id, insight.name) == ("a", "A title")
    assert server.problems == []


@WITH_IDS
async def test_awkward_ids_arrive_as_they_are(
    client: PixxelClient, server: MockServer, call: ChangeCall
) -> None:
    for awkward in AWKWARD:
        await call.send(client, lambda _, awkward=awkward: awkward)
        heard = server.heard[-1]
        assert heard.problem == ""
        assert heard.operation == call.operation
        assert heard.ids == dict.fromkeys(call.in_path, awkward)


@EVERY_CALL
async def test_documented_errors_become_their_classes_and_are_sent_once(
    client: PixxelClient, server: MockServer, call: ChangeCall
) -> None:
    operation = server.contract.operation(call.operation)
    for number, status in enumerate(operation.errors, start=1):
        server.status = status
        with pytest.raises(BY_STATUS.get(status, ApiError)) as caught:
            await call.send(client, plain)
        assert caught.value.status == status
        assert caught.value.operation == call.operation
        assert len(server.heard) == number
    assert server.problems == []


@pytest.mark.parametrize(
    ("status", "error"), [(403, PermissionDeniedError), (409, ConflictError), (500, ServerError)]
)
@EVERY_CHANGE
async def test_what_a_service_refuses_or_fails_at_is_sent_once(
    patient: PixxelClient,
    server: MockServer,
    call: ChangeCall,
    status: int,
    error: type[ApiError],
) -> None:
    server.refuse_with(status)
    with pytest.raises(error):
        await call.send(patient, plain)
    assert [heard.operation for heard in server.heard] == [call.operation]


@pytest.mark.parametrize("status", [429, 503])
@EVERY_CHANGE
async def test_what_a_service_surely_did_not_do_is_sent_again(
    patient: PixxelClient, server: MockServer, call: ChangeCall, status: int
) -> None:
    server.refuse_with(status, times=2)
    await call.send(patient, plain)
    assert [heard.operation for heard in server.heard] == [call.operation] * 3
    assert len({str(heard.body) for heard in server.heard}) == 1


@EVERY_CHANGE
async def test_what_is_lost_is_sent_once_and_told(
    patient: PixxelClient, server: MockServer, call: ChangeCall
) -> None:
    server.lose(times=9)
    with pytest.raises(AnswerLostError, match="may have done it") as caught:
        await call.send(patient, plain)
    assert [heard.operation for heard in server.heard] == [call.operation]
    assert caught.value.key.startswith(f"{call.operation} /v0/")
    assert isinstance(caught.value.__cause__, TransportError)
    assert "repeat_if_lost=True" in str(caught.value)


@EVERY_CHANGE
async def test_what_is_lost_is_repeated_where_that_was_asked_for(
    patient: PixxelClient, server: MockServer, call: ChangeCall
) -> None:
    server.lose(times=2)
    await call.send(patient, plain, repeat_if_lost=True)
    assert len(server.heard) == 3
    server.lose(times=9)
    with pytest.raises(AnswerLostError):
        await call.send(patient, plain, repeat_if_lost=True)
    assert len(server.heard) == 3 + SEVERAL.attempts


@pytest.mark.parametrize("call", [one for one in CHANGE_CALLS if one.repeats], ids=str)
async def test_what_changes_nothing_is_repeated(
    patient: PixxelClient, server: MockServer, call: ChangeCall
) -> None:
    server.lose(times=2)
    await call.send(patient, plain)
    server.refuse_with(500, times=2)
    await call.send(patient, plain)
    assert [heard.operation for heard in server.heard] == [call.operation] * 6


@EVERY_CHANGE
async def test_what_was_not_sent_says_so(contract: Contract, call: ChangeCall) -> None:
    async with MockServer(contract, authorization=KEY) as gone:
        url = gone.url
    twice = RetryPolicy(attempts=2, initial_s=0.001, max_s=0.001, reach_s=0)
    async with PixxelClient(KEY, base_url=url, retry=twice) as client:
        with pytest.raises(TransportError) as caught:
            await call.send(client, plain)
        assert not caught.value.sent


async def test_an_error_does_not_show_the_credentials_of_a_store(
    client: PixxelClient, server: MockServer
) -> None:
    server.refuse_with(400, message=f"no bucket for {SECRETS['secret_access_key']}")
    call = next(one for one in CHANGES if one.name == "stores.create")
    with pytest.raises(ApiError) as caught:
        await call.send(client, plain)
    shown = f"{caught.value!r} {caught.value} {caught.value.details}"
    assert "no bucket" in shown
    assert SECRETS["secret_access_key"] not in shown
