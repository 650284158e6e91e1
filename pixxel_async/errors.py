"""Every error that this library raises on purpose.

PixxelError
├── InternalError             a bug of this library; one package fails by it
├── ConfigError               a setting is missing or wrong; nothing was sent
├── InputError                a download or a manifest line is wrong; nothing was sent
├── UsageError                the library is called in a way that it does not support
├── TransportError            no complete answer came from the service
│   └── RouteError            the service has no trusted certificate, or a proxy refuses it
├── ApiError                  the service answered with an error
│   ├── BadRequestError       400 and other 4xx without a class of their own
│   ├── AuthenticationError   401: the key was not accepted
│   ├── PermissionDeniedError 403
│   ├── NotFoundError         404
│   ├── ConflictError         409
│   ├── RateLimitedError      429
│   ├── RedirectedError       3xx: redirects are not followed with the key
│   └── ServerError           5xx
├── ResponseError             the service answered, but not as documented
├── PackageError              the service could not package
│   ├── PackageFailedError    it said so
│   ├── PackageTimeoutError   it was not ready within the waiting limit
│   ├── PackageGoneError      the service no longer has it, and may not be asked for another
│   ├── AnswerLostError       its creation was sent, and no answer came or was noted
│   └── EarlierFailureError   it failed in an earlier run, and failed ones are not asked for
├── TransferError             the bytes did not arrive whole
│   ├── StorageError          the storage answered with an error
│   ├── StorageHostError      the host of a storage cannot be used until a setting is changed
│   ├── ConnectionBrokenError the connection broke off, or none was made
│   ├── OutOfDescriptorsError the system allows no more open files
│   ├── StalledError          fewer bytes came than the least throughput asks for
│   └── IntegrityError        what arrived is not what was packaged
│       └── NotAZipError      a page, an error message or nothing arrived
├── ArchiveError              a saved ZIP is not extracted, since it is bad or unsafe
└── SinkError                 the bytes could not be saved
    └── FolderBusyError       another process exports into this folder

No message holds the key or a signed URL.
"""

from __future__ import annotations

import pickle
from typing import Any


