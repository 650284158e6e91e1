"""Records of the requests that the sandbox received."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ApiCall:
    """A call of the service.

        with sandbox_in_thread() as sandbox:
            refused = [call for call in sandbox.calls if call.status == 429]

    Attributes:
        at: Seconds since 1970.
        operation: The operation id, or empty for an undocumented call.
        method: The HTTP method.
        path: The raw path, still escaped.
        body: The raw body.
        status: The HTTP status; 0 without a response.
        query: The raw query, without the question mark.
    """

    at: float
    operation: str
    method: str
    path: str
    body: bytes
    status: int
    query: str = ""


@dataclass(frozen=True, slots=True)
class Creation:
    """Something that a call of the service created, whether or not the response arrived.

        with sandbox_in_thread() as sandbox:
            jobs = [made for made in sandbox.creations if made.operation == "createJob"]

    Attributes:
        at: Seconds since 1970.
        operation: The operation id.
        id: The id of what was created.
        ids: The ids in the path and the query, by name.
        body: The decoded body; None without one.
    """

    at: float
    operation: str
    id: str
    ids: Mapping[str, str]
    body: Any


@dataclass(frozen=True, slots=True)
class StorageGet:
    """A request to the storage.

        with sandbox_in_thread() as sandbox:
            resumed = [get for get in sandbox.gets if get.range]

    Attributes:
        at: Seconds since 1970.
        identity: The text of the package's identity, or empty if there is none.
        range: The Range header, or empty.
        status: The HTTP status; 0 without a response.
        action: The action of the applied fault, or empty.
    """

    at: float
    identity: str
    range: str
    status: int
    action: str


@dataclass(frozen=True, slots=True)
class Leak:
    """A header that a client must not send to the storage.

        with sandbox_in_thread() as sandbox:
            assert sandbox.leaks == []

    Attributes:
        header: Its name.
        identity: The text of the package's identity, or empty.
    """

    header: str
    identity: str
