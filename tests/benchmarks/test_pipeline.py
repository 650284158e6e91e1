"""The lower bound of an export, and a small export against it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import pipeline

READY = st.lists(st.tuples(st.floats(0, 100), st.integers(0, 10_000_000)), min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("ready", "least"),
    [
        ([(10.0, 100)], 11.0),
        ([(1.0, 900), (10.0, 100)], 11.0),
        ([(9.0, 900), (10.0, 100)], 19.0),
        ([(10.0, 100), (10.0, 100)], 12.0),
        ([(0.0, 0)], 0.0),
    ],
)
def test_the_bound_is_the_transfer_that_cannot_be_hidden(
    ready: list[tuple[float, int]], least: float
) -> None:
    assert pipeline.least_s(ready, 100) == least


@given(READY, st.floats(1e5, 1e9))
def test_one_transfer_after_the_other_in_the_order_of_readiness_takes_just_that(
    ready: list[tuple[float, int]], bytes_per_s: float
) -> None:
    now = 0.0
    for at, size in sorted(ready):
        now = max(now, at) + size / bytes_per_s
    assert pipeline.least_s(ready, bytes_per_s) == pytest.approx(now)


def test_a_small_export_is_compared_with_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "PACKAGES", 10)
    monkeypatch.setattr(pipeline, "PACKAGING_S", (0.05, 0.3))
    monkeypatch.setattr(pipeline, "PACKAGE_BYTES", 20_000)
    monkeypatch.setattr(pipeline, "PROBES", 2)
    found = pipeline.once(500.0, seed=1)
    assert found["ratio"] >= 1
    assert 0 < found["created_within_s"] < found["took_s"]
    assert 0.05 <= found["latest_ready_s"] <= found["bound_s"] <= found["took_s"]
