"""The outcomes of an attempt that need action before the next one."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr

from ..errors import (
    ConnectionBrokenError,
    IntegrityError,
    InternalError,
    NotAZipError,
    OutOfDescriptorsError,
    PixxelError,
    SinkError,
    StalledError,
    StorageError,
    TransferError,
)
from ..http.storage_response import StorageResponse
from ..sansio.redact import redact
from ..sansio.secrets import Redactor
from ..sansio.storage.error_codes import StorageErrorMeaning, read_error

ERROR_BYTES = 4096
"""How many bytes of an error's body are read."""

SERVER_ERROR = 500


class NoRoomError(Exception):
    """The disk has no room for the body of a response."""

    def __init__(self, missing: int) -> None:
        """Keep how many bytes are missing."""
        super().__init__(str(missing))
        self.missing = missing


class OutgrownError(Exception):
    """The disk has no room for a body of unknown size."""


class DiskFullError(Exception):
    """A write failed because the disk is full."""

    def __init__(self, error: SinkError) -> None:
        """Keep the error to raise if the disk stays full."""
        super().__init__(str(error))
        self.error = error


class RetryableError(Exception):
    """An attempt failed, and another one may succeed.

    Attributes:
        error: The cause.
        received: Bytes that the attempt received.
    """

    def __init__(self, error: TransferError) -> None:
        """Keep the error to raise when no attempts are left."""
        super().__init__()  # no text: the message of the storage may not be redacted yet
        self.error = error
        self.received = 0

    def __str__(self) -> str:
        """Return the text of the cause."""
        return str(self.error)


class NextRequestError(RetryableError):
    """A response did not cover all missing bytes, and the next request is known.

    This is not a failure: it uses up no attempt, and the next request is sent at once.
    """


class RefusedError(RetryableError):
    """The storage refuses a signed URL; a fresh one may work."""

    @property
    def is_bare(self) -> bool:
        """Whether the storage gives no error code, so that the cause is unknown."""
        return not self.error.code


class ObjectGoneError(RetryableError):
    """The object does not exist, or not yet."""


class CrowdedError(RetryableError):
    """The storage limits concurrent transfers."""


def is_failure_of_host(error: BaseException) -> bool:
    """Return whether a failed attempt shows that the host is down.

    Too many requests (429) and interrupted bodies do not. A page in place of a ZIP does: something
    in front of the storage responds.
    """
    if isinstance(error, NotAZipError):
        return True
    if not isinstance(error, RetryableError) or error.received:
        return False
    match error.error:
        case StorageError(status=status):
            return status >= SERVER_ERROR
        case cause:
            return isinstance(cause, (ConnectionBrokenError, StalledError))


def is_answer_of_host(error: BaseException) -> bool:
    """Return whether an attempt shows that the host responds.

    An attempt without a free descriptor, or with an invalid URL, has not reached it.
    """
    if isinstance(error, RetryableError):
        is_local = isinstance(error.error, OutOfDescriptorsError)
        return bool(error.received) or not (is_local or is_failure_of_host(error))
    return isinstance(error, (StorageError, IntegrityError, NoRoomError, DiskFullError))


async def error_of(response: StorageResponse) -> Exception:
    """Read an error response, and return the exception to raise."""
    problem = read_error(response.status, await response.read_start(ERROR_BYTES))
    error = StorageError(problem.message, status=response.status, code=problem.code)
    match problem.meaning:
        case StorageErrorMeaning.EXPIRED | StorageErrorMeaning.FORBIDDEN:
            return RefusedError(error)
        case StorageErrorMeaning.GONE:
            return ObjectGoneError(error)
        case StorageErrorMeaning.CROWDED:
            return CrowdedError(error)
        case StorageErrorMeaning.PASSING:
            return RetryableError(error)
        case StorageErrorMeaning.FINAL:
            return error


@contextmanager
def redact_errors(redactor: Redactor, url: SecretStr) -> Iterator[None]:
    """Redact the API key and the signature of the URL in errors raised within the context."""
    try:
        yield
    except (PixxelError, RetryableError) as error:
        said = error.error if isinstance(error, RetryableError) else error
        redactor.and_those_of(url.get_secret_value()).error(said)
        raise


def drop_if_secret(redactor: Redactor, validator: str | None, url: SecretStr | None) -> str | None:
    """Return a validator, or None if it contains a secret, since the journal would store it."""
    if validator is None or url is None:
        return validator
    is_secret = redactor.and_those_of(url.get_secret_value()).finds(validator)
    return None if is_secret else validator


_PACKAGE = Path(__file__).parents[1]


def as_error(raised: Exception) -> PixxelError:
    """Return a `PixxelError` as it is, and anything else as an `InternalError`.

    The latter has no cause and no context: their texts and frame variables may hold a signed URL.
    """
    while isinstance(raised, ExceptionGroup) and len(raised.exceptions) == 1:
        raised = raised.exceptions[0]
    if isinstance(raised, PixxelError):
        return raised
    said = ": ".join(part for part in (type(raised).__name__, _text_of(raised)) if part)
    return InternalError(
        f"unexpected error at {_location_of(raised)}: {said}; the next run tries this package "
        "again (please report it)"
    )


def _text_of(raised: Exception) -> str:
    try:
        return redact(str(raised))
    except Exception as error:  # noqa: BLE001 - a broken `__str__` must not raise here
        return f"its `__str__` raises {type(error).__name__}"


def _location_of(raised: Exception) -> str:
    """Return the innermost line of this library in the traceback."""
    for frame in reversed(traceback.extract_tb(raised.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(_PACKAGE):
            return f"{path.relative_to(_PACKAGE).as_posix()}:{frame.lineno}"
    return "an unknown line"
