"""How a thread of libcurl ends."""

from __future__ import annotations

import asyncio
import threading

import pytest

from .storages import some_turns

pytest.importorskip("pycurl", reason="needs pycurl, which is not there on every system")

from pixxel_async.http.curl_thread import CurlThread

pytestmark = pytest.mark.usefixtures("nothing_left")


def hold(is_free: threading.Event) -> None:
    is_free.wait()


async def test_closing_waits_for_the_thread_although_it_is_cancelled() -> None:
    thread, is_free = CurlThread(lambda _: None), threading.Event()
    thread.submit(lambda: hold(is_free))
    closing = asyncio.ensure_future(thread.aclose())
    await some_turns()
    closing.cancel()
    await some_turns()
    assert not closing.done()
    is_free.set()
    await asyncio.wait([closing])
    assert closing.cancelled()
    assert thread.is_over
    await thread.aclose()
