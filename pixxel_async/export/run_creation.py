"""Creates jobs and insights: each once, whatever is lost and whenever the process is killed.

Rules:
    * The intent is on disk before a creation is sent, with what its list held, and what it costs.
    * A creation whose response is unknown is looked for in the list, until the list had
      `PollPolicy.not_found_grace_s` to show it. Only if it is not there is it sent again, as often
      as `RetryPolicy.recreate` allows.
    * If the list cannot tell, the run fails; nothing is sent.
    * An answer that arrives is noted before anything can be cancelled.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import anyio

from .. import events
from ..config import PollPolicy, RetryPolicy
from ..errors import AnswerLostError, PixxelError
from ..journal.intents import Intents
from ..journal.models import IntentRow
from ..runs import RunInsight, RunJob
from ..sansio.resilience.retry_rules import Failure, failure_of
from ..sansio.run_search import Before, Search, find
from ..sansio.run_state import RunState
from ..transfer.call_gate import CallGate
from ..transfer.disk_space import DiskSpace
from .run_requests import RunRequests, RunTurns

EARLIER = "an earlier run sent it, and recorded no response"
_UNKNOWN = frozenset({Failure.LOST, Failure.BROKEN, Failure.UNREADABLE})
"""After these the service may have created it."""


@dataclass(slots=True, eq=False)
class RunItem:
    """A run that passes through its stage.

    Attributes:
        run: What is created.
        row: Its journal row.
        since: When it was created or found, in seconds on the event loop's clock.
        status_word: The last status that the service reported.
        has_place: Whether it counts towards the limit on pending packages.
    """

    run: RunJob | RunInsight
    row: IntentRow
    since: float = 0.0
    status_word: str = ""
    has_place: bool = False

    @property
    def key(self) -> str:
        """The key of the run."""
        return self.row.key


class RunCreator:
    """Creates the jobs and insights of one export."""

    def __init__(  # noqa: PLR0913 - dependencies, keyword-only
        self,
        requests: RunRequests,
        intents: Intents,
        turns: RunTurns,
        *,
        retry: RetryPolicy,
        poll: PollPolicy,
        gate: CallGate,
        space: DiskSpace,
        emit: Callable[[events.Event], Awaitable[None]],
        clock: Callable[[], float],
    ) -> None:
        """Take the dependencies."""
        self._requests = requests
        self._intents = intents
        self._turns = turns
        self._recreate = retry.recreate
        self._poll = poll
        self._gate = gate
        self._space = space
        self._emit = emit
        self._clock = clock

    async def create(self, item: RunItem) -> bool:
        """Create what an item asks for, or find it if it may have been created.

        Returns:
            Whether it was created by this call, and not found.

        Raises:
            AnswerLostError: It may have been created; the list does not show whether.
            PixxelError: It was not created.
            DiskStaysFullError: The journal could not be written; nothing was sent.
        """
        async with self._turns.of(item.run):
            if not item.row.is_unanswered:
                before = Before.of(await self._requests.listed(item.run))
                item.row = replace(item.row, token=uuid.uuid4().hex, before=before.to_text())
            elif await self._is_found(item, EARLIER):
                return False
            while True:
                try:
                    await self._send(item)
                except PixxelError as error:
                    if failure_of(error) not in _UNKNOWN:
                        raise
                    if await self._is_found(item, f"the response was lost ({error})"):
                        return False
                else:
                    return True

    async def put(self, item: RunItem, **changes: object) -> None:
        """Change the row of an item, and return when it is on disk.

        Raises:
            SinkError: The journal is lost.
            DiskStaysFullError: The disk stays full.
        """
        item.row = replace(item.row, **changes)  # type: ignore[arg-type]  # fields of the row
        self._intents.note(item.row)
        await self._space.write(self._intents.flush)

    async def _send(self, item: RunItem) -> None:
        is_answered = True
        await self.put(
            item, state=RunState.SENDING, is_unanswered=1, created_id=None, error="", error_type=""
        )
        try:
            made = await self._requests.create(item.run, item.row.token)
        except PixxelError as error:
            is_answered = failure_of(error) not in _UNKNOWN and self._gate.rejected is None
            if is_answered:  # nothing was created
                item.row = replace(item.row, is_unanswered=0)
            raise
        await self._record(item, made.created_id, made.cost)

    async def _record(self, item: RunItem, created_id: str, cost: float | None = None) -> None:
        self._turns.created.add(created_id)
        await self.put(
            item,
            state=RunState.CREATED,
            is_unanswered=0,
            repeats=0,
            created_id=created_id,
            cost=max(item.row.cost, cost or 0.0),
        )

    async def _is_found(self, item: RunItem, reason: str) -> bool:
        """Look for a creation that may have happened, and record it if it did.

        Raises:
            AnswerLostError: It may be one of several, or it was sent too often.
        """
        await self._emit(events.RunSearched(at_s=self._clock(), key=item.key, reason=reason))
        began, looks = anyio.current_time(), 0
        while (left_s := began + self._poll.not_found_grace_s - anyio.current_time()) > 0 or (
            looks == 0
        ):
            if looks:
                wait_s = self._poll.initial_s * self._poll.factor ** (looks - 1)
                await anyio.sleep(min(wait_s, self._poll.max_s, left_s))
            if await self._looks(item):
                return True
            looks += 1
        if item.row.repeats >= self._recreate:
            message = (
                "its creation was sent, no response arrived, and no repeat is left; the service "
                f"did not list it within {self._poll.not_found_grace_s:g} s"
            )
            raise AnswerLostError(message, key=item.key)
        item.row = replace(item.row, repeats=item.row.repeats + 1)
        return False

    async def _looks(self, item: RunItem) -> bool:
        row = item.row
        search = Search(
            before=Before.from_text(row.before),
            token=row.token if isinstance(item.run, RunInsight) else "",
            known=self._intents.created_ids | self._turns.created,
        )
        findings = find(search, await self._requests.listed(item.run))
        if findings.unclear:
            raise AnswerLostError(_unclear(item.run, findings.unclear), key=item.key)
        if findings.found is None:
            return False
        await self._record(item, findings.found)
        return True


def _unclear(run: RunJob | RunInsight, ids: tuple[str, ...]) -> str:
    kind = "job" if isinstance(run, RunJob) else "insight"
    return (
        f"its creation was sent, and the response was lost; the service lists {len(ids)} new "
        f"{kind}s, and the lost one cannot be identified: {', '.join(ids[:5])}. Nothing more was "
        f'created: export the right one by its id (kind "{kind}"), in place of this run'
    )
