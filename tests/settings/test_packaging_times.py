"""The file that keeps packaging times."""

from __future__ import annotations

import json
import logging
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.sansio.polling.earlier_exports import HALF_LIFE_DAYS, MOST, Observation
from pixxel_async.sansio.polling.schedule import Findings
from pixxel_async.settings.packaging_times import (
    MOST_BYTES,
    MOST_ENTRIES,
    PackagingTimes,
    packaging_times,
)

URL = "https://api.example"
SEEN = [Observation(48.25, 61.5), Observation(300.0, None)]


def times_at(path: Path, service: str = URL, at: float = 0.0) -> PackagingTimes:
    return PackagingTimes(service, path, clock=lambda: at)


def findings(new: list[Observation], weight: float = 1.0, kind: str = "job") -> dict[str, Findings]:
    return {kind: Findings(weight, new)}


def test_what_is_kept_is_read_by_the_same_service_only(tmp_path: Path) -> None:
    path = tmp_path / "state" / "times.json"
    times_at(path).keep(findings(SEEN))
    assert times_at(path).read() == {"job": SEEN}
    assert times_at(path, "https://other.example").read() == {}


def test_services_and_kinds_do_not_replace_each_other(tmp_path: Path) -> None:
    path = tmp_path / "times.json"
    times_at(path).keep(findings(SEEN))
    times_at(path).keep(findings(SEEN[:1], kind="catalog"))
    times_at(path, "https://other.example").keep(findings(SEEN[1:]))
    assert times_at(path).read() == {"job": SEEN, "catalog": SEEN[:1]}
    assert times_at(path, "https://other.example").read() == {"job": SEEN[1:]}


def test_new_observations_are_added_to_what_still_holds(tmp_path: Path) -> None:
    path = tmp_path / "times.json"
    times_at(path).keep(findings([SEEN[0]] * 10))
    times_at(path).keep(findings([SEEN[1]] * 5, weight=0.4))
    assert times_at(path).read() == {"job": [SEEN[0]] * 4 + [SEEN[1]] * 5}


def test_the_file_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "times.json"
    for number in range(MOST_ENTRIES + 5):
        many = [Observation(float(age), age + 0.123456789) for age in range(MOST * 3)]
        times_at(path, f"https://{number}.example", at=number).keep(findings(many))
    entries = json.loads(path.read_text())["entries"]
    assert len(entries) == MOST_ENTRIES
    assert entries[0]["service"] == "https://5.example"
    assert max(len(entry["packages"]) for entry in entries) == MOST
    assert path.stat().st_size < MOST_BYTES


def test_old_observations_fade(tmp_path: Path) -> None:
    path = tmp_path / "times.json"
    times_at(path).keep(findings([SEEN[0]] * 100))
    later = times_at(path, at=HALF_LIFE_DAYS * 86400)
    assert len(later.read()["job"]) == 50
    assert times_at(path, at=1e10).read() == {"job": []}


def test_the_file_is_private_and_holds_only_times(tmp_path: Path) -> None:
    path = tmp_path / "state" / "times.json"
    times_at(path).keep(findings(SEEN))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert json.loads(path.read_text()) == {
        "version": 1,
        "entries": [
            {"service": URL, "kind": "job", "at": 0, "packages": [[48.25, 61.5], [300.0, None]]}
        ],
    }
    assert [file.name for file in path.parent.iterdir()] == ["times.json"]


ENTRY = '{"version": 1, "entries": [{"service": "%s", "kind": "job", "at": %s, "packages": %s}]}'
DAMAGED = [
    "",
    "[]",
    "{}",
    "\x00",
    '{"version": 2, "entries": []}',
    '{"version": 1}',
    '{"version": 1, "entries": [1]}',
    '{"version": 1, "entries": [{"service": 1, "kind": "job", "at": 0, "packages": []}]}',
    ENTRY % (URL, "NaN", "[]"),
    ENTRY % (URL, "0", "[[2, 1]]"),
    ENTRY % (URL, "0", "[[1]]"),
    ENTRY % (URL, "0", "[[0, 1e9]]"),
    ENTRY % (URL, "0", '["ab"]'),
    "[" * 100_000,
    '"' + "x" * MOST_BYTES + '"',
]


@pytest.mark.parametrize("text", DAMAGED, ids=range(len(DAMAGED)))
def test_a_file_that_cannot_be_used_is_ignored_and_replaced(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "times.json"
    path.write_text(text)
    with caplog.at_level(logging.DEBUG, "pixxel_async"):
        assert times_at(path).read() == {}
    assert [record.levelname for record in caplog.records] == ["DEBUG"]
    times_at(path).keep(findings(SEEN))
    assert times_at(path).read() == {"job": SEEN}


@given(st.binary(max_size=60))
def test_no_bytes_raise(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any-times.json"
    path.write_bytes(data)
    assert times_at(path).read() == {}


def test_a_folder_that_cannot_be_written_is_a_debug_message(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    with caplog.at_level(logging.DEBUG, "pixxel_async"):
        times_at(tmp_path / "file" / "times.json").keep(findings(SEEN))
    assert [record.levelname for record in caplog.records][-1] == "DEBUG"


def test_nothing_new_writes_nothing(tmp_path: Path) -> None:
    times_at(tmp_path / "times.json").keep(findings([]))
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_in_the_state_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def state(name: str, *, appauthor: bool) -> Path:
        assert appauthor is False
        return tmp_path / name

    monkeypatch.setattr("platformdirs.user_state_path", state)
    times = packaging_times(URL)
    assert times is not None
    times.keep(findings(SEEN))
    assert (tmp_path / "pixxel-async" / "packaging-times.json").exists()


@pytest.mark.parametrize("home", [None, Path("~")])
def test_without_a_home_nothing_is_kept(monkeypatch: pytest.MonkeyPatch, home: Path | None) -> None:
    def state(name: str, *, appauthor: bool) -> Path:
        del appauthor
        if home is None:
            raise RuntimeError(name)
        return home / name

    monkeypatch.setattr("platformdirs.user_state_path", state)
    assert packaging_times(URL) is None
