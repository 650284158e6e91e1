"""Sizes, times and rates at the borders of their units."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.sansio.units import duration, per_second, rough, size

UNITS = {
    "byte": 1, "bytes": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "PB": 1e15,
}  # fmt: skip


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1.4, "1 byte"),
        (2, "2 bytes"),
        (999, "999 bytes"),
        (999.4, "999 bytes"),
        (999.6, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_960, "1.0 MB"),
        (999_960_000, "1.0 GB"),
        (2.5e12, "2.5 TB"),
        (999.96e12, "1.0 PB"),
        (3e18, "3000.0 PB"),
    ],
)
def test_sizes_are_told_in_a_unit_that_suits(count: float, shown: str) -> None:
    assert size(count) == shown


@pytest.mark.parametrize(
    ("lasts_s", "shown"),
    [
        (0, "0.0 s"),
        (0.04, "0.0 s"),
        (0.25, "0.2 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 0 s"),
        (61, "1 min 1 s"),
        (119.4, "1 min 59 s"),
        (119.7, "2 min 0 s"),
        (3599.4, "59 min 59 s"),
        (3599.6, "1 h 0 min"),
        (3723, "1 h 2 min"),
        (7169, "1 h 59 min"),
        (7199.7, "2 h 0 min"),
        (86_399, "24 h 0 min"),
        (90_000, "25 h 0 min"),
    ],
)
def test_durations_are_told_as_people_say_them(lasts_s: float, shown: str) -> None:
    assert duration(lasts_s) == shown


@pytest.mark.parametrize(
    ("rate", "shown"),
    [(0.25, "0.25/s"), (19.96, "20/s"), (99.4, "99.4/s"), (999.6, "1,000/s"), (2000, "2,000/s")],
)
def test_rates_are_told_without_exponents(rate: float, shown: str) -> None:
    assert per_second(rate) == shown


@given(st.floats(0, 1e7))
def test_no_duration_has_sixty_of_a_unit_and_each_is_near(lasts_s: float) -> None:
    shown = duration(lasts_s)
    parts = {unit: float(value) for value, unit in re.findall(r"([\d.]+) (\w+)", shown)}
    assert parts.get("s", 0) < 60
    assert parts.get("min", 0) < 60
    told_s = parts.get("s", 0) + 60 * parts.get("min", 0) + 3600 * parts.get("h", 0)
    assert abs(told_s - lasts_s) <= (30.5 if "h" in parts else 0.5 if "min" in parts else 0.051)


@given(st.floats(0, 1e17))
def test_no_size_has_a_thousand_of_a_unit_and_each_is_near(count: float) -> None:
    value, unit = size(count).split(" ")
    assert float(value) < 1000
    assert abs(float(value) * UNITS[unit] - count) <= max(0.5, 0.051 * UNITS[unit])


@pytest.mark.parametrize(
    ("lasts_s", "shown"),
    [
        (0, "1 s"),
        (3.2, "4 s"),
        (10, "10 s"),
        (10.5, "15 s"),
        (55, "55 s"),
        (56, "1 min"),
        (61, "2 min"),
        (3540, "59 min"),
        (3541, "1 h"),
        (5000, "1.4 h"),
        (86_000, "23.9 h"),
        (86_399, "1 d"),
        (200_000, "2.4 d"),
    ],
)
def test_estimates_are_rounded_up(lasts_s: float, shown: str) -> None:
    assert rough(lasts_s) == shown
