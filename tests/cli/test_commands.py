"""The commands, against a sandbox: what they save, say, and end with."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from pixxel_async.journal.export_folder import HIDDEN
from pixxel_async.journal.folder_lock import LOCK
from pixxel_async.journal.os_locks import try_lock
from pixxel_async.sandbox import ApiFault, PackageFault, Scenario, demo_rows, sandbox_in_thread

from .commands import QUICK, env_of, run, write_manifest

SMALL = Scenario(package_bytes=20_000)
ROW = {"kind": "job", "workflow_id": "w", "job_id": "j"}


def rows_of(stdout: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stdout.splitlines()]


def test_an_export_saves_what_the_manifest_lists_and_a_rerun_skips_it(tmp_path: Path) -> None:
    rows = demo_rows(12)
    manifest = write_manifest(tmp_path / "m.jsonl", [*rows, rows[0]])
    words = ("export", manifest, "--out", tmp_path / "out", *QUICK)
    with sandbox_in_thread(SMALL) as sandbox:
        first = run(*words, env=env_of(sandbox))
        again = run(*words, "--json", env=env_of(sandbox))
    assert first.exit_code == again.exit_code == 0
    assert first.stdout == ""
    assert "duplicate rows in the manifest: 1" in first.stderr
    assert "packages      12: 12 saved, 0 there already, 0 failed" in first.stderr
    assert len(list((tmp_path / "out").glob("*.zip"))) == 12
    told = rows_of(again.stdout)
    assert {row["status"] for row in told} == {"skipped"}
    assert sorted(map(str, (row["target"] for row in told))) == sorted(map(str, rows))
    assert all((tmp_path / "out" / row["path"]).stat().st_size == row["bytes"] for row in told)
    assert "packages " not in again.stderr  # no summary beside the rows


def test_standard_input_is_a_manifest(tmp_path: Path) -> None:
    with sandbox_in_thread(SMALL) as sandbox:
        told = run(
            *("export", "-", "--out", tmp_path, "--json", "--quiet", *QUICK),
            stdin=b"\xef\xbb\xbf" + json.dumps(ROW).encode(),
            env=env_of(sandbox),
        )
    assert told.exit_code == 0
    assert told.stderr == ""
    (row,) = rows_of(told.stdout)
    assert row["target"] == ROW
    assert row["status"] == "saved"


@pytest.mark.fault(41)
def test_bad_lines_are_told_before_anything_is_sent(tmp_path: Path) -> None:
    manifest = tmp_path / "m.jsonl"
    manifest.write_bytes(json.dumps(ROW).encode() + b'\n{"\x7f": 1\n{"kind": "job"}\n')
    with sandbox_in_thread(SMALL) as sandbox:
        told = run("export", manifest, "--out", tmp_path / "out", env=env_of(sandbox))
        assert sandbox.calls == []
    assert told.exit_code == 2
    assert told.stdout == ""
    assert [line.split(": ")[0] for line in told.stderr.splitlines()] == [
        f"{manifest}:2",
        f"{manifest}:3",
    ]
    assert not (tmp_path / "out").exists()


@pytest.mark.fault(47)
def test_what_a_manifest_holds_steers_no_terminal(tmp_path: Path) -> None:
    row = json.dumps({**ROW, "\x1b[31m": 1})
    told = run("export", "-", "--out", tmp_path, stdin=row.encode())
    assert told.stderr == '<stdin>:1: unknown field "\\x1b[31m" for kind "job"\n'


@pytest.mark.parametrize(
    ("words", "row"),
    [
        (
            ("insight", "a", "i", "--input", "1", "--output", "2", "--output", "3"),
            {
                "kind": "insight",
                "aoi_id": "a",
                "insight_id": "i",
                "inputs": ["1"],
                "outputs": ["2", "3"],
            },
        ),
        (("insight", "a", "i"), {"kind": "insight", "aoi_id": "a", "insight_id": "i"}),
        (("aoi", "a", "1", "2"), {"kind": "aoi", "aoi_id": "a", "asset_ids": ["1", "2"]}),
        (("job", "w", "j"), ROW),
        (("task", "w", "j", "t"), {**ROW, "kind": "task", "task_id": "t"}),
        (("catalog", "1", "2"), {"kind": "catalog", "catalog_ids": ["1", "2"]}),
        (
            ("catalog", "--order-items", "1", "2"),
            {"kind": "catalog", "order_item_ids": ["1", "2"]},
        ),
    ],
)
def test_each_kind_can_be_downloaded(
    tmp_path: Path, words: tuple[str, ...], row: dict[str, Any]
) -> None:
    with sandbox_in_thread(SMALL) as sandbox:
        told = run("download", *words, "--out", tmp_path, "--json", *QUICK, env=env_of(sandbox))
    assert told.exit_code == 0
    (saved,) = rows_of(told.stdout)
    assert saved["target"] == row
    assert saved["status"] == "saved"
    assert (tmp_path / saved["path"]).is_file()


def test_ids_that_cannot_be_are_refused(tmp_path: Path) -> None:
    told = run("download", "job", "w", "", "--out", tmp_path, env={"PIXXEL_API_KEY": "key"})
    assert told.exit_code == 2
    assert told.stderr.startswith('field "job_id": ')


def test_a_failed_package_fails_the_command_and_no_other_package(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.jsonl", [{**ROW, "job_id": f"j{n}"} for n in range(3)])
    scenario = Scenario(package_bytes=20_000, faults=(PackageFault("failed", only="j1"),))
    words = ("export", manifest, *QUICK)
    with sandbox_in_thread(scenario) as sandbox:
        plain = run(*words, "--out", tmp_path / "a", env=env_of(sandbox))
        rows = run(*words, "--out", tmp_path / "b", "--json", "--quiet", env=env_of(sandbox))
    assert plain.exit_code == rows.exit_code == 1
    assert "3: 2 saved, 0 there already, 1 failed" in plain.stderr
    assert plain.stderr.count("job w j1: ") == 1
    (failed,) = (row for row in rows_of(rows.stdout) if row["status"] == "failed")
    assert failed["target"]["job_id"] == "j1"
    assert failed["error"]["type"] == "PackageFailedError"
    (line,) = rows.stderr.splitlines()
    assert line.startswith("failed      job w j1: ")


def test_verbose_tells_what_was_tried_again_and_no_url(tmp_path: Path) -> None:
    faults = (ApiFault("status", status=503, nth=2), ApiFault("reset", nth=3))
    scenario = Scenario(package_bytes=20_000, faults=faults)
    words = ("download", "job", "w", "j", "--out", tmp_path, "--verbose", *QUICK)
    with sandbox_in_thread(scenario) as sandbox:
        told = run(*words, env=env_of(sandbox))
        storage_port = sandbox.storage_url.rpartition(":")[2]
    assert told.exit_code == 0
    assert "\nretried " in "\n" + told.stderr
    assert storage_port not in told.stderr
    assert "HTTP" not in told.stderr


@pytest.mark.fault(21)
def test_a_rejected_key_is_one_message(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.jsonl", demo_rows(20))
    words = ("export", manifest, "--out", tmp_path / "out", *QUICK)
    with sandbox_in_thread(SMALL) as sandbox:
        told = run(*words, env={**env_of(sandbox), "PIXXEL_API_KEY": "wrong-key"})
        rows = run(*words, "--json", env={**env_of(sandbox), "PIXXEL_API_KEY": "wrong-key"})
    assert told.exit_code == rows.exit_code == 1
    first, line = told.stderr.splitlines()
    assert first == "started: 20 packages"
    assert "PIXXEL_API_KEY" in line
    assert "401" in line
    assert "wrong-key" not in told.stderr
    assert [row["error"]["type"] for row in rows_of(rows.stdout)] == ["AuthenticationError"] * 20


def test_a_busy_folder_is_told(tmp_path: Path) -> None:
    hidden = tmp_path / HIDDEN
    hidden.mkdir()
    with sandbox_in_thread(SMALL) as sandbox, (hidden / LOCK).open("w") as file:
        assert try_lock(file.fileno(), shared=False)
        told = run("download", "job", "w", "j", "--out", tmp_path, env=env_of(sandbox))
    assert told.exit_code == 2
    assert told.stderr.startswith(
        f"{tmp_path}: another process is already exporting into this folder"
    )
    assert told.stderr.count("\n") == 1


def test_a_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told = run(
        "download", "job", "w", "j", "--out", tmp_path / "file", env={"PIXXEL_API_KEY": "key"}
    )
    assert told.exit_code == 2
    assert told.stderr.count("\n") == 1


def test_the_demo_saves_all_kinds_and_sums_up(tmp_path: Path) -> None:
    told = run("demo", "--out", tmp_path, "--packages", "12")
    assert told.exit_code == 0
    assert told.stdout == ""
    assert "packages      12: 12 saved, 0 there already, 0 failed" in told.stderr
    assert f"folder        {tmp_path}" in told.stderr
    kinds = {path.name.split("-")[0] for path in tmp_path.glob("*.zip")}
    assert kinds == {"insight", "aoi", "job", "task", "catalog"}
    again = run("demo", "--out", tmp_path, "--packages", "12")
    assert again.exit_code == 0
    assert "remove the folder" in again.stderr
    assert run("demo", "--out", tmp_path, "--packages", "12", "--quiet").stderr == ""


def test_without_the_extra_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("pixxel_async.cli.commands.demo", "pixxel_async.cli.commands.serve"):
        monkeypatch.setitem(sys.modules, module, None)
    for command in ("demo", "sandbox"):
        told = run(command)
        assert told.exit_code == 2
        assert "pixxel_async.cli" in told.stderr  # a missing module's own words, in one line
        assert told.stderr.count("\n") == 1
