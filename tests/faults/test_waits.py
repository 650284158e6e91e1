"""No wait outlasts a timeout of the caller, and a client in another event loop says so at once."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

import anyio
import httpx
import pytest

from pixxel_async import (
    FetchPolicy,
    JobDownload,
    Limits,
    PixxelClient,
    PollPolicy,
    Timeouts,
    UsageError,
    events,
)
from pixxel_async.http.curl_response import CurlResponse
from pixxel_async.http.curl_thread import CurlThread
from pixxel_async.http.engines import Engine
from pixxel_async.http.libcurl import CurlEngine
from pixxel_async.sandbox import PackagingTime, Sandbox, Scenario, sandbox_in_thread

from ..socket_server import SocketServer
from ..support import (
    LOCAL_URL,
    QUICK_LIMITS,
    QUICK_POLL,
    QUICK_RETRY,
    client_of,
    other_tasks,
    some_downloads,
)
from .scripted import ETAG, WHOLE, answer

pytestmark = pytest.mark.fault(82)

LIMIT_S = 60
"""A wait that nothing ends would last for ever: this is how a test finds it."""
SMALL = Scenario(package_bytes=4096)
JOB = JobDownload(workflow_id="w", job_id="j")

ClientLifetime: TypeAlias = Callable[[PixxelClient, Path], Coroutine[Any, Any, object]]


async def export(client: PixxelClient, folder: Path) -> object:
    async with client.export(some_downloads(3), folder) as running:
        return await running.finish()


async def first_of_list(client: PixxelClient, _: Path) -> object:
    async for record in client.projects.list():
        return record
    return None


USES: dict[str, ClientLifetime] = {
    "ping": lambda client, _: client.ping(),
    "check_key": lambda client, _: client.check_key(),
    "wait": lambda client, _: client.wait(JOB),
    "download": lambda client, folder: client.download(JOB, folder),
    "export": export,
    "list": first_of_list,
    "get": lambda client, _: client.projects.get("p"),
    "create": lambda client, _: client.jobs.create_download("w", "j"),
}
each_use = pytest.mark.parametrize("use", USES.values(), ids=USES.keys())


# A client in several event loops.


@pytest.mark.usefixtures("_left_open")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@each_use
@pytest.mark.parametrize("is_closed", [False, True], ids=["open", "closed"])
def test_a_client_says_at_once_that_it_is_used_in_a_second_event_loop(
    tmp_path: Path, use: ClientLifetime, *, is_closed: bool
) -> None:
    with sandbox_in_thread(SMALL) as sandbox:
        client = client_of_thread(sandbox)

        async def first() -> None:
            await client.__aenter__()
            await client.ping()
            await export(client, tmp_path / "first")
            if is_closed:
                await client.aclose()

        async def later() -> None:
            async with asyncio.timeout(LIMIT_S):
                with pytest.raises(UsageError, match="event loop"):
                    await use(client, tmp_path / "later")
                with pytest.raises(UsageError, match="event loop"):
                    async with client:
                        pytest.fail("it was entered")

        asyncio.run(first())
        for _ in range(2):
            asyncio.run(later())
        asyncio.run(released(client, is_closed=is_closed))
    assert not (tmp_path / "later").exists()


@pytest.fixture
def _left_open() -> Iterator[None]:
    """Expect connections that nobody has closed: their event loop went before their client."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


async def released(client: PixxelClient, *, is_closed: bool) -> None:
    """Close a client whose loop is over; it says so, and its threads end all the same."""
    async with asyncio.timeout(LIMIT_S):
        if not is_closed:
            with pytest.raises(UsageError, match="event loop"):
                await client.aclose()
        await client.aclose()
    threads = [each for each in threading.enumerate() if "libcurl" in each.name]
    await until(lambda: not any(each.is_alive() for each in threads))


def client_of_thread(sandbox: Any) -> PixxelClient:
    return PixxelClient(
        sandbox.api_key,
        base_url=sandbox.api_url,
        poll=QUICK_POLL,
        retry=QUICK_RETRY,
        limits=QUICK_LIMITS,
    )


def test_a_client_made_before_any_loop_belongs_to_the_first_that_uses_it(tmp_path: Path) -> None:
    with sandbox_in_thread(SMALL) as sandbox:
        client = client_of_thread(sandbox)

        async def use() -> None:
            async with client:
                await export(client, tmp_path)

        asyncio.run(use())
        with pytest.raises(UsageError, match="event loop"):
            asyncio.run(use())


