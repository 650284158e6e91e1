"""Blocking functions for scripts and notebooks, built on the asynchronous client.

Rules:
    * Each call runs its own client on the event loop of its own thread, so it does not matter
      whether the caller has a running loop.
    * Errors of the client propagate unchanged.
    * Ctrl-C cancels the export, waits up to `END_S` for it to end and raises KeyboardInterrupt; the
      same call resumes the export.
    * The caller waits in short steps: Windows delivers Ctrl-C to a thread only between waits.
    * Inside a running asyncio loop, the SIGINT handlers of `asyncio.run` and notebooks leave Ctrl-C
      to the loop, which is blocked; they are replaced meanwhile. Without a loop, the handler of
      the program stays.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TypeVar, Unpack

import anyio
from anyio.from_thread import BlockingPortal
from pydantic import SecretStr

from .client import ClientParts, PixxelClient
from .config import AuthScheme, FolderPolicy, Settings
from .display.base import Progress
from .display.select import shown
from .downloads import Download
from .export.export import Export
from .export.source import Downloads
from .export.summary import Report
from .export.wait import again, only_package
from .models import SavedPackage
from .settings.layers import from_environment

T = TypeVar("T")

STEP_S = 0.2
"""The interval between redraws; the longest delay of Ctrl-C on Windows."""

END_S = 15.0
"""How long to wait for cancelled work: disk operations in progress finish first."""

THREAD = "pixxel-async portal"

logger = logging.getLogger(__name__)


def run_blocking(work: Callable[[], Awaitable[T]], *, each_step: Callable[[], object]) -> T:
    """Run asynchronous work on another thread and return its result.

    Args:
        work: Called and awaited on the other thread.
        each_step: Called on this thread, a few times a second.

    Raises:
        KeyboardInterrupt: In the main thread, after Ctrl-C; the work has been cancelled.
        BaseException: Whatever the work raises.
    """
    with _interruptible():
        return _run(work, each_step)


def _run(work: Callable[[], Awaitable[T]], each_step: Callable[[], object]) -> T:
    opened: Future[BlockingPortal] = Future()
    # A daemon: work that outlasts END_S does not keep the process alive.
    thread = threading.Thread(target=_serve, args=(opened,), name=THREAD, daemon=True)
    thread.start()
    try:
        result = opened.result().start_task_soon(work)
        while not wait([result], STEP_S).done:
            each_step()
        return result.result()
    finally:
        # On another thread: a portal call waits for the loop, which may be blocked, for example
        # by the caller's iterable.
        closing = threading.Thread(target=_close, args=(opened,), name=THREAD, daemon=True)
        closing.start()
        thread.join(END_S)
        if thread.is_alive():
            logger.warning("still running %g s after cancellation: its folder is locked", END_S)
        else:
            closing.join()


def _serve(opened: Future[BlockingPortal]) -> None:
    async def serve() -> None:
        async with BlockingPortal() as portal:
            opened.set_result(portal)
            await portal.sleep_until_stopped()

    try:
        anyio.run(serve)
    except BaseException as error:
        if opened.done():
            raise
        opened.set_exception(error)


def _close(opened: Future[BlockingPortal]) -> None:
    """Stop the portal and cancel what still runs on it."""
    if opened.exception() is None:
        with suppress(RuntimeError):  # it has already stopped
            opened.result().call(opened.result().stop, True)  # noqa: FBT003 - takes no keyword


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C raise KeyboardInterrupt while the caller's event loop is blocked."""
    handler = signal.getsignal(signal.SIGINT)
    is_ours = threading.current_thread() is threading.main_thread() and _has_running_loop()
    if not is_ours or not callable(handler):
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


