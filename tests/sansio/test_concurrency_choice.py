"""How many transfers are advised."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.sansio.resilience.concurrency_choice import NEARLY, Step, fetches_to_set

NUMBERS = (1, 2, 4, 8, 16, 32)


def steps(*rates: float, refused_at: int | None = None) -> list[Step]:
    return [
        Step(
            fetches=number,
            bytes_per_s=rate,
            error="too much" if number == refused_at else "",
        )
        for number, rate in zip(NUMBERS, rates, strict=False)
    ]


@pytest.mark.parametrize(
    ("found", "number"),
    [
        (steps(10, 20, 40, 79, 80, 81), 8),
        (steps(80, 80, 80, 80, 80, 80), 1),
        (steps(10, 20, 40, 80, 160, 320), 32),
        (steps(10, 20, 40, 30, 20, 10), 4),
        (steps(10, 20, 40, 0, refused_at=8), 4),
        (steps(10, 20, 40, 90, 200, 300, refused_at=8), 4),
        (steps(0, 0), None),
        (steps(10, refused_at=1), None),
        ([], None),
    ],
)
def test_the_fewest_that_bring_nearly_the_most(found: list[Step], number: int | None) -> None:
    assert fetches_to_set(found) == number


@given(st.lists(st.floats(1, 1e9), min_size=1, max_size=6))
def test_it_brings_nearly_the_most_and_no_lower_number_does(rates: list[float]) -> None:
    found = steps(*rates)
    number = fetches_to_set(found)
    by_number = {step.fetches: step.bytes_per_s for step in found}
    assert number is not None
    assert by_number[number] >= NEARLY * max(rates)
    assert all(rate < NEARLY * max(rates) for less, rate in by_number.items() if less < number)
