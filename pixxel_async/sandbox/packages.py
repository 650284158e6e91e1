"""The requested packages."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import quote
from uuid import UUID

from .content import Content
from .faults import FaultPlan, PackageFault
from .identity import Identity
from .package_content import package_content
from .scenario import Scenario
from .signing import STYLES

URL_LATE_ANSWERS = 2
"""Successful responses without a URL under the fault `url_late`."""


@dataclass
class Package:
    """A package, ready or not.

    Attributes:
        identity: Its kind and ids.
        id: The id of its status calls.
        ready_at: Seconds since 1970.
        style: The form of its signed URLs.
        action: The action of its fault, or empty.
        version: The version of the object in the storage.
        edits: How often its bytes have changed since, with the same size.
        answers: Status responses since it was ready.
    """

    scenario: Scenario = field(repr=False)
    identity: Identity
    id: str
    ready_at: float
    style: str
    action: str
    version: int = 1
    edits: int = 0
    answers: int = 0

    @cached_property
    def path(self) -> str:
        """The path of the object in the storage, percent-encoded, with awkward bytes."""
        return f"/exports//{quote(self.identity.kind + '/' + self.id, safe='')}/a+b%20c~.zip"

    @property
    def etag(self) -> str:
        """The strong ETag of the current version."""
        return f'"{self.id}-{self.version}.{self.edits}"'

    @cached_property
    def _contents(self) -> dict[tuple[int, int], Content]:
        return {}

    def content(self) -> Content:
        """Return the bytes of the current version; the first call builds them."""
        state = (self.version, self.edits)
        if state not in self._contents:
            self._contents[state] = package_content(self.scenario, self.identity, *state)
        return self._contents[state]

    def served(self) -> set[str]:
        """Return the SHA-256 of each version that has been served, in hexadecimal."""
        return {content.sha256.hex() for content in list(self._contents.values())}


class Packages:
    """All packages of a sandbox; for use on its event loop.

    Attributes:
        by_id: By the id of the status calls.
        by_path: By the path of the object.
    """

    def __init__(self, scenario: Scenario) -> None:
        """Start without packages."""
        faults = tuple(fault for fault in scenario.faults if isinstance(fault, PackageFault))
        self.by_id: dict[str, Package] = {}
        self.by_path: dict[str, Package] = {}
        self._by_identity: dict[Identity, Package] = {}
        self._scenario = scenario
        self._faults = FaultPlan(faults, f"{scenario.seed}:packages")

    def create(self, identity: Identity, now: float) -> Package:
        """Create a package, as a POST does."""
        number = len(self.by_id)
        chance = self._scenario.chance("package", identity.text, number)
        fault = self._faults.next_fault(identity.text)
        style = self._scenario.url_style
        package = Package(
            scenario=self._scenario,
            identity=identity,
            id=str(UUID(int=chance.getrandbits(128), version=4)),
            ready_at=now + max(0.0, self._scenario.packaging.draw(chance)),
            style=chance.choice(STYLES) if style == "mixed" else style,
            action=fault.action if fault else "",
        )
        self.by_id[package.id] = self.by_path[package.path] = package
        self._by_identity[identity] = package
        return package

    def create_or_get(self, identity: Identity, now: float) -> Package:
        """Return the package of an identity, or create it, as a PUT does."""
        return self.latest(identity) or self.create(identity, now)

    def forget(self, package: Package) -> None:
        """Forget a package; the next PUT creates another one."""
        if self._by_identity.get(package.identity) is package:
            del self._by_identity[package.identity]

    def latest(self, identity: Identity) -> Package | None:
        """Return the last package of an identity, or None."""
        return self._by_identity.get(identity)
