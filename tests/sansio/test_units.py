"""Sizes, durations and rates: displayed at the borders of their units, and parsed."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.sansio.units import (
    DAY_S,
    HOUR_S,
    MAX_BYTES,
    MAX_DURATION_S,
    MAX_PER_SECOND,
    MINUTE_S,
    counted,
    duration,
    exact_duration,
    exact_rate,
    exact_size,
    per_second,
    read_bandwidth,
    read_duration,
    read_rate,
    read_size,
    rough,
    size,
    time_left,
)

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
        (59.96, "1 min"),
        (61, "1 min 1 s"),
        (119.4, "1 min 59 s"),
        (119.7, "2 min"),
        (3599.4, "59 min 59 s"),
        (3599.6, "1 h"),
        (3723, "1 h 2 min"),
        (7169, "1 h 59 min"),
        (7199.7, "2 h"),
        (86_399, "1 d"),
        (86_369, "23 h 59 min"),
        (90_000, "1 d 1 h"),
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


NEAR = (("d", 1801), ("h", 31), ("min", 0.51), ("s", 0.051))
"""How far a duration may be from what it stands for, by its largest unit."""
STEPS = {"s": 1, "min": 60, "h": 3600, "d": 86_400}
# Around each change of unit, where roundings meet.
EDGES = st.sampled_from([59.95, 60, 119.5, 120, 3599.5, 3600, 7199, 86_370, 86_400, 172_000])
TIMES = st.one_of(st.floats(0, 1e7), st.builds(lambda at, by: at + by, EDGES, st.floats(-1, 1)))


@given(TIMES)
def test_no_duration_has_a_full_smaller_unit_and_each_is_near(lasts_s: float) -> None:
    shown = duration(lasts_s)
    parts = {unit: float(value) for value, unit in re.findall(r"([\d.]+) (\w+)", shown)}
    assert list(parts) == sorted(parts, key=STEPS.__getitem__, reverse=True)
    assert parts.get("s", 0) < 60
    assert parts.get("min", 0) < 60
    assert parts.get("h", 0) < 24
    assert len(parts) == 1 or all(parts.values())
    shown_s = sum(value * STEPS[unit] for unit, value in parts.items())
    assert abs(shown_s - lasts_s) <= next(near for unit, near in NEAR if unit in parts)


@given(TIMES)
def test_a_time_left_is_short_and_near(lasts_s: float) -> None:
    shown = time_left(lasts_s)
    assert len(shown) <= 8
    if "d" not in shown:
        *larger, minutes, seconds = map(int, shown.split(":"))
        assert seconds < 60
        assert minutes < 60
        shown_s = (larger or [0])[0] * 3600 + minutes * 60 + seconds
        assert abs(shown_s - lasts_s) <= 0.5


@pytest.mark.parametrize(
    ("lasts_s", "shown"),
    [
        (0, "0:00"),
        (59.6, "1:00"),
        (3599.4, "59:59"),
        (3599.6, "1:00:00"),
        (86_399.4, "23:59:59"),
        (86_399.6, "1 d"),
        (90_000, "1 d 1 h"),
        (863_000, "10 d"),
        (1e12, "9999 d"),
    ],
)
def test_a_time_left_is_a_clock_and_then_days(lasts_s: float, shown: str) -> None:
    assert time_left(lasts_s) == shown


@given(st.floats(0, 1e9))
def test_no_rate_has_an_exponent_and_each_is_near(rate: float) -> None:
    value = per_second(rate).removesuffix("/s").replace(",", "")
    assert abs(float(value) - rate) <= max(0.5, rate * 0.006) if rate >= 1e-3 else True


def test_things_are_counted() -> None:
    assert [counted(number, "package") for number in (0, 1, 2000)] == [
        "0 packages",
        "1 package",
        "2,000 packages",
    ]
    assert counted(2, "entry", "entries") == "2 entries"


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


@given(st.floats(0, MAX_DURATION_S, exclude_min=True))
def test_an_exact_duration_is_parsed_to_the_same_number(lasts_s: float) -> None:
    assert read_duration(exact_duration(lasts_s)) == lasts_s


@given(
    st.integers(0, MAX_BYTES)
    | st.builds(lambda n, e: n << e, st.integers(0, 7), st.integers(0, 60))
)
def test_an_exact_size_is_parsed_to_the_same_number(count: int) -> None:
    assert read_size(exact_size(count)) == read_bandwidth(f"{exact_size(count)}/s") == count


@given(st.floats(0, MAX_PER_SECOND, exclude_min=True))
def test_an_exact_rate_is_parsed_to_the_same_number(rate: float) -> None:
    assert read_rate(exact_rate(rate)) == rate


@given(st.floats(0.1, MAX_DURATION_S))
def test_a_displayed_duration_can_be_parsed(lasts_s: float) -> None:
    tolerance_s = 30.5 if lasts_s < DAY_S - MINUTE_S else HOUR_S / 2 + 0.5
    assert abs(read_duration(duration(lasts_s)) - lasts_s) <= tolerance_s


@given(st.text() | st.from_regex(r"[-+.0-9a-zA-Z/ ]*", fullmatch=True))
def test_any_other_text_is_refused_and_not_repeated(text: str) -> None:
    for read in (read_duration, read_size, read_rate, read_bandwidth):
        try:
            assert 0 <= read(text) <= MAX_BYTES
        except ValueError as error:
            assert str(error).startswith("not a valid ")  # noqa: PT017 - most texts are refused


@pytest.mark.parametrize(
    ("shown", "lasts_s"),
    [("6h", 21_600), ("1m30s", 90), ("0.5s", 0.5), ("1d12h", 129_600), ("1m0.25s", 60.25)],
)
def test_an_exact_duration_is_short(shown: str, lasts_s: float) -> None:
    assert exact_duration(lasts_s) == shown


@pytest.mark.parametrize(
    ("shown", "count"),
    [("0B", 0), ("999B", 999), ("1kB", 1000), ("1KiB", 1024), ("256MiB", 2**28), ("10MB", 10**7)],
)
def test_an_exact_size_is_short(shown: str, count: int) -> None:
    assert exact_size(count) == shown


@pytest.mark.parametrize(
    ("text", "lasts_s"),
    [
        ("30", 30),
        ("0.5", 0.5),
        (".5", 0.5),
        ("250ms", 0.25),
        ("1.5h", 5400),
        ("1 min 30 s", 90),
        ("2 days", 172_800),
        ("2w", 1_209_600),
        (" 6h ", 21_600),
    ],
)
def test_durations_have_units_or_are_seconds(text: str, lasts_s: float) -> None:
    assert read_duration(text) == lasts_s


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty; give seconds"),
        ("-1", "it is negative"),
        ("0", "above 0"),
        ("0h", "above 0"),
        ("0." + "0" * 400 + "1", "above 0"),
        ("9" * 400, "the maximum is 36500d"),
        ("99999999999999999999d", "the maximum is 36500d"),
        *((text, "such as 30s") for text in ("nan", "inf", "1e3", "h", "6H", "1M", "6 hrs", "1,5")),
        *((text, "such as 30s") for text in ("30s1m", "1m1m", "1h 30", "--1", "\u0663s", "1_0")),
    ],
)
def test_what_is_not_a_duration_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r"^not a valid duration: ") as caught:
        read_duration(text)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("text", "count"),
    [("1000", 1000), ("500K", 500_000), ("10mb", 10**7), ("2GiB", 2**31), ("1.5k", 1500), ("0", 0)],
)
def test_sizes_have_units_or_are_bytes(text: str, count: int) -> None:
    assert read_size(text) == count


@pytest.mark.parametrize("text", ["", "-1", "nan", "inf", "1e9", "10MBps", "8EiB", "9" * 400, "MB"])
def test_what_is_not_a_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^not a valid size: "):
        read_size(text)


@pytest.mark.parametrize(
    ("text", "rate"),
    [("20", 20), ("5/s", 5), ("300/min", 5), ("300 / minute", 5), ("3600/h", 1), ("0.5", 0.5)],
)
def test_rates_have_units_or_are_per_second(text: str, rate: float) -> None:
    assert read_rate(text) == rate


@pytest.mark.parametrize("text", ["", "/s", "5/", "5/x", "5/s/s", "0", "-1/s", "nan", "9" * 400])
def test_what_is_not_a_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^not a valid rate: "):
        read_rate(text)


@pytest.mark.parametrize(
    ("text", "bytes_per_s"),
    [("10MB", 10**7), ("10MB/s", 10**7), ("600MB/min", 10**7), ("1GiB / s", 2**30), ("4096", 4096)],
)
def test_a_bandwidth_is_a_size_or_a_rate(text: str, bytes_per_s: int) -> None:
    assert read_bandwidth(text) == bytes_per_s


@pytest.mark.parametrize("text", ["", "/s", "10/MB", "10MB/x", "-1MB/s", "inf", "10EB/s"])
def test_what_is_not_a_bandwidth_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^not a valid bandwidth: "):
        read_bandwidth(text)
