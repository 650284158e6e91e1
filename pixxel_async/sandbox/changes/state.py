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
from ..world import Insight, Job, World
from .run import FAILED, Run

T = TypeVar("T")
Made: TypeAlias = Callable[[float], T]
"""A record that was created, at a time."""

NOT_FINISHED = (BAD_REQUEST, "NOT_FINISHED")


class State:
    """A world that changes; for use on the event loop of its sandbox.

    Attributes:
        creations: What has been created, in order.
        runs: The runs of what was created, by kind and id.
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
        self.creations: list[Creation] = []
        self.runs: dict[tuple[str, str], Run] = {}
        self.jobs: defaultdict[str, list[Made[Job]]] = defaultdict(list)
        self.insights: defaultdict[str, list[Made[Insight]]] = defaultdict(list)
        self.deleted: set[tuple[str, str]] = set()

    @cached_property
    def world(self) -> World:
        """The records that it began with."""
        return self._make_world()

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
        chance = self._scenario.chance("run", operation, len(self.creations))
        text = json.dumps({"ids": dict(ids), "body": body}, sort_keys=True, ensure_ascii=False)
        fault = self._faults.next_fault(text, lambda fault: fault.on in {"", operation})
        self.creations.append(Creation(self.now, operation, id_, dict(ids), body))
        seconds = max(0.0, self._scenario.running.draw(chance))
        return Run.lasting(seconds, self.now, fault.action if fault else None)

    def check_finished(self, identity: Identity) -> None:
        """Refuse the download of what was created and has not been completed.

        Raises:
            ServiceError: It runs, has failed, or has been deleted.
        """
        id_ = identity.request.get(f"{identity.kind}_id", "")
        if (identity.kind, id_) in self.deleted:
            raise ServiceError(*NOT_THERE, f"there is no such {identity.kind}")
        run = self.runs.get((identity.kind, id_))
        if run is None or run.is_done(self.now):
            return
        if run.state(self.now) == FAILED:
            reason = f"the {identity.kind} has failed: there is nothing to download"
        else:
            reason = f"the {identity.kind} has not finished: it is {run.word(self.now)}"
        raise ServiceError(*NOT_FINISHED, reason)
