"""What the sandbox remembers of the requests that it got."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ApiCall:
    """A call of the service.

    Attributes:
        at: Seconds since 1970.
        operation: The operation id, or empty for what is not documented.
        method: As it came.
        path: As it came, byte for byte.
        body: As it came.
        status: What was answered; 0 if nothing was.
        query: As it came, byte for byte, without the question mark.
    """

    at: float
    operation: str
    method: str
    path: str
    body: bytes
    status: int
    query: str = ""


@dataclass(frozen=True, slots=True)
class StorageGet:
    """A request to the storage.

    Attributes:
        at: Seconds since 1970.
        identity: The text of the package's identity, or empty if there is none.
        range: The Range header, or empty.
        status: What was answered; 0 if nothing was.
        action: The fault that struck, or empty.
    """

    at: float
    identity: str
    range: str
    status: int
    action: str


@dataclass(frozen=True, slots=True)
class Leak:
    """A header that never should have reached the storage.

    Attributes:
        header: Its name.
        identity: The text of the package's identity, or empty.
    """

    header: str
    identity: str
