"""When signed URLs expire."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.sansio.storage.url_expiry import expires_at, stale_at

END = datetime(2026, 11, 23, 9, 0, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    "query",
    [
        "X-Amz-Date=20261123T080000Z&X-Amz-Expires=3600&X-Amz-Signature=x",
        "x-amz-date=20261123T080000Z&x-amz-expires=3600",
        "X-Goog-Date=20261123T080000Z&X-Goog-Expires=3600",
        "sv=2024-11-04&se=2026-11-23T09%3A00%3A00Z&sig=x",
        "se=2026-11-23T09:00:00",
        "se=2026-11-23T14:30:00%2B05:30",
        "SE=2026-11-23T09:00:00Z",
        "X-Amz-Expires=3600&X-Amz-Date=20261123T080000Z&Expires=5",
        "X-Goog-Date=20261123T080000Z&X-Goog-Expires=3600&X-Goog-Expires=7",
        "expires=1795424400",
        f"Expires={END:.0f}&Signature=x&Key-Pair-Id=y",
    ],
)
def test_each_storage_says_it_in_its_own_way(query: str) -> None:
    assert expires_at(f"https://storage.example/a.zip?{query}") == END


@pytest.mark.parametrize(
    "query",
    [
        "",
        "X-Amz-Date=yesterday&X-Amz-Expires=3600",
        "X-Amz-Date=20261123T080000Z",
        "X-Amz-Date=20261123T080000Z&X-Amz-Expires=-1",
        "X-Amz-Expires=3600",
        "se=tomorrow",
        "se=",
        "se=2026-13-01T00:00:00Z",
        "X-Amz-Date=20261123T080000Z&X-Goog-Expires=3600",
        "Expires=1.5e9",
        "sig=Expires",
        "Expires=\u0661",
        "Expires=soon",
        "Expires=²",
    ],
)
def test_a_url_that_does_not_say_it_is_left_to_the_storage(query: str) -> None:
    url = f"https://storage.example/a.zip?{query}"
    assert expires_at(url) is None
    assert stale_at(url, received_at=0, margin_s=60) == math.inf


@given(st.text())
def test_any_query_is_read(query: str) -> None:
    found = expires_at(f"https://storage.example/?{query}")
    assert found is None or isinstance(found, float)


def stale(*, received: float, now: float, margin_s: float = 60) -> bool:
    url = f"https://storage.example/?Expires={END:.0f}"
    return END + now > stale_at(url, received_at=END + received, margin_s=margin_s)


def test_a_url_is_stale_within_the_margin_of_its_end() -> None:
    assert not stale(received=-3600, now=-61)
    assert not stale(received=-3600, now=-60)
    assert stale(received=-3600, now=-59)
    assert stale(received=-3600, now=10)


def test_a_url_that_is_short_lived_is_stale_after_half_of_its_life() -> None:
    assert not stale(received=-20, now=-11)
    assert stale(received=-20, now=-9)


def test_a_url_that_seems_to_be_born_expired_is_tried() -> None:
    # Our clock may be wrong; asking for another one would go on for ever.
    assert not stale(received=5, now=10)
    assert not stale(received=0, now=1)


@pytest.fixture
def far_from_greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if not hasattr(time, "tzset"):
        pytest.skip("the zone of a process cannot be set here")
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "XXX-9")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("far_from_greenwich")
@pytest.mark.parametrize(
    "query", ["X-Amz-Date=20261123T080000Z&X-Amz-Expires=3600", "se=2026-11-23T09:00:00"]
)
def test_a_storage_means_utc_wherever_we_are(query: str) -> None:
    assert expires_at(f"https://storage.example/a.zip?{query}") == END


@given(st.floats(0, 1e5), st.floats(-1e5, 1e5), st.floats(0, 1e4))
def test_a_url_is_never_stale_as_soon_as_it_comes(
    life_s: float, received: float, margin_s: float
) -> None:
    url = f"https://storage.example/?Expires={END + life_s:.0f}"
    at = END - abs(received)
    assert at <= stale_at(url, received_at=at, margin_s=margin_s)


@pytest.mark.parametrize("address", ["https://[bad/", "https://\u2100/", "", "?"])
def test_what_is_no_url_is_left_to_the_storage(address: str) -> None:
    assert expires_at(f"{address}x?Expires=1") in {1.0, None}
