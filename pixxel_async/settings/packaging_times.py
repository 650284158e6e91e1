"""Keeps what exports observed of packaging times, for the next ones: a small JSON file.

Rules:
    * The file is in the user's state directory. It has the base URL, the kind of package and how
      long some packages took; no ids, names or keys.
    * It is an aid only: a file that is missing, damaged, of another version, or not writable
      changes nothing but the number of polls, and is a debug message in the log.
    * It is replaced as a whole. Of two exports that end at once, one may be lost.
    * It is bounded: `MOST` observations for each kind, and the `MOST_ENTRIES` kinds used last.
"""

from __future__ import annotations

import json
import logging
import math
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import platformdirs

from ..sansio.polling.earlier_exports import MOST, Observation, faded, merged
from ..sansio.polling.schedule import Findings

logger = logging.getLogger("pixxel_async")

VERSION = 1
FILE_NAME = "packaging-times.json"
MOST_ENTRIES = 64
MOST_BYTES = 1 << 20
"""A larger file is not read."""
DAY_S = 86_400.0


class PackagingTimes:
    """The packaging times of one service."""

    def __init__(self, service: str, path: Path, clock: Callable[[], float] = time.time) -> None:
        """Take the places; no file is read yet.

        Args:
            service: The base URL.
            path: The file.
            clock: Returns the seconds since 1970.
        """
        self._service = service
        self._path = path
        self._clock = clock

    def read(self) -> dict[str, list[Observation]]:
        """Return what earlier exports observed, by kind; blocks, and never raises."""
        try:
            return {
                entry["kind"]: self._faded(entry)
                for entry in _entries(self._path)
                if entry["service"] == self._service
            }
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            logger.debug("packaging times are ignored: %s: %s", self._path, error)
            return {}

    def keep(self, findings: Mapping[str, Findings]) -> None:
        """Add what an export observed, by kind; blocks, and never raises."""
        if not any(found.new for found in findings.values()):
            return
        try:
            _replace(self._path, json.dumps(self._added(findings)))
        except OSError as error:
            logger.debug("packaging times are not kept: %s: %s", self._path, error)

    def _added(self, findings: Mapping[str, Findings]) -> dict[str, Any]:
        earlier = self.read()  # again: another export may have ended in the meantime
        new = [
            {
                "service": self._service,
                "kind": kind,
                "at": round(self._clock()),
                "packages": [
                    [_short(one.unready_s), one.ready_s and _short(one.ready_s)]
                    for one in merged(earlier.get(kind, []), found.earlier_weight, found.new)
                ],
            }
            for kind, found in findings.items()
            if found.new
        ]
        replaced = {(self._service, entry["kind"]) for entry in new}
        try:
            old = _entries(self._path)
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            old = []
        others = [entry for entry in old if (entry["service"], entry["kind"]) not in replaced]
        latest = sorted([*others, *new], key=lambda entry: entry["at"])
        return {"version": VERSION, "entries": latest[-MOST_ENTRIES:]}

    def _faded(self, entry: Mapping[str, Any]) -> list[Observation]:
        packages = [_observation(*package) for package in entry["packages"]]
        return faded(packages[-MOST:], (self._clock() - entry["at"]) / DAY_S)


def packaging_times(service: str) -> PackagingTimes | None:
    """Return the packaging times of a base URL; None if there is no place to keep them."""
    path = default_path()
    return None if path is None else PackagingTimes(service, path)


def default_path() -> Path | None:
    """Return the file in the user's state directory; None if there is no home directory."""
    try:
        folder = platformdirs.user_state_path("pixxel-async", appauthor=False)
    except RuntimeError:  # no HOME, and a user that the system does not know
        return None
    return folder / FILE_NAME if folder.is_absolute() else None


def _entries(path: Path) -> list[dict[str, Any]]:
    """Return the entries of the file.

    Raises:
        ValueError: It is not of this version, or damaged. So are TypeError and KeyError.
    """
    with path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        message = "it is too large"
        raise ValueError(message)
    found = json.loads(data)
    if not isinstance(found, dict) or found.get("version") != VERSION:
        message = f"it is not of version {VERSION}"
        raise ValueError(message)
    for entry in found["entries"]:
        text, numbers = (entry["service"], entry["kind"]), (entry["at"],)
        if not all(isinstance(one, str) for one in text) or not all(map(math.isfinite, numbers)):
            message = "an entry is damaged"
            raise ValueError(message)
    return list(found["entries"])


def _observation(unready_s: Any, ready_s: Any) -> Observation:
    """Return an observation.

    Raises:
        ValueError: It is impossible. So is TypeError.
    """
    ages = (unready_s,) if ready_s is None else (unready_s, ready_s)
    if not all(map(math.isfinite, ages)) or not 0 <= ages[0] <= ages[-1] <= MOST_AGE_S:
        message = "an observation is impossible"
        raise ValueError(message)
    return Observation(float(unready_s), None if ready_s is None else float(ready_s))


MOST_AGE_S = 1e7
"""A larger age is not believed; it would make a table of many bins."""


def _short(age_s: float) -> float:
    return round(min(age_s, MOST_AGE_S), 3)


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
