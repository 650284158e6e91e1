"""Sends the calls of runs: estimates, creations, lists and status."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio

from .. import events
from ..errors import NotFoundError, PixxelError, RunFailedError
from ..http.service_calls import Api, Notice
from ..runs import RunInsight, RunJob
from ..sansio.api import run_calls
from ..sansio.api.run_calls import RunStatus
from ..sansio.resilience.retry_rules import CallKind, Verdict, failure_of, judge
from ..sansio.run_search import Listed
from ..transfer.call_gate import CallGate
from .package_requests import event_of


class RunTurns:
    """One creation at a time for each list: whatever is new in it then belongs to that creation.

    The exports of a client share it.
    """

    def __init__(self) -> None:
        """Start with none."""
        self._locks: dict[str, anyio.Lock] = {}
        self.created: set[str] = set()
        """The ids that this client knows, of all folders."""

    def of(self, run: RunJob | RunInsight) -> anyio.Lock:
        """Return the lock of the list that a run's creation appears in."""
        return self._locks.setdefault(run_calls.listing(run).path, anyio.Lock())


class RunRequests:
    """The calls of one export; each ends when the gate is shut."""

    def __init__(
        self,
        api: Api,
        gate: CallGate,
        *,
        emit: Callable[[events.Event], Awaitable[None]],
        clock: Callable[[], float],
        grace_s: float,
    ) -> None:
        """Take the dependencies; within `grace_s` the service may not find what it created."""
        self._api = api
        self._gate = gate
        self._emit = emit
        self._clock = clock
        self._grace_s = grace_s
        self._estimates: dict[str, float] = {}

    async def estimate(self, run: RunJob | RunInsight) -> float:
        """Return what a run would cost; asked once for each workflow and each insight.

        Raises:
            PixxelError: The service gave none.
        """
        known_by = run.workflow_id if isinstance(run, RunJob) else run.key
        if known_by not in self._estimates:
            self._estimates[known_by] = await self._gate.ask(
                self._api.ask(
                    run_calls.estimate(run),
                    lambda body: run_calls.read_estimate(run, body),
                    notify=self._notify(run.key),
                )
            )
        return self._estimates[known_by]

    async def create(self, run: RunJob | RunInsight, token: str) -> RunStatus:
        """Create a job or an insight; sent again only if the service certainly did nothing.

        Raises:
            PixxelError: As `Api.ask`.
        """
        return await self._gate.create(
            self._api.ask(
                run_calls.creation(run, token),
                lambda body: run_calls.read_created(run, body),
                notify=self._notify(run.key),
            )
        )

    async def listed(self, run: RunJob | RunInsight) -> tuple[Listed, ...]:
        """Return the list in which the run's creation appears.

        Raises:
            PixxelError: As `Api.ask`.
        """
        return await self._gate.ask(
            self._api.ask(
                run_calls.listing(run),
                lambda body: run_calls.read_listing(run, body),
                notify=self._notify(run.key),
            )
        )

    async def poll(
        self, run: RunJob | RunInsight, created_id: str, *, age_s: float
    ) -> RunStatus | None:
        """Return how far a run has come, or None after an error that passes.

        Raises:
            RunFailedError: The service does not list it any more.
            PixxelError: The service answered with a permanent error.
        """
        is_early = age_s <= self._grace_s
        try:
            found = await self._gate.ask(
                self._api.ask(
                    run_calls.status(run, created_id),
                    lambda body: run_calls.read_status(run, created_id, body),
                    notify=self._notify(run.key),
                    comes_again=True,
                )
            )
        except PixxelError as error:
            is_missing = is_early and isinstance(error, NotFoundError)
            passes = judge(CallKind.READ, failure_of(error)) is Verdict.RETRY
            if is_missing or passes:
                return None
            raise
        if found is None and not is_early:
            message = f"the service no longer lists {created_id}"
            raise RunFailedError(message, key=run.key)
        return found

    def _notify(self, key: str) -> Callable[[Notice], Awaitable[None]]:
        async def notify(notice: Notice) -> None:
            event = event_of(notice, key, self._clock())
            if not isinstance(event, events.PackageEvent):  # a run is not a package yet
                await self._emit(event)

        return notify