@pytest.mark.usefixtures("_left_open")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_an_export_of_one_loop_is_not_entered_in_another(tmp_path: Path) -> None:
    with sandbox_in_thread(SMALL) as sandbox:
        client = client_of_thread(sandbox)
        running = client.export(some_downloads(2), tmp_path)

        async def enter() -> None:
            async with running:
                pytest.fail("it was entered")

        asyncio.run(client.__aenter__())
        with pytest.raises(UsageError, match="event loop"):
            asyncio.run(enter())
        assert not list(tmp_path.iterdir())
        asyncio.run(released(client, is_closed=False))


def test_a_client_whose_loop_still_runs_is_not_closed_by_another(tmp_path: Path) -> None:
    with sandbox_in_thread(SMALL) as sandbox:

        async def use() -> None:
            async with client_of_thread(sandbox) as client:
                await client.ping()

                def close_elsewhere() -> None:
                    with pytest.raises(UsageError, match="event loop"):
                        asyncio.run(client.aclose())

                await asyncio.to_thread(close_elsewhere)
                await export(client, tmp_path)

        asyncio.run(use())


@each_use
async def test_a_closed_client_says_so(tmp_path: Path, use: ClientLifetime) -> None:
    async with Sandbox(SMALL) as sandbox:
        client = client_of(sandbox)
        async with client:
            await client.ping()
        for _ in range(2):
            await client.aclose()
        with pytest.raises(UsageError, match="closed"):
            await use(client, tmp_path)
        with pytest.raises(UsageError, match="closed"):
            async with client:
                pytest.fail("it was entered")


@each_use
async def test_a_client_that_is_not_open_yet_says_how_to_open_it(
    tmp_path: Path, use: ClientLifetime
) -> None:
    async with Sandbox(SMALL) as sandbox:
        client = client_of(sandbox)
        with pytest.raises(UsageError, match="async with"):
            await use(client, tmp_path)
        assert not sandbox.calls
        async with client:
            await client.ping()


async def test_a_client_is_entered_once() -> None:
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        with pytest.raises(UsageError, match="open already"):
            async with client:
                pytest.fail("it was entered")
        await client.ping()


def test_outside_of_asyncio_a_client_says_what_it_needs() -> None:
    entering = PixxelClient("key").__aenter__()
    with pytest.raises(UsageError, match="asyncio"):
        entering.send(None)


def test_a_client_that_is_never_closed_warns_and_one_that_was_not_opened_does_not() -> None:
    async def enter() -> None:
        await PixxelClient("key").__aenter__()

    asyncio.run(enter())
    with pytest.warns(ResourceWarning, match="unclosed PixxelClient"):
        gc.collect()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        PixxelClient("key")
        gc.collect()


async def test_closing_ends_exports_downloads_and_waits_in_good_order(tmp_path: Path) -> None:
    slow = Scenario(package_bytes=600_000, size_spread=0, bytes_per_s=300_000)
    async with Sandbox(slow) as sandbox, client_of(sandbox) as client:

        async def read() -> list[events.Event]:
            async with client.export(some_downloads(4), tmp_path / "read") as running:
                return [event async for event in running]

        async with client.export(some_downloads(4, seed=2), tmp_path / "unread") as unread:
            reading = asyncio.create_task(read())
            downloading = asyncio.create_task(client.download(JOB, tmp_path / "single"))
            folders = [tmp_path / name for name in ("read", "unread", "single")]
            await until(lambda: all(list(folder.glob("*.part")) for folder in folders))
            await client.aclose()
            last = (await reading)[-1]
            assert isinstance(last, events.Interrupted)
            with pytest.raises(UsageError, match="closed"):
                await downloading
            report = await unread.finish()
            assert report.left == 4
        assert other_tasks() == set()


async def test_closing_ends_waits() -> None:
    never = Scenario(packaging=PackagingTime.constant(3600))
    async with Sandbox(never) as sandbox, client_of(sandbox) as client:
        waiting = asyncio.create_task(client.wait(JOB))
        while sandbox.counts["downloadJob"] < 2:  # noqa: ASYNC110 - the sandbox has no event
            await asyncio.sleep(0.01)
        await client.aclose()
        with pytest.raises(UsageError, match="closed"):
            await waiting


async def test_a_client_that_was_never_used_may_be_closed() -> None:
    async with Sandbox(SMALL) as sandbox:
        client = client_of(sandbox)
        await client.aclose()
        await client.aclose()


