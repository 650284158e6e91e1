"""The calls that block: what they return and raise, from where they may be called, and Ctrl-C."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import subprocess
import sys
import textwrap
import threading
import typing
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from inspect import signature
from pathlib import Path
from typing import Any

import anyio
import pytest
from rich.live import _RefreshThread

from pixxel_async import (
    AuthenticationError,
    ConfigError,
    Download,
    FolderBusyError,
    JobDownload,
    NotFoundError,
    PackageFailedError,
    PixxelClient,
    Progress,
    Report,
    Started,
    download_sync,
    export_sync,
    sync,
)
from pixxel_async.composition import ClientParts
from pixxel_async.config import FolderPolicy
from pixxel_async.display.select import shown
from pixxel_async.sandbox import ApiFault, PackageFault, Sandbox, Scenario, sandbox_in_thread
from pixxel_async.sync import run_blocking

from .support import (
    PATIENCE_S,
    PROCESS_S,
    QUICK_LIMITS,
    QUICK_POLL,
    QUICK_RETRY,
    final_files,
    some_downloads,
    when,
)

SMALL = Scenario(package_bytes=20_000)
JOB = JobDownload(workflow_id="w", job_id="j")

needs_signals = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows sends Ctrl-C to a whole console"
)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with sandbox_in_thread(SMALL) as running:
        yield running


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    left = set(threading.enumerate()) - before
    for thread in left:
        if isinstance(thread, _RefreshThread):  # rich tells it to end, and does not wait for it
            thread.join(PATIENCE_S)
    assert {thread.name for thread in left if thread.is_alive()} == set()


def settings_of(sandbox: Sandbox, **other: Any) -> dict[str, Any]:
    quick = {"poll": QUICK_POLL, "retry": QUICK_RETRY, "limits": QUICK_LIMITS}
    return {"api_key": sandbox.api_key, "base_url": sandbox.api_url, **quick, **other}


def test_an_export_saves_every_package(sandbox: Sandbox, tmp_path: Path) -> None:
    downloads = some_downloads(12)
    report = export_sync(downloads, tmp_path, **settings_of(sandbox))
    assert isinstance(report, Report)
    assert report.is_complete
    expected = {sandbox.expected_sha256(download.row()) for download in downloads}
    assert set(final_files(tmp_path).values()) == expected
    assert len(export_sync(downloads, tmp_path, **settings_of(sandbox)).skipped) == 12


def test_a_download_saves_one(sandbox: Sandbox, tmp_path: Path) -> None:
    saved = download_sync(JOB, str(tmp_path), **settings_of(sandbox))
    assert saved.path.parent == tmp_path
    assert saved.sha256 == sandbox.expected_sha256(JOB.row())
    assert not saved.skipped
    assert download_sync(JOB, tmp_path, **settings_of(sandbox)).skipped


def test_the_environment_gives_what_is_not_given(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIXXEL_API_KEY", sandbox.api_key)
    monkeypatch.setenv("PIXXEL_BASE_URL", sandbox.api_url)
    assert download_sync(JOB, tmp_path, poll=QUICK_POLL).path.exists()
    monkeypatch.setenv("PIXXEL_API_KEY", "another")
    other = JobDownload(workflow_id="w", job_id="other")
    key = sandbox.api_key
    assert download_sync(other, tmp_path, api_key=key, poll=QUICK_POLL).path.exists()


def test_every_setting_can_be_given() -> None:
    of_client = set(signature(PixxelClient).parameters) | set(typing.get_type_hints(ClientParts))
    assert set(typing.get_type_hints(ClientParts)) < set(signature(PixxelClient).parameters)
    calls = ((export_sync, PixxelClient.export), (download_sync, PixxelClient.download))
    for blocking, of_export in calls:
        expected = of_client | set(signature(of_export).parameters) - {"self"}
        named = set(signature(blocking).parameters) - {"progress", "parts"}
        assert named | set(typing.get_type_hints(ClientParts)) == expected


def test_how_the_folder_is_treated_can_be_given(sandbox: Sandbox, tmp_path: Path) -> None:
    folder = FolderPolicy(path_template="{kind}/{job_id}.zip")
    saved = download_sync(JOB, tmp_path, folder=folder, **settings_of(sandbox))
    assert saved.path.parent == tmp_path / "job"
    wrong = FolderPolicy(path_template="{nothing}")
    with pytest.raises(ConfigError):
        export_sync([JOB], tmp_path, folder=wrong, **settings_of(sandbox))


async def test_it_works_inside_a_running_loop(sandbox: Sandbox, tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    report = export_sync(some_downloads(5), tmp_path, **settings_of(sandbox))
    assert len(report.saved) == 5
    assert asyncio.get_running_loop() is loop
    await asyncio.sleep(0)


def test_two_threads_export_at_once(sandbox: Sandbox, tmp_path: Path) -> None:
    both = threading.Barrier(2)

    def downloads() -> Iterator[Download]:
        both.wait(PATIENCE_S)  # each waits until the other has begun
        yield from some_downloads(8)

    def export(name: str) -> Report:
        return export_sync(downloads(), tmp_path / name, **settings_of(sandbox))

    with ThreadPoolExecutor(2) as threads:
        reports = list(threads.map(export, ["one", "two"]))
    assert [len(report.saved) for report in reports] == [8, 8]
    assert final_files(tmp_path / "one") == final_files(tmp_path / "two")


def test_downloads_may_come_asynchronously(sandbox: Sandbox, tmp_path: Path) -> None:
    async def found() -> typing.AsyncIterator[Download]:
        for download in some_downloads(4):
            await anyio.lowlevel.checkpoint()
            yield download

    assert len(export_sync(found(), tmp_path, **settings_of(sandbox)).saved) == 4


# Errors.


def test_without_a_key_nothing_begins(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="PIXXEL_API_KEY"):
        export_sync([JOB], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_failed_package_is_in_the_report_and_raised_by_a_download(tmp_path: Path) -> None:
    scenario = Scenario(
        package_bytes=20_000, faults=(PackageFault("failed", only='"job_id": "j"'),)
    )
    catalog = next(one for one in some_downloads(20) if one.kind == "catalog")
    with sandbox_in_thread(scenario) as sandbox:
        settings = settings_of(sandbox)
        report = export_sync([JOB, catalog], tmp_path, **settings)
        assert [type(failed.error) for failed in report.failed] == [PackageFailedError]
        assert len(report.saved) == 1
        asked = sandbox.counts["downloadJob"]
        with pytest.raises(PackageFailedError):
            download_sync(JOB, tmp_path, **settings)
        assert sandbox.counts["downloadJob"] > asked  # it was tried again


def test_errors_are_those_of_the_service(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(AuthenticationError):
        download_sync(JOB, tmp_path, **settings_of(sandbox, api_key="wrong"))
    with pytest.raises(AuthenticationError):
        export_sync([JOB], tmp_path, **settings_of(sandbox, api_key="wrong"))
    scenario = Scenario(faults=(ApiFault("status", on="downloadJob", status=404),))
    with sandbox_in_thread(scenario) as other, pytest.raises(NotFoundError):
        download_sync(JOB, tmp_path, **settings_of(other))


def test_an_error_of_the_callers_iterable_comes_out(sandbox: Sandbox, tmp_path: Path) -> None:
    def broken() -> Iterator[Download]:
        yield JOB
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        export_sync(broken(), tmp_path, **settings_of(sandbox))


def test_a_folder_that_another_call_uses_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    refused: list[BaseException] = []

    def nosy() -> Iterator[Download]:
        with ThreadPoolExecutor(1) as threads:
            second = threads.submit(export_sync, [JOB], tmp_path, **settings_of(sandbox))
            refused.append(second.exception(30) or AssertionError("not refused"))
        yield JOB

    assert len(export_sync(nosy(), tmp_path, **settings_of(sandbox)).saved) == 1
    assert [type(error) for error in refused] == [FolderBusyError]


# Ending early.

SCRIPT = """
import asyncio, sys, threading
from pixxel_async import JobDownload, PollPolicy, export_sync

