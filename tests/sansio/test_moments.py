"""Moments as text, in the time zone of whoever reads them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from pixxel_async.sansio.moments import iso, moment, time_of_day, to_minutes

if sys.platform == "win32":
    pytest.skip("Windows takes no time zone from TZ", allow_module_level=True)

WINTER = datetime(2026, 1, 5, 23, 30, 7, tzinfo=UTC)
SUMMER = datetime(2026, 7, 5, 23, 30, 7, tzinfo=UTC)


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    def choose(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield choose
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("name", "at", "shown", "brief"),
    [
        ("UTC", WINTER, "2026-01-05 23:30:07 +00:00", "2026-01-05 23:30+00:00"),
        ("Europe/Berlin", WINTER, "2026-01-06 00:30:07 +01:00", "2026-01-06 00:30+01:00"),
        ("Europe/Berlin", SUMMER, "2026-07-06 01:30:07 +02:00", "2026-07-06 01:30+02:00"),
        ("Asia/Kolkata", WINTER, "2026-01-06 05:00:07 +05:30", "2026-01-06 05:00+05:30"),
        ("America/St_Johns", WINTER, "2026-01-05 20:00:07 -03:30", "2026-01-05 20:00-03:30"),
    ],
)
def test_people_read_local_time_with_its_offset(
    zone: Callable[[str], None], name: str, at: datetime, shown: str, brief: str
) -> None:
    zone(name)
    assert moment(at.timestamp()) == shown
    assert to_minutes(at) == brief
    assert shown.split()[1] == time_of_day(at.timestamp())


def test_machines_read_utc(zone: Callable[[str], None]) -> None:
    zone("Asia/Kolkata")
    assert iso(WINTER.timestamp()) == "2026-01-05T23:30:07.000Z"
