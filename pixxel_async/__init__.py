"""Bulk exporter for the Pixxel API: ask for download packages, wait for them, save them.

Each name is imported when it is used, so that `import pixxel_async` takes next to no time, and so
that the command line can take care of signals and streams before the imports that take long.
Type checkers read `_api`; a test holds the two together.
"""

from ._version import __version__ as __version__

TYPE_CHECKING = False
"""As in `typing`, for type checkers."""

if TYPE_CHECKING:
    from ._api import *  # noqa: F403 - its `__all__` says what
    from ._api import __all__ as __all__
else:
    _MODULES = {
        "client": "PixxelClient",
        "config": (
            "AuthScheme Checksum ExistingFiles Extraction FetchPolicy FolderPolicy Limits "
            "PreviousFailures RetryPolicy Settings Sync Timeouts UnknownFiles Verify"
        ),
        "display.base": "Progress",
        "downloads": (
            "AoiDownload CatalogDownload Download InsightDownload JobDownload TaskDownload "
            "parse_download"
        ),
        "errors": (
            "AnswerLostError ApiError ArchiveError AuthenticationError BadRequestError "
            "ConfigError ConflictError ConnectionBrokenError EarlierFailureError FolderBusyError "
            "InputError IntegrityError InternalError NotAZipError NotFoundError "
            "OutOfDescriptorsError PackageError PackageFailedError PackageGoneError "
            "PackageTimeoutError PermissionDeniedError PixxelError RateLimitedError "
            "RedirectedError ResponseError RouteError ServerError SinkError StalledError "
            "StorageError StorageHostError TransferError TransportError UsageError"
        ),
        "export.export": "Export",
        "export.summary": "Report",
        "export.verify": "verify",
        "events": (
            "ConcurrencyChanged Event Failed FetchInterrupted FetchProgress FetchStarted "
            "HostFailed HostOverloaded HostRecovered Interrupted PackageEvent Paused Polled "
            "RateLimited Ready Recreated Requested Resumed Retried RetryThrottled RowDamaged "
            "Saved Skipped Started Stopped UrlRefreshed"
        ),
        "models": "Package PackageStatus SavedPackage",
        "polls": "PollMethod PollPolicy",
        "records": "Aoi Asset Catalog Insight Job Order OrderItem Project Record Task Workflow",
        "report.write": "ReportFiles write_report",
        "sansio.files.verification": "Condition Finding",
        "sync": "download_sync export_sync",
    }
    """The public names by the module that has them."""

    _MODULE_OF = {name: module for module, names in _MODULES.items() for name in names.split()}
    __all__ = sorted(["__version__", *_MODULE_OF])  # noqa: PLE0605 - it is one

    def __getattr__(name: str) -> object:
        """Import a public name, or a module of this package."""
        from importlib import import_module  # noqa: PLC0415 - see above
        from importlib.util import find_spec  # noqa: PLC0415 - see above

        if name in _MODULE_OF:
            found = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
            globals()[name] = found  # Python looks there first
            return found
        if find_spec(f"{__name__}.{name}"):
            return import_module(f"{__name__}.{name}")
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)

    def __dir__() -> list[str]:
        """Return the public names, and what is there already."""
        return sorted({*__all__, *globals()})
