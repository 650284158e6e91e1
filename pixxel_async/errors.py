"""Every error that this library raises on purpose.

PixxelError
├── InternalError             a bug in this library; it fails one package
├── ConfigError               a setting is missing or invalid; nothing was sent
├── InputError                a download or a manifest line is invalid; nothing was sent
├── UsageError                unsupported use of the library
├── TransportError            no complete response from the service
│   └── RouteError            the service cannot be used until the network or a setting changes
├── ApiError                  the service responded with an error
│   ├── BadRequestError       400, and 4xx codes that have no class
│   ├── AuthenticationError   401: the key was not accepted
│   ├── PermissionDeniedError 403
│   ├── NotFoundError         404
│   ├── ConflictError         409
│   ├── RateLimitedError      429
│   ├── RedirectedError       3xx: redirects are not followed with the key
│   └── ServerError           5xx
├── ResponseError             the response is not as documented
├── PackageError              the service did not provide the package
│   ├── PackageFailedError    packaging failed
│   ├── PackageTimeoutError   it was not ready in time
│   ├── PackageGoneError      the service no longer has it, and `recreate` allows no other
│   ├── RunFailedError        a job or an insight failed
│   ├── AnswerLostError       the response to a creation was lost
│   └── EarlierFailureError   it failed in an earlier run and was not retried
├── TransferError             the download did not complete
│   ├── StorageError          the storage responded with an error
│   ├── StorageHostError      the storage host cannot be used until a setting is changed
│   ├── ConnectionBrokenError the connection failed or broke off
│   ├── RangesNotServedError  the storage does not serve byte ranges
│   ├── OutOfDescriptorsError the process has run out of file descriptors
│   ├── StalledError          throughput fell below the minimum
│   └── IntegrityError        the received bytes are corrupt
│       └── NotAZipError      the storage sent something other than a ZIP
├── CostLimitError            creating it would exceed `max_cost`; it was not created
├── ExportFailedError         packages of an export failed: `report.raise_for_failures()`
├── ArchiveError              a saved ZIP is corrupt or unsafe and was not extracted
└── SinkError                 the bytes could not be saved
    └── FolderBusyError       another process exports into this folder

No message contains the key or a signed URL.
"""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .events import Failed


