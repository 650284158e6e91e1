"""What a recorder writes of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixxel_async import JobDownload, SavedPackage, events
from pixxel_async.export.event_recorder import EventRecorder
from pixxel_async.export.summary import Report
from pixxel_async.journal import schema
from pixxel_async.journal.journal import Journal
from pixxel_async.journal.models import Activity, Ending, Step
from pixxel_async.sansio.package_state import State

JOB = JobDownload(workflow_id="w", job_id="j")
KEY = JOB.key


def saved() -> SavedPackage:
    """Return a saved package of a thousand bytes."""
    return SavedPackage(download=JOB, path=Path("x.zip"), bytes=1000, sha256="00")


async def written(folder: Path, *timeline: tuple[events.PackageEvent, State]) -> list[Step]:
    """Return the steps of a story, with times since the run began."""
    journal = await Journal.open(folder / "journal.sqlite")
    recorder = EventRecorder(journal, total=1)
    recorder.queued(KEY, 0.5)
    for event, state in timeline:
        recorder.note(event, state)
    await recorder.end(Report(), 100.0, Ending.COMPLETE)
    steps = schema.all_steps(journal._connection)
    (run,) = schema.all_runs(journal._connection)
    await journal.aclose()
    assert (run.ending, run.total, run.seen_at - run.began_at) == (Ending.COMPLETE, 1, 100.0)
    return list(steps)


def told(steps: list[Step]) -> list[tuple[Activity, int]]:
    """Return what the steps say, without times."""
    return [(step.doing, step.size) for step in steps]


async def test_each_change_is_a_step(tmp_path: Path) -> None:
    steps = await written(
        tmp_path,
        (events.Requested(at_s=1, key=KEY, download_id=None), State.REQUESTED),
        (events.Polled(at_s=2, key=KEY, status_word="x", polls=1, next_s=1), State.REQUESTED),
        (events.Ready(at_s=3, key=KEY, waited_s=2, polls=2), State.READY),
        (events.FetchStarted(at_s=4, key=KEY, name="x.zip", offset=100), State.FETCHING),
        (events.UrlRefreshed(at_s=4.5, key=KEY), State.FETCHING),
        (
            events.FetchInterrupted(at_s=5, key=KEY, offset=300, delay_s=2, reason="cut"),
            State.FETCHING,
        ),
        (events.Saved(at_s=9, key=KEY, saved=saved(), received=1, transferred_s=1), State.SAVED),
    )
    assert told(steps) == [
        (Activity.QUEUED, 0),
        (Activity.PACKAGING, 0),
        (Activity.READY, 0),
        (Activity.TRANSFERRING, 100),
        (Activity.RETRYING, 300),
        (Activity.TRANSFERRING, 300),
        (Activity.SAVED, 1000),
    ]
    since = [step.at - steps[0].at for step in steps]
    assert since == pytest.approx([0, 0.5, 2.5, 3.5, 4.5, 6.5, 8.5], abs=1e-6)


async def test_a_long_transfer_has_few_steps(tmp_path: Path) -> None:
    started = events.FetchStarted(at_s=0, key=KEY, name="x.zip", offset=0), State.FETCHING
    progress = [
        (events.FetchProgress(at_s=tenth / 10, key=KEY, bytes=tenth, total=None), State.FETCHING)
        for tenth in range(1, 36_000)
    ]
    steps = await written(tmp_path, started, *progress)
    growing = [step for step in steps if step.doing is Activity.TRANSFERRING]
    assert 100 < len(growing) < 400  # an hour
    assert [step.size for step in growing] == sorted({step.size for step in growing})
    assert growing[11].at - growing[10].at == pytest.approx(1, abs=0.11)


async def test_what_is_skipped_leaves_no_step(tmp_path: Path) -> None:
    skipped = events.Skipped(at_s=1, key=KEY, saved=saved()), State.SKIPPED
    assert await written(tmp_path, skipped) == []