class PixxelError(Exception):
    """The root of the tree.

    Every error can be copied and pickled, with its attributes, notes and causes. A cause that
    cannot be pickled is replaced by an exception with its text.

    Attributes:
        message: What happened, in one line.
        code: The service's or the storage's own short code, empty where there is none.
        details: Whatever the service added; its shape is not documented.
    """

    def __init__(self, message: str, *, code: str = "", details: Any = None) -> None:
        """Keep the three parts that the service's own errors have."""
        super().__init__(message)
        self.message = message
        self.code = code
        self.details = details

    def __str__(self) -> str:
        """Return the message, with the code where there is one."""
        return f"{self.message} ({self.code})" if self.code else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle without calling the constructor, whose arguments are not `args`."""
        return _restore, (type(self), self.args), (self.__dict__, *_chain(self))

    def __setstate__(self, state: Any) -> None:
        """Take over what `__reduce__` has kept."""
        attributes, cause, context, suppresses_context = state
        self.__dict__.update(attributes)
        if (notes := attributes.get("__notes__")) is not None:
            self.__notes__ = list(notes)  # a copy's notes are its own
        self.__cause__ = cause
        self.__context__ = context
        self.__suppress_context__ = suppresses_context


def _restore(kind: type[PixxelError], args: tuple[Any, ...]) -> PixxelError:
    return kind.__new__(kind, *args)


def _chain(error: PixxelError) -> tuple[BaseException | None, BaseException | None, bool]:
    return (
        _portable(error.__cause__),
        _portable(error.__context__),
        error.__suppress_context__,
    )


def _portable(cause: BaseException | None) -> BaseException | None:
    """Return a cause, or where it cannot be pickled, an exception that shows what it was."""
    if cause is None or isinstance(cause, PixxelError):
        return cause
    try:
        pickle.loads(pickle.dumps(cause))  # noqa: S301 - our own bytes
    except Exception:  # noqa: BLE001 - whatever it holds
        return Exception(f"{type(cause).__name__}: {cause}")
    return cause


class InternalError(PixxelError):
    """A bug of this library: what was raised while one package was handled.

    It fails that package alone, and the next run tries it again. The message has the type of the
    exception, its text, redacted, and the place where it was raised.
    """


class ConfigError(PixxelError):
    """A setting is missing or wrong; nothing was sent."""


class InputError(PixxelError):
    """A download or a manifest is wrong; nothing was sent.

    Attributes:
        problems: One line each, ready to print: `FILE:LINE: reason`.
    """

    def __init__(self, message: str, *, problems: tuple[str, ...] = ()) -> None:
        """Keep the single problems beside the message that sums them up."""
        super().__init__(message)
        self.problems = problems


class UsageError(PixxelError, RuntimeError):
    """The library is called in a way that it does not support; the message names the remedy.

    Examples: an export that was not entered, or a client in a second event loop.
    """


class TransportError(PixxelError):
    """No complete answer came: refused, reset, timed out, or a TLS failure.

    Attributes:
        sent: False if the request surely never reached the service, True if it may have.
    """

    def __init__(self, message: str, *, sent: bool = True) -> None:
        """Keep whether the request may have had an effect."""
        super().__init__(message)
        self.sent = sent


class RouteError(TransportError):
    """The service cannot be reached until a setting is changed; nothing was sent.

    Its certificate is not trusted, or the proxy refuses to connect to it.
    """

    def __init__(self, message: str) -> None:
        """Note that the request has had no effect."""
        super().__init__(message, sent=False)


class ApiError(PixxelError):
    """The service answered with an error.

    Attributes:
        status: The HTTP status code.
        operation: The operation id of the call in the service's OpenAPI document.
        retry_after_s: The delay that the service asked for, in seconds, or None.
        from_service: Whether the answer had the service's own error form; if not, something in
            front of the service may have answered, such as a gateway.
    """

    def __init__(  # noqa: PLR0913 - the parts of the service's error answer, keyword-only
        self,
        message: str,
        *,
        status: int,
        operation: str = "",
        code: str = "",
        details: Any = None,
        retry_after_s: float | None = None,
        from_service: bool = True,
    ) -> None:
        """Keep what the service said."""
        super().__init__(message, code=code, details=details)
        self.from_service = from_service
        self.status = status
        self.operation = operation
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        """Return status, message and code."""
        return f"{self.status} {super().__str__()}"


class BadRequestError(ApiError):
    """400, or a 4xx that has no class of its own: the request was refused as wrong."""


class AuthenticationError(ApiError):
    """401: the key was not accepted; an export stops at once."""


class PermissionDeniedError(ApiError):
    """403: the key is good, but not for this."""


class NotFoundError(ApiError):
    """404: there is no such thing, or not for this key."""


class ConflictError(ApiError):
    """409: the state of the thing does not allow this."""


class RateLimitedError(ApiError):
    """429: too many requests, and the attempts are used up."""


class RedirectedError(ApiError):
    """3xx: the service redirects; the key is not sent to where that leads."""


class ServerError(ApiError):
    """5xx, or a status that HTTP does not define: the service failed, and so did each attempt."""


class ResponseError(PixxelError):
    """The service answered, but the answer is not as documented.

    It is not JSON, not an object, without the id that later calls need, or too large.
    """


class PackageError(PixxelError):
    """The service could not package.

    Attributes:
        key: The key of the download.
    """

    def __init__(self, message: str, *, key: str, code: str = "") -> None:
        """Keep which download it was."""
        super().__init__(message, code=code)
        self.key = key


class PackageFailedError(PackageError):
    """The service said that packaging failed."""


class PackageTimeoutError(PackageError):
    """The package was not ready within the waiting limit; a rerun keeps waiting."""


class PackageGoneError(PackageError):
    """The service no longer has a package of an earlier run, and `recreate` allows no other one."""


class AnswerLostError(PackageError):
    """Its creation was sent as often as it may be, and no answer came or was noted."""


class EarlierFailureError(PackageError):
    """It failed in an earlier run for a reason of its own, and was left alone in this one."""


class TransferError(PixxelError):
    """The bytes did not arrive whole, and the attempts are used up."""


class StorageError(TransferError):
    """The storage answered with an error.

    Attributes:
        status: The HTTP status code.
    """

    def __init__(self, message: str, *, status: int, code: str = "") -> None:
        """Keep what the storage said; the message is redacted by who builds it."""
        super().__init__(message, code=code)
        self.status = status


class StorageHostError(TransferError):
    """The host of a storage cannot be used until a setting is changed; nothing was sent.

    Its certificate is not trusted, the proxy refuses to connect to it, or its address is one of
    this machine, of a private network or of a cloud's metadata service. It fails the packages that
    lie there, and no others.
    """


class ConnectionBrokenError(TransferError):
    """The connection to the storage broke off, or none was made.

    Attributes:
        sent: False if the request surely never reached the storage, True if it may have.
    """

    def __init__(
        self, message: str, *, code: str = "", details: Any = None, sent: bool = True
    ) -> None:
        """Keep whether the storage may have seen the request."""
        super().__init__(message, code=code, details=details)
        self.sent = sent


class OutOfDescriptorsError(TransferError):
    """The system allows no more open files and connections: fewer transfers at once will do."""


class StalledError(TransferError):
    """Fewer bytes came in a window of time than the least throughput asks for."""


class IntegrityError(TransferError):
    """What arrived is not what was packaged: size, checksum or ZIP structure is wrong."""


class NotAZipError(IntegrityError):
    """A page, an error message or nothing arrived where a ZIP is due, in each attempt."""


class ArchiveError(PixxelError):
    """A saved ZIP is not extracted, since it is bad or would do harm; the ZIP stays."""


class SinkError(PixxelError):
    """The bytes could not be saved: disk full, no permission, name taken."""


class FolderBusyError(SinkError):
    """Another process exports into this folder."""


_BY_STATUS: dict[int, type[ApiError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    429: RateLimitedError,
}
_CLASSES: dict[int, type[ApiError]] = {3: RedirectedError, 4: BadRequestError}


def api_error_class(status: int) -> type[ApiError]:
    """Return the class for an HTTP status that is not 2xx."""
    return _BY_STATUS.get(status) or _CLASSES.get(status // 100, ServerError)
