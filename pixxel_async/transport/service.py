"""The service at the other end: authorised requests go out, whole answers come in.

Rules:
    * Every error of httpx is translated here, and leaves without its cause: the cause knows the
      request, and the request knows the key.
    * Which way a call goes is found out once, not for each (`ways`).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx

from ..config import Timeouts
from ..errors import InputError, PixxelError, ResponseError, TransportError
from ..sansio import wire
from ..sansio.backoff import read_retry_after
from .auth import KeyAuth
from .hindrances import hindrance
from .ways import way_over
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An HTTP answer, whole.

    Attributes:
        status: The HTTP status.
        body: The body, decoded.
        retry_after_s: The Retry-After header in seconds, or None.
        location: The Location header, or None; it may hold a secret.
    """

    status: int
    body: bytes = field(repr=False)
    retry_after_s: float | None
    location: str | None = field(default=None, repr=False)


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
        self._answer_s = timeouts.answer_s
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
            message = f"no whole answer to {call.operation} within {self._answer_s:g} s"
            failure = TransportError(message)
        except httpx.InvalidURL:
            failure = InputError(f"{call.operation}: {TOO_LONG}")
        except httpx.DecodingError:
            message = f"the answer to {call.operation} came in a broken content coding"
            failure = ResponseError(message)
        except TooLongError:
            failure = ResponseError(f"the answer is longer than {self._max_answer_bytes} bytes")
        except httpx.HTTPError as error:
            message = f"{call.operation}: {describe(error)}"
            failure = hindrance(error, self.base_url.host) or TransportError(
                message, sent=not isinstance(error, NEVER_SENT)
            )
        # Raised out here, so that it has no context: the error of httpx knows the key.
        raise failure

    def _reply(self, call: wire.Call, answer: WholeAnswer) -> Reply:
        logger.debug("%s: %s %s: %s", call.operation, call.method, call.path, answer.status)
        said = answer.fields.get(b"retry-after")
        location = answer.fields.get(b"location")
        return Reply(
            status=answer.status,
            body=answer.body if answer.is_success else self._auth.conceal(answer.body),
            retry_after_s=None
            if said is None
            else read_retry_after(said.decode("latin-1"), now=datetime.now(UTC)),
            location=None if location is None else location.decode("latin-1"),
        )
