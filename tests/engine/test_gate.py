"""The gate before the service: once it is shut, nothing goes through."""

from __future__ import annotations

import asyncio

import anyio
import pytest

from pixxel_async import AuthenticationError
from pixxel_async.transfer.call_gate import CallGate

REJECTED = AuthenticationError("no such key", status=401, operation="downloadJob")


@pytest.mark.parametrize("way", ["ask", "create"])
async def test_behind_a_shut_gate_no_call_begins(way: str) -> None:
    begun = False

    async def call() -> None:
        nonlocal begun
        begun = True

    gate = CallGate()
    gate.shut(REJECTED)
    for _ in range(2):
        with pytest.raises(AuthenticationError, match="no such key") as caught:
            await getattr(gate, way)(call())
        assert caught.value is not REJECTED  # each caller has an error of its own
    assert not begun


@pytest.mark.parametrize("way", ["ask", "create"])
async def test_shutting_ends_the_calls_that_are_under_way(way: str) -> None:
    gate = CallGate()
    calls = [asyncio.create_task(getattr(gate, way)(anyio.sleep_forever())) for _ in range(3)]
    await asyncio.sleep(0)
    gate.shut(REJECTED)
    ended = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(one) for one in ended] == [AuthenticationError] * 3


async def test_an_open_gate_hands_on_what_a_call_brings() -> None:
    async def call() -> int:
        return 7

    assert await CallGate().ask(call()) == 7
    assert await CallGate().create(call()) == 7
