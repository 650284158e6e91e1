"""The sandbox: a service and a storage, each on a port of its own."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cached_property
from types import TracebackType
from typing import Any, Self

from .api import Api
from .connections import Connections, Port
from .identity import Identity
from .package_content import package_content
from .packages import Package, Packages
from .recording import ApiCall, Leak, StorageGet
from .scenario import Scenario
from .signing import Signer
from .storage import Storage
from .world import World

HOST = "127.0.0.1"


class Sandbox:
    """A service and a storage that run while the context is open.

    Leaving it breaks what is under way and frees the ports. It serves one event loop, the one
    that it was entered on.

    Attributes:
        scenario: What it does.
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
            scenario: What it does; by default it is quick and without faults.
            host: The address to listen on.
            api_port: The service's port; 0 lets the system choose.
            storage_port: The storage's port, likewise.
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
        self._wishes = (api_port, storage_port)
        self._ports = (Port(self._api, connections), Port(self._storage, connections))
        self._urls = ("", "")

    async def __aenter__(self) -> Self:
        """Listen on both ports.

        Raises:
            OSError: A port is taken.
        """
        api, storage = self._ports
        api_port = await api.open(self._host, self._wishes[0])
        try:
            storage_port = await storage.open(self._host, self._wishes[1])
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
        """Break what is under way, and free the ports."""
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
        """What the service lists."""
        return self.scenario.world or World.made_up(seed=self.scenario.seed)

    @property
    def calls(self) -> list[ApiCall]:
        """All calls of the service so far."""
        return self._api.calls

    @property
    def counts(self) -> Counter[str]:
        """How many calls came so far, by operation id; the empty one counts the undocumented."""
        return Counter(call.operation for call in self.calls)

    @property
    def gets(self) -> list[StorageGet]:
        """All requests to the storage so far."""
        return self._storage.gets

    @property
    def sent_bytes(self) -> int:
        """Bytes that the storage has sent so far, without the heads of its answers."""
        return self._storage.body_bytes

    @property
    def leaks(self) -> list[Leak]:
        """Keys and cookies that reached the storage; a good client leaves this empty."""
        return self._storage.leaks

    @property
    def packages(self) -> list[Package]:
        """All packages so far; a POST that is repeated makes another one."""
        return list(self._packages.by_id.values())

    def expected_sha256(self, row: Mapping[str, Any]) -> str:
        """Return the SHA-256 of a package, in hexadecimal.

        Args:
            row: What it is of, as a manifest row: `kind`, and the ids by name.
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
