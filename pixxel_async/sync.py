"""Exports for scripts and notebooks: the asynchronous client behind two functions that block.

Rules:
    * There is no second copy of anything: each call has a client of its own, on the loop of a
      thread of its own, for as long as it takes.
    * Errors are those of the client, raised as they are.
    * Ctrl-C cancels the export, waits for its end, and is raised then; the same call again goes
      on from there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Unpack

from pydantic import SecretStr

from .client import ClientParts, PixxelClient
from .config import AuthScheme, FolderPolicy, Settings
from .display.base import Progress
from .display.select import shown
from .downloads import Download
from .export.export import Export
from .export.incoming import Downloads
from .export.single import again, only_package
from .export.summary import Report
from .models import SavedPackage
from .portal import run_blocking
from .settings.layers import from_environment


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
    return _run(export, settings, progress, parts)


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


def _run(
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
