"""Whoever takes a claim, a lock or a count gives it back, wherever it is cancelled or fails."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from pixxel_async import ConfigError, FolderPolicy, PixxelClient, SinkError
from pixxel_async.errors import TransportError
from pixxel_async.export.event_recorder import EventRecorder
from pixxel_async.export.pipeline import Pipeline
from pixxel_async.journal.export_folder import OpenFolders
from pixxel_async.journal.journal import Journal
from pixxel_async.sandbox import Sandbox, Scenario

from ..support import client_of, quick_fetch, some_downloads
from .bookkeeping import (
    LIMIT_S,
    POINTS,
    Point,
    cancelled_after,
    expect_all_saved,
    expect_nothing_left,
    export,
    failing,
)

pytestmark = pytest.mark.fault(67)

SMALL = Scenario(package_bytes=4096)
COUNT = 4
ERRORS: dict[str, Callable[[], BaseException]] = {
    "a bug": lambda: LookupError("a bug"),
    "the disk": lambda: SinkError("the disk refuses", code="EIO"),
    "the network": lambda: TransportError("reset"),
}


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS.keys())
@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS.keys())
async def test_a_collaborator_that_raises_leaves_nothing_behind(
    tmp_path: Path, point: Point, error: Callable[[], BaseException]
) -> None:
    downloads = some_downloads(COUNT)
    async with Sandbox(SMALL) as sandbox, client_of(sandbox, fetch=quick_fetch()) as client:
        for number, after in ((1, False), (2, True), (COUNT, False), (3 * COUNT, True)):
            folder = tmp_path / str(number)
            raised = error()
            with failing(point, at=number, error=raised, after=after) as calls:
                async with asyncio.timeout(LIMIT_S):
                    with suppress(type(raised)):  # or one package fails by it
                        await export(client, downloads, folder)
            assert calls.count
            await expect_nothing_left(client, folder)
            await expect_all_saved(client, sandbox, downloads, folder)
            await expect_nothing_left(client, folder)


@pytest.mark.parametrize("first", range(0, 60, 10))
async def test_an_export_that_is_cancelled_at_any_step_leaves_nothing_behind(
    tmp_path: Path, first: int
) -> None:
    downloads = some_downloads(COUNT)
    reached = 0
    async with Sandbox(SMALL) as sandbox, client_of(sandbox, fetch=quick_fetch()) as client:
        for steps in [*range(first, first + 10), *range(60 + first, 900, 97)]:
            folder = tmp_path / str(steps)
            reached += await cancelled_after(steps, export(client, downloads, folder))
            await expect_nothing_left(client, folder)
            await expect_all_saved(client, sandbox, downloads, folder)
    assert reached


async def test_an_export_that_is_cancelled_while_it_shares_a_folder_gives_back_its_claims(
    tmp_path: Path,
) -> None:
    downloads = some_downloads(COUNT)
    async with Sandbox(SMALL) as sandbox, client_of(sandbox, fetch=quick_fetch()) as client:
        for steps in range(5, 300, 37):
            folder = tmp_path / str(steps)
            other = asyncio.create_task(export(client, downloads, folder))
            await cancelled_after(steps, export(client, downloads, folder))
            report = await asyncio.wait_for(other, LIMIT_S)
            assert report.is_complete  # type: ignore[attr-defined]
            await expect_nothing_left(client, folder)


ENTERING: dict[str, tuple[object, str]] = {
    "the pipeline": (Pipeline, "__init__"),
    "the recorder": (EventRecorder, "__init__"),
    "a run's number": (Journal, "new_run"),
}


@pytest.mark.parametrize("point", ENTERING.values(), ids=ENTERING.keys())
@pytest.mark.parametrize("is_shared", [False, True], ids=["alone", "shared"])
async def test_an_export_that_cannot_begin_unlocks_its_folder(
    tmp_path: Path, point: tuple[object, str], *, is_shared: bool
) -> None:
    downloads = some_downloads(COUNT)

    def refuse(*_: object, **__: object) -> None:
        message = "a bug"
        raise LookupError(message)

    async def enter(client: PixxelClient) -> None:
        running = client.export(downloads, tmp_path)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(*point, refuse)
            with pytest.raises(LookupError, match="a bug"):
                await running.__aenter__()

    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        if is_shared:
            async with client.export(some_downloads(1), tmp_path) as other:
                await enter(client)
                assert (await other.finish()).is_complete
        else:
            await enter(client)
        await expect_nothing_left(client, tmp_path)
        await expect_all_saved(client, sandbox, downloads, tmp_path)


async def test_entering_that_is_cancelled_at_any_step_unlocks_the_folder(tmp_path: Path) -> None:
    downloads = some_downloads(1)
    reached = Counter[bool]()

    async def enter(client: PixxelClient, folder: Path) -> None:
        async with client.export(downloads, folder):
            pass

    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        for steps in range(40):
            folder = tmp_path / str(steps)
            reached[await cancelled_after(steps, enter(client, folder))] += 1
            await expect_nothing_left(client, folder)
        await expect_all_saved(client, sandbox, downloads, tmp_path / "0")
    assert reached[True]


async def test_an_export_whose_journal_cannot_be_opened_unlocks_its_folder(tmp_path: Path) -> None:
    downloads = some_downloads(COUNT)
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        await expect_all_saved(client, sandbox, downloads, tmp_path)
        journal = tmp_path / ".pixxel-async" / "journal.sqlite"
        with closing(sqlite3.connect(journal)) as connection:
            connection.execute("PRAGMA user_version = 99")
        for _ in range(3):
            with pytest.raises(SinkError, match="newer version"):
                await export(client, downloads, tmp_path)
            await expect_nothing_left(client, tmp_path)


async def test_a_bad_path_template_locks_nothing(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        with pytest.raises(ConfigError, match="template"):
            client.export([], tmp_path, folder=FolderPolicy(path_template="{unknown}.zip"))
        await expect_nothing_left(client, tmp_path)
        await expect_all_saved(client, sandbox, some_downloads(1), tmp_path)


async def test_a_folder_that_fails_to_close_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    downloads = some_downloads(1)
    real = Journal.aclose

    async def refuse(journal: Journal) -> None:
        await real(journal)
        message = "the disk refuses"
        raise SinkError(message)

    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        with monkeypatch.context() as patch:
            patch.setattr(Journal, "aclose", refuse)
            with pytest.raises(SinkError, match="refuses"):
                await export(client, downloads, tmp_path)
        await expect_nothing_left(client, tmp_path)
        await expect_all_saved(client, sandbox, downloads, tmp_path)


async def test_a_folder_is_shared_by_any_number_of_users_and_closed_by_the_last(
    tmp_path: Path,
) -> None:
    folders = OpenFolders()
    async with folders.use(tmp_path) as one:
        async with folders.use(tmp_path) as other:
            assert one is other
        with pytest.raises(LookupError):
            async with folders.use(tmp_path):
                raise LookupError
        assert list(folders._open) == [tmp_path]
    assert folders._open == {}
