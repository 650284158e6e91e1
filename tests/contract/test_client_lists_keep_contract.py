"""Each list of the client is accepted by the judge, and the document's examples are read."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import pytest

from pixxel_async import ApiError, PixxelClient, ResponseError

from .list_calls import LIST_CALLS, ListCall
from .mock_server import MockServer
from .test_client_keeps_contract import AWKWARD, BY_STATUS, plain

IDS = {"ListAOIs": "aoi_id", "GetAoiById": "aoi_id", "ListDeliveries": "delivery_id"}
EVERY_CALL = pytest.mark.parametrize("call", LIST_CALLS, ids=str)
WITH_IDS = pytest.mark.parametrize("call", [one for one in LIST_CALLS if one.in_path], ids=str)
LISTS = pytest.mark.parametrize("call", [one for one in LIST_CALLS if one.holder], ids=str)


def first(rows: Any) -> Any:
    """Return the first row of a list, or of an object that is used as one."""
    return next(iter(rows.values() if isinstance(rows, dict) else rows))


def one_page(server: MockServer, call: ListCall) -> None:
    """Answer with the one record of the document's example, and tell that there is one."""
    if call.holder:
        server.change = {"pagination": {"limit": 50, "offset": 0, "total": 1}, "count": 1}


@EVERY_CALL
async def test_a_list_is_accepted_and_the_documents_example_read(
    client: PixxelClient, server: MockServer, call: ListCall
) -> None:
    one_page(server, call)
    records = await call.records(client, plain)
    assert server.problems == []
    (heard,) = server.heard
    assert heard.operation == call.operation
    assert heard.ids == {name: plain(name) for name in call.in_path}
    assert dict(parse_qsl(heard.target.partition("?")[2], strict_parsing=bool(call.query))) == dict(
        call.query
    )
    assert heard.body == call.body
    assert ("content-type" in heard.headers) == (call.body is not None)
    example = server.contract.example(server.contract.operation(call.operation), 200)
    example = first(example[call.holder]) if call.holder else example.get("project", example)
    (record,) = records
    id_ = example.get(IDS.get(call.operation, "id"))
    assert record.id == (plain("job_id") if "job_id" in call.in_path else id_)
    for name, value in example.items():
        if isinstance(value, str) and isinstance(told := getattr(record, name, None), str):
            assert told == value or name in {"id", "aoi_id", "workflow_id"}  # those of the call


@WITH_IDS
async def test_awkward_ids_arrive_as_they_are(
    client: PixxelClient, server: MockServer, call: ListCall
) -> None:
    one_page(server, call)
    for awkward in AWKWARD:
        await call.records(client, lambda _, awkward=awkward: awkward)  # type: ignore[misc]  # a default is no second parameter
        heard = server.heard[-1]
        assert heard.problem == ""
        assert heard.operation == call.operation
        assert heard.ids == dict.fromkeys(call.in_path, awkward)


@EVERY_CALL
async def test_documented_errors_become_their_classes(
    client: PixxelClient, server: MockServer, call: ListCall
) -> None:
    operation = server.contract.operation(call.operation)
    for status in operation.errors:
        server.status = status
        with pytest.raises(BY_STATUS.get(status, ApiError)) as caught:
            await call.records(client, plain)
        assert caught.value.status == status
        assert caught.value.operation == call.operation
    assert server.problems == []


@LISTS
async def test_null_is_an_empty_list_and_no_list_is_an_error(
    client: PixxelClient, server: MockServer, call: ListCall
) -> None:
    server.change = {call.holder: None, "pagination": {"total": 0}, "count": 0}
    assert await call.records(client, plain) == []  # the server leaves out what is None
    server.change = {call.holder: "none"}
    with pytest.raises(ResponseError, match=call.holder):
        await call.records(client, plain)


async def test_pages_are_asked_for_one_after_the_other(
    client: PixxelClient, server: MockServer
) -> None:
    for number in range(3):
        server.change = {
            "aois": [{"aoi_id": f"{number}-{row}"} for row in range(2)],
            "pagination": {"total": 6},
        }
        if number == 0:
            listing = client.aois.list(page_size=2)
            assert server.heard == []
        assert (await anext(listing)).id == f"{number}-0"
        assert (await anext(listing)).id == f"{number}-1"
        assert len(server.heard) == number + 1
    with pytest.raises(StopAsyncIteration):
        await anext(listing)
    assert [heard.target for heard in server.heard] == [
        f"/v0/aois?offset={offset}&limit=2" for offset in (0, 2, 4)
    ]
    assert server.problems == []
