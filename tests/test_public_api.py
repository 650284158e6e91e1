"""The public names, and that each is described."""

from __future__ import annotations

import inspect
import subprocess
import sys
import typing

import pytest

import pixxel_async
from pixxel_async import _api

from .support import PROCESS_S

PUBLIC = {
    # the client
    "PixxelClient", "Export", "Report", "__version__",
    # the same for code without an event loop
    "Progress", "download_sync", "export_sync",
    # downloads
    "AoiDownload", "CatalogDownload", "Download", "InsightDownload", "JobDownload",
    "TaskDownload", "parse_download",
    # afterwards
    "ReportFiles", "write_report",
    # records
    "Package", "PackageStatus", "SavedPackage",
    "Aoi", "Asset", "Catalog", "Insight", "Job", "Order", "OrderItem", "Project", "Record",
    "Task", "Workflow",
    # members of packages
    "Member", "MemberFilter", "RangesNotServedError",
    # looking after an export
    "Condition", "Finding", "verify", "DownloadResult",
    # how a folder is treated
    "PreviousFailures", "ExistingFiles", "Extraction", "FolderPolicy", "UnknownFiles",
    # errors and events of exports that go on
    "ArchiveError",
    "AnswerLostError", "ConnectionBrokenError", "EarlierFailureError", "Interrupted", "Paused",
    "Resumed",
    # settings
    "AuthScheme", "Checksum", "FetchPolicy", "Limits", "OnFailure",
    "PackageStream", "PollMethod", "PollPolicy", "RetryPolicy",
    "Settings", "Sync", "Timeouts", "Verify",
    # events
    "Event", "Failed", "FetchInterrupted", "FetchProgress", "FetchStarted", "ConcurrencyChanged",
    "HostRecovered", "HostFailed", "HostOverloaded", "RetryThrottled", "RowDamaged",
    "PackageEvent",
    "Polled", "Ready", "Recreated", "Requested", "Retried", "Saved", "Skipped", "RateLimited",
    "Started", "Stopped", "TimeLeft", "UrlRefreshed",
    # errors
    "ApiError", "AuthenticationError", "BadRequestError", "ConfigError", "ConflictError",
    "ExportFailedError", "FolderBusyError", "InputError", "IntegrityError", "InternalError",
    "NotAZipError", "NotFoundError", "OutOfDescriptorsError", "PackageError", "PackageGoneError",
    "RedirectedError",
    "PackageFailedError", "PackageTimeoutError", "PermissionDeniedError", "PixxelError",
    "RateLimitedError", "ResponseError", "RouteError", "ServerError", "SinkError", "StalledError",
    "StorageError", "StorageHostError", "TransferError", "TransportError", "UsageError",
}  # fmt: skip
PLAIN = {"Download", "__version__"}
CLASSES = sorted(name for name in PUBLIC - PLAIN if inspect.isclass(getattr(pixxel_async, name)))


def test_the_public_names_are_these() -> None:
    assert set(pixxel_async.__all__) == PUBLIC
    assert len(pixxel_async.__all__) == len(PUBLIC)
    assert all(hasattr(pixxel_async, name) for name in PUBLIC)


def test_the_names_are_those_that_type_checkers_read() -> None:
    assert sorted(_api.__all__) == pixxel_async.__all__
    for name in PUBLIC:
        assert getattr(pixxel_async, name) is getattr(_api, name), name


IMPORTED = """
import sys, pixxel_async
assert "pixxel_async.errors" not in sys.modules
for name in sys.argv[1:]:
    getattr(pixxel_async, name)
print(*sys.modules)
"""


@pytest.mark.parametrize(
    ("names", "unneeded"),
    [
        ((), {"typing", "pydantic", "httpx", "asyncio"}),
        (("PixxelError", "ConfigError"), {"pydantic", "httpx", "asyncio"}),
        (("JobDownload", "Limits"), {"httpx", "anyio", "pixxel_async.client"}),
        (("PixxelClient",), {"tomlkit", "keyring", "pixxel_async.sync"}),
    ],
    ids=lambda found: " ".join(sorted(found)),
)
def test_a_name_imports_only_what_it_needs(names: tuple[str, ...], unneeded: set[str]) -> None:
    ended = subprocess.run(  # noqa: S603 - the code above
        [sys.executable, "-c", IMPORTED, *names],
        capture_output=True,
        text=True,
        check=True,
        timeout=PROCESS_S,
    )
    assert set(ended.stdout.split()) & unneeded == set()


def test_modules_and_unknown_names() -> None:
    assert pixxel_async.errors.PixxelError is pixxel_async.PixxelError
    assert set(dir(pixxel_async)) >= PUBLIC
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = pixxel_async.Nothing  # type: ignore[attr-defined]  # that is the point
    namespace: dict[str, object] = {}
    exec("from pixxel_async import *", namespace)  # noqa: S102 - the only place where it works
    assert namespace.keys() >= PUBLIC


@pytest.mark.parametrize("name", sorted(PUBLIC - PLAIN))
def test_a_public_name_is_described(name: str) -> None:
    described = getattr(pixxel_async, name)
    assert described.__doc__
    assert "Usage docs" not in described.__doc__  # pydantic's own


@pytest.mark.parametrize("name", CLASSES)
def test_public_methods_are_described_and_typed(name: str) -> None:
    for label, member in inspect.getmembers(getattr(pixxel_async, name)):
        if label.startswith("_") or not inspect.isfunction(member):
            continue
        if not member.__module__.startswith("pixxel_async"):
            continue
        assert member.__doc__, f"{name}.{label}"
        assert "return" in typing.get_type_hints(member), f"{name}.{label}"


@pytest.mark.parametrize("name", [name for name in CLASSES if name.endswith(("Policy", "Limits"))])
def test_a_setting_is_described_with_its_unit(name: str) -> None:
    settings = getattr(pixxel_async, name)
    for field in settings.model_fields:
        assert f"{field}:" in settings.__doc__, f"{name}.{field}"


def test_the_error_tree_is_as_its_module_draws_it() -> None:
    from pixxel_async import errors  # noqa: PLC0415 - only this test looks inside

    drawn = [line for line in (errors.__doc__ or "").splitlines() if "Error" in line]
    names = {word for line in drawn for word in line.split() if word.endswith("Error")}
    classes = {
        label
        for label, member in inspect.getmembers(errors, inspect.isclass)
        if member.__module__ == errors.__name__
    }
    assert names == classes
    assert all(issubclass(getattr(errors, label), errors.PixxelError) for label in classes)