class PixxelError(Exception):
    """The base class of all errors.

        try:
            await client.download(JobDownload(workflow_id="w", job_id="j"), "packages")
        except PackageError as error:
            print("not packaged:", error.key, error)
        except PixxelError as error:
            print(type(error).__name__, error)

    Errors can be copied and pickled, with their attributes, notes and causes. A cause that cannot
    be pickled becomes an exception with the same text.

    Attributes:
        message: What happened, in one line.
        code: The service's or the storage's error code, or an empty string.
        details: Further details from the service; their shape is not documented.
    """

    def __init__(self, message: str, *, code: str = "", details: Any = None) -> None:
        """Create an error with the three parts of the service's own errors."""
        super().__init__(message)
        self.message = message
        self.code = code
        self.details = details

    def __str__(self) -> str:
        """Return the message, with the code where there is one."""
        return f"{self.message} ({self.code})" if self.code else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle without calling the constructor, whose arguments differ from `args`."""
        return _restore, (type(self), self.args), (self.__dict__, *_chain(self))

    def __setstate__(self, state: Any) -> None:
        """Restore the state from `__reduce__`."""
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
    """Return a cause, or an exception with its text if it cannot be pickled."""
    if cause is None or isinstance(cause, PixxelError):
        return cause
    try:
        pickle.loads(pickle.dumps(cause))  # noqa: S301 - our own bytes
    except Exception:  # noqa: BLE001 - whatever it holds
        return Exception(f"{type(cause).__name__}: {cause}")
    return cause


class InternalError(PixxelError):
    """A bug in this library: an unexpected exception while handling one package.

    Only that package fails, and the next run retries it. The message contains the type of the
    exception, its redacted text, and where it was raised.
    """


class ConfigError(PixxelError):
    """A setting is missing or invalid; nothing was sent."""


class InputError(PixxelError):
    """A download or a manifest is invalid; nothing was sent.

        try:
            parse_download({"kind": "job", "workflow_id": "w"})
        except InputError as error:
            print(error.problems or error.message)

    Attributes:
        problems: One line per problem, ready to print: `FILE:LINE: reason`.
    """

    def __init__(self, message: str, *, problems: tuple[str, ...] = ()) -> None:
        """Create an error with a summary and the individual problems."""
        super().__init__(message)
        self.problems = problems


class UsageError(PixxelError, RuntimeError):
    """The library is used in an unsupported way; the message names the remedy.

    Examples: iterating an export that was not entered, or using a client in a second event loop.
    """


class TransportError(PixxelError):
    """No complete response arrived: connection refused or reset, timeout, or TLS failure.

    Attributes:
        sent: False if the request certainly never reached the service, True if it may have.
    """

    def __init__(self, message: str, *, sent: bool = True) -> None:
        """Create an error; `sent` says whether the request may have had an effect."""
        super().__init__(message)
        self.sent = sent


class RouteError(TransportError):
    """The service cannot be used until the network or a setting changes.

    It was never reached, its certificate is not trusted, the proxy refuses to connect to it, or
    something else answers at its address. The message names the host and the remedy. An export
    ends, and fails no package.
    """

    def __init__(self, message: str) -> None:
        """Create an error of a request that was not sent."""
        super().__init__(message, sent=False)


class ApiError(PixxelError):
    """The service responded with an error.

        try:
            await client.jobs.get("no-workflow", "no-job")
        except ApiError as error:
            print(error.status, error.operation, error.code, error.message)

    Attributes:
        status: The HTTP status code.
        operation: The operation id of the call in the service's OpenAPI document.
        retry_after_s: The delay that the service requested, in seconds, or None.
        from_service: Whether the response has the service's own error format; if not, it may come
            from something in front of the service, such as a gateway.
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
        """Create an error from the parts of the service's error response."""
        super().__init__(message, code=code, details=details)
        self.from_service = from_service
        self.status = status
        self.operation = operation
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        """Return status, message and code."""
        return f"{self.status} {super().__str__()}"


class BadRequestError(ApiError):
    """400, or a 4xx code that has no class: the service refused the request as invalid."""


class AuthenticationError(ApiError):
    """401: the key was not accepted; an export stops at once."""


class PermissionDeniedError(ApiError):
    """403: the key is valid but does not allow this."""


class NotFoundError(ApiError):
    """404: the resource does not exist, or the key may not see it."""


class ConflictError(ApiError):
    """409: the state of the resource does not allow this."""


class RateLimitedError(ApiError):
    """429: too many requests; every retry was refused as well."""


class RedirectedError(ApiError):
    """3xx: the service redirects; the client does not send the key there."""


class ServerError(ApiError):
    """5xx, or a status that HTTP does not define; every retry failed as well."""


class ResponseError(PixxelError):
    """The response is not as documented.

    It is not JSON, not an object, lacks the id that later calls need, or is too large.
    """


class PackageError(PixxelError):
    """The service did not provide the package.

        try:
            await client.wait(JobDownload(workflow_id="w", job_id="j"))
        except PackageError as error:
            print(error.key, error.message)

    Attributes:
        key: The key of the download.
    """

    def __init__(self, message: str, *, key: str, code: str = "") -> None:
        """Create an error about the download with this key."""
        super().__init__(message, code=code)
        self.key = key


class PackageFailedError(PackageError):
    """The service reported that packaging failed."""


class RunFailedError(PackageError):
    """A job or an insight of `client.run` failed; the message has the service's reason."""


class PackageTimeoutError(PackageError):
    """The package was not ready within `PollPolicy.wait_timeout_s`; a rerun keeps waiting."""


class PackageGoneError(PackageError):
    """The service no longer has a package from an earlier run, and `recreate` allows no other."""


