"""`client.insights.watch` and its kin: what they yield, when they ask, and what they survive."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from pixxel_async import (
    AuthenticationError,
    Insight,
    PixxelClient,
    ResponseError,
    ServerError,
    UsageError,
)
from pixxel_async.errors import InputError
from pixxel_async.resources.watch import Watch
from pixxel_async.sandbox import ApiFault, Scenario, World, sandbox_in_thread
from pixxel_async.sandbox.world import Aoi, Catalog, Job, Workflow
from pixxel_async.sandbox.world import Insight as MadeInsight

from .support import client_of, other_tasks

KEY = "canary-key"
T = 900.0


def now() -> float:
    return asyncio.get_running_loop().time()


class Lists:
    """Insights of AOIs that finish at given times, and lists that fail at given looks."""

    def __init__(self, finish_s: dict[str, dict[str, float]], *, takes_s: float = 0.0) -> None:
        self.finish_s = finish_s
        self.failures: dict[tuple[str, int], BaseException] = {}
        self.looks: dict[str, list[float]] = {aoi: [] for aoi in finish_s}
        self.began = now()
        self.takes_s = takes_s

    def watch(self, **changes: Any) -> Watch[Insight]:
        lists = {aoi: self.reader(aoi) for aoi in self.finish_s}
        chosen = {"every_s": T, "status": None, "since": None, "rounds": None, **changes}
        return Watch(lists, **chosen)

    def reader(self, aoi: str) -> Callable[[], AsyncIterator[Insight]]:
        async def read() -> AsyncIterator[Insight]:
            self.looks[aoi].append(now() - self.began)
            await asyncio.sleep(self.takes_s)
            for name, at_s in self.finish_s[aoi].items():
                status = "completed" if now() - self.began >= at_s else "running"
                yield Insight(id=name, aoi_id=aoi, status=status)
            if (error := self.failures.get((aoi, len(self.looks[aoi])))) is not None:
                raise error

        return read


async def within(watch: Watch[Insight], seconds: float) -> list[tuple[str, float]]:
    """Return what is yielded within some time, and when."""
    found: list[tuple[str, float]] = []
    began = now()
    try:
        async with asyncio.timeout(seconds):
            async for insight in watch:
                found.append((insight.id, now() - began))
    except TimeoutError:
        pass
    return found


@pytest.mark.looptime
async def test_each_is_yielded_once_within_an_interval_after_it_has_finished() -> None:
    finish_s = {
        f"aoi-{aoi}": {f"{aoi}-{n}": (aoi * 311.0 + n * 977) % 7200 for n in range(20)}
        for aoi in range(4)
    }
    lists = Lists(finish_s)
    found = await within(lists.watch(), 7200 + T)
    at = dict(found)
    assert len(found) == len(at) == 80
    late = [at[n] - s for insights in finish_s.values() for n, s in insights.items()]
    assert min(late) >= 0
    assert max(late) <= T


@pytest.mark.looptime
async def test_each_aoi_is_asked_once_an_interval_and_evenly() -> None:
    lists = Lists({"a": {}, "b": {}, "c": {}})
    await within(lists.watch(), 3 * T)
    assert lists.looks == {
        "a": [0, 300, 1200, 2100],
        "b": [0, 600, 1500, 2400],
        "c": [0, 900, 1800],
    }


@pytest.mark.looptime
async def test_a_failed_list_is_logged_and_asked_again_in_the_next_interval(
    caplog: pytest.LogCaptureFixture,
) -> None:
    lists = Lists({"a": {"1": 1000, "2": 1000}, "b": {"3": 1000}})
    lists.failures = {("a", look): ServerError("out of order", status=500) for look in (1, 3, 4)}
    lists.failures["b", 2] = ResponseError("not JSON")
    watch = lists.watch()
    found = await within(watch, 4 * T)
    assert [name for name, _ in found] == ["1", "2", "3"]
    assert [at for _, at in found] == [1350, 1350, 1800]  # what came before the failure counts
    assert watch.failed == 4
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 4
    assert "a: not read: " in caplog.messages[0]
    assert "out of order" in caplog.messages[0]
    assert "trying again within 15 min" in caplog.messages[0]


@pytest.mark.looptime
@pytest.mark.parametrize(
    "error", [AuthenticationError("wrong key", status=401), UsageError("closed")]
)
async def test_a_rejected_key_and_a_closed_client_end_it(error: Exception) -> None:
    lists = Lists({"a": {}})
    lists.failures["a", 3] = error
    with pytest.raises(type(error)):
        await within(lists.watch(), 10 * T)
    assert len(lists.looks["a"]) == 3


@pytest.mark.looptime
async def test_it_may_be_cancelled_anywhere_and_goes_on() -> None:
    lists = Lists({"a": {"1": 0, "2": 2000}, "b": {"3": 0}}, takes_s=5)
    watch = lists.watch()
    found = []
    for number in range(2000):  # cancelled each 3 s: while it sleeps, and while it lists
        lists.takes_s = 5 * (number % 2)
        found += await within(watch, 3)
    assert sorted(name for name, _ in found) == ["1", "2", "3"]
    assert other_tasks() == set()


@pytest.mark.looptime
async def test_a_slow_reader_delays_the_looks_and_no_burst_follows() -> None:
    lists = Lists({"a": {"1": 0}, "b": {}})
    watch = lists.watch()
    assert (await anext(watch)).id == "1"
    await asyncio.sleep(10 * T)
    await within(watch, 2 * T)
    assert len(lists.looks["a"]) + len(lists.looks["b"]) <= 2 * (1 + 1 + 2) + 1


@pytest.mark.looptime
async def test_rounds_end_it_and_again_yields_a_record_at_the_next_look() -> None:
    lists = Lists({"a": {"1": 0}, "b": {"2": 0}})
    assert [insight.id async for insight in lists.watch(rounds=1)] == ["1", "2"]
    assert now() == lists.began
    watch, found = lists.watch(rounds=3), []
    async for insight in watch:
        found.append(insight.id)
        if insight.id == "2" and len(found) < 4:
            watch.again(insight)
    assert found == ["1", "2", "2", "2"]


@pytest.mark.looptime
async def test_an_unknown_status_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    async def read() -> AsyncIterator[Insight]:
        yield Insight(id="1", aoi_id="a", status="Packed\x1b[31m")

    watch = Watch({"a": read, "b": read}, every_s=1, status=None, since=None, rounds=5)
    assert [insight async for insight in watch] == []
    assert len(caplog.messages) == 1
    assert "packed" in caplog.messages[0]
    assert "\x1b" not in caplog.messages[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"aoi_ids": "aoi-1"}, "aoi_ids is a text: give a list, such as ['aoi-1']"),
        ({"aoi_ids": []}, "nothing to watch"),
        ({"aoi_ids": ["a"], "every_s": 0}, "every_s is 0"),
        ({"aoi_ids": ["a"], "every_s": float("nan")}, "every_s is nan"),
        ({"aoi_ids": ["a"], "rounds": 0}, "rounds is 0"),
    ],
)
async def test_wrong_arguments_are_refused_at_once(arguments: Any, message: str) -> None:
    client = PixxelClient(KEY)
    with pytest.raises(InputError) as caught:
        client.insights.watch(**arguments)
    assert message in str(caught.value)


OLD = datetime(2025, 1, 1, tzinfo=UTC)
NEW = datetime(2025, 6, 1, tzinfo=UTC)
WORLD = World(
    aois=(
        Aoi("a1", insights=(MadeInsight("i1", created_at=OLD), MadeInsight("i2", created_at=NEW))),
        Aoi("a2", insights=(MadeInsight("i3", status="failed"),)),
    ),
    workflows=(Workflow("w1", jobs=(Job("j1"), Job("j2", status="running"))),),
    catalogs=(Catalog("c1", task_id=""), Catalog("c2", task_id="")),
)


async def test_insights_jobs_and_images_are_watched_through_the_service() -> None:
    with sandbox_in_thread(Scenario(world=WORLD)) as sandbox:
        async with client_of(sandbox) as client:
            once: dict[str, Any] = {"rounds": 1}
            insights = client.insights
            assert [one.id async for one in insights.watch(["a1", "a2", "a1"], **once)] == [
                "i1", "i2",
            ]  # fmt: skip
            since = datetime(2025, 5, 1)  # noqa: DTZ001 - one without a zone is in UTC
            assert [one.id async for one in insights.watch(["a1"], since=since, **once)] == ["i2"]
            assert [one.id async for one in insights.watch(["a2"], status="Failed", **once)] == [
                "i3"
            ]
            assert [one.id async for one in client.jobs.watch(["w1"], **once)] == ["j1"]
            assert [one.id async for one in client.catalogs.watch(**once)] == ["c1", "c2"]
            assert [one.id async for one in client.catalogs.watch(["none"], **once)] == []


async def test_a_parent_that_does_not_exist_is_a_failed_list_and_a_wrong_key_raises(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with sandbox_in_thread(Scenario(world=WORLD)) as sandbox:
        async with client_of(sandbox) as client:
            watch = client.insights.watch(["nowhere", "a1"], rounds=1)
            assert [one.id async for one in watch] == ["i1", "i2"]
            assert watch.failed == 1
            assert "AOI nowhere: not read" in caplog.text
        async with PixxelClient("wrong", base_url=sandbox.api_url) as client:
            with pytest.raises(AuthenticationError):
                await anext(client.insights.watch(["a1"]))


async def test_lists_that_fail_now_and_then_cost_nothing() -> None:
    faults = (ApiFault("status", on="listInsights", status=500, rate=0.4),)
    with sandbox_in_thread(Scenario(world=WORLD, faults=faults)) as sandbox:
        async with client_of(sandbox, retry=1) as client:
            watch = client.insights.watch(["a1"], every_s=0.02, rounds=40)
            assert [one.id async for one in watch] == ["i1", "i2"]
    assert 0 < watch.failed < 40
