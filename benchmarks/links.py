"""The throughput of each number of transfers, and of `auto`, over several links.

Each number runs for some seconds over each link. All received bytes count, so the figures of `auto`
include its search.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import IO, cast

from .file_sets import MIB, SETS, FileSet, memory_folder
from .nginx import HOST, Nginx, nginx
from .processes import measure
from .results import save

NUMBERS = ("1", "2", "4", "8", "16", "32", "64")
AUTO = "auto"
SECONDS = float(os.environ.get("LINK_SECONDS", "20"))
ROUNDS = int(os.environ.get("LINK_ROUNDS", "1"))


@dataclass(frozen=True)
class Shape:
    """A link.

    Attributes:
        name: In the output.
        files: The files to fetch over it.
        port: The port of nginx for it.
        delay_s: The delay of the relay, or None without a relay.
        rate: Bytes per second over the relay.
        window: Bytes in flight for each connection.
    """

    name: str
    files: FileSet
    port: Callable[[Nginx], int] = lambda server: server.http
    delay_s: float | None = None
    rate: int = 0
    window: int = 0


FILES = FileSet("1mib", 200, MIB)
LONG = FileSet("8mib", 96, 8 * MIB)
"""Large enough for a limit: nginx sends the bytes of the first second at once."""
SHAPES = (
    Shape("this machine", SETS["4mib"]),
    Shape("1 MiB/s a connection", LONG, port=lambda server: server.slow),
    Shape("2 MiB/s a connection, at most 12", LONG, port=lambda server: server.strict),
    Shape("20 ms, 40 MiB/s in all", FILES, delay_s=0.02, rate=40 * MIB, window=256 * 1024),
    Shape("200 ms, 20 MiB/s in all", FILES, delay_s=0.2, rate=20 * MIB, window=256 * 1024),
)


@dataclass(frozen=True)
class LinkResult:
    """The throughput of one number of transfers over one link.

    Attributes:
        link: Its name.
        fetches: The number, or `auto`.
        mib_per_s: The median throughput.
        peak_mib: The highest peak of resident memory.
        numbers: With `auto`, the times and numbers chosen in the last round.
    """

    link: str
    fetches: str
    mib_per_s: float
    peak_mib: float
    numbers: list[tuple[float, int]]


def lines() -> Iterator[str]:
    """Measure each link, and yield a line for it."""
    chosen = os.environ.get("LINKS", "")
    shapes = [shape for shape in SHAPES if chosen in shape.name]
    yield f"MiB/s over {SECONDS:g} s by the number of transfers at once, medians of {ROUNDS}"
    yield f"  {'':<34}" + "".join(f"{number:>7}" for number in (*NUMBERS, AUTO)) + "  auto ÷ best"
    rows: list[LinkResult] = []
    with tempfile.TemporaryDirectory(prefix="bench-", dir=memory_folder()) as folder:
        served = Path(folder, "served")
        served.mkdir()
        for files in {shape.files for shape in shapes}:
            files.make(served)
        with nginx(served) as server:
            for shape in shapes:
                found = measured(shape, server, Path(folder))
                rows += found
                rates = [each.mib_per_s for each in found]
                yield (
                    f"  {shape.name:<34}"
                    + "".join(f"{rate:>7.1f}" for rate in rates)
                    + f"  {rates[-1] / max(rates[:-1]):.2f}"
                )
    save("links", {"seconds": SECONDS, "rounds": ROUNDS, "rows": [asdict(row) for row in rows]})


def measured(shape: Shape, server: Nginx, folder: Path) -> list[LinkResult]:
    """Measure each number over a link, in turns."""
    runs: dict[str, list[tuple[float, float, list[tuple[float, int]]]]] = {}
    with port_of(shape, server) as port:
        listed = folder / "urls.txt"
        urls = [f"http://{HOST}:{port}/{shape.files.name}/{name}" for name in shape.files.names()]
        listed.write_text("\n".join(urls), encoding="ascii")
        for _ in range(ROUNDS):
            for fetches in (*NUMBERS, AUTO):
                runs.setdefault(fetches, []).append(run(fetches, listed, folder))
    return [
        LinkResult(
            link=shape.name,
            fetches=fetches,
            mib_per_s=median(rate for rate, _, _ in found) / MIB,
            peak_mib=max(peak for _, peak, _ in found),
            numbers=found[-1][2],
        )
        for fetches, found in runs.items()
    ]


def run(fetches: str, listed: Path, folder: Path) -> tuple[float, float, list[tuple[float, int]]]:
    """Return bytes per second, peak memory in MiB, and the chosen numbers."""
    with tempfile.TemporaryDirectory(prefix="saved-", dir=folder) as saved:
        module = f"{__package__}.contenders.ours_for_a_while"
        words = [str(Path(saved, "out")), fetches, str(SECONDS), str(listed)]
        found = measure([sys.executable, "-m", module, *words], Path(saved, "said"))
    numbers = [(at_s, number) for at_s, number in found.printed["numbers"]]
    return found.printed["received"] / found.wall_s, found.peak_mib, numbers


@contextmanager
def port_of(shape: Shape, server: Nginx) -> Iterator[int]:
    """Yield the port of a link."""
    if shape.delay_s is None:
        yield shape.port(server)
        return
    words = (shape.port(server), shape.delay_s, shape.rate, shape.window)
    with subprocess.Popen(  # noqa: S603 - a module of our own
        [sys.executable, "-m", f"{__package__}.relay", *(str(word) for word in words)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as relay:
        yield int(cast("IO[bytes]", relay.stdout).readline())
        relay.communicate()  # closes its input, which ends it
