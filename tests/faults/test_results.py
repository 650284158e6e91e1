"""A report says no more than is true, and what ends an export is raised by whoever waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import overload

import anyio
import pytest

from pixxel_async import Download, Export, PixxelClient, Report, UsageError, events
from pixxel_async.errors import InputError
from pixxel_async.journal.models import Ending
from pixxel_async.journal.reader import read_record
from pixxel_async.sandbox import ApiFault, PackageFault, Sandbox, Scenario

from ..support import client_of, final_files, other_tasks, quick_fetch, some_downloads

SMALL = Scenario(package_bytes=4096)
SLOW = Scenario(package_bytes=300_000, size_spread=0, bytes_per_s=300_000)


class SourceError(Exception):
    """Raised by what the caller gives an export."""


def broken_list(count: int) -> Iterator[Download]:
    """Yield some downloads, and raise."""
    yield from some_downloads(count)
    raise SourceError


async def broken_stream(count: int) -> AsyncIterator[Download]:
    """Yield some downloads, and raise."""
    for download in some_downloads(count):
        yield download
    raise SourceError


class BrokenSequence(Sequence[Download]):
    """A list that can be read once, and raises when it is read again."""

    def __init__(self, count: int, *, raises_at: int) -> None:
        self.downloads = some_downloads(count)
        self.raises_at = raises_at
        self.reads = 0

    def __len__(self) -> int:
        raise SourceError

    @overload
    def __getitem__(self, place: int) -> Download: ...

    @overload
    def __getitem__(self, place: slice) -> list[Download]: ...

    def __getitem__(self, place: int | slice) -> Download | list[Download]:
        self.reads += 1
        if self.reads > 2 * len(self.downloads) + 1 and place == self.raises_at:
            raise SourceError
        return self.downloads[place]


Source = Callable[[], object]
SOURCES: dict[str, Source] = {
    "an iterator": lambda: broken_list(3),
    "an iterator, at once": lambda: broken_list(0),
    "a stream": lambda: broken_stream(3),
    "a stream, at once": lambda: broken_stream(0),
    "a list, in its middle": lambda: BrokenSequence(3, raises_at=1),
    "a list, at its end": lambda: BrokenSequence(3, raises_at=3),
}
each_source = pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES.keys())


@pytest.mark.fault(81)
@each_source
async def test_finish_raises_what_the_source_has_raised(tmp_path: Path, source: Source) -> None:
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        with pytest.raises(SourceError) as caught:  # noqa: PT012 - where it comes out matters
            async with client.export(source(), tmp_path) as export:  # type: ignore[arg-type]
                await export.finish()
                pytest.fail("it came out of the context only")
        assert not isinstance(caught.value.__context__, SourceError)
        assert export.report.has_ended
        assert not export.report.is_complete
        assert read_record(tmp_path).runs[-1].ending is Ending.INTERRUPTED
        assert other_tasks() == set()


@pytest.mark.fault(81)
@each_source
async def test_events_end_with_what_the_source_has_raised(tmp_path: Path, source: Source) -> None:
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        with pytest.raises(SourceError):  # noqa: PT012 - where it comes out matters
            async with client.export(source(), tmp_path) as export:  # type: ignore[arg-type]
                async for _ in export:
                    pass
                pytest.fail("it came out of the context only")
        assert not export.report.is_complete


@pytest.mark.fault(81)
async def test_an_error_that_finish_has_raised_is_not_raised_again(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        async with client.export(broken_list(2), tmp_path) as export:
            for _ in range(2):  # whoever waits
                with pytest.raises(SourceError):
                    await export.finish()
        assert export.report.has_ended
        assert not export.report.is_complete


@pytest.mark.fault(81)
async def test_who_does_not_wait_hears_of_it_when_the_context_is_left(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        with pytest.raises(SourceError):
            async with client.export(broken_list(0), tmp_path) as export:
                await end_of(export)
        assert not export.report.is_complete


@pytest.mark.fault(81)
async def test_an_error_of_the_callers_own_goes_first(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        with pytest.raises(LookupError, match="the caller's own"):  # noqa: PT012
            async with client.export(broken_list(0), tmp_path) as export:
                await end_of(export)
                message = "the caller's own"
                raise LookupError(message)


@pytest.mark.fault(81)
@pytest.mark.parametrize(
    "wrong",
    [{"kind": "job", "workflow_id": "w", "job_id": "j"}, None, "job", 5],
    ids=["dict", "None", "text", "number"],
)
@pytest.mark.parametrize("kind", ["list", "iterator", "stream"])
async def test_what_is_no_download_is_named(tmp_path: Path, wrong: object, kind: str) -> None:
    values = [*some_downloads(2), wrong]

    async def stream() -> AsyncIterator[object]:
        for value in values:
            yield value

    given = {"list": values, "iterator": iter(values), "stream": stream()}[kind]
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        export = client.export(given, tmp_path)  # type: ignore[arg-type]
        with pytest.raises(InputError, match=r"downloads\[2\].*, not a download: "):
            async with export:
                await export.finish()
        assert not export.report.is_complete
        assert (await finish(client, tmp_path, 2)).is_complete


@pytest.mark.fault(81)
@pytest.mark.parametrize("wrong", [None, 5, some_downloads(1)[0]], ids=["None", "number", "one"])
async def test_what_cannot_be_iterated_for_downloads_is_named(
    tmp_path: Path, wrong: object
) -> None:
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        with pytest.raises(InputError, match="downloads"):
            async with client.export(wrong, tmp_path) as export:  # type: ignore[arg-type]
                await export.finish()


async def end_of(export: Export) -> None:
    """Wait for the end of an export without reading its events."""
    while not export.report.has_ended:  # noqa: ASYNC110 - there is no event for it
        await asyncio.sleep(0.001)


async def finish(client: PixxelClient, folder: Path, count: int) -> Report:
    async with client.export(some_downloads(count), folder) as export:
        return await export.finish()


@pytest.mark.fault(81)
async def test_a_report_is_complete_when_the_run_has_ended_and_not_before(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        export = client.export(some_downloads(5), tmp_path)
        report = export.report
        assert (report.is_complete, report.has_ended, report.left) == (False, False, None)
        async with export:
            assert (report.is_complete, report.total, report.left) == (False, 5, 5)
            async for _ in export:
                assert report.left == 5 - report.settled
                assert not report.is_complete or report.settled == 5
            assert (report.is_complete, report.has_ended, report.left) == (True, True, 0)
        assert report.is_complete


@pytest.mark.fault(81)
async def test_nothing_is_known_to_be_left_of_a_stream_until_it_has_ended(tmp_path: Path) -> None:
    downloads = some_downloads(5)

    async def stream() -> AsyncIterator[Download]:
        for download in downloads:
            yield download

    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        async with client.export(stream(), tmp_path) as export:
            async for _ in export:
                if not export.report.has_ended:
                    assert (export.report.left, export.report.is_complete) == (None, False)
            assert (export.report.left, export.report.is_complete) == (0, True)


@pytest.mark.fault(81)
@pytest.mark.parametrize("how", ["timeout", "scope", "wait_for", "leave", "task", "interrupt"])
async def test_an_export_that_ends_early_is_never_complete(tmp_path: Path, how: str) -> None:
    """End it at many points: after n events, and between them."""
    count = 12
    downloads = some_downloads(count)
    async with Sandbox(SMALL) as sandbox, client_of(sandbox, fetch=quick_fetch()) as client:
        for number in range(0, 40, 3):
            folder = tmp_path / str(number)
            export = client.export(downloads, folder)
            seen = 0

            async def use(export: Export = export, until: int = number) -> None:
                nonlocal seen
                async with export as running:
                    async for _ in running:
                        if seen >= until:
                            break
                        seen += 1
                    if how == "interrupt":
                        running.interrupt()
                        await running.finish()
                    elif how != "leave":
                        await asyncio.get_running_loop().create_future()  # a slow consumer

            with suppress(TimeoutError):
                await ended(use, how)
            report = export.report
            if report.total is None:  # it was not even entered
                assert not report.is_complete
                continue
            files = len(final_files(folder)) if folder.exists() else 0
            assert report.has_ended
            assert report.left == count - report.settled
            assert report.is_complete == (report.settled == count)
            assert files == len(report.saved)
            assert other_tasks() == set()


async def ended(use: Callable[[], Awaitable[None]], how: str) -> None:
    """Run something, and end it soon."""
    within_s = 0.05
    match how:
        case "timeout":
            async with asyncio.timeout(within_s):
                await use()
        case "scope":
            with anyio.move_on_after(within_s):
                await use()
        case "wait_for":
            await asyncio.wait_for(use(), within_s)
        case "task":
            task = asyncio.ensure_future(use())
            await asyncio.wait([task], timeout=within_s)
            task.cancel()
            await asyncio.wait([task])
        case _:
            await use()


@pytest.mark.fault(81)
async def test_cancelled_before_it_has_begun_it_is_not_complete(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        async with client.export(some_downloads(3), tmp_path) as export:
            pass
        assert export.report.has_ended
        assert not export.report.is_complete
        assert export.report.left == 3


@pytest.mark.fault(81)
async def test_a_failed_package_and_a_rejected_key_leave_it_incomplete(tmp_path: Path) -> None:
    faults: list[PackageFault | ApiFault] = [
        PackageFault("failed", nth=1),
        ApiFault("status", status=401, nth=3),
    ]
    for number, fault in enumerate(faults):
        scenario = Scenario(package_bytes=4096, faults=(fault,))
        async with Sandbox(scenario) as sandbox, client_of(sandbox) as client:
            async with client.export(some_downloads(6), tmp_path / str(number)) as export:
                report = await export.finish()
        assert (report.has_ended, report.left, report.is_complete) == (True, 0, False)


@pytest.mark.fault(81)
async def test_outside_its_context_an_export_says_how_it_is_used(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        export = client.export(some_downloads(2), tmp_path)
        for word in ("async with", "report"):
            with pytest.raises(UsageError, match=word):
                await export.finish()
            with pytest.raises(UsageError, match=word):
                export.interrupt()
            with pytest.raises(UsageError, match=word):
                aiter(export)
            with pytest.raises(UsageError, match=word):
                await anext(export)
            if word == "async with":
                async with export:
                    await export.finish()
        with pytest.raises(UsageError, match="once"):
            async with export:
                pass
        assert export.report.is_complete


@pytest.mark.fault(81)
async def test_an_export_is_not_entered_twice_at_once(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        async with client.export(some_downloads(2), tmp_path) as export:
            with pytest.raises(UsageError, match="once"):
                async with export:
                    pass
            assert (await export.finish()).is_complete


@pytest.mark.fault(81)
async def test_several_readers_share_the_events_and_the_error(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        async with client.export(broken_stream(4), tmp_path) as export:
            ends = await asyncio.gather(export.finish(), export.finish(), return_exceptions=True)
        assert [type(end) for end in ends] == [SourceError, SourceError]


@pytest.mark.fault(81)
async def test_a_reader_that_stops_may_go_on_reading(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        async with client.export(some_downloads(3), tmp_path) as export:
            async for event in export:
                if isinstance(event, events.Saved):
                    break
            rest = [event async for event in export]
        assert sum(isinstance(event, events.Saved) for event in rest) == 2
        assert export.report.is_complete
