"""Exports for scripts and notebooks: the asynchronous client behind two functions that block.

Rules:
    * There is no second copy of anything: each call has a client of its own, on the loop of a
      thread of its own, for as long as it takes.
    * Errors are those of the client, raised as they are.
    * Ctrl-C cancels the export, waits for its end, and is raised then; the same call again goes
      on from there.
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
"""Between two redraws; Ctrl-C on Windows takes this long at most."""

END_S = 15.0
"""How long the end of cancelled work is waited for: disk work that is under way ends first."""

THREAD = "pixxel-async portal"

logger = logging.getLogger(__name__)


def run_blocking(work: Callable[[], Awaitable[T]], *, each_step: Callable[[], object]) -> T:
    """Run asynchronous work to its end, and return what it returns.

    Args:
        work: Called and awaited on the other thread.
        each_step: Called by the thread that waits, a few times a second.

    Raises:
        KeyboardInterrupt: In the main thread, after Ctrl-C; the work has been cancelled.
        BaseException: What the work raises.
    """
    with _interruptible():
        return _run(work, each_step)


def _run(work: Callable[[], Awaitable[T]], each_step: Callable[[], object]) -> T:
    opened: Future[BlockingPortal] = Future()
    # A daemon: work that does not end within its time does not keep the process alive.
    thread = threading.Thread(target=_serve, args=(opened,), name=THREAD, daemon=True)
    thread.start()
    try:
        result = opened.result().start_task_soon(work)
        while not wait([result], STEP_S).done:
            each_step()
        return result.result()
    finally:
        # On a thread of its own: a call of the portal waits for its loop, which may be held up,
        # such as by an iterable of the caller.
        closing = threading.Thread(target=_close, args=(opened,), name=THREAD, daemon=True)
        closing.start()
        thread.join(END_S)
        if thread.is_alive():
            logger.warning("work goes on %g s after its cancellation: its folder is locked", END_S)
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
    """End the portal, and with it what still runs on it."""
    if opened.exception() is None:
        with suppress(RuntimeError):  # it has ended by itself
            opened.result().call(opened.result().stop, True)  # noqa: FBT003 - takes no keyword


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C raise KeyboardInterrupt, where a loop would have to run to notice it."""
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
    """Save many packages, and return when every one of them is settled.

    It may be called from any thread, from several at once for different folders, and inside a
    running event loop, which stands still meanwhile. A failed package is a line of the report,
    not an exception.

    Args:
        downloads: An iterable or an async iterable; doubles are done once. It is iterated on
            another thread, and should not block.
        directory: Where the files go; made if need be.
        api_key: The key; from `PIXXEL_API_KEY` if it is not given.
        base_url: Where the service is; from `PIXXEL_BASE_URL`, likewise.
        auth_scheme: `raw` or `bearer`; from `PIXXEL_AUTH_SCHEME`, likewise.
        proxy: `auto`, `direct`, or the URL of a proxy; from `PIXXEL_PROXY`, likewise.
        ca_bundle: `auto`, or certificates to trust; from `PIXXEL_CA_BUNDLE`, likewise.
        allow_private_storage: Let the storage have a loopback, private or link-local address; from
            `PIXXEL_ALLOW_PRIVATE_STORAGE`, likewise.
        folder: How the directory is treated, and what earlier runs have left in it.
        progress: What is drawn meanwhile.
        **parts: The other arguments of `PixxelClient`: `timeout`, `limits`, `retry`, `poll`,
            `fetch`, `http_client`, `storage_client`, `export`.

    Raises:
        ConfigError: There is no key, or a setting is wrong.
        FolderBusyError: Another process, or another call, exports into the directory.
        SinkError: The directory cannot be written.
        KeyboardInterrupt: Ctrl-C; the export has ended, and the same call goes on from there.
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
    """Save one package, and return when it is saved.

    The arguments are those of `export_sync`, and so is all that is said there.

    Args:
        download: What to ask for.
        directory: Where the file goes; made if need be.
        api_key: The key.
        base_url: Where the service is.
        auth_scheme: `raw` or `bearer`.
        proxy: `auto`, `direct`, or the URL of a proxy.
        ca_bundle: `auto`, or certificates to trust.
        allow_private_storage: Let the storage have a loopback, private or link-local address.
        folder: How the directory is treated; a package that failed earlier is tried again.
        progress: What is drawn meanwhile.
        **parts: The other arguments of `PixxelClient`.

    Raises:
        PixxelError: Why it could not be saved; nothing lies under the final name then.
        KeyboardInterrupt: Ctrl-C; the same call again goes on from there.
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
