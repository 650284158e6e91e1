"""Percentiles are members of what they describe."""

from __future__ import annotations

from pixxel_async.sansio.percentiles import Percentiles


def test_percentiles_are_values_in_any_order() -> None:
    found = Percentiles.of(float(value) for value in reversed(range(1, 101)))
    assert (found.count, found.p50, found.p90, found.p99) == (100, 50.0, 90.0, 99.0)
    assert Percentiles.of([7.0]) == Percentiles(count=1, p50=7.0, p90=7.0, p99=7.0)
    assert Percentiles.of([]) == Percentiles(count=0, p50=None, p90=None, p99=None)