def _has_running_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def export_sync(  # noqa: PLR0913 - as the constructor of the client
    downloads: Downloads,
    directory: str | Path,
    *,
    api_key: str | SecretStr | None = None,
    base_url: str | None = None,
    auth_scheme: AuthScheme | str | None = None,
    proxy: str | SecretStr | None = None,
    ca_bundle: str | Path | None = None,
    allow_private_storage: bool | None = None,
    folder: FolderPolicy | None = None,
    progress: Progress = Progress.AUTO,
    **parts: Unpack[ClientParts],
) -> Report:
    """Save many packages, and return when each of them is saved or has failed.

        report = export_sync([JobDownload(workflow_id="w", job_id="j")], "packages")
        print(len(report.saved), len(report.failed))

    Call it from any thread, from several at once for different directories, or inside a running
    event loop, which it blocks. A failed package is an entry in the report, not an exception.
    Settings that are not given come from the environment variables `PIXXEL_API_KEY`,
    `PIXXEL_BASE_URL` and so on.

    Args:
        downloads: An iterable or async iterable; duplicates are downloaded once. It is iterated
            on another thread and should not block.
        directory: The directory for the files; created if it is missing.
        api_key: The key.
        base_url: The URL of the service.
        auth_scheme: `raw` or `bearer`.
        proxy: `auto`, `direct`, or the URL of a proxy.
        ca_bundle: `auto`, or certificates to trust.
        allow_private_storage: Allow storage at loopback, private and link-local addresses.
        folder: How to treat the directory and the files of earlier runs.
        progress: Where to draw progress.
        **parts: The other arguments of `PixxelClient`: `timeout`, `limits`, `retry`, `poll`,
            `fetch`, `http_client`, `storage_client`, `engine`.

    Returns:
        The report of the export.

    Raises:
        ConfigError: The key is missing, or a setting is invalid.
        FolderBusyError: Another process, or another call, exports into the directory.
        SinkError: The directory is not writable.
        KeyboardInterrupt: Ctrl-C; the export has ended, and the same call resumes it.
    """
    given = {
        "api_key": api_key,
        "base_url": base_url,
        "auth_scheme": auth_scheme,
        "proxy": proxy,
        "ca_bundle": None if ca_bundle is None else str(ca_bundle),
        "allow_private_storage": allow_private_storage,
    }
    settings = from_environment(given).settings()
    export = partial(PixxelClient.export, downloads=downloads, directory=directory, folder=folder)
    return _export(export, settings, progress, parts)


def download_sync(  # noqa: PLR0913 - as the constructor of the client
    download: Download,
    directory: str | Path,
    *,
    api_key: str | SecretStr | None = None,
    base_url: str | None = None,
    auth_scheme: AuthScheme | str | None = None,
    proxy: str | SecretStr | None = None,
    ca_bundle: str | Path | None = None,
    allow_private_storage: bool | None = None,
    folder: FolderPolicy | None = None,
    progress: Progress = Progress.AUTO,
    **parts: Unpack[ClientParts],
) -> SavedPackage:
    """Save one package, and return when it is saved; otherwise it works like `export_sync`.

        saved = download_sync(JobDownload(workflow_id="w", job_id="j"), "packages")

    Args:
        download: The download to save.
        directory: The directory for the file; created if it is missing.
        api_key: The key.
        base_url: The URL of the service.
        auth_scheme: `raw` or `bearer`.
        proxy: `auto`, `direct`, or the URL of a proxy.
        ca_bundle: `auto`, or certificates to trust.
        allow_private_storage: Allow storage at loopback, private and link-local addresses.
        folder: How to treat the directory; a package that failed earlier is always retried.
        progress: Where to draw progress.
        **parts: The other arguments of `PixxelClient`.

    Returns:
        The saved file.

    Raises:
        PixxelError: The package could not be saved; no file has its final name.
        KeyboardInterrupt: Ctrl-C; the same call resumes the download.
    """
    return only_package(
        export_sync(
            [download],
            directory,
            api_key=api_key,
            base_url=base_url,
            auth_scheme=auth_scheme,
            proxy=proxy,
            ca_bundle=ca_bundle,
            allow_private_storage=allow_private_storage,
            folder=again(folder),
            progress=progress,
            **parts,
        )
    )


def _export(
    begin: Callable[[PixxelClient], Export],
    settings: Settings,
    progress: Progress,
    parts: ClientParts,
) -> Report:
    with shown(progress) as display:

        async def work() -> Report:
            client = PixxelClient.from_settings(settings, **parts)
            async with client, begin(client) as export:
                async for event in export:
                    display.show(event, export.report)
                return export.report

        return run_blocking(work, each_step=display.redraw)