def test_three_runs_with_one_client_end(tmp_path: Path) -> None:
    """In a process of its own, since it was one that hung for good."""
    program = tmp_path / "runs.py"
    program.write_text(
        """
import asyncio, sys
from pathlib import Path
from pixxel_async import JobDownload, PixxelClient, UsageError

url, key, folder = sys.argv[1:]
client = PixxelClient(key, base_url=url)

async def main(number):
    await client.__aenter__()
    async with client.export([JobDownload(workflow_id="w", job_id=str(number))], folder) as export:
        await export.finish()
    if number:
        await client.aclose()

for number in range(3):
    try:
        asyncio.run(main(number))
        print("saved")
    except UsageError as error:
        print(error.message)
""",
        encoding="utf-8",
    )
    with sandbox_in_thread(SMALL) as sandbox:
        ran = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, program, sandbox.api_url, sandbox.api_key, tmp_path / "out"],
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=True,
        )
    first, *others = ran.stdout.splitlines()
    assert first == "saved"
    assert len(others) == 2
    assert all("another event loop" in line for line in others)


# Waits with a timeout.


class Silent(SocketServer):
    """Takes connections and requests, and never answers; or answers in part.

    Attributes:
        asked: Set when there was a request.
    """

    def __init__(self, beginning: bytes = b"") -> None:
        self.beginning = beginning
        self.asked = asyncio.Event()
        self.is_over = asyncio.Event()
        self.open = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(self.beginning)
                self.asked.set()
        writer.close()
        self.open -= 1


Limited: TypeAlias = Callable[[Coroutine[Any, Any, object], asyncio.Event], Awaitable[None]]


async def by_timeout(work: Coroutine[Any, Any, object], begun: asyncio.Event) -> None:
    """As `asyncio.timeout`, whose time is up when the work has begun."""
    with pytest.raises(TimeoutError):  # noqa: PT012 - the timeout raises
        async with asyncio.timeout(None) as timeout:
            loop = asyncio.get_running_loop()
            waiting = loop.create_task(begun.wait())
            waiting.add_done_callback(lambda _: timeout.reschedule(loop.time()))
            await work


async def by_scope(work: Coroutine[Any, Any, object], begun: asyncio.Event) -> None:
    """As `anyio.move_on_after`, likewise."""
    with anyio.CancelScope() as scope:
        waiting = asyncio.get_running_loop().create_task(begun.wait())
        waiting.add_done_callback(lambda _: scope.cancel())
        await work
    assert scope.cancelled_caught


async def by_wait_for(work: Coroutine[Any, Any, object], begun: asyncio.Event) -> None:
    """As `asyncio.wait_for`, which cancels a task."""
    task = asyncio.ensure_future(work)
    await begun.wait()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(task, 0)


LIMITS: dict[str, Limited] = {
    "timeout": by_timeout,
    "move_on_after": by_scope,
    "wait_for": by_wait_for,
}
each_limit = pytest.mark.parametrize("limited", LIMITS.values(), ids=LIMITS.keys())


def patient(base_url: str, **parts: Any) -> PixxelClient:
    """Return a client that itself waits for an hour."""
    return PixxelClient(
        "key",
        base_url=base_url,
        timeout=Timeouts(connect_s=3600, answer_s=3600),
        retry=QUICK_RETRY,
        poll=PollPolicy(initial_s=0.02, max_s=0.1, wait_timeout_s=3600),
        fetch=FetchPolicy(stall_timeout_s=3600),
        limits=QUICK_LIMITS,
        **parts,
    )


async def until(is_so: Callable[[], object]) -> None:
    """Give other tasks turns until something is so; the limit is that of a test."""
    while not is_so():  # noqa: ASYNC110 - there is no event for it
        await asyncio.sleep(0.001)


def others(before: set[asyncio.Task[Any]]) -> set[str]:
    """Return the tasks that were not there before, without those of servers."""
    names = (repr(task) for task in asyncio.all_tasks() - before)
    return {name for name in names if "serve" not in name and "RequestResponseCycle" not in name}


@asynccontextmanager
async def nothing_left(client: PixxelClient) -> AsyncIterator[None]:
    """Expect that a wait ends, and leaves nothing that a client holds."""
    before = asyncio.all_tasks()
    async with asyncio.timeout(LIMIT_S):
        yield
        await until(lambda: not others(before))
    assert client._exporter.resources.slots._semaphore._in_use == 0
    assert client._api._slots._value == client._exporter.resources.limits.requests
    assert client._exporter._folders._open == {}


@each_limit
@each_use
async def test_a_service_that_never_answers_outlasts_no_timeout(
    tmp_path: Path, use: ClientLifetime, limited: Limited
) -> None:
    async with Silent() as service, patient(service.url) as client:
        async with nothing_left(client):
            await limited(use(client, tmp_path), service.asked)
        await until(lambda: not service.open)  # the connection is closed, not left