class AnswerLostError(PackageError):
    """Something was created, changed or deleted, and the response was lost: it may be done.

        workflow = await anext(client.workflows.list())
        try:
            job = await client.jobs.create(workflow.id, workflow.project_id)
        except AnswerLostError:
            jobs = [job async for job in client.jobs.list(workflow.id)]

    A package was requested as often as `recreate` allows, and each response was lost. Other calls,
    such as `jobs.create`, are sent once.

    Attributes:
        key: The key of the download; for another call its operation and path.
    """


class EarlierFailureError(PackageError):
    """The package failed in an earlier run, and `previous_failures` says not to retry it."""


class TransferError(PixxelError):
    """The download did not complete, and no attempts are left."""


class StorageError(TransferError):
    """The storage responded with an error.

    Attributes:
        status: The HTTP status code.
    """

    def __init__(self, message: str, *, status: int, code: str = "") -> None:
        """Create an error from the storage's response; the caller redacts the message."""
        super().__init__(message, code=code)
        self.status = status


class StorageHostError(TransferError):
    """The storage host cannot be used until a setting is changed; nothing was sent.

    Its certificate is not trusted, the proxy refuses to connect to it, or its address is a
    loopback or private address or that of a cloud's metadata service. Only packages on this host
    fail.
    """


class ConnectionBrokenError(TransferError):
    """The connection to the storage failed or broke off.

    Attributes:
        sent: False if the request certainly never reached the storage, True if it may have.
    """

    def __init__(
        self, message: str, *, code: str = "", details: Any = None, sent: bool = True
    ) -> None:
        """Create an error; `sent` says whether the storage may have seen the request."""
        super().__init__(message, code=code, details=details)
        self.sent = sent


class RangesNotServedError(TransferError):
    """The storage does not serve byte ranges, so `peek` cannot read the members."""


class OutOfDescriptorsError(TransferError):
    """The process has run out of file descriptors; use fewer concurrent transfers."""


class StalledError(TransferError):
    """Throughput stayed below `FetchPolicy.least_bytes_per_s` for `stall_timeout_s`."""


class IntegrityError(TransferError):
    """The received bytes are corrupt: size, checksum or ZIP structure is wrong."""


class NotAZipError(IntegrityError):
    """The storage sent a web page, an error message or nothing in place of a ZIP, every time."""


class CostLimitError(PixxelError):
    """A job or an insight was not created, because it would exceed `max_cost`.

        runs = [RunJob(workflow_id="w-1", project_id="p-1")]
        async with client.run(runs, "results", max_cost=100) as export:
            report = await export.finish()
        over = [one.key for one in report.failed_runs if isinstance(one.error, CostLimitError)]

    The limit holds for the folder: what earlier runs into it created counts.

    Attributes:
        cost: What it would cost, or None if the service gave no estimate.
        committed: What the runs of the folder have committed to.
        limit: The limit.
    """

    def __init__(self, message: str, *, cost: float | None, committed: float, limit: float) -> None:
        """Create an error with the three amounts."""
        super().__init__(message)
        self.cost = cost
        self.committed = committed
        self.limit = limit


class ExportFailedError(PixxelError):
    """Packages of an export failed; `Report.raise_for_failures` raises it.

        report = export_sync(downloads, "packages")
        try:
            export_sync(downloads, "packages").raise_for_failures()
        except ExportFailedError as error:
            for failed in error.failed:
                print(failed.key, failed.error)

    Attributes:
        failed: The failed packages, each with its `download` and its `error`.
        total: How many packages there were, or None if they came from a stream.
    """

    def __init__(
        self, message: str, *, failed: tuple[Failed, ...] = (), total: int | None = None
    ) -> None:
        """Create an error about these packages."""
        super().__init__(message)
        self.failed = failed
        self.total = total


class ArchiveError(PixxelError):
    """A saved ZIP is corrupt or unsafe and was not extracted; the ZIP is kept."""


class SinkError(PixxelError):
    """The bytes could not be saved: disk full, permission denied, or name taken."""


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
