"""Small runs of what is measured against an nginx."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks import few, results, small_calls, start, syncing, trace
from benchmarks.contenders.commands import CONTENDERS, CURL, ONE_TRANSFER, PYTHON, command
from benchmarks.contenders.task import Task
from benchmarks.file_sets import FileSet
from benchmarks.nginx import SEARCHED, MissingError, nginx, program
from benchmarks.processes import measure
from benchmarks.transfers import Stand, check, row, table

from ..support import PROCESS_S

NGINX = shutil.which("nginx", path=SEARCHED)
needs_nginx = pytest.mark.skipif(NGINX is None, reason="needs nginx: apt-get install nginx")
FILES = FileSet("tiny", 20, 64 * 1024)
PROGRAMS = {"curl -Z": "curl", "curl -Z, openssl dgst": "openssl", "aria2c": "aria2c"}
EXTRAS = {"aiohttp + aiofiles": "aiohttp", "parfive": "parfive", "obstore": "obstore"}


def is_installed(contender: str) -> bool:
    """Whether a contender can run here."""
    name = PROGRAMS.get(contender)
    if name is not None:
        return shutil.which(name, path=SEARCHED) is not None
    return contender not in EXTRAS or find_spec(EXTRAS[contender]) is not None


MISSING = [name for name in CONTENDERS if not is_installed(name)]
PRESENT = [name for name in CONTENDERS if name not in MISSING]
if NGINX is None:
    PRESENT = PRESENT[:1]  # one skip says as much as one for each


@pytest.fixture(name="stand")
def _stand(tmp_path: Path) -> Iterator[Stand]:
    served = tmp_path / "served"
    served.mkdir()
    FILES.make(served)
    with nginx(served) as server:
        yield Stand(server, tmp_path)


@needs_nginx
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("contender", PRESENT)
def test_everybody_saves_what_is_served(stand: Stand, contender: str, scheme: str) -> None:
    measured = stand.once(contender, FILES, scheme, compare=True)
    assert measured.wall_s > 0
    assert measured.cpu_s > 0
    assert measured.peak_mib > 0
    assert measured.process_wall_s >= measured.wall_s
    assert bool(measured.printed) == (contender in PYTHON)


@pytest.mark.skipif(
    MISSING != [],
    reason=f"not installed, so not run: {', '.join(MISSING)}; "
    "pip install -e '.[bench]' and apt-get install curl aria2",
)
def test_every_contender_is_installed() -> None:
    assert set(CONTENDERS) >= PROGRAMS.keys() | EXTRAS.keys()


@needs_nginx
@pytest.mark.parametrize("contender", [syncing.SYNCED, syncing.UNSYNCED])
def test_exports_save_elsewhere_too(stand: Stand, contender: str, tmp_path: Path) -> None:
    elsewhere = replace(stand, saving=tmp_path / "disk")
    with pytest.raises(FileNotFoundError):
        elsewhere.once(contender, FILES, "http")
    (tmp_path / "disk").mkdir()
    assert elsewhere.once(contender, FILES, "http", compare=True).wall_s > 0


@needs_nginx
def test_the_table_has_a_line_for_each(stand: Stand) -> None:
    runs = [stand.once("ours", FILES, "http")]
    rows = [row(FILES, "http", name, runs) for name in (CURL, "ours")]
    told = list(table(rows, FILES.gib))
    assert [line.split("  ")[1].strip() for line in told[1:]] == [CURL, "ours"]
    assert all(line.count(" 1.00 ") == 2 for line in told[1:])


@needs_nginx
def test_a_few_packages_over_limited_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(few, "FILES", FILES)
    monkeypatch.setattr(few, "CONTENDERS", (ONE_TRANSFER, "ours", "aria2c"))
    told = list(few.lines())
    assert [line.strip().partition("  ")[0] for line in told[2:4]] == [ONE_TRANSFER, "ours"]


@needs_nginx
def test_small_calls_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(small_calls.CALLS, "ours", 50)
    monkeypatch.setitem(small_calls.CALLS, "httpx", 50)
    with nginx(tmp_path) as server:
        for contender in ("ours", "httpx"):
            measured = small_calls.once(contender, 4, server, tmp_path)
            assert measured.printed["calls"] == 50
            assert small_calls.rate([measured]) == pytest.approx(50 / measured.wall_s)


def test_what_starts_is_compared_with_a_plain_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "ROUNDS", 1)
    told = list(start.lines())
    assert len(told) == 2 + len(start.COMMANDS)
    assert told[2].strip().startswith(start.YARDSTICK)
    assert told[2].endswith(" 1.00")


@pytest.mark.parametrize("engine", trace.ENGINES)
def test_a_download_is_traced(engine: str) -> None:
    found = trace.once(engine)
    assert "client.py" in found["files"]
    assert "transfer/downloader.py" in found["files"]
    assert ("http/libcurl.py" in found["files"]) == (engine == "libcurl")
    assert not any("sandbox" in file for file in found["files"])
    assert found["tasks"] > 0
    assert found["threads"] > 1


@needs_nginx
def test_nginx_ends_with_the_benchmark(tmp_path: Path) -> None:
    with nginx(tmp_path) as server:
        os.kill(server.pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(server.pid, 0)


def test_what_is_not_installed_is_named_with_its_remedy() -> None:
    with pytest.raises(MissingError, match="apt-get install some-package"):
        program("no-such-program", "some-package")


def test_files_are_whole_zips_of_their_size_and_no_two_are_alike(tmp_path: Path) -> None:
    FILES.make(tmp_path)
    paths = sorted((tmp_path / FILES.name).iterdir())
    assert [path.name for path in paths] == FILES.names()
    assert {path.stat().st_size for path in paths} == {FILES.file_bytes}
    assert len({path.read_bytes() for path in paths}) == FILES.count
    with zipfile.ZipFile(paths[0]) as archive:
        assert archive.testzip() is None


@pytest.mark.parametrize("harm", ["missing", "shorter", "other bytes"])
def test_a_run_with_a_wrong_file_does_not_count(tmp_path: Path, harm: str) -> None:
    FILES.make(tmp_path)
    served, out = tmp_path / FILES.name, tmp_path / "out"
    shutil.copytree(served, out)
    check(served, out, FILES, compare=True)
    path = out / FILES.names()[7]
    match harm:
        case "missing":
            path.unlink()
        case "shorter":
            path.write_bytes(path.read_bytes()[:-1])
        case _:
            data = bytearray(path.read_bytes())
            data[1000] ^= 1
            path.write_bytes(data)
    with pytest.raises(RuntimeError, match="files are correct"):
        check(served, out, FILES, compare=True)


def test_a_process_that_fails_is_an_error_with_its_words(tmp_path: Path) -> None:
    words = ["/bin/sh", "-c", "echo too bad >&2; exit 3"]
    with pytest.raises(RuntimeError, match=r"ended with 3: too bad"):
        measure(words, tmp_path / "said")


def test_results_are_kept_where_that_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(results.FOLDER, raising=False)
    results.save("some", {"rows": []})
    monkeypatch.setenv(results.FOLDER, str(tmp_path / "kept"))
    results.save("some", {"rows": [1.5]})
    text = (tmp_path / "kept" / "some.json").read_text(encoding="utf-8")
    assert '"cores"' in text
    assert "1.5" in text
    assert os.uname().nodename not in text


def test_urls_and_names_stand_in_the_files_that_programs_read(tmp_path: Path) -> None:
    task = Task(["http://h/a?s=1"], ["a.zip"], str(tmp_path), 16, "ca.pem", "http://h", "w")
    try:
        words = command("curl -Z", task, tmp_path)
    except MissingError as missing:
        pytest.skip(str(missing))
    assert "http://h/a?s=1" not in " ".join(words)
    assert 'url = "http://h/a?s=1"' in (tmp_path / "curl.conf").read_text(encoding="ascii")


def test_a_benchmark_that_is_ended_ends_what_it_has_started(tmp_path: Path) -> None:
    code = (
        "import sys, signal; from pathlib import Path; from benchmarks.__main__ import leave\n"
        "from benchmarks.processes import measure\n"
        "signal.signal(signal.SIGTERM, leave)\n"
        "words = ['/bin/sh', '-c', 'echo $$; kill -TERM $PPID; exec sleep 60']\n"
        "measure(words, Path(sys.argv[1]))"
    )
    said = tmp_path / "said"
    ended = subprocess.run(  # noqa: S603 - the code above
        [sys.executable, "-c", code, str(said)], check=False, timeout=PROCESS_S
    )
    assert ended.returncode == 128 + signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(int(said.read_text(encoding="ascii")), 0)