BEGINNINGS = {
    "no answer": b"",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-Le",
    "no body": answer("200 OK", ETAG, length=len(WHOLE)),
    "half a body": answer("200 OK", ETAG, body=WHOLE[:1000], length=len(WHOLE)),
    "an endless body": answer("200 OK", ETAG, body=WHOLE[:1000], length=-1),
}
OUTSIDE: dict[str, ClientLifetime] = {"download": USES["download"], "export": export}


@each_limit
@pytest.mark.parametrize("beginning", BEGINNINGS.values(), ids=BEGINNINGS.keys())
@pytest.mark.parametrize("use", OUTSIDE.values(), ids=OUTSIDE.keys())
@pytest.mark.parametrize("engine", [Engine.LIBCURL, Engine.HTTPX])
async def test_a_storage_that_never_answers_outlasts_no_timeout(
    tmp_path: Path, use: ClientLifetime, beginning: bytes, limited: Limited, engine: Engine
) -> None:
    async with Silent(beginning) as storage:

        def ready(request: httpx.Request) -> httpx.Response:
            url = f"{storage.url}/{request.url.path.split('/')[-2]}.zip?sig=00"
            said = {"id": "d", "download_id": "d", "status": "success", "signed_url": url}
            return httpx.Response(200, json=said)

        service = httpx.AsyncClient(transport=httpx.MockTransport(ready))
        async with patient(LOCAL_URL, http_client=service, engine=engine) as client:
            async with nothing_left(client):
                await limited(use(client, tmp_path), storage.asked)
            await until(lambda: not storage.open)
    gc.collect()


@each_limit
async def test_a_slow_consumer_outlasts_no_timeout(tmp_path: Path, limited: Limited) -> None:
    """Nobody reads the events, of which there are more than may wait."""
    full = asyncio.Event()

    async def look_away(client: PixxelClient) -> None:
        async with client.export(some_downloads(600), tmp_path) as running:
            stream = running._running.events  # type: ignore[union-attr]  # it runs
            await until(lambda: stream.statistics().tasks_waiting_send)
            full.set()
            await asyncio.get_running_loop().create_future()

    async with Sandbox(Scenario(package_bytes=1000)) as sandbox, client_of(sandbox) as client:
        async with nothing_left(client):
            await limited(look_away(client), full)
        assert other_tasks() == set()


class Stubborn(httpx.AsyncClient):
    """A client that does not want to end.

    Attributes:
        closing: Set when it is to be closed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.closing = asyncio.Event()

    async def aclose(self) -> None:
        self.closing.set()
        await asyncio.get_running_loop().create_future()


def stubborn_client(monkeypatch: pytest.MonkeyPatch) -> tuple[PixxelClient, Stubborn]:
    """Return a client whose own clients do not want to end."""
    stubborn = Stubborn()
    for module in ("api_client", "engines"):
        monkeypatch.setattr(f"pixxel_async.http.{module}.make_client", lambda *_, **__: stubborn)
    client = PixxelClient("key", base_url=LOCAL_URL, engine=Engine.HTTPX)
    engine: Any = client._storage._engine
    assert engine._client(None, None) is stubborn
    return client, stubborn


@each_limit
async def test_closing_a_client_outlasts_no_timeout(
    limited: Limited, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, stubborn = stubborn_client(monkeypatch)
    async with asyncio.timeout(LIMIT_S):
        if limited is by_scope:  # its shield ends by itself
            with anyio.CancelScope() as scope:
                scope.cancel()
                await client.aclose()
        else:
            await limited(client.aclose(), stubborn.closing)
        await client.aclose()


async def test_a_client_whose_own_clients_do_not_end_is_closed_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client, stubborn = stubborn_client(monkeypatch)
    async with asyncio.timeout(LIMIT_S):
        await client.aclose()
    assert stubborn.closing.is_set()


async def test_clients_that_were_given_are_not_closed() -> None:
    given = Stubborn()
    async with asyncio.timeout(LIMIT_S):
        async with PixxelClient("key", http_client=given, storage_client=given):
            pass
    assert not given.closing.is_set()
    assert not given.is_closed


def hold(may_end: threading.Event) -> None:
    """Hold up a thread, as a slow disk does."""
    assert may_end.wait(LIMIT_S)


def engine_of(client: PixxelClient) -> CurlEngine:
    engine: Any = client._storage._engine
    assert isinstance(engine, CurlEngine)
    return engine


def thread_of(client: PixxelClient) -> CurlThread:
    """Return a thread of a client's engine, which runs."""
    client._storage.prepare()
    return engine_of(client)._threads[0]


