"""`peek`, `--only`, `--skip` and `--sizes`: what they print, send and save."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pixxel_async.sandbox import Sandbox, Scenario, StorageFault, sandbox_in_thread

from ..engine.test_members import JOB, archive_of
from .commands import QUICK, env_of, run, write_manifest

WAITS = QUICK[:4]
ROWS = [{"kind": "job", "workflow_id": "w", "job_id": f"j{number}"} for number in range(3)]


@pytest.fixture(name="sandbox")
def _sandbox() -> Iterator[Sandbox]:
    with sandbox_in_thread(Scenario(zip_method="deflated")) as sandbox:
        yield sandbox


def files_of(sandbox: Sandbox) -> list[zipfile.ZipInfo]:
    return archive_of(sandbox).infolist()


def test_peek_shows_the_files_of_a_package(sandbox: Sandbox) -> None:
    done = run("peek", "job", "w", "j", *WAITS, env=env_of(sandbox))
    assert done.exit_code == 0, done.stderr
    title, *lines, total = done.stdout.splitlines()
    assert title.split() == ["SIZE", "PACKED", "FILE"]
    assert [line.split()[-1] for line in lines] == [one.filename for one in files_of(sandbox)]
    assert total.endswith(f"{len(lines)} files")


@pytest.mark.parametrize(
    "words",
    [
        ("insight", "a", "i"),
        ("aoi", "a", "s", "t"),
        ("task", "w", "j", "t"),
        ("catalog", "c"),
        ("catalog", "--order-items", "o"),
    ],
    ids=" ".join,
)
def test_peek_looks_into_every_kind(sandbox: Sandbox, words: tuple[str, ...]) -> None:
    done = run("peek", *words, "--json", *WAITS, env=env_of(sandbox))
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[0])["name"].startswith("FF0")
    assert json.loads(sandbox.gets[0].identity)["kind"] == words[0]


def test_peek_writes_json(sandbox: Sandbox) -> None:
    done = run("peek", "job", "w", "j", "--json", *WAITS, env=env_of(sandbox))
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {
            "name": one.filename,
            "size": one.file_size,
            "packed_size": one.compress_size,
            "crc32": f"{one.CRC:08x}",
            "offset": one.header_offset,
            "method": 8,
            "is_encrypted": False,
        }
        for one in files_of(sandbox)
    ]


def test_peek_says_that_a_storage_has_no_ranges() -> None:
    with sandbox_in_thread(Scenario(faults=(StorageFault("ignore_range", rate=1),))) as sandbox:
        done = run("peek", "job", "w", "j", *WAITS, env=env_of(sandbox))
    assert done.exit_code != 0
    assert "the storage does not serve byte ranges" in done.stderr


def test_download_takes_the_files_that_are_chosen(sandbox: Sandbox, tmp_path: Path) -> None:
    words = ("download", "job", "w", "j", "--out", tmp_path, "--only", "*.tif", "--skip", "*.mask*")
    done = run(*words, *QUICK, env=env_of(sandbox))
    assert done.exit_code == 0, done.stderr
    (folder,) = [path for path in tmp_path.iterdir() if path.name.startswith("job-")]
    chosen = files_of(sandbox)[0].filename
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        chosen: archive_of(sandbox, JOB).read(chosen)
    }


def test_other_files_in_the_same_folder_are_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    words = ("download", "job", "w", "j", "--out", tmp_path, *QUICK)
    assert run(*words, "--only", "*.hdr", env=env_of(sandbox)).exit_code == 0
    done = run(*words, env=env_of(sandbox))
    assert done.exit_code == 2
    assert "holds --only '*.hdr', and now whole packages is wanted" in done.stderr


def test_a_repair_takes_the_files_that_the_folder_has(sandbox: Sandbox, tmp_path: Path) -> None:
    words = ("download", "job", "w", "j", "--out", tmp_path, *QUICK)
    assert run(*words, "--only", "*.hdr", env=env_of(sandbox)).exit_code == 0
    (folder,) = [path for path in tmp_path.iterdir() if path.name.startswith("job-")]
    (file,) = folder.iterdir()
    data = file.read_bytes()
    file.unlink()
    folder.rmdir()
    done = run("verify", tmp_path, "--repair", *QUICK, env=env_of(sandbox))
    assert done.exit_code == 0, done.stderr
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {file.name: data}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--only", ""), "--only"),
        (("--sizes",), "it needs --dry-run"),
    ],
    ids=["empty pattern", "sizes alone"],
)
def test_options_that_cannot_be(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    done = run("download", "job", "w", "j", "--out", tmp_path, *words)
    assert done.exit_code == 2
    assert said in done.stderr


@pytest.mark.parametrize("chosen", [(), ("--only", "*.mask.tif")], ids=["all", "masks"])
def test_sizes_are_known_before_anything_is_downloaded(
    sandbox: Sandbox, tmp_path: Path, chosen: tuple[str, ...]
) -> None:
    manifest, out = write_manifest(tmp_path / "m.jsonl", ROWS), tmp_path / "out"
    words = ["export", str(manifest), "--out", str(out), "--dry-run", "--sizes", *chosen, *QUICK]
    rows = [
        json.loads(line) for line in run(*words, "--json", env=env_of(sandbox)).stdout.splitlines()
    ]
    done = run(*words, env=env_of(sandbox))
    assert done.exit_code == 0, done.stderr
    assert not out.exists()
    assert sum(row["files"] for row in rows) == (3 if chosen else 24)
    assert all(row["packed_bytes"] <= row["bytes"] for row in rows)
    files = sum(row["files"] for row in rows)
    assert f"looked into 3 packages: {files} files" in done.stdout
    sent = sandbox.sent_bytes
    assert sent == 6 * 4096
    sizes = sum(row["packed_bytes"] for row in rows)
    assert (
        run("export", manifest, "--out", out, *chosen, *QUICK, env=env_of(sandbox)).exit_code == 0
    )
    if not chosen:
        assert sizes < sandbox.sent_bytes - sent < sizes + 3 * 4096


def test_a_package_that_cannot_be_looked_into_is_told(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.jsonl", ROWS)
    fault = StorageFault("ignore_range", rate=1, only="j1")
    with sandbox_in_thread(Scenario(faults=(fault,))) as sandbox:
        words = ("export", manifest, "--out", tmp_path / "out", "--dry-run", "--sizes", *QUICK)
        done = run(*words, env=env_of(sandbox))
    assert done.exit_code == 1
    assert "looked into 2 packages" in done.stdout
    assert "the storage does not serve byte ranges" in done.stderr
