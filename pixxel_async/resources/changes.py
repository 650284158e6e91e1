"""Sends the calls that create, change or delete something.

Rules:
    * Such a call is sent again only if the service certainly did nothing: the connection was
      refused, or the service answered 429 or 503. After 409 it is not: what is in the way stays.
    * If the response is lost, the service may have done it. Nothing is repeated then, and the
      caller learns of it as AnswerLostError. With `repeat_if_lost` the caller takes that risk.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from ..errors import AnswerLostError, TransportError
from ..http.service_calls import Api
from ..records import ServiceModel
from ..sansio.api.list_calls import Source, read_record, record_call
from ..sansio.api.package_calls import Call
from ..sansio.resilience.retry_rules import CallKind

R = TypeVar("R", bound=ServiceModel)
T = TypeVar("T")


async def create(api: Api, source: Source[R], *, repeat_if_lost: bool = False) -> R:
    """Create or change something, and return what the service answers.

    Args:
        api: Sends the call.
        source: The call, and the record of its answer.
        repeat_if_lost: Send it again although it may be done twice.

    Raises:
        AnswerLostError: The response was lost; it may be done.
        PixxelError: It is not done, or the service does not say so in the documented form.
    """
    return await change(
        api, source, lambda body: read_record(source, body), repeat_if_lost=repeat_if_lost
    )


async def change(
    api: Api, source: Source[Any], read: Callable[[bytes], T], *, repeat_if_lost: bool = False
) -> T:
    """Do the same as `create`, and read the body of the answer otherwise.

    Raises:
        PixxelError: As `create`.
    """
    kind = CallKind.REPEATABLE if repeat_if_lost else CallKind.CHANGE
    call = replace(record_call(source), kind=kind)
    return await send_change(api, call, read, remedy="pass repeat_if_lost=True")


async def send_change(api: Api, call: Call, read: Callable[[bytes], T], *, remedy: str) -> T:
    """Send a call that creates, changes or deletes something, as its kind allows.

    Raises:
        PixxelError: As `create`.
    """
    try:
        return await api.ask(call, read)
    except TransportError as error:
        # Of several attempts, only the last is known.
        if not (error.sent or call.kind is CallKind.REPEATABLE):
            raise
        lost = error
    message = (
        f"{lost.message}; the service may have done it: "
        f"look there before you send it again, or {remedy}"
    )
    raise AnswerLostError(message, key=f"{call.operation} {call.path}") from lost


async def delete(api: Api, source: Source[Any], *, repeat_if_lost: bool = False) -> None:
    """Delete something; whatever body a success has is ignored.

    Raises:
        PixxelError: As `create`.
    """
    await change(api, source, lambda _: None, repeat_if_lost=repeat_if_lost)
