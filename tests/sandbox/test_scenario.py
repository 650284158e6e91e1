"""Scenarios: packaging times, delays, rates, what is refused, and rows for demos."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from statistics import mean, median

import pytest

from pixxel_async import parse_download
from pixxel_async.sandbox import PackagingTime, Scenario, demo_rows
from pixxel_async.sandbox.scenario import LARGEST_PACKAGE

from .raw import fetch
from .stand import AT_ONCE, CREATIONS, START, stand


def drawn(packaging: PackagingTime, count: int = 2000) -> list[float]:
    chance = Random(1)  # noqa: S311 - repeatable chance, no secret
    return [packaging.draw(chance) for _ in range(count)]


def test_packaging_times_are_drawn_as_their_names_say() -> None:
    assert set(drawn(PackagingTime.constant(3))) == {3}
    uniform = drawn(PackagingTime.uniform(2, 4))
    assert 2 <= min(uniform) < 2.1 < mean(uniform) < 3.9 < max(uniform) <= 4
    exponential = drawn(PackagingTime.exponential(5))
    assert mean(exponential) == pytest.approx(5, rel=0.1)
    assert median(exponential) < 4
    lognormal = drawn(PackagingTime.lognormal(5, 0.5))
    assert median(lognormal) == pytest.approx(5, rel=0.1)
    assert mean(lognormal) > median(lognormal)
    bimodal = drawn(PackagingTime.bimodal(1, 10, 0.3))
    slow = [time for time in bimodal if 9 <= time <= 11]
    assert len(slow) / len(bimodal) == pytest.approx(0.3, abs=0.05)
    assert all(0.9 <= time <= 1.1 for time in set(bimodal) - set(slow))


def test_packaging_times_have_names_with_their_parameters() -> None:
    times = (
        PackagingTime.constant(3),
        PackagingTime.uniform(2, 4),
        PackagingTime.exponential(5),
        PackagingTime.lognormal(5),
        PackagingTime.bimodal(1, 10),
    )
    assert [time.name for time in times] == [
        "constant(3)",
        "uniform(2, 4)",
        "exponential(5)",
        "lognormal(5, 0.5)",
        "bimodal(1, 10, 0.3)",
    ]


async def test_each_package_has_its_own_time_and_a_seed_repeats_them() -> None:
    found = []
    for seed in (1, 1, 2):
        async with stand(packaging=PackagingTime.uniform(10, 20), seed=seed) as it:
            for _ in range(5):
                await it.create("aoi")
            found.append([package.ready_at - START for package in it.sandbox.packages])
    assert found[0] == found[1] != found[2]
    assert len(set(found[0])) == 5
    assert all(10 <= time <= 20 for time in found[0])


@pytest.mark.parametrize(
    "make",
    [
        lambda: Scenario(size_spread=-0.1),
        lambda: Scenario(size_spread=1.1),
        lambda: Scenario(package_bytes=0),
        lambda: Scenario(package_bytes=LARGEST_PACKAGE, size_spread=0.1),
        lambda: Scenario(url_lifetime_s=0),
    ],
)
def test_what_cannot_be_is_refused(make: Callable[[], Scenario]) -> None:
    with pytest.raises(ValueError, match=r"between|at least"):
        make()


class Sleeps:
    """Stands in for asyncio.sleep: notes the time, and lets the others run."""

    def __init__(self) -> None:
        self.noted: list[float] = []
        self._sleep = asyncio.sleep

    async def __call__(self, delay: float, result: object = None) -> object:
        self.noted.append(delay)
        return await self._sleep(0, result)


async def test_the_service_thinks_as_long_as_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    sleeps = Sleeps()
    monkeypatch.setattr(asyncio, "sleep", sleeps)
    async with stand(answer_delay_s=7.5) as it:
        await it.create("job")
        await it.create("aoi")
        assert [delay for delay in sleeps.noted if delay] == [7.5, 7.5]


async def test_the_storage_sends_as_fast_as_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    sleeps = Sleeps()
    monkeypatch.setattr(asyncio, "sleep", sleeps)
    async with stand(bytes_per_s=1000.0, package_bytes=200_000) as it:
        body = (await fetch(await it.url())).body
        delays = [delay for delay in sleeps.noted if delay]
        assert sum(delays) == pytest.approx(len(body) / 1000)
        assert max(delays) < 40


async def test_no_limit_is_no_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    sleeps = Sleeps()
    monkeypatch.setattr(asyncio, "sleep", sleeps)
    async with stand(packaging=AT_ONCE) as it:
        assert (await fetch(await it.url())).is_whole
        assert [delay for delay in sleeps.noted if delay] == []


def test_demo_rows_are_rows_of_all_kinds_each_of_its_own() -> None:
    rows = demo_rows(60, seed=3)
    assert len(rows) == 60
    assert {row["kind"] for row in rows} == set(CREATIONS)
    assert len({parse_download(row).key for row in rows}) == 60
    lists = [name for row in rows for name in ("catalog_ids", "order_item_ids") if name in row]
    assert set(lists) == {"catalog_ids", "order_item_ids"}


def test_demo_rows_are_repeated_by_their_seed() -> None:
    assert demo_rows(20, seed=3) == demo_rows(40, seed=3)[:20]
    assert demo_rows(20, seed=3) != demo_rows(20, seed=4)
    assert demo_rows(0) == []
