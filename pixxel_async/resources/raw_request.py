"""Calls of the service that have no method here, such as those that it adds later."""

from __future__ import annotations

import json as json_text
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from ..errors import InputError, ResponseError
from ..http.service_calls import Api
from ..sansio.api.json_body import load
from ..sansio.api.list_calls import Filter, in_query, kept
from ..sansio.api.package_calls import Call
from ..sansio.api.urls import query_of
from ..sansio.resilience.retry_rules import CallKind
from .changes import send_change

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_SAFE = "/%:@!$&'()*+,;=~"
_STEPS = re.compile(r"//|(^|/)\.{1,2}(/|$)|[?#\\\x00-\x1f]")


async def request(  # noqa: PLR0913 - the parts of a request
    api: Api,
    method: str,
    path: str,
    *,
    json: Any,
    params: Mapping[str, Filter] | None,
    is_safe_to_repeat: bool,
) -> Any:
    """Send one call, and return the JSON of its answer; see `PixxelClient.request`.

    Raises:
        PixxelError: As documented there.
    """
    verb = method.upper()
    if verb not in METHODS:
        message = f"the method is {method!r}; give one of {', '.join(METHODS)}"
        raise InputError(message)
    if not path.startswith("/") or _STEPS.search(path):
        message = (
            f"the path is {path!r}; give one such as /v0/projects, without a host, and the query "
            "as params"
        )
        raise InputError(message)
    operation = f"{verb} {path}"
    query = {name: in_query(value) for name, value in kept(operation, params or {}).items()}
    call = Call(
        operation=operation,
        method=verb,
        path=quote(path, safe=_SAFE) + query_of(query),
        kind=_kind(verb, is_safe_to_repeat=is_safe_to_repeat),
        body=None if json is None else _body(operation, json),
    )

    def read(body: bytes) -> Any:
        if not body.strip():
            return None
        try:
            return load(body)
        except ValueError as error:
            message = f"the answer to {operation} is not JSON: {error}"
        raise ResponseError(message)

    if call.kind is CallKind.READ:
        return await api.ask(call, read)
    return await send_change(api, call, read, remedy="pass is_safe_to_repeat=True")


def _kind(verb: str, *, is_safe_to_repeat: bool) -> CallKind:
    if verb == "GET":
        return CallKind.READ
    return CallKind.REPEATABLE if is_safe_to_repeat else CallKind.CHANGE


def _body(operation: str, json: Any) -> bytes:
    try:
        return json_text.dumps(json, allow_nan=False).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        message = f"{operation}: json cannot be sent: {error}"
        raise InputError(message) from None
