"""How fast our client and others download files from an nginx on this machine.

Each contender downloads the same files to memory, 16 at a time, in turns. A run with wrong files
does not count. Times exclude the start of Python, and are also reported with it: for some of the
sets it would be a fifth of the time.
"""

from __future__ import annotations

import filecmp
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from .contenders.commands import (
    BUSY,
    CONTENDERS,
    CURL,
    CURL_THEN_OPENSSL,
    PEERS,
    command,
)
from .contenders.task import Task
from .file_sets import SETS, FileSet, memory_folder
from .nginx import MissingError, Nginx, nginx
from .processes import Measured, measure
from .results import save

CONCURRENCY = 16
ROUNDS = int(os.environ.get("ROUNDS", "5"))
PEER_ROUNDS = int(os.environ.get("PEER_ROUNDS", "2"))
"""Rounds of contenders that are not a yardstick; some are slow."""

SCHEMES = ("http", "https")
CASES: tuple[tuple[str, str], ...] = (
    *(("4mib", "http"), ("4mib", "https"), ("256mib", "http"), ("256mib", "https")),
    ("64kib", "http"),
)
YARDSTICKS = {"ours, verified": CURL_THEN_OPENSSL, BUSY: "ours"}
"""The yardstick of a contender, if not curl."""

BUSY_CASES = frozenset({("4mib", "http"), ("64kib", "http")})
"""The cases with a busy event loop."""


@dataclass(frozen=True)
class ContenderResult:
    """The result of one contender for one set.

    Attributes:
        files: The set.
        scheme: http or https.
        contender: Its name.
        rounds: The number of rounds; figures are medians.
        wall_s: Without the start of Python.
        cpu_s_per_gib: User and system time, without the start of Python.
        peak_mib: The highest peak of resident memory.
        process_wall_s: With the start of Python.
        process_cpu_s: With the start of Python.
    """

    files: str
    scheme: str
    contender: str
    rounds: int
    wall_s: float
    cpu_s_per_gib: float
    peak_mib: float
    process_wall_s: float
    process_cpu_s: float


def lines() -> Iterator[str]:
    """Measure in turns, and yield the tables."""
    sets, schemes = chosen("SETS", tuple(SETS)), chosen("SCHEMES", SCHEMES)
    contenders = chosen("CONTENDERS", CONTENDERS)
    cases = [case for case in CASES if case[0] in sets and case[1] in schemes]
    yield f"Downloads from an nginx, {CONCURRENCY} at a time, medians of {ROUNDS} rounds"
    rows: list[ContenderResult] = []
    with tempfile.TemporaryDirectory(prefix="bench-", dir=memory_folder()) as folder:
        served = Path(folder, "served")
        served.mkdir()
        with nginx(served) as server:
            stand = Stand(server, Path(folder))
            for files in (SETS[name] for name in dict.fromkeys(name for name, _ in cases)):
                files.make(served)
                for scheme in (scheme for name, scheme in cases if name == files.name):
                    yield ""
                    yield f"{files.count:,} of {files.name}, {scheme}"
                    found: dict[str, list[Measured]] = {}
                    yield from in_turns(stand, files, scheme, contenders, found)
                    measured = [row(files, scheme, name, runs) for name, runs in found.items()]
                    yield from table(measured, files.gib)
                    rows += measured
                shutil.rmtree(served / files.name)
    save("transfers", {"concurrency": CONCURRENCY, "rows": [asdict(each) for each in rows]})


def chosen(variable: str, known: tuple[str, ...]) -> list[str]:
    """Return the names in an environment variable, separated by semicolons, or all."""
    named = [name.strip() for name in os.environ.get(variable, "").split(";") if name.strip()]
    if unknown := set(named) - set(known):
        message = f"{variable}: no such: {', '.join(sorted(unknown))}; there are {'; '.join(known)}"
        raise SystemExit(message)
    return named or list(known)


