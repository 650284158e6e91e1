"""GETs that go to their host directly, over channels that reactors look after."""

from __future__ import annotations

import httpx
from pydantic import SecretBytes

from ..sansio.address_policy import AddressPolicy
from .answers import PouredAnswer
from .channel import Channel
from .connection import LostBeforeAnswerError
from .exchange import AtOnce, Exchange
from .pool import Origin, Pool
from .reactor import ClosedError, Reactors
from .target import Throttle


class Getter:
    """Sends GETs, and owns the threads on which their answers come."""

    def __init__(self, *, connect_s: float) -> None:
        """Start no thread yet; `connect_s` bounds the wait for a connection, in seconds."""
        self._connect_s = connect_s
        self._reactors = Reactors()

    def close(self) -> None:
        """End the threads, and with them what is still under way; may be called twice."""
        self._reactors.close()

    async def aclose(self) -> None:
        """Do the same without holding up the event loop, and give up waiting after a while."""
        await self._reactors.aclose()

    async def get(  # noqa: PLR0913 - what a GET is, keyword-only
        self,
        pool: Pool[Channel],
        origin: Origin,
        message: SecretBytes,
        *,
        at_once: AtOnce,
        throttle: Throttle | None,
        addresses: AddressPolicy,
    ) -> PouredAnswer:
        """Send a GET, and return when somebody has to say where its body goes, or all is over.

        It is sent again, once and over a new channel, if one that was idle turns out to be dead. A
        cancelled one closes its channel.

        Args:
            pool: Where channels are taken from, and given back to.
            origin: Where to.
            message: The request; it knows the signed URL.
            at_once: Says where the body goes, if that can be said without asking.
            throttle: Holds the body back, or None.
            addresses: Which addresses may be connected to.

        Raises:
            StorageHostError: The host has no address that may be connected to.
            HTTPError: Of httpx; no answer came, or not all that was poured at once.
            Exception: Whatever a target has raised that was named at once.
        """
        may_be_idle = True
        while True:
            channel = pool.take(origin) if may_be_idle else None
            is_fresh = channel is None
            if channel is None:
                channel = await pool.connect(origin, self._connect_s, addresses=addresses)
            try:
                reactor = self._reactors.for_request()
            except (ClosedError, OSError) as error:
                pool.drop(channel)
                raise httpx.ConnectError(str(error)) from error
            exchange = Exchange(reactor, channel, message, at_once=at_once, throttle=throttle)
            try:
                head = await exchange.answer()
            except BaseException as error:
                try:
                    await exchange.aclose()
                finally:  # it is over, also if that wait was cancelled
                    pool.drop(channel)
                if isinstance(error, LostBeforeAnswerError) and not is_fresh:
                    may_be_idle = False
                    continue
                raise
            if not exchange.is_over:
                try:
                    exchange.move_to(self._reactors.for_body())
                except (ClosedError, OSError) as error:
                    try:
                        await exchange.aclose()
                    finally:
                        pool.drop(channel)
                    raise httpx.ConnectError(str(error)) from error
            return PouredAnswer(exchange, head, pool, origin)
