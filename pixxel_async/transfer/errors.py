"""What may befall a transfer, and what has to be done about it before another attempt."""

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
"""How much of an error's body is read."""

SERVER_ERROR = 500


class NoRoomError(Exception):
    """The disk has no room for what an answer would bring."""

    def __init__(self, missing: int) -> None:
        """Keep how many bytes it would bring."""
        super().__init__(str(missing))
        self.missing = missing


class OutgrownError(Exception):
    """A body without an announced size is larger than what the disk has room for."""


class DiskFullError(Exception):
    """The disk refused what an attempt brought, since it is full."""

    def __init__(self, error: SinkError) -> None:
        """Keep what is raised when it stays so."""
        super().__init__(str(error))
        self.error = error


class RetryableError(Exception):
    """An attempt is over, and another one may do better.

    Attributes:
        error: Why it is over.
        came: The bytes that it has brought.
    """

    def __init__(self, error: TransferError) -> None:
        """Keep what is raised when no attempt is left."""
        super().__init__()  # no text: what the storage said may still have to be redacted
        self.error = error
        self.came = 0

    def __str__(self) -> str:
        """Return why it is over."""
        return str(self.error)


class NextRequestError(RetryableError):
    """An answer did not bring all that is missing, and it is known what to request next.

    That is no failure: it costs none of the attempts, and the next request is made at once.
    """


class RefusedError(RetryableError):
    """The storage refuses a signed URL, and a fresh one may do better."""

    @property
    def is_bare(self) -> bool:
        """Whether the storage gives no reason of its own, so that anything may be behind it."""
        return not self.error.code


class ObjectGoneError(RetryableError):
    """The storage does not have the object, or not yet."""


class CrowdedError(RetryableError):
    """The storage bears no more at once."""


def is_failure_of_host(error: BaseException) -> bool:
    """Tell whether an attempt tells that the storage fails: nothing came, and not for its number.

    Too many requests (429), and bytes that break off, are no sign of a host that is down. A page
    where a ZIP is due is one: something in front of the storage answers.
    """
    if isinstance(error, NotAZipError):
        return True
    if not isinstance(error, RetryableError) or error.came:
        return False
    match error.error:
        case StorageError(status=status):
            return status >= SERVER_ERROR
        case cause:
            return isinstance(cause, (ConnectionBrokenError, StalledError))


def is_answer_of_host(error: BaseException) -> bool:
    """Tell whether an attempt proves that the storage answers: something of it came.

    An attempt that found no free descriptor, or a URL that cannot be sent, has not reached it.
    """
    if isinstance(error, RetryableError):
        is_local = isinstance(error.error, OutOfDescriptorsError)
        return bool(error.came) or not (is_local or is_failure_of_host(error))
    return isinstance(error, (StorageError, IntegrityError, NoRoomError, DiskFullError))


async def error_of(answer: StorageResponse) -> Exception:
    """Read an answer that is an error, and return what to raise."""
    problem = read_error(answer.status, await answer.read_start(ERROR_BYTES))
    error = StorageError(problem.message, status=answer.status, code=problem.code)
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
def secrets_cut(redactor: Redactor, url: SecretStr) -> Iterator[None]:
    """Cut out of errors what they repeat of the key or of a signed URL, while the context is open.

    Args:
        redactor: Knows the key.
        url: Its query holds the signature.
    """
    try:
        yield
    except (PixxelError, RetryableError) as error:
        said = error.error if isinstance(error, RetryableError) else error
        redactor.and_those_of(url.get_secret_value()).error(said)
        raise


def unless_secret(redactor: Redactor, validator: str | None, url: SecretStr | None) -> str | None:
    """Return a validator, or None if it repeats a secret: the journal would keep it."""
    if validator is None or url is None:
        return validator
    is_secret = redactor.and_those_of(url.get_secret_value()).finds(validator)
    return None if is_secret else validator


_PACKAGE = Path(__file__).parents[1]


def as_error(raised: Exception) -> PixxelError:
    """Return an error of ours as it is, and anything else as an `InternalError`.

    That has no cause and no context: their texts and the variables of their frames may hold a
    signed URL.
    """
    while isinstance(raised, ExceptionGroup) and len(raised.exceptions) == 1:
        raised = raised.exceptions[0]
    if isinstance(raised, PixxelError):
        return raised
    said = ": ".join(part for part in (type(raised).__name__, _text_of(raised)) if part)
    return InternalError(
        f"unexpected error at {_place_of(raised)}: {said}; the next run tries this package again "
        "(please report it)"
    )


def _text_of(raised: Exception) -> str:
    try:
        return redact(str(raised))
    except Exception as error:  # noqa: BLE001 - a text that cannot be made must not raise here
        return f"its text raises {type(error).__name__}"


def _place_of(raised: Exception) -> str:
    """Return the innermost place in this library that it was raised in or came through."""
    for frame in reversed(traceback.extract_tb(raised.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(_PACKAGE):
            return f"{path.relative_to(_PACKAGE).as_posix()}:{frame.lineno}"
    return "an unknown place"
