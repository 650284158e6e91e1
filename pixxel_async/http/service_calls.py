"""Calls of the service: authorised, paced, bounded, retried, with errors of our own.

Rules:
    * No more calls are started than the connection pool has slots for, so nothing ever waits
      within the pool.
    * A call that nobody holds up goes out in the turn of the event loop in which it is made: waits
      are for those that have to wait. A creation that is cancelled already is not sent; of the
      others, which change nothing, one may be.
    * While the service fails, calls wait until one of them finds that it is back
      (`sansio.resilience.circuit_breaker`). The rate, which 429 and 503 lower, is another brake.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Protocol, TypeAlias, TypeVar

import anyio
import anyio.lowlevel

from ..config import Limits, RetryPolicy
from ..downloads import Download
from ..errors import ApiError, NotFoundError, PixxelError, ResponseError, RouteError
from ..models import Package
from ..sansio.api import package_calls
from ..sansio.api.preflight import CHECK_URL, KNOWN_KEY, FirstAnswer, Problem, problem_of
from ..sansio.resilience.circuit_breaker import MOST_S
from ..sansio.resilience.retry_rules import SENT_ONCE, Failure, delay, failure_of
from .api_client import ApiClient, NoDescriptorsError, Response, UnreachedError
from .circuit_breaker import CircuitBreaker, HostIsDown, HostIsUp
from .preflight import FirstContact, Preflight
from .rate_limiter import RateLimiter
from .retry import Retries, Retry, RetryBudgetSpent, SlowDown

CONFIRMATIONS = 3
"""How many responses in a row must come from something else; a single page may be a mishap."""
CHECKS = (package_calls.PING, package_calls.KEY_CHECK)
HOST_FAILS = frozenset(
    {Failure.NOT_SENT, Failure.LOST, Failure.UNAVAILABLE, Failure.BROKEN, Failure.UNREADABLE}
)
"""What a host does that is not well; one that says 429 or 404 is."""


def is_failure_of_host(error: BaseException) -> bool:
    """Return whether an error tells of the service as a whole, and not of one package.

    So does a refusal that is not in the service's own form: something in front of it answers.
    """
    failure = failure_of(error)
    if failure is Failure.REFUSED:
        return isinstance(error, ApiError) and not error.from_service
    return failure in HOST_FAILS


Notice: TypeAlias = Retry | SlowDown | RetryBudgetSpent | HostIsDown | HostIsUp
Notify: TypeAlias = Callable[[Notice], Awaitable[None]]
Before: TypeAlias = Callable[[], Awaitable[None]]


T = TypeVar("T")


class Send(Protocol):
    """Sends a call until its answer is read."""

    async def __call__(
        self, call: package_calls.Call, read: Callable[[Response], T], notify: Notify, /
    ) -> T:
        """Return what `read` returns."""
        ...


async def ignore(_notice: Notice) -> None:
    """Take a notice that nobody waits for."""


class Api:
    """Sends calls to a service that it does not own.

    Attributes:
        has_succeeded: Whether any call got a documented answer.
    """

    def __init__(  # noqa: PLR0913 - the parts of a call, keyword-only
        self,
        service: ApiClient,
        *,
        limits: Limits,
        retry: RetryPolicy,
        poll_max_s: float,
        preflight: bool = False,
        check_use: Callable[[], None] = lambda: None,
    ) -> None:
        """Share one rate and one bound on calls in flight among all users of this object.

        Args:
            service: Carries the calls.
            limits: Rate and bound.
            retry: How often, and after how long, a failed call is tried again.
            poll_max_s: Within this time after a failing service is back, it is used again.
            preflight: Whether the service and the key are checked before the first call.
            check_use: Raises if the client cannot be used here.
        """
        self.has_succeeded = False
        self._service = service
        self._check_use = check_use
        self._slots = asyncio.Semaphore(limits.requests)
        self._rate = RateLimiter(limits.requests_per_second)
        self._retry = retry
        self._retries = Retries(retry, self._rate)
        self._contact = FirstContact(service, retry.reach_s if retry.attempts > 1 else 0)
        self._preflight = Preflight(is_wanted=preflight)
        contact = self._contact
        self._guard = CircuitBreaker(
            service.base_url.host,
            is_failure=lambda error: (
                contact.is_made
                and is_failure_of_host(error)
                and not isinstance(error, NoDescriptorsError)
            ),
            is_answer=lambda error: isinstance(error, ApiError) and not is_failure_of_host(error),
            most_s=min(MOST_S, poll_max_s / 2),
        )

    @property
    def requests_per_second(self) -> float:
        """The rate at the moment; it sinks when the service complains."""
        return self._rate.per_second

    async def ping(self) -> None:
        """Ask the service for a sign of life (`GET /ping`), and check that it is the service's.

        Raises:
            TransportError: No answer; a RouteError if something else answers.
            ApiError: The service answered with an error.
        """
        await self._check(package_calls.PING, self._send)

    async def check_key(self) -> None:
        """Ask whether the service takes the key (`ListAOIs`, one entry).

        Raises:
            AuthenticationError: It does not.
            TransportError: No answer; a RouteError if something else answers.
            ApiError: An answer that says nothing of the key, such as 500. 403 and 404 say that the
                key is known, and are fine.
        """
        await self._check_key(self._send)

    async def _check_key(self, send: Send) -> None:
        status = await self._check(package_calls.KEY_CHECK, send)
        self.has_succeeded |= status not in KNOWN_KEY
        if status != HTTPStatus.NOT_FOUND:
            return
        try:
            await self._check(package_calls.PING, send)
        except NotFoundError:
            message = f"{self._service.address} answers 404 to each call: {CHECK_URL}"
            raise RouteError(message) from None

    async def _check(self, call: package_calls.Call, send: Send) -> int:
        """Send a call, check that its answer comes from the API, and return its status."""

        def read(reply: Response) -> tuple[int, Problem | None]:
            answer = FirstAnswer(status=reply.status, body=reply.body, location=reply.location)
            problem = problem_of(call, answer, self._service.address)
            if problem is None and (reply.status not in KNOWN_KEY or call is package_calls.PING):
                _raise_for_status(call, reply)
            return reply.status, problem

        problem = None
        for attempt in range(min(CONFIRMATIONS, self._retry.attempts)):
            if attempt > 0:
                await anyio.sleep(delay(self._retry, attempt=attempt, jitter=1))
            try:
                status, problem = await send(call, read, ignore)
            except ResponseError as error:  # too long, or not in the coding that it names
                status, problem = 0, Problem(f"{self._service.address}: {error.message}", CHECK_URL)
            if problem is None:
                return status
        raise RouteError(self._service.redact(str(problem)))

    async def _send_reached(
        self, call: package_calls.Call, read: Callable[[Response], T], notify: Notify
    ) -> T:
        """Send a call once the service is reached; retry nothing else, and delay no later call."""
        since = anyio.current_time()
        try:
            return await self._once(call, read, notify, None, waits=False, is_paced=False)
        except UnreachedError as error:
            await self._contact.wait(error, since)
        return await self._once(call, read, notify, None, waits=False, is_paced=False)

    async def list_something(self) -> None:
        """Ask for the first entry of a list, as `check_key` does, and take no error for fine.

        Raises:
            PixxelError: As `ask`.
        """

        def read(body: bytes) -> None:
            answer = FirstAnswer(status=HTTPStatus.OK, body=body)
            problem = problem_of(package_calls.KEY_CHECK, answer, self._service.address)
            if problem is not None:
                raise ResponseError(problem.reason)

        await self.ask(package_calls.KEY_CHECK, read)

    async def create(
        self, download: Download, *, notify: Notify = ignore, before: Before | None = None
    ) -> Package:
        """Ask for a package.

        Args:
            download: What to ask for.
            notify: Told about retries and slow-downs.
            before: Awaited when the call's turn has come, right before it is sent, each time.

        Raises:
            TransportError: No complete answer, and the attempts are used up.
            ApiError: The service answered with an error.
            ResponseError: Its answer is not as documented.
        """
        call = package_calls.creation(download)
        return await self._send(
            call,
            lambda reply: package_calls.package_of(download, _answer(call, reply)),
            notify,
            before,
        )

    async def status(
        self,
        download: Download,
        download_id: str | None,
        *,
        notify: Notify = ignore,
        comes_again: bool = False,
    ) -> Package:
        """Ask how far a package has come; raises as `create` does.

        Args:
            download: The package.
            download_id: What its status call takes.
            notify: Told about retries and slow-downs.
            comes_again: The same is asked again later, so that a retry need not be waited for.
        """
        call = package_calls.status(download, download_id)

        def read(reply: Response) -> Package:
            return package_calls.package_of(download, _answer(call, reply), download_id=download_id)

        return await self._send(call, read, notify, comes_again=comes_again)

    async def status_by_id(self, call: package_calls.Call, download_id: str) -> Package:
        """Ask about a package of which only the id is known; raises as `create` does."""
        return await self._send(
            call,
            lambda reply: package_calls.package_with_id(_answer(call, reply), download_id),
            ignore,
        )

    async def ask(
        self,
        call: package_calls.Call,
        read: Callable[[bytes], T],
        *,
        notify: Notify = ignore,
        comes_again: bool = False,
    ) -> T:
        """Send a call, and read the body of its answer.

        Args:
            call: What to send.
            read: Reads the body; a ResponseError of it is tried again if the call's kind allows.
            notify: Told about retries and slow-downs.
            comes_again: The same is asked again later, so that a retry need not be waited for.

        Raises:
            TransportError: No complete answer, and the attempts are used up.
            ApiError: The service answered with an error.
            ResponseError: Its answer is not as documented.
        """

        def read_reply(reply: Response) -> T:
            _raise_for_status(call, reply)
            return read(reply.body)

        return await self._send(call, read_reply, notify, comes_again=comes_again)

    async def _send(
        self,
        call: package_calls.Call,
        read: Callable[[Response], T],
        notify: Notify,
        before: Before | None = None,
        *,
        comes_again: bool = False,
    ) -> T:
        """Send a call until `read` takes its answer, or the policy gives up."""
        self._check_use()
        if self._preflight.is_due and call not in CHECKS:
            await self._preflight.run(lambda: self._check_key(self._send_reached))
        self._retries.earn()
        since = anyio.current_time()
        try:
            return await self._once(call, read, notify, before, waits=not comes_again)
        except Exception as error:  # noqa: BLE001 - judged by the policy, as any other attempt
            failed = error
        try:
            await self._contact.wait(failed, since)
            return await self._retries.go_on(
                call,
                lambda: self._once(call, read, notify, before, waits=not comes_again),
                failed,
                notify,
                comes_again=comes_again,
            )
        finally:
            del failed  # its traceback knows this frame

    async def _once(  # noqa: PLR0913 - what a call needs, in part keyword-only
        self,
        call: package_calls.Call,
        read: Callable[[Response], T],
        notify: Notify,
        before: Before | None,
        *,
        waits: bool,
        is_paced: bool = True,
    ) -> T:
        while True:
            async with self._guard.request(notify, waits=waits) as request, self._slots:
                if call.kind in SENT_ONCE:  # asking takes a tenth of a call's time
                    await anyio.lowlevel.checkpoint_if_cancelled()
                if is_paced and not self._rate.try_acquire():
                    await self._rate.acquire()
                    await anyio.lowlevel.checkpoint_if_cancelled()
                if request.still_goes():
                    if before is not None:
                        await before()
                    reply = await self._exchange(call)
                    result = read(reply)
                    break
        self._rate.content()
        self.has_succeeded |= call not in CHECKS
        return result

    async def _exchange(self, call: package_calls.Call) -> Response:
        try:
            reply = await self._service.send(call)
        except PixxelError as error:
            self._contact.record(error)
            raise
        self._contact.is_made = True
        return reply


def _answer(call: package_calls.Call, reply: Response) -> package_calls.Answer:
    return package_calls.read_answer(
        call,
        status_code=reply.status,
        body=reply.body,
        retry_after_s=reply.retry_after_s,
        location=reply.location,
    )


def _raise_for_status(call: package_calls.Call, response: Response) -> None:
    package_calls.raise_for_status(
        call,
        status_code=response.status,
        body=response.body,
        retry_after_s=response.retry_after_s,
        location=response.location,
    )
