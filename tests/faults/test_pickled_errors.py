"""Every error can be pickled, copied, and raised in another process."""

from __future__ import annotations

import copy
import functools
import multiprocessing
import pickle
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pixxel_async import (
    ApiError,
    ConnectionBrokenError,
    CostLimitError,
    ExportFailedError,
    IntegrityError,
    NotFoundError,
    PackageError,
    PackageFailedError,
    PixxelError,
    SinkError,
    StorageError,
    TransferError,
    export_sync,
)
from pixxel_async.destinations.file_system_probe import UnsuitableError
from pixxel_async.errors import InputError, RouteError, TransportError
from pixxel_async.export.summary import Report
from pixxel_async.sandbox import PackageFault, Scenario, StorageFault, sandbox_in_thread

from ..support import QUICK_LIMITS, QUICK_POLL, QUICK_RETRY, some_downloads

pytestmark = pytest.mark.fault(83)

Copier = Callable[[Any], Any]


def by_pickle(protocol: int) -> Copier:
    def copied(value: Any) -> Any:
        return pickle.loads(pickle.dumps(value, protocol))  # noqa: S301 - our own bytes

    copied.__name__ = f"pickle_{protocol}"
    return copied


COPIERS = [*map(by_pickle, range(pickle.HIGHEST_PROTOCOL + 1)), copy.copy, copy.deepcopy]
each_copier = pytest.mark.parametrize("copied", COPIERS, ids=lambda copier: copier.__name__)


def kinds(root: type[PixxelError] = PixxelError) -> Iterator[type[PixxelError]]:
    """Yield all errors, those that are not public too."""
    yield root
    for kind in root.__subclasses__():
        if kind.__module__.startswith("pixxel_async."):
            yield from kinds(kind)


KINDS = sorted(set(kinds()), key=lambda kind: kind.__name__)
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def make(kind: type[PixxelError]) -> PixxelError:
    """Make an error with everything that it may have."""
    parts: dict[str, Any] = {"code": "CODE", "details": {"why": ["one", None, 2.5]}}
    if issubclass(kind, ApiError):
        parts |= {"status": 418, "operation": "PutJob", "retry_after_s": 1.5}
    elif issubclass(kind, PackageError):
        parts = {"key": "job:w/j", "code": "CODE"}
    elif issubclass(kind, StorageError):
        parts = {"status": 507, "code": "CODE"}
    elif issubclass(kind, RouteError | UnsuitableError):
        parts = {}
    elif issubclass(kind, TransportError):
        parts = {"sent": False}
    elif issubclass(kind, CostLimitError):
        parts = {"cost": 5.0, "committed": 97.5, "limit": 100.0}
    elif issubclass(kind, ExportFailedError):
        parts = {"total": 3}  # its packages: tests/test_first_tries.py
    elif issubclass(kind, InputError):
        parts = {"problems": ("list.jsonl:3: no id",)}
    return kind("it went wrong", **parts)


def shown(error: BaseException | None) -> Any:
    """Return what two equal errors have in common, causes included."""
    if error is None:
        return None
    held = {name: value for name, value in vars(error).items() if name != "__notes__"}
    notes = list(getattr(error, "__notes__", []))
    chain = shown(error.__cause__), shown(error.__context__), error.__suppress_context__
    return type(error), str(error), error.args, held, notes, chain


def raised(error: PixxelError, cause: BaseException | None) -> PixxelError:
    """Raise an error while another one is handled, and catch it."""
    with pytest.raises(type(error)) as caught:  # noqa: PT012 - the context matters
        try:
            dict[str, int]()["the context"]
        except KeyError:
            raise error from cause
    return caught.value


@each_copier
@each_kind
def test_a_copy_of_an_error_has_all_that_the_error_has(
    kind: type[PixxelError], copied: Copier
) -> None:
    error = raised(make(kind), raised(make(SinkError), OSError(28, "No space left on device")))
    error.add_note("the first note")
    error.add_note("the second note")
    twin = copied(error)
    assert shown(twin) == shown(error)
    assert isinstance(twin.__cause__.__cause__, OSError)
    assert twin.__cause__.__cause__.errno == 28
    twin.add_note("of the copy only")
    assert error.__notes__ == ["the first note", "the second note"]


