"""The sandbox: a service and a storage, each on a port of its own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from functools import cached_property
from types import TracebackType
from typing import Any, Self

from .api import Api
from .connections import Connections, Port
from .identity import Identity
from .package_content import package_content
from .packages import Package, Packages
from .recording import ApiCall, Creation, Leak, StorageGet
from .scenario import Scenario
from .signing import Signer
from .storage import Storage
from .world import World

HOST = "127.0.0.1"


class Sandbox:
    """A service and a storage that run while the context is open.

        async with Sandbox(Scenario(page_size=3)) as sandbox:
            async with PixxelClient(sandbox.api_key, base_url=sandbox.api_url) as client:
                await client.ping()
            print(sandbox.counts)

    Leaving the context aborts all connections and frees the ports. A sandbox belongs to the event
    loop on which it was entered.

    Attributes:
        scenario: Its behaviour.
    """

    def __init__(
        self,
        scenario: Scenario | None = None,
        *,
        host: str = HOST,
        api_port: int = 0,
        storage_port: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Prepare; nothing listens yet.

        Args:
            scenario: Its behaviour; by default quick and without faults.
            host: The address to listen on.
            api_port: The service's port; 0 lets the system choose.
            storage_port: The storage's port; 0 lets the system choose.
            clock: Seconds since 1970; packages become ready and URLs expire by it.
        """
        self.scenario = scenario or Scenario()
        connections = Connections()
        signer = Signer(self.scenario.chance("signer").randbytes(32))
        self._packages = Packages(self.scenario)
        self._storage = Storage(
            self.scenario,
            packages=self._packages,
            connections=connections,
            signer=signer,
            clock=clock,
        )
        self._api = Api(
            self.scenario,
            packages=self._packages,
            world=lambda: self.world,
            connections=connections,
            signed_url=self._signed_url,
            clock=clock,
        )
        self._signer = signer
        self._clock = clock
        self._host = host
        self._requested_ports = (api_port, storage_port)
        self._ports = (Port(self._api, connections), Port(self._storage, connections))
        self._urls = ("", "")

    async def __aenter__(self) -> Self:
        """Listen on both ports.

        Raises:
            OSError: A port is taken.
        """
        api, storage = self._ports
        api_port = await api.open(self._host, self._requested_ports[0])
        try:
            storage_port = await storage.open(self._host, self._requested_ports[1])
        except OSError:
            await api.close()
            raise
        name = f"[{self._host}]" if ":" in self._host else self._host
        self._urls = (f"http://{name}:{api_port}", f"http://{name}:{storage_port}")
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Abort all connections and free the ports."""
        for port in self._ports:
            await port.close()

    @property
    def api_url(self) -> str:
        """The base URL of the service."""
        return self._urls[0]

    @property
    def storage_url(self) -> str:
        """The root of the storage."""
        return self._urls[1]

    @property
    def api_key(self) -> str:
        """The key that the service accepts."""
        return self.scenario.api_key

    @cached_property
    def world(self) -> World:
        """The listed records."""
        return self.scenario.world or World.made_up(seed=self.scenario.seed)

    @property
    def calls(self) -> list[ApiCall]:
        """All calls of the service so far."""
        return self._api.calls

    @property
    def counts(self) -> Counter[str]:
        """The number of calls so far, by operation id; empty for undocumented ones."""
        return Counter(call.operation for call in self.calls)

    @property
    def creations(self) -> list[Creation]:
        """What has been created so far, except packages; a lost response does not matter."""
        return self._api.creations

    @property
    def gets(self) -> list[StorageGet]:
        """All requests to the storage so far."""
        return self._storage.gets

    @property
    def sent_bytes(self) -> int:
        """The bytes of all bodies that the storage has sent so far."""
        return self._storage.body_bytes

    @property
    def leaks(self) -> list[Leak]:
        """Keys and cookies that reached the storage; empty for a correct client."""
        return self._storage.leaks

    @property
    def packages(self) -> list[Package]:
        """All packages so far; each POST creates one."""
        return list(self._packages.by_id.values())

    def expected_sha256(self, row: Mapping[str, Any]) -> str:
        """Return the SHA-256 of a package, in hexadecimal.

        Args:
            row: The package as a manifest row: `kind`, and the ids by name.
        """
        identity = Identity.of(row)
        package = self._packages.latest(identity)
        state = (package.version, package.edits) if package else (1, 0)
        return package_content(self.scenario, identity, *state).sha256.hex()

    def _signed_url(self, package: Package) -> str:
        return self.storage_url + self._signer.target(
            package.path,
            package.style,
            now=self._clock(),
            lifetime_s=self.scenario.url_lifetime_s,
        )


API_PORT = 8080
STORAGE_PORT = 8081


async def serve(
    scenario: Scenario | None = None,
    *,
    host: str = HOST,
    api_port: int = API_PORT,
    storage_port: int = STORAGE_PORT,
    announce: Callable[[Sandbox], None] = lambda _: None,
) -> None:
    """Serve until cancelled.

        serving = asyncio.create_task(serve(api_port=0, storage_port=0))
        await asyncio.sleep(0)  # here goes what uses it
        serving.cancel()

    Args:
        scenario: Its behaviour.
        host: The address to listen on.
        api_port: The service's port; 0 lets the system choose.
        storage_port: The storage's port; 0 lets the system choose.
        announce: Called once both ports listen.

    Raises:
        OSError: A port is taken.
    """
    async with Sandbox(
        scenario, host=host, api_port=api_port, storage_port=storage_port
    ) as sandbox:
        announce(sandbox)
        await asyncio.get_running_loop().create_future()


@contextmanager
def sandbox_in_thread(
    scenario: Scenario | None = None, *, clock: Callable[[], float] = time.time
) -> Iterator[Sandbox]:
    """Run a sandbox while the context is open.

        with sandbox_in_thread() as sandbox:
            export_sync(
                downloads, "packages", api_key=sandbox.api_key, base_url=sandbox.api_url
            )

    Args:
        scenario: Its behaviour.
        clock: As for `Sandbox`; called on the sandbox's thread.

    Yields:
        The sandbox; you may read its records from any thread.
    """
    sandbox = Sandbox(scenario, clock=clock)
    listening: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
    thread = threading.Thread(
        target=lambda: asyncio.run(_run(sandbox, listening)), name="pixxel-async sandbox"
    )
    thread.start()
    try:
        loop, stop = listening.result()
        try:
            yield sandbox
        finally:
            loop.call_soon_threadsafe(stop.set)
    finally:
        thread.join()


async def _run(
    sandbox: Sandbox, listening: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]]
) -> None:
    stop = asyncio.Event()
    try:
        async with sandbox:
            listening.set_result((asyncio.get_running_loop(), stop))
            await stop.wait()
    except BaseException as error:
        if listening.done():
            raise
        listening.set_exception(error)
