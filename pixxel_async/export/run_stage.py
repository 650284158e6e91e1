"""Runs jobs and insights ahead of an export: creates them, waits for them, hands on their packages.

Rules:
    * A run has one task while it is created, and none while the service works: the pending runs
      are a `PollStage` of their own, with the same learning and the same rate.
    * With a limit on costs, all estimates of a list are known, and added up in its order, before
      anything is created. What does not fit fails.
    * A run that failed for a reason of its own is created again only with `--retry-failed`:
      it costs again.
    * Downloads among the runs pass through.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace

import anyio
from anyio.abc import TaskGroup

from .. import events
from ..downloads import ManifestRow, is_download
from ..errors import (
    CostLimitError,
    EarlierFailureError,
    PackageTimeoutError,
    PixxelError,
    RunFailedError,
)
from ..journal.export_folder import ExportFolder
from ..journal.models import IntentRow
from ..models import PackageStatus
from ..runs import RunInsight, RunJob, is_run
from ..sansio.polling.schedule import Pending
from ..sansio.resume_decision import is_retryable_next_run
from ..sansio.run_state import RunAction, RunState, first_action
from ..transfer.call_gate import CallGate
from ..transfer.disk_space import DiskSpace, DiskStaysFullError
from ..transfer.errors import as_error
from ..transfer.work_item import to_text
from .event_bus import EventBus
from .pending_packages import PendingPackages
from .poll_stage import PollStage
from .resources import ExportResources
from .run_creation import RunCreator, RunItem
from .run_feed import RunFeed, each_row
from .run_requests import RunRequests


@dataclass(frozen=True, slots=True)
class RunContext:
    """What the stage shares with the export that it runs ahead of.

    Attributes:
        gate: Shuts when the key is rejected.
        pending: What is not settled.
        space: Waits for disk space.
        judge: Returns why one run fails, or None if the error ends the export.
        end_early: Ends the export.
    """

    gate: CallGate
    pending: PendingPackages
    space: DiskSpace
    judge: Callable[[PixxelError], Awaitable[PixxelError | None]]
    end_early: Callable[[PixxelError], Awaitable[None]]


class RunStage:
    """The runs of one export."""

    def __init__(
        self,
        feed: RunFeed,
        resources: ExportResources,
        folder: ExportFolder,
        event_bus: EventBus,
        context: RunContext,
    ) -> None:
        """Connect its parts; nothing is read or sent."""
        self._feed = feed
        self._context = context
        self._pending = context.pending
        self._intents = folder.intents
        self._emit, self._clock = event_bus.emit, event_bus.clock
        self._poll_policy = resources.poll
        self._failures = resources.folder.previous_failures
        self._calls = anyio.Semaphore(resources.limits.requests)
        self._places = anyio.Semaphore(resources.limits.pending)
        self._requests = RunRequests(
            resources.api,
            context.gate,
            emit=event_bus.emit,
            clock=event_bus.clock,
            grace_s=resources.poll.not_found_grace_s,
        )
        self._creator = RunCreator(
            self._requests,
            folder.intents,
            resources.turns,
            retry=resources.retry,
            poll=resources.poll,
            gate=context.gate,
            space=context.space,
            emit=event_bus.emit,
            clock=event_bus.clock,
        )
        self._poll_stage: PollStage[RunItem] = PollStage(
            self._poll,
            self._on_pending,
            policy=resources.poll,
            workers=resources.limits.requests,
            on_error=lambda item, raised: self._fail(item, as_error(raised)),
        )
        self._open: set[str] = set()
        self._ended = anyio.Event()
        self._reading = anyio.CancelScope()
        self._stopped = anyio.Event()

    def stop(self) -> None:
        """End all runs that wait: the key was rejected."""
        self._stopped.set()
        if not isinstance(self._feed.runs, Collection):  # a stream may never end
            self._reading.cancel()

    async def run(self) -> None:
        """Take every run to its end, and hand on the packages."""
        try:
            try:
                await self._intents.load()
            except PixxelError as error:
                await self._context.end_early(error)
                return
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._poll_stage.run)
                tasks.start_soon(self._stop_when_rejected)
                if isinstance(self._feed.runs, Collection):
                    await self._start_all(self._feed.runs, tasks)
                else:
                    with self._reading:
                        async for row in each_row(self._feed.runs):
                            await self._start_next(row, tasks)
                while self._open:
                    self._ended = anyio.Event()
                    await self._ended.wait()
                tasks.cancel_scope.cancel()
        finally:
            self._feed.close()

    # Which runs there are, and what they may cost.

    async def _start_all(self, rows: Collection[ManifestRow], tasks: TaskGroup) -> None:
        runs: dict[str, RunJob | RunInsight] = {}
        async for row in each_row(rows):
            if is_run(row):
                runs.setdefault(row.key, row)
        for key in runs:
            self._add(key)
        for key in sorted(runs):  # in one order, or two exports might wait for each other
            await self._pending.claim(key)
        planned = [self._planned(run) for run in runs.values()]
        if self._feed.max_cost is not None:
            await self._estimate_all([item for item, action in planned if item and _costs(action)])
        admitted = [(item, action) for item, action in planned if await self._admit(item, action)]
        for item, action in admitted:
            await self._start(item, action, tasks)
        async for row in each_row(rows):
            if is_download(row):
                self._feed.put(row)

    async def _start_next(self, row: ManifestRow, tasks: TaskGroup) -> None:
        if is_download(row):
            self._feed.put(row)
        elif is_run(row) and not self._pending.is_wanted(row.key):
            self._add(row.key)
            await self._pending.claim(row.key)
            item, action = self._planned(row)
            if await self._admit(item, action):
                await self._start(item, action, tasks)

    def _add(self, key: str) -> None:
        self._pending.add(key)
        self._open.add(key)

    def _planned(self, run: RunJob | RunInsight) -> tuple[RunItem, RunAction | PixxelError]:
        """Return a run with what to do first, or why it fails."""
        item = RunItem(run, IntentRow(key=run.key, target=to_text(run.row())))
        try:
            row = self._intents.get(run.key)
        except PixxelError as error:
            return item, error
        if row is None:
            self._intents.ledger.set(run.key, 0.0)  # an export that was interrupted may have more
            return item, RunAction.CREATE
        item.row = row
        action = first_action(
            row.state,
            has_id=row.created_id is not None,
            is_unanswered=bool(row.is_unanswered),
            takes_up_itself=bool(row.is_retryable_next_run),
            failures=self._failures,
        )
        if action is RunAction.LEAVE_FAILED:
            message = f"failed in an earlier run: {row.error}"
            return item, EarlierFailureError(message, key=run.key)
        if action is RunAction.CREATE:  # again: its cost so far stays counted
            item.row = replace(row, spent=row.committed, cost=0.0, created_id=None)
        elif row.state is RunState.FAILED and action is RunAction.LOOK:  # asked for: once more
            item.row = replace(row, repeats=0)
        return item, action

    async def _estimate_all(self, items: Collection[RunItem]) -> None:
        """Request all estimates at once, and retry failed ones one by one."""

        async def estimate(run: RunJob | RunInsight) -> None:
            async with self._calls:
                try:
                    await self._requests.estimate(run)
                except PixxelError:
                    return

        by_source = {
            item.run.workflow_id if isinstance(item.run, RunJob) else item.key: item.run
            for item in items
        }
        async with anyio.create_task_group() as tasks:
            for run in by_source.values():
                tasks.start_soon(estimate, run)

    async def _admit(self, item: RunItem, action: RunAction | PixxelError) -> bool:
        """Reserve what a run costs; fail it and return False if it may not start."""
        try:
            if isinstance(action, PixxelError):
                raise action
            if _costs(action) and (limit := self._feed.max_cost) is not None:
                await self._reserve(item, limit)
        except PixxelError as error:
            is_recorded = not isinstance(error, (EarlierFailureError, CostLimitError))
            await self._fail(item, error, is_recorded=is_recorded and action is not error)
            return False
        return True

    async def _reserve(self, item: RunItem, limit: float) -> None:
        ledger = self._intents.ledger
        cost = await self._requests.estimate(item.run)
        committed = ledger.total
        if not ledger.reserve(item.key, cost, limit):
            message = (
                f"not created: its estimate is {cost:g}, and the runs of this folder have "
                f"committed {committed:g} of {limit:g}; raise max_cost (--max-cost) to create it"
            )
            raise CostLimitError(message, cost=cost, committed=committed, limit=limit)
        item.row = replace(item.row, cost=cost)

    # What happens to one run.

    async def _start(
        self, item: RunItem, action: RunAction | PixxelError, tasks: TaskGroup
    ) -> None:
        await self._places.acquire()
        item.has_place = True
        if _creates(action):
            await self._calls.acquire()
            tasks.start_soon(self._create, item)
            return
        item.since = anyio.current_time()
        await self._is_created(item, is_new=False)

    async def _create(self, item: RunItem) -> None:
        try:
            is_new = await self._creator.create(item)
        except DiskStaysFullError as full:
            await self._context.end_early(full.error)
        except Exception as raised:  # noqa: BLE001 - it fails this run only
            await self._fail(item, as_error(raised))
        else:
            item.since = anyio.current_time()
            await self._is_created(item, is_new=is_new)
        finally:
            self._calls.release()

    async def _is_created(self, item: RunItem, *, is_new: bool) -> None:
        await self._emit(
            events.RunCreated(
                at_s=self._clock(),
                key=item.key,
                run=item.run,
                created_id=item.row.created_id or "",
                is_new=is_new,
            )
        )
        if self._feed.is_detached:
            self._end(item)
        elif item.row.state is RunState.FINISHED:
            await self._hand_on(item)
        elif is_new:
            self._poll_stage.add(item, since=item.since, kind=item.run.kind)
        else:
            spread_s = self._poll_policy.initial_s
            self._poll_stage.add_soon(item, since=item.since, spread_s=spread_s)

    async def _poll(self, pending: Pending[RunItem]) -> bool:
        """Poll one run; return whether it must be polled again."""
        item = pending.item
        age_s = anyio.current_time() - item.since
        created_id = item.row.created_id or ""
        found = await self._requests.poll(item.run, created_id, age_s=age_s)
        if found is not None:
            self._poll_stage.record_status(pending, found.status)
            item.status_word = found.word
            item.row = replace(item.row, cost=max(item.row.cost, found.cost or 0.0))
            if found.status is PackageStatus.FAILED:
                reason = found.reason or f'its status is "{found.word}"'
                message = f"{_noun(item.run)} {created_id} failed: {reason}"
                raise RunFailedError(message, key=item.key)
            if found.status is PackageStatus.READY:
                await self._finish(item)
                return False
        limit_s = self._poll_policy.wait_timeout_s
        if age_s >= limit_s:
            word = f' (its status is "{item.status_word}")' if item.status_word else ""
            message = f"not finished within {limit_s:g} s{word}; a rerun keeps waiting"
            raise PackageTimeoutError(message, key=item.key)
        self._context.gate.check()
        return True

    async def _finish(self, item: RunItem) -> None:
        try:
            await self._creator.put(item, state=RunState.FINISHED, error="", error_type="")
        except DiskStaysFullError as full:
            await self._context.end_early(full.error)
            return
        await self._hand_on(item)

    async def _hand_on(self, item: RunItem) -> None:
        download = item.run.package_of(item.row.created_id or "")
        await self._emit(
            events.RunFinished(
                at_s=self._clock(),
                key=item.key,
                download=download,
                waited_s=anyio.current_time() - item.since,
            )
        )
        self._feed.put(download)
        self._end(item)

    async def _on_pending(self, pending: Pending[RunItem], next_s: float) -> None:
        await self._emit(
            events.RunPolled(
                at_s=self._clock(),
                key=pending.item.key,
                status_word=pending.item.status_word,
                polls=pending.polls,
                next_s=next_s,
            )
        )

    # How runs end.

    async def _fail(self, item: RunItem, error: PixxelError, *, is_recorded: bool = True) -> None:
        """Fail one run, and record why, unless the error ends the export."""
        judged = await self._context.judge(error)
        if judged is None:
            return
        if is_recorded:
            try:
                await self._creator.put(
                    item,
                    state=RunState.FAILED,
                    error=str(judged),
                    error_type=type(judged).__name__,
                    is_retryable_next_run=int(is_retryable_next_run(judged)),
                )
            except Exception as raised:  # noqa: BLE001 - the run fails, recorded or not
                judged.add_note(f"not recorded in the journal: {as_error(raised)}")
        failed = events.RunFailed(at_s=self._clock(), key=item.key, run=item.run, error=judged)
        await self._pending.settle(failed)
        self._end(item)

    def _end(self, item: RunItem) -> None:
        if item.has_place:
            item.has_place = False
            self._places.release()
        self._pending.forget(item.key)
        self._open.discard(item.key)
        self._ended.set()

    async def _stop_when_rejected(self) -> None:
        await self._stopped.wait()
        for item in self._poll_stage.drain():
            await self._fail(item, self._context.gate.rejection())


def _creates(action: RunAction | PixxelError) -> bool:
    return action in {RunAction.CREATE, RunAction.LOOK}


def _costs(action: RunAction | PixxelError) -> bool:
    return action is RunAction.CREATE


def _noun(run: RunJob | RunInsight) -> str:
    return "job" if isinstance(run, RunJob) else "insight"
