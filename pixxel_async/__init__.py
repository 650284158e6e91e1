"""Bulk exporter for the Pixxel API: request download packages, wait for them, save them.

Names are imported on first use, so that `import pixxel_async` is fast and the command line can
set up signals and streams before the slow imports. Type checkers read `_api`; a test checks that
both list the same names.
"""

from ._version import __version__ as __version__

TYPE_CHECKING = False
"""As in `typing`, without importing it."""

if TYPE_CHECKING:
    from ._api import *  # noqa: F403 - its `__all__` is the list
    from ._api import __all__ as __all__
else:
    _MODULES = {
        "client": "PixxelClient",
        "config": (
            "AuthScheme Checksum ExistingFiles Extraction FetchPolicy FolderPolicy Limits "
            "PollMethod PollPolicy PreviousFailures RetryPolicy Settings Sync Timeouts "
            "UnknownFiles Verify"
        ),
        "display.base": "Progress",
        "downloads": (
            "AoiDownload CatalogDownload Download InsightDownload JobDownload TaskDownload "
            "parse_download"
        ),
        "errors": (
            "AnswerLostError ApiError ArchiveError AuthenticationError BadRequestError "
            "ConfigError ConflictError ConnectionBrokenError EarlierFailureError "
            "ExportFailedError FolderBusyError InputError IntegrityError InternalError "
            "NotAZipError NotFoundError "
            "OutOfDescriptorsError PackageError PackageFailedError PackageGoneError "
            "PackageTimeoutError PermissionDeniedError PixxelError RangesNotServedError "
            "RateLimitedError RedirectedError ResponseError RouteError ServerError SinkError "
            "StalledError StorageError StorageHostError TransferError TransportError UsageError"
        ),
        "export.export": "Export",
        "export.package_stream": "PackageStream",
        "export.summary": "Report",
        "export.verify": "verify",
        "events": (
            "ConcurrencyChanged Event Failed FetchInterrupted FetchProgress FetchStarted "
            "HostFailed HostOverloaded HostRecovered Interrupted PackageEvent Paused Polled "
            "RateLimited Ready Recreated Requested Resumed Retried RetryThrottled RowDamaged "
            "Saved Skipped Started Stopped TimeLeft UrlRefreshed"
        ),
        "members": "Member MemberFilter",
        "models": "DownloadResult OnFailure Package PackageStatus SavedPackage",
        "records": "Aoi Asset Catalog Insight Job Order OrderItem Project Record Task Workflow",
        "report.write": "ReportFiles write_report",
        "sansio.files.verification": "Condition Finding",
        "sync": "download_sync export_sync",
    }
    """Public names by the module that defines them."""

    _MODULE_OF = {name: module for module, names in _MODULES.items() for name in names.split()}
    __all__ = sorted(["__version__", *_MODULE_OF])  # noqa: PLE0605 - it is one

    def __getattr__(name: str) -> object:
        """Import a public name, or a module of this package."""
        from importlib import import_module  # noqa: PLC0415 - see above
        from importlib.util import find_spec  # noqa: PLC0415 - see above

        if name in _MODULE_OF:
            found = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
            globals()[name] = found  # the next access finds it without this function
            return found
        if find_spec(f"{__name__}.{name}"):
            return import_module(f"{__name__}.{name}")
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)

    def __dir__() -> list[str]:
        """Return the public names and the names already imported."""
        return sorted({*__all__, *globals()})