async def test_the_event_loop_runs_while_threads_end() -> None:
    """A thread that writes holds up who closes the client, and nobody else."""
    client = PixxelClient("key")
    thread = thread_of(client)
    may_end = threading.Event()
    thread.submit(hold, may_end)
    closing = asyncio.create_task(client.aclose())
    for _ in range(10):
        await asyncio.sleep(0.001)
    assert not closing.done()
    closing.cancel()
    for _ in range(10):
        await asyncio.sleep(0.001)
    assert not closing.done()  # what is being written is waited for
    may_end.set()
    await asyncio.wait([closing], timeout=LIMIT_S)
    assert closing.cancelled()
    assert not thread._thread.is_alive()


async def test_a_thread_that_never_ends_is_left_behind(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("pixxel_async.http.curl_thread.END_S", 0.05)
    client = PixxelClient("key")
    thread = thread_of(client)
    may_end = threading.Event()
    thread.submit(hold, may_end)
    try:
        async with asyncio.timeout(LIMIT_S):
            await client.aclose()
        assert "still writes" in caplog.text
        assert thread._thread.is_alive()
    finally:
        may_end.set()
        await thread.aclose()
    assert not thread._thread.is_alive()


# A thread that fails.

SLOW = Scenario(package_bytes=300_000, size_spread=0, bytes_per_s=600_000)
FOUR = Limits(fetches=4, requests_per_second=2000)


def fail(*_: object, **__: object) -> Any:
    """Fail as a bug does."""
    message = "a bug"
    raise RuntimeError(message)


async def broken_select(thread: CurlThread) -> None:
    """Let a thread die, as a bug would."""
    thread._selector.select = fail  # type: ignore[method-assign]
    thread.submit(lambda: None)
    await asyncio.to_thread(thread._thread.join, LIMIT_S)
    assert not thread._thread.is_alive()


@pytest.mark.parametrize("when", ["before", "meanwhile"])
async def test_a_thread_that_dies_takes_no_transfer_with_it(
    tmp_path: Path, when: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with Sandbox(SLOW) as sandbox, client_of(sandbox, limits=FOUR) as client:
        async with asyncio.timeout(LIMIT_S):
            await export(client, tmp_path / "warm")
            thread = thread_of(client)
            if when == "before":
                await broken_select(thread)
                report = await export(client, tmp_path / "later")
            else:
                exporting = asyncio.create_task(export(client, tmp_path / "later"))
                await until(lambda: thread.responses)
                await broken_select(thread)
                report = await exporting
        assert report.is_complete  # type: ignore[attr-defined]
        assert thread not in engine_of(client)._threads
    assert "has ended" in caplog.text


HANDLERS = ("_header", "_headers_complete", "_pause_for")
"""What a thread calls for one transfer."""


@pytest.mark.parametrize("name", HANDLERS)
async def test_a_handler_that_raises_ends_its_transfer_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The others run on, on the same thread, and nobody waits for the one that has ended."""
    real: Any = getattr(CurlResponse, name)
    left = 3
    async with (
        Sandbox(SLOW) as sandbox,
        client_of(
            sandbox, limits=FOUR.model_copy(update={"bytes_per_second": 50_000_000})
        ) as client,
    ):
        threads: set[CurlThread] = set()

        def handle(response: CurlResponse, *parts: Any) -> Any:
            nonlocal left
            threads.add(response._thread)
            result = real(response, *parts)
            if left:
                left -= 1
                fail()
            return result

        monkeypatch.setattr(CurlResponse, name, handle)
        async with asyncio.timeout(LIMIT_S):
            reports = [await export(client, tmp_path / str(number)) for number in range(2)]
        assert left == 0
        assert not any(thread.is_over for thread in threads)
        assert reports[1].is_complete  # type: ignore[attr-defined]


async def test_a_command_that_raises_ends_alone(caplog: pytest.LogCaptureFixture) -> None:
    async with PixxelClient("key") as client:
        thread = thread_of(client)
        thread.submit(fail)
        done = asyncio.Event()
        thread.submit(lambda: thread.tell(done.set))
        async with asyncio.timeout(LIMIT_S):
            await done.wait()
        assert not thread.is_over
    assert "a bug" in caplog.text


async def test_a_selector_that_fails_for_one_transfer_is_waited_for_by_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        real, left = CurlThread.release, 3

        def release(thread: CurlThread, response: CurlResponse) -> None:
            nonlocal left
            real(thread, response)
            if left:
                left -= 1
                message = "not registered"
                raise KeyError(message)

        monkeypatch.setattr(CurlThread, "release", release)
        async with asyncio.timeout(LIMIT_S):
            report = await export(client, tmp_path)
        assert report.is_complete  # type: ignore[attr-defined]
        assert left == 0
