"""The service at the other end: authorised requests go out, whole answers come in.

Rules:
    * Every error of httpx is translated here, and leaves without its cause: the cause knows the
      request, and the request knows the key.
    * Secrets that the service repeats are cut out of its answers here, before anything reads them.
    * Which way a call goes is found out once, not for each (`ways`).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx

from ..config import Timeouts
from ..errors import InputError, PixxelError, ResponseError, RouteError, TransportError
from ..sansio import wire
from ..sansio.backoff import read_retry_after
from .auth import KeyAuth
from .hindrances import hindrance, is_out_of_descriptors
from .ways import longest_s, way_over
from .whole import TooLongError, WholeAnswer
from .words import describe

logger = logging.getLogger("pixxel_async")

NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
MAX_PATH_CHARS = 65_000
"""No server takes more, and httpx refuses a little more than that."""
TOO_LONG = "the ids are too long for a request"


class NoDescriptorsError(TransportError):
    """This process may open no more files and connections; that says nothing of the host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An HTTP answer, whole.

    Attributes:
        status: The HTTP status.
        body: The body, decoded.
        retry_after_s: The Retry-After header in seconds, or None.
    """

    status: int
    body: bytes = field(repr=False)
    retry_after_s: float | None


class Service:
    """Carries calls to the service over a transport, which it owns.

    Attributes:
        base_url: Where the service is.
    """

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport,
        base_url: str,
        auth: KeyAuth,
        *,
        timeouts: Timeouts,
        max_answer_bytes: int,
    ) -> None:
        """Send nothing yet."""
        self.base_url = httpx.URL(base_url)
        self._transport = transport
        self._auth = auth
        self._timeouts = timeouts
        self._max_answer_bytes = max_answer_bytes
        self._way = way_over(
            transport, self.base_url, auth, timeouts=timeouts, max_answer_bytes=max_answer_bytes
        )

    async def aclose(self) -> None:
        """Close the transport; may be called twice."""
        await self._transport.aclose()

    async def exchange(self, call: wire.Call) -> Reply:
        """Send a call once, and take the answer.

        Raises:
            TransportError: No whole answer came.
            RouteError: None will come until a setting is mended.
            ResponseError: The answer is too long, or its coding is broken.
            InputError: The ids make a URL that is too long.
        """
        failure: PixxelError
        try:
            if len(call.path) <= MAX_PATH_CHARS:
                return self._reply(call, await self._way.send(call))
            failure = InputError(f"{call.operation}: {TOO_LONG}")
        except TimeoutError:
            limit_s = longest_s(self._timeouts, call)
            message = (
                f"no complete answer to {call.operation} within {limit_s:g} s; if the service "
                "needs longer, raise --answer-timeout (answer_timeout)"
            )
            failure = TransportError(message)
        except httpx.InvalidURL:
            failure = InputError(f"{call.operation}: {TOO_LONG}")
        except httpx.DecodingError as error:
            failure = ResponseError(f"the answer to {call.operation} has {error}")
        except TooLongError:
            failure = ResponseError(f"the answer is longer than {self._max_answer_bytes} bytes")
        except httpx.HTTPError as error:
            message = f"{call.operation}: {describe(error)}"
            reason = hindrance(error, self.base_url.host)
            if is_out_of_descriptors(error):
                failure = NoDescriptorsError(message, sent=False)
            elif reason is not None:
                failure = RouteError(reason)
            else:
                failure = TransportError(message, sent=not isinstance(error, NEVER_SENT))
        self._auth.redactor.error(failure)
        # Raised out here, so that it has no context: the error of httpx knows the key.
        raise failure

    def _reply(self, call: wire.Call, answer: WholeAnswer) -> Reply:
        logger.debug("%s: %s %s: %s", call.operation, call.method, call.path, answer.status)
        said = answer.fields.get(b"retry-after")
        return Reply(
            status=answer.status,
            body=self._auth.redactor.body(
                answer.body, sent_on=call.sent_on if answer.is_success else ""
            ),
            retry_after_s=None
            if said is None
            else read_retry_after(said.decode("latin-1"), now=datetime.now(UTC)),
        )
