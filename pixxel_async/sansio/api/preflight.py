"""What an answer says of the base URL and of the network, before anything is requested.

Rules:
    * A 2xx answer counts only in the documented form: `ListAOIs` returns an object with the list
      `aois`, `GET /ping` a string. Web pages, empty bodies and the JSON of other services do not.
    * A refusal with a JSON object may come from the service. A 403 then shows that it knows the
      key. So does a 404, unless another service sent it: the caller asks with `GET /ping`, which
      the service answers to everybody.
    * A refusal without one comes from something in front of the service, or from another service.
      It says nothing about the key. 401 is the exception: gateways check keys, too.
    * 408, 425, 429 and 5xx pass: whatever sends them says that another attempt may succeed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from ..redact import redact
from ..resilience.retry_rules import UNAUTHORIZED
from .error_form import host_of
from .json_body import load
from .list_calls import rows_of
from .package_calls import PING, Call

KNOWN_KEY = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})
"""Refusals of the service that only a key that it knows gets."""

TITLE_CHARS = 60
_SUCCESS = range(200, 300)
_REDIRECTION = range(300, 400)
_REFUSED = range(300, 500)
_PASSING = frozenset({408, 425, 429})
_PONG = b"pong"
_TITLE = re.compile(rb"<title[^>]*>([^<]{1,500})", re.IGNORECASE)
_PAGE = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*<", re.IGNORECASE)

CHECK_URL = "check --base-url (base_url)"
_LOG_IN = "if the network wants a login, log in with a browser"
_REMEDIES: Mapping[int, str] = {
    403: "a firewall or a proxy may block it: ask whoever runs it to allow this host",
    407: "a proxy wants a password: name it with --proxy http://NAME:PASSWORD@HOST:PORT (proxy)",
    451: "a firewall or a proxy may block it: ask whoever runs it to allow this host",
    511: _LOG_IN,
}
"""By status; for all others, the base URL is the first thing to check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstAnswer:
    """An answer to `KEY_CHECK` or `PING`.

    Attributes:
        status: The HTTP status.
        body: The body, decoded.
        location: The Location header, or None.
    """

    status: int
    body: bytes
    location: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an answer does not come from the API, and what to check.

    Attributes:
        reason: Names the host.
        remedy: What to check.
    """

    reason: str
    remedy: str

    def __str__(self) -> str:
        """Return one sentence."""
        return f"{self.reason}: {self.remedy}"


def address_of(base_url: str) -> str:
    """Return host, port and path of a base URL, to name it in messages."""
    parts = urlsplit(base_url)
    return redact(f"{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}")


def problem_of(call: Call, answer: FirstAnswer, address: str) -> Problem | None:
    """Return what is wrong if the answer does not come from the Pixxel API, or None.

    Args:
        call: `KEY_CHECK` or `PING`.
        answer: The response.
        address: Host and path of the base URL.
    """
    status = answer.status
    if status in _SUCCESS:
        if _is_documented(call, answer.body):
            return None
        what = f"answers with {_content_of(answer.body)} in place of the API's JSON"
        return Problem(f"{address} {what}", f"{CHECK_URL}; {_LOG_IN}")
    if not _is_refusal(answer):
        return None
    if status in _REDIRECTION and answer.location is not None:
        what = f"redirects to {host_of(answer.location)}, and the key is not sent there"
        return Problem(f"{address} {what}", f"{_LOG_IN}, or {CHECK_URL}")
    what = f"answers {status} to {call.path.partition('?')[0]}, with {_content_of(answer.body)}"
    return Problem(f"{address} {what}", _REMEDIES.get(status, CHECK_URL))


def _is_refusal(answer: FirstAnswer) -> bool:
    """Return whether an error comes from something else than the API, and will come again."""
    status = answer.status
    if status == HTTPStatus.NETWORK_AUTHENTICATION_REQUIRED:
        return True
    if status == UNAUTHORIZED or status in _PASSING or status not in _REFUSED:
        return False
    return not isinstance(_json_of(answer.body), dict)


def _is_documented(call: Call, body: bytes) -> bool:
    if call is PING and body.strip().lower() == _PONG:  # not JSON, but the same
        return True
    data = _json_of(body)
    if call is PING:
        return isinstance(data, str)
    return isinstance(data, dict) and rows_of(data, "aois") is not None


def _content_of(body: bytes) -> str:
    """Name what a body holds, without showing all of it."""
    if not body.strip():
        return "an empty body"
    if _PAGE.match(body):
        title = _TITLE.search(body)
        named = "" if title is None else " ".join(title[1].decode("utf-8", "replace").split())
        return "a web page" + (f' ("{redact(named, chars=TITLE_CHARS)}")' if named else "")
    return "text" if _json_of(body) is None else "other JSON"


def _json_of(body: bytes) -> Any:
    try:
        return load(body)
    except ValueError:
        return None