def in_turns(
    stand: Stand,
    files: FileSet,
    scheme: str,
    contenders: list[str],
    found: dict[str, list[Measured]],
) -> Iterator[str]:
    """Run each contender once per round; yield a line for each that is missing."""
    for number in range(ROUNDS):
        for contender in contenders:
            if number >= PEER_ROUNDS and contender in PEERS:
                continue
            if contender == BUSY and (files.name, scheme) not in BUSY_CASES:
                continue
            try:
                if number == 0 and contender == contenders[0]:
                    stand.once(contender, files, scheme)  # the first run pays for fresh memory
                measured = stand.once(contender, files, scheme, compare=number == 0)
            except MissingError as missing:
                if number == 0:
                    yield f"  {contender}: skipped, {missing}"
            else:
                found.setdefault(contender, []).append(measured)


@dataclass(frozen=True)
class Stand:
    """The environment of the contenders.

    Attributes:
        server: Serves `place / "served"`.
        place: A folder in memory.
        saving: The folder for saved files, if it is another one.
        concurrency: Concurrent transfers.
    """

    server: Nginx
    place: Path
    saving: Path | None = None
    concurrency: int = CONCURRENCY

    def once(
        self, contender: str, files: FileSet, scheme: str, *, compare: bool = False
    ) -> Measured:
        """Run one contender; with `compare`, compare each byte.

        Raises:
            MissingError: It is not installed.
            RuntimeError: It failed, or what it saved is wrong.
        """
        names = files.names()
        with tempfile.TemporaryDirectory(prefix="saved-", dir=self.saving or self.place) as saved:
            out, notes = Path(saved, "out"), Path(saved, "notes")
            out.mkdir()
            notes.mkdir()
            task = Task(
                urls=[self.server.url(scheme, files.name, name) for name in names],
                names=names,
                folder=str(out),
                concurrency=self.concurrency,
                ca_file=str(self.server.ca_file),
                api_url=self.server.api_url,
                workflow_id=f"{scheme}-{files.name}",
            )
            measured = measure(command(contender, task, notes), notes / "said")
            check(self.place / "served" / files.name, out, files, compare=compare)
        return measured


def check(served: Path, out: Path, files: FileSet, *, compare: bool) -> None:
    """Check the saved files.

    Raises:
        RuntimeError: They differ from the served ones.
    """
    saved = sorted(out.glob("*.zip"))
    right = [file for file in saved if file.stat().st_size == files.file_bytes]
    if compare:
        pairs = zip(right, sorted(served.glob("*.zip")), strict=False)
        right = [file for file, original in pairs if filecmp.cmp(file, original, shallow=False)]
    if not len(right) == len(saved) == files.count:
        message = f"{len(right)} of {len(saved)} files are correct, of {files.count}"
        raise RuntimeError(message)


def row(files: FileSet, scheme: str, contender: str, runs: list[Measured]) -> ContenderResult:
    """Summarise the rounds of one contender."""
    return ContenderResult(
        files=files.name,
        scheme=scheme,
        contender=contender,
        rounds=len(runs),
        wall_s=median(each.wall_s for each in runs),
        cpu_s_per_gib=median(each.cpu_s for each in runs) / files.gib,
        peak_mib=max(each.peak_mib for each in runs),
        process_wall_s=median(each.process_wall_s for each in runs),
        process_cpu_s=median(each.process_cpu_s for each in runs),
    )


def yardstick(contender: str, rows: Mapping[str, ContenderResult]) -> ContenderResult | None:
    """Return the yardstick of a contender, or None if it did not run."""
    return rows.get(YARDSTICKS.get(contender, CURL))


def table(rows: list[ContenderResult], gib: float) -> Iterator[str]:
    """Yield a line for each contender; `gib` is the size of the set."""
    yield (
        f"  {'':<21} {'wall':>8} {'ratio':>6} {'GiB/s':>6} {'CPU s/GiB':>10} {'ratio':>6}"
        f" {'peak':>9} {'with start':>11}"
    )
    by_name = {each.contender: each for each in rows}
    for each in rows:
        by = yardstick(each.contender, by_name)
        wall, cpu = (
            (each.wall_s / by.wall_s, each.cpu_s_per_gib / by.cpu_s_per_gib) if by else (0, 0)
        )
        yield (
            f"  {each.contender:<21} {each.wall_s:>6.2f} s {wall:>6.2f}"
            f" {gib / each.wall_s:>6.2f} {each.cpu_s_per_gib:>10.2f} {cpu:>6.2f}"
            f" {each.peak_mib:>5.0f} MiB {each.process_wall_s:>9.2f} s"
        )
