"""The world as it is now: the records that it began with, and those created since."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import cached_property
from hashlib import sha256
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

from ..faults import FaultPlan, RunFault
from ..identity import Identity
from ..recording import Creation
from ..refusals import BAD_REQUEST, NOT_THERE, ServiceError
from ..scenario import Scenario
from ..world import Aoi, Insight, Job, Order, World
from ..world.made_reference import JsonObject, Reference, made_reference
from ..world.maker import Maker
from .run import FAILED, Run

T = TypeVar("T")
Made: TypeAlias = Callable[[float], T]
"""A record that was created, at a time."""

NOT_FINISHED = (BAD_REQUEST, "NOT_FINISHED")


class State:
    """A world that changes; for use on the event loop of its sandbox.

    What has been created is a function of time: it returns the record, or None before there is one.

    Attributes:
        page_size: The most records on a page, or None.
        maker: Generates ids.
        creations: What has been created, in order.
        runs: The runs of what was created, by kind and id.
        deleted: What has been deleted, likewise.
        aois: Created areas of interest.
        jobs: Created jobs, by the id of their workflow.
        insights: Created insights, by the id of their AOI.
        visualizations: Created visualizations, likewise.
        indices: Created indices.
        orders: Created orders.
        origins: The ids of the order and its item of each of their tasks.
        catalogs: What created orders became.
        deliveries: Created deliveries.
        stores: Created stores, by id.
    """

    def __init__(
        self, world: Callable[[], World], scenario: Scenario, clock: Callable[[], float]
    ) -> None:
        """Begin with a world, which is created when it is needed."""
        faults = tuple(fault for fault in scenario.faults if isinstance(fault, RunFault))
        self._make_world = world
        self._scenario = scenario
        self._clock = clock
        self._faults = FaultPlan(faults, f"{scenario.seed}:runs")
        self._runs = 0
        self.page_size = scenario.page_size
        self.maker = Maker(scenario.seed)
        self.creations: list[Creation] = []
        self.runs: dict[tuple[str, str], Run] = {}
        self.deleted: set[tuple[str, str]] = set()
        self.aois: list[Made[Aoi]] = []
        self.jobs: defaultdict[str, list[Made[Job]]] = defaultdict(list)
        self.insights: defaultdict[str, list[Made[Insight]]] = defaultdict(list)
        self.visualizations: defaultdict[str, list[Made[JsonObject]]] = defaultdict(list)
        self.indices: list[JsonObject] = []
        self.orders: list[Made[Order]] = []
        self.origins: dict[str, tuple[str, str]] = {}
        self.catalogs: list[Made[JsonObject | None]] = []
        self.deliveries: list[Made[JsonObject | None]] = []
        self.stores: dict[str, JsonObject] = {}

    @cached_property
    def world(self) -> World:
        """The records that it began with."""
        return self._make_world()

    @cached_property
    def reference(self) -> Reference:
        """What everybody is offered."""
        return made_reference(self.maker)

    @property
    def now(self) -> float:
        """Seconds since 1970."""
        return self._clock()

    def new_id(self, *parts: object) -> str:
        """Return the id of the next creation, or of a part of it."""
        text = repr((self._scenario.seed, "created", len(self.creations), *parts))
        return str(UUID(bytes=sha256(text.encode()).digest()[:16], version=4))

    def create(self, operation: str, id_: str, ids: Mapping[str, str], body: Any) -> Run:
        """Record a creation, and return its run."""
        self.record(operation, id_, ids, body)
        return self.next_run(operation, {"ids": dict(ids), "body": body})

    def record(self, operation: str, id_: str, ids: Mapping[str, str], body: Any) -> None:
        """Record a creation."""
        self.creations.append(Creation(self.now, operation, id_, dict(ids), body))

    def next_run(self, operation: str, about: Mapping[str, Any]) -> Run:
        """Return the run of what a call creates.

        Args:
            operation: The operation id.
            about: What faults search.
        """
        self._runs += 1
        chance = self._scenario.chance("run", operation, self._runs)
        text = json.dumps(about, sort_keys=True, ensure_ascii=False)
        fault = self._faults.next_fault(text, lambda fault: fault.on in {"", operation})
        seconds = max(0.0, self._scenario.running.draw(chance))
        return Run.lasting(seconds, self.now, fault.action if fault else None)

    def check_finished(self, identity: Identity) -> None:
        """Refuse the download of what was created and has not been completed.

        Raises:
            ServiceError: It runs, has failed, or has been deleted.
        """
        for kind, id_ in _parts(identity):
            what = kind.replace("_", " ")
            if (kind, id_) in self.deleted:
                raise ServiceError(*NOT_THERE, f"there is no such {what}")
            run = self.runs.get((kind, id_))
            if run is None or run.is_done(self.now):
                continue
            if run.state(self.now) == FAILED:
                reason = f"the {what} has failed: there is nothing to download"
            else:
                reason = f"the {what} has not finished: it is {run.word(self.now)}"
            raise ServiceError(*NOT_FINISHED, reason)


def _parts(identity: Identity) -> list[tuple[str, str]]:
    """Return the kinds and ids of what a package consists of."""
    request = identity.request
    if identity.kind != "catalog":
        return [(identity.kind, request[f"{identity.kind}_id"])]
    kinds = ("catalog", "order_item")
    return [(kind, id_) for kind in kinds for id_ in request.get(f"{kind}_ids", ())]