@each_copier
def test_a_copy_can_be_copied_and_raised_again(copied: Copier) -> None:
    error = copied(copied(NotFoundError("no such job", status=404, operation="PutJob")))
    with pytest.raises(NotFoundError, match="404 no such job") as caught:
        raise error
    assert (caught.value.status, caught.value.operation) == (404, "PutJob")


@each_copier
def test_a_cause_that_cannot_be_pickled_does_not_keep_its_error_back(copied: Copier) -> None:
    class LocalError(Exception):
        """No other process can import this one."""

    class NeedsMoreError(Exception):
        def __init__(self, one: str, two: str) -> None:
            super().__init__(one + two)

    with socket.socket() as held:
        for cause in (LocalError("local"), NeedsMoreError("a", "b"), ValueError(held)):
            twin = copied(raised(make(SinkError), cause))
            assert str(twin) == str(make(SinkError))
            assert type(cause).__name__ in str(twin.__cause__)


@each_copier
def test_a_group_of_errors_can_be_the_cause(copied: Copier) -> None:
    group = ExceptionGroup("several", [make(TransferError), ValueError("x")])
    twin = copied(raised(make(IntegrityError), group))
    assert isinstance(twin.__cause__, ExceptionGroup)
    assert [str(each) for each in twin.__cause__.exceptions] == ["it went wrong (CODE)", "x"]


class OwnError(StorageError):
    """An error of a user of the library, with a constructor of its own."""

    def __init__(self, bucket: str) -> None:
        """Keep one thing more."""
        super().__init__(f"{bucket} is gone", status=410)
        self.bucket = bucket


@each_copier
def test_an_error_that_a_user_derives_is_copied_too(copied: Copier) -> None:
    twin = copied(OwnError("tiles"))
    assert (str(twin), twin.status, twin.bucket) == ("tiles is gone", 410, "tiles")


def fail(error: PixxelError) -> None:
    """Raise on the other side."""
    error.add_note("raised in a process")
    raise error


def test_an_error_is_raised_in_a_process_and_caught_in_another() -> None:
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawned) as pool:
        for kind in KINDS:
            error = raised(make(kind), ConnectionBrokenError("reset"))
            caught = pool.submit(fail, error).exception(60)
            assert type(caught) is kind
            assert str(caught) == str(error)
            assert vars(caught).items() >= vars(make(kind)).items()
            assert "raised in a process" in caught.__notes__


def test_a_pool_of_processes_hands_an_error_back() -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        work = functools.partial(fail, PackageFailedError("no data", key="job:w/j"))
        with pytest.raises(PackageFailedError, match="no data") as caught:
            pool.apply(work)
    assert caught.value.key == "job:w/j"


def export_in_a_process(base_url: str, key: str, folder: Path) -> Report:
    """Export a few packages of which some fail."""
    return export_sync(
        some_downloads(6),
        folder,
        api_key=key,
        base_url=base_url,
        poll=QUICK_POLL,
        retry=QUICK_RETRY,
        limits=QUICK_LIMITS,
    )


def test_a_report_with_failures_comes_out_of_a_process(tmp_path: Path) -> None:
    scenario = Scenario(
        package_bytes=4096,
        faults=(PackageFault("failed", nth=1), StorageFault("status", nth=1, status=404)),
    )
    spawned = multiprocessing.get_context("spawn")
    with sandbox_in_thread(scenario) as sandbox, ProcessPoolExecutor(1, mp_context=spawned) as pool:
        exporting = pool.submit(export_in_a_process, sandbox.api_url, sandbox.api_key, tmp_path)
        report = exporting.result(60)
    assert len(report.saved) + len(report.failed) == 6
    assert {type(failed.error).__name__ for failed in report.failed} >= {"PackageFailedError"}
    assert not report.is_complete
