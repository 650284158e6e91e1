"""One request and its answer, over a channel, on a reactor's thread.

Rules:
    * The event loop begins it, says where the body goes, and ends it; all that lies between happens
      on the reactor's thread, which tells the event loop when a decision is due, and at the end.
    * A body is given to its target in the reactor's scratch memory, without a copy in between.
    * While nobody has said where the body goes, nothing more is received.
    * A channel whose answer was not read to its end, or after which more came, is not used again.
"""

from __future__ import annotations

import asyncio
import selectors
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from enum import Enum, auto
from typing import TypeAlias

import anyio
import httpx
from pydantic import SecretBytes

from .awaited import Awaited
from .channel import Channel
from .framing import Framing
from .heads import Head
from .reactor import CLOSED, Reactor
from .target import EnoughError, Target, Throttle

ROUNDS = 4
"""So many times in a row a channel may fill the scratch memory, before others have their turn."""

FAILED = "the transfer was given up after an error of its own"

AtOnce: TypeAlias = "Callable[[Exchange], Target | None]"
"""Says where a body goes, when the head is there, on the reactor's thread; or leaves it open."""


class EndedError(Exception):
    """The event loop has ended the exchange."""


class _TargetError(Exception):
    """What a target has raised, which says nothing of the connection."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class _Phase(Enum):
    HEAD = auto()
    HELD = auto()
    BODY = auto()
    OVER = auto()


_RECEIVING = frozenset({_Phase.HEAD, _Phase.BODY})


class Exchange:
    """A request on its way; whoever begins it closes it.

    Attributes:
        channel: What it goes over.
        reactor: On whose thread.
        received: Bytes of the body so far.
        head_at: When the head was there, on the clock of `time.monotonic`.
    """

    def __init__(
        self,
        reactor: Reactor,
        channel: Channel,
        message: SecretBytes,
        *,
        at_once: AtOnce,
        throttle: Throttle | None = None,
    ) -> None:
        """Send nothing yet.

        Args:
            reactor: Where it goes on.
            channel: A channel that nobody else uses.
            message: The request, all of it.
            at_once: Where the body goes, if that can be said without asking.
            throttle: Holds it back, or None.
        """
        self.channel = channel
        self.reactor = reactor
        self.received = 0
        self.head_at = 0.0
        self._message = message
        self._at_once = at_once
        self._throttle = throttle
        self._most = len(reactor.scratch.plain)
        if throttle is not None:
            self._most = min(self._most, throttle.piece_bytes)
        self._phase = _Phase.HEAD
        self._framing = Framing()
        self._early = b""
        self._target: Target | None = None
        self._watched = 0
        self._is_throttled = False
        self._is_behind = False  # there may be more, of which no socket tells
        self._error: BaseException | None = None
        self._is_begun = False
        self._awaited = Awaited()

    @property
    def head(self) -> Head | None:
        """The head of the answer, once it is there."""
        return self._framing.head

    # What the event loop calls.

    async def answer(self) -> Head:
        """Send the request; return when somebody has to say where the body goes, or all is over.

        Raises:
            LostBeforeAnswerError: No byte of an answer came.
            ReadError: The connection broke.
            RemoteProtocolError: What came is no answer, or its body is wrongly framed or cut.
        """
        self._is_begun = True
        self.reactor.users.add(self)
        self.reactor.submit(self._begin, self)
        await self._awaited.wait()
        self._raise()
        if self.head is None:
            raise self._framing.loss(None)
        return self.head

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come; the whole body came, unless an error was raised."""
        return self._phase is _Phase.OVER

    def is_held_up(self, now: float, longest_s: float) -> bool:
        """Tell whether it is for us that nothing comes: for a throttle, or for a slow disk.

        Args:
            now: The time, on the clock of `time.monotonic`.
            longest_s: A disk is slow when it takes longer than this.
        """
        busy_since = self.reactor.busy_since
        is_slow = busy_since is not None and now - busy_since > longest_s
        return is_slow or self._is_throttled

    def move_to(self, reactor: Reactor) -> None:
        """Go on on another thread; it must be waiting to be told where its body goes."""
        self.reactor.users.discard(self)
        reactor.users.add(self)
        self.reactor = reactor

    def nudge(self) -> None:
        """Wake who waits in `poured`."""
        self._awaited.nudge()

    def begin_to_pour(self, target: Target) -> None:
        """Let the body go into a target; `poured` tells of the end."""
        if not self.is_over:
            self._awaited.renew()
            self.reactor.submit(lambda: self._go_on(target), self)

    async def poured(self) -> bool:
        """Wait for the end of what `begin_to_pour` began; may be cancelled, and waited for again.

        Returns:
            True if the body is whole; False after a `nudge`, when it may not be.

        Raises:
            ReadError: The connection broke.
            RemoteProtocolError: It was closed within the body, or the body is wrongly framed.
            Exception: Whatever the target has raised.
        """
        await self._awaited.looked_for()
        is_over = self.is_over  # before the error: that is there when it is over
        self._raise()
        return is_over

    async def aclose(self) -> None:
        """End it, wherever it stands: nothing is written from then on. May be called twice.

        A cancelled one is cancelled when it is over: what is being written is waited for.
        """
        if not self._is_begun:
            return
        cancelled: asyncio.CancelledError | None = None
        if not self.is_over:
            self.reactor.submit(self._give_up, self)
            with anyio.CancelScope(shield=True):
                while not self.is_over:
                    self._awaited.renew()  # it may have been told of an earlier step
                    try:
                        await self._awaited.wait()
                    except asyncio.CancelledError as error:
                        cancelled = error
        self._is_begun = False
        self.reactor.users.discard(self)
        if cancelled is not None:
            raise cancelled

    def _raise(self) -> None:
        error, self._error = self._error, None
        if error is not None and not isinstance(error, EnoughError):
            raise error

    # What happens on the reactor's thread.

    def fileno(self) -> int:
        """Return the descriptor of the socket."""
        return self.channel.fileno()

    def ready(self) -> None:
        """Go on: there is something to be received, or room to send."""
        self._guarded(self._advance)

    def lose(self) -> None:
        """End: nobody receives any more."""
        if self._phase is not _Phase.OVER:
            self._finish(httpx.ReadError(CLOSED if self.reactor.is_over else FAILED))

    def _begin(self) -> None:
        def begin() -> None:
            has_gone = self.channel.send(self._message.get_secret_value())
            self._watch(selectors.EVENT_READ | (0 if has_gone else selectors.EVENT_WRITE))

        self._guarded(begin)

    def _go_on(self, target: Target) -> None:
        def go_on() -> None:
            self._phase, self._target = _Phase.BODY, target
            early, self._early = self._early, b""
            self._body_came(memoryview(early))
            self._is_behind = True  # what came before an end is taken before that is noticed
            if self._wants_more:
                self._watch(selectors.EVENT_READ)
                self._advance()

        if self._phase is _Phase.HELD:
            self._guarded(go_on)

    def _give_up(self) -> None:
        if self._phase is not _Phase.OVER:
            self._finish(EndedError())

    def _guarded(self, step: Callable[[], None]) -> None:
        """Take a step; whatever it raises is the end."""
        if self._phase is _Phase.OVER:
            return
        try:
            step()
        except ssl.SSLError as error:
            self._finish(httpx.ReadError(str(error)))
        except OSError as error:
            self._finish(self._framing.loss(error))
        except _TargetError as wrapped:
            self._finish(wrapped.error)
        except BaseException as error:  # noqa: BLE001 - it comes out of `answer` or `poured`
            self._finish(error)

    def _advance(self) -> None:
        if self._watched & selectors.EVENT_WRITE and self.channel.flush():
            self._watch(selectors.EVENT_READ)
        channel, scratch = self.channel, self.reactor.scratch
        room = scratch.plain[: self._most]
        if not self._is_behind:
            channel.load(scratch)
        for _ in range(ROUNDS):
            count = channel.receive_into(room)
            if count:
                self._came(count)
            self._is_behind = count == len(room)
            if not self._is_behind or not self._wants_more:
                break
        if self._phase is _Phase.HELD:
            self.reactor.tell(
                self._awaited.give
            )  # last: it may go on elsewhere before this returns
            return
        if self._is_behind and self._wants_more and channel.is_sealed:
            self.reactor.submit(self.ready, self)  # what is decrypted already makes no socket ready
        if channel.has_ended and self._phase in _RECEIVING:
            self._finish(None if self._framing.ended() else self._framing.loss(None))

    @property
    def _wants_more(self) -> bool:
        return self._phase in _RECEIVING and not self._is_throttled

    def _came(self, count: int) -> None:
        scratch = self.reactor.scratch
        if self._phase is _Phase.BODY:
            self._body_came(scratch.plain[:count])
        elif (following := self._framing.head_came(scratch, count)) is not None:
            self._head_is_there(following)

    def _head_is_there(self, following: memoryview) -> None:
        self.head_at = time.monotonic()
        self._target = self._at_once(self)
        if self._target is not None or self._framing.is_whole:
            self._phase = _Phase.BODY
            self._body_came(following)
            return
        self._phase = _Phase.HELD
        self._early = bytes(following)
        self._watch(0)

    def _body_came(self, data: memoryview) -> None:
        before = self.received
        for piece in self._framing.body_came(data):
            if piece and self._target is not None:
                self._give(piece, self._target)
        if self._throttle is not None and self.received > before:
            # Once for all pieces: each pause ends by itself, and one must not end another.
            self._hold_back(self._throttle.take(self.received - before))
        if self._framing.is_whole:
            self._is_whole()

    def _give(self, piece: memoryview, target: Target) -> None:
        self.received += len(piece)
        try:
            target.write(piece)
        except OSError as error:  # else it would be taken for one of the connection
            raise _TargetError(error) from error

    def _hold_back(self, delay_s: float) -> None:
        if delay_s > 0:
            self._is_throttled = True
            self._watch(0)
            self.reactor.after(delay_s, self._resume)

    def _resume(self) -> None:
        def resume() -> None:
            self._is_throttled = False
            self._watch(selectors.EVENT_READ)
            self._advance()

        self._guarded(resume)

    def _is_whole(self) -> None:
        """End it; whatever came after the body belongs to nobody."""
        channel, head = self.channel, self._framing.head
        is_all = not (self._framing.has_more or channel.is_sending)
        channel.is_kept = head is not None and head.is_kept and is_all
        if channel.is_sealed and channel.receive_into(self.reactor.scratch.plain):
            channel.is_kept = False
        self._finish(None)

    def _watch(self, events: int) -> None:
        if events != self._watched:
            if self._watched:
                self.reactor.unwatch(self)
            if events:
                self.reactor.watch(self, events)
            self._watched = events

    def _finish(self, error: BaseException | None) -> None:
        """End it; from then on it is the event loop's."""
        with suppress(Exception):  # whatever the selector has to say, who waits hears of the end
            self._watch(0)
        if error is not None or self.channel.has_ended:
            self.channel.is_kept = False
        self._error = error
        self._phase = _Phase.OVER
        self.reactor.tell(self._awaited.give)
