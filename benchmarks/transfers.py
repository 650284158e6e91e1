"""How fast files are downloaded, by us and by others, from an nginx on this machine.

Everybody downloads the same files to memory, 16 at a time, in turns. A run whose files are not
those that were served does not count.
"""

from __future__ import annotations

import filecmp
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from .contenders.commands import CONTENDERS, command
from .contenders.task import Task
from .file_sets import SETS, FileSet, memory_folder
from .nginx import MissingError, Nginx, nginx
from .processes import Measured, measure

CONCURRENCY = 16
ROUNDS = int(os.environ.get("ROUNDS", "5"))
CASES = (("4mib", "http"), ("4mib", "https"), ("256mib", "http"), ("256mib", "https"))
CASES += (("64kib", "http"),)
YARDSTICK = "curl -Z"
COLUMNS = f"  {'':<20} {'wall':>8} {'÷ curl':>7} {'GiB/s':>6} {'CPU s/GiB':>10} {'÷ curl':>7}"


def chosen(variable: str, known: tuple[str, ...]) -> list[str]:
    """Return those that a variable of the environment names, between semicolons, or all."""
    named = [name.strip() for name in os.environ.get(variable, "").split(";") if name.strip()]
    if unknown := set(named) - set(known):
        message = f"{variable}: no such: {', '.join(sorted(unknown))}; there are {'; '.join(known)}"
        raise SystemExit(message)
    return named or list(known)


def lines() -> Iterator[str]:
    """Measure in turns, and yield the tables."""
    cases = [
        case
        for case in CASES
        if case[0] in chosen("SETS", tuple(SETS)) and case[1] in chosen("SCHEMES", SCHEMES)
    ]
    contenders = chosen("CONTENDERS", CONTENDERS)
    yield f"Downloads from nginx on this machine, {CONCURRENCY} at a time, median of {ROUNDS} rounds"
    with tempfile.TemporaryDirectory(prefix="bench-", dir=memory_folder()) as folder:
        place = Path(folder)
        (place / "served").mkdir()
        with nginx(place / "served") as server:
            for files in (SETS[name] for name in dict.fromkeys(name for name, _ in cases)):
                files.make(place / "served")
                for scheme in (scheme for name, scheme in cases if name == files.name):
                    yield ""
                    yield f"{files.name} × {files.count}, {scheme}"
                    yield from table(files, in_turns(files, scheme, contenders, server, place))
                shutil.rmtree(place / "served" / files.name)


SCHEMES = ("http", "https")


def in_turns(
    files: FileSet, scheme: str, contenders: list[str], server: Nginx, place: Path
) -> dict[str, list[Measured]]:
    """Let everybody download the files, in each round once."""
    found: dict[str, list[Measured]] = {}
    once(YARDSTICK, files, scheme, server, place, compare=False)  # fresh memory costs the first one
    for round_number in range(ROUNDS):
        for contender in contenders:
            try:
                measured = once(contender, files, scheme, server, place, compare=round_number == 0)
            except MissingError as missing:
                if round_number == 0:
                    print(f"  {contender}: {missing}")
                continue
            found.setdefault(contender, []).append(measured)
    return found


def once(
    contender: str, files: FileSet, scheme: str, server: Nginx, place: Path, *, compare: bool
) -> Measured:
    """Let one contender download the files.

    Raises:
        MissingError: It is not installed.
        RuntimeError: It failed, or what it saved is wrong.
    """
    names = files.names()
    with tempfile.TemporaryDirectory(prefix="saved-", dir=place) as saved:
        out, notes = Path(saved, "out"), Path(saved, "notes")
        out.mkdir()
        notes.mkdir()
        task = Task(
            urls=[server.url(scheme, files.name, name) for name in names],
            names=names,
            folder=str(out),
            concurrency=CONCURRENCY,
            ca_file=str(server.ca_file),
            api_url=server.api_url,
            workflow_id=f"{scheme}-{files.name}",
        )
        measured = measure(command(contender, task, notes), notes / "said")
        check(place / "served" / files.name, out, files, compare=compare)
    return measured


def check(served: Path, out: Path, files: FileSet, *, compare: bool) -> None:
    """Look whether the files are there.

    Raises:
        RuntimeError: They are not those that were served.
    """
    saved = sorted(out.glob("*.zip"))
    right = [file for file in saved if file.stat().st_size == files.file_bytes]
    if compare:
        originals = sorted(served.glob("*.zip"))
        right = [
            file
            for file, original in zip(right, originals, strict=False)
            if filecmp.cmp(file, original, shallow=False)
        ]
    if not len(right) == len(saved) == files.count:
        message = f"{len(right)} of {len(saved)} files are right, of {files.count}"
        raise RuntimeError(message)


def table(files: FileSet, found: dict[str, list[Measured]]) -> Iterator[str]:
    """Yield a line for each contender."""
    yield f"{COLUMNS} {'peak':>9}  {'with start':>10}"
    walls = {name: median(each.wall_s for each in runs) for name, runs in found.items()}
    cpus = {name: median(each.cpu_s for each in runs) for name, runs in found.items()}
    for name, runs in found.items():
        wall, cpu = walls[name], cpus[name]
        peak = max(each.peak_mib for each in runs)
        start = median(each.process_wall_s for each in runs)
        yield (
            f"  {name:<20} {wall:>6.2f} s {wall / walls.get(YARDSTICK, wall):>7.2f}"
            f" {files.gib / wall:>6.2f} {cpu / files.gib:>10.2f}"
            f" {cpu / cpus.get(YARDSTICK, cpu):>7.2f} {peak:>5.0f} MiB  {start:>8.2f} s"
        )