quick = PollPolicy(initial_s=0.02, max_s=0.1)
folder = sys.argv[1]

def downloads():
    yield JobDownload(workflow_id="w", job_id="quick")
    yield JobDownload(workflow_id="w", job_id="endless")

def export():
    export_sync(downloads(), folder, poll=quick)

async def inside():
    export()

try:
    {call}
except KeyboardInterrupt:
    left = [thread.name for thread in threading.enumerate()]
    print("interrupted", left, flush=True)
"""


@needs_signals
@pytest.mark.parametrize("call", ["export()", "asyncio.run(inside())"])
def test_ctrl_c_ends_the_export_and_the_next_goes_on(tmp_path: Path, call: str) -> None:
    scenario = Scenario(package_bytes=20_000, faults=(PackageFault("never", only="endless"),))
    script = textwrap.dedent(SCRIPT).format(call=call)
    with sandbox_in_thread(scenario) as sandbox:
        variables = {"PIXXEL_BASE_URL": sandbox.api_url, "PIXXEL_API_KEY": sandbox.api_key}
        with subprocess.Popen(  # noqa: S603 - our own script
            [sys.executable, "-c", script, str(tmp_path)],
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                when(lambda: final_files(tmp_path) and sandbox.counts["downloadJob"] > 5)
                process.send_signal(signal.SIGINT)
                stdout, stderr = process.communicate(timeout=PROCESS_S)
            except BaseException:
                process.kill()
                raise
        assert stdout == "interrupted ['MainThread']\n"
        assert stderr == ""
        assert process.returncode == 0
        quick = JobDownload(workflow_id="w", job_id="quick")
        assert download_sync(quick, tmp_path, **settings_of(sandbox)).skipped


def test_an_interrupt_waits_for_the_end_of_the_work() -> None:
    steps: list[str] = []

    async def work() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0.1)
            steps.append("ended")

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_blocking(work, each_step=interrupt)
    assert steps == ["ended"]


def test_work_that_does_not_end_is_not_waited_for_without_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sync, "END_S", 0.1)
    go_on = threading.Event()

    async def work() -> None:
        go_on.wait(PATIENCE_S)  # as an iterable may that blocks

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_blocking(work, each_step=interrupt)
    assert "its folder is locked" in caplog.text
    left = [thread for thread in threading.enumerate() if thread.name == sync.THREAD]
    assert left
    assert all(thread.daemon for thread in left)
    go_on.set()
    for thread in left:
        thread.join()


@needs_signals
async def test_ctrl_c_is_noticed_although_the_loop_stands_still() -> None:
    handled: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: handled.append(number))
    try:
        with pytest.raises(KeyboardInterrupt):
            run_blocking(anyio.sleep_forever, each_step=lambda: signal.raise_signal(signal.SIGINT))
        signal.raise_signal(signal.SIGINT)  # the handler is in its place again
        assert handled == [signal.SIGINT]
    finally:
        signal.signal(signal.SIGINT, before)


@needs_signals
async def test_a_program_that_ignores_ctrl_c_goes_on_ignoring_it() -> None:
    struck: Future[None] = Future()

    def strike() -> None:
        signal.raise_signal(signal.SIGINT)
        struck.set_result(None)

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        run_blocking(lambda: wait_for(struck), each_step=strike)
    finally:
        signal.signal(signal.SIGINT, before)


@needs_signals
def test_without_a_loop_the_programs_own_handler_of_ctrl_c_stays() -> None:
    handled: Future[None] = Future()
    before = signal.signal(signal.SIGINT, lambda *_: handled.set_result(None))
    try:
        run_blocking(
            lambda: wait_for(handled), each_step=lambda: signal.raise_signal(signal.SIGINT)
        )
    finally:
        signal.signal(signal.SIGINT, before)
    assert handled.done()


async def wait_for(future: Future[None]) -> None:
    await asyncio.wrap_future(future)


def test_a_loop_that_cannot_be_made_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_loop(_: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(anyio, "run", no_loop)
    with pytest.raises(OSError, match="Too many"):
        run_blocking(anyio.sleep_forever, each_step=lambda: None)


# What is drawn.


def test_without_a_terminal_nothing_is_written(
    sandbox: Sandbox, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    export_sync(some_downloads(3), tmp_path, **settings_of(sandbox))
    assert capfd.readouterr() == ("", "")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "progress", "is_drawn"),
    [
        (Terminal(), Progress.AUTO, True),
        (Terminal(), Progress.NONE, False),
        (io.StringIO(), Progress.AUTO, False),
        (io.StringIO(), Progress.BARS, True),
    ],
)
def test_bars_are_drawn_where_they_are_wanted(  # noqa: PLR0913, PLR0917 - fixtures and cases
    sandbox: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stream: io.StringIO,
    progress: Progress,
    is_drawn: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm-256color")
    export_sync(some_downloads(3), tmp_path, **settings_of(sandbox, progress=progress))
    assert ("not requested" in stream.getvalue()) is is_drawn
    if not is_drawn:
        assert stream.getvalue() == ""


def test_a_terminal_has_the_bars_of_one_export_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def drawn() -> str:
        stream = Terminal()
        monkeypatch.setattr(sys, "stderr", stream)
        with shown(Progress.BARS) as display:
            display.show(Started(at_s=0, total=7), Report(total=7))
        return stream.getvalue()

    with shown(Progress.BARS):
        assert drawn() == ""
    assert "0/7" in drawn()
