"""An export whose service is never reached: it ends soon, and leaves no trace of a creation."""

from __future__ import annotations

from pathlib import Path

import anyio
import httpx
import pytest

from pixxel_async import CatalogDownload, Limits, PixxelClient, RetryPolicy, RouteError, events
from pixxel_async.sandbox import Sandbox

from ..support import QUICK_LIMITS, client_of

QUICK_REACH = RetryPolicy(initial_s=0.01, max_s=0.05, reach_s=0.5)


def catalogs(count: int) -> list[CatalogDownload]:
    return [CatalogDownload(catalog_ids=(f"c{number}",)) for number in range(count)]


def nowhere(port: int, **parts: object) -> PixxelClient:
    chosen = {"retry": QUICK_REACH, "limits": QUICK_LIMITS, **parts}
    return PixxelClient("key", base_url=f"http://127.0.0.1:{port}", **chosen)  # type: ignore[arg-type]  # a client's own


@pytest.mark.parametrize("preflight", [True, False])
async def test_it_fails_nothing_and_the_next_run_repeats_no_creation(
    tmp_path: Path, unused_tcp_port: int, *, preflight: bool
) -> None:
    seen: list[events.Event] = []
    async with (
        nowhere(unused_tcp_port, preflight=preflight) as client,
        client.export(catalogs(75), tmp_path) as export,
    ):
        with anyio.fail_after(20):
            seen += [event async for event in export]
    report = export.report
    assert isinstance(report.stopped, RouteError)
    assert (report.failed, report.left) == ([], 75)
    told = [event for event in seen if not isinstance(event, events.Started)]
    assert [type(event) for event in told] == [events.Stopped, events.Interrupted]
    async with Sandbox() as sandbox, client_of(sandbox) as client:
        async with client.export(catalogs(75), tmp_path) as export:
            report = await export.finish()
        assert report.is_complete
        assert report.recreated == 0
        created = [call for call in sandbox.calls if call.method == "POST"]
    assert len(created) == 75


async def test_a_creation_that_an_earlier_run_sent_stays_unanswered(
    tmp_path: Path, unused_tcp_port: int
) -> None:
    """A run that reaches nobody neither forgets it nor uses up a repeat."""

    async def hang(request: httpx.Request) -> httpx.Response:
        sent.set()
        await anyio.sleep_forever()
        raise AssertionError(request)

    sent = anyio.Event()
    calls = httpx.AsyncClient(transport=httpx.MockTransport(hang))
    async with PixxelClient("key", http_client=calls, limits=Limits(requests=1)) as client:
        async with client.export(catalogs(1), tmp_path) as export:
            await sent.wait()
            export.interrupt()
            await export.finish()
    for _ in range(4):  # more often than a creation may be repeated
        async with nowhere(unused_tcp_port) as client:
            async with client.export(catalogs(1), tmp_path) as export:
                report = await export.finish()
        assert isinstance(report.stopped, RouteError)
    async with Sandbox() as sandbox, client_of(sandbox) as client:
        async with client.export(catalogs(1), tmp_path) as export:
            report = await export.finish()
    assert report.is_complete
    assert report.recreated == 1
