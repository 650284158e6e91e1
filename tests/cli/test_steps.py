"""`request`, `wait` and `fetch`: an export in three steps, and what each of them hands on."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pixxel_async.config import NO_KEY
from pixxel_async.journal.os_locks import try_lock
from pixxel_async.sandbox import (
    ApiFault,
    PackageFault,
    PackagingTime,
    Sandbox,
    Scenario,
    StorageFault,
    demo_rows,
    sandbox_in_thread,
)

from ..support import PROCESS_S, final_files, partials, when
from .commands import COMMAND, QUICK, env_of, run, start, write_manifest

SMALL = Scenario(package_bytes=20_000)
RATE = ("--requests-per-second", "1000")
JOB = {"kind": "job", "workflow_id": "w", "job_id": "j"}
AOI = {"kind": "aoi", "aoi_id": "a", "asset_ids": ["s"]}
CATALOG = {"kind": "catalog", "catalog_ids": ["c"]}
SIGNATURES = ("X-Amz-Signature", "X-Goog-Signature", "sig=", "Signature=")


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def as_bytes(*lines: object) -> bytes:
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def requested(sandbox: Sandbox, *rows: dict[str, Any]) -> str:
    told = run("request", "-", *RATE, stdin=as_bytes(*rows), env=env_of(sandbox))
    assert told.exit_code == 0, told.stderr
    return str(told.stdout)


def ready(sandbox: Sandbox, *rows: dict[str, Any]) -> list[dict[str, Any]]:
    told = run("wait", "-", *QUICK, stdin=requested(sandbox, *rows).encode(), env=env_of(sandbox))
    assert told.exit_code == 0, told.stderr
    return lines_of(told.stdout)


@pytest.mark.skipif(sys.platform == "win32", reason="the pipe is one of a POSIX shell")
def test_the_pipe_of_three_saves_what_an_export_saves(tmp_path: Path) -> None:
    rows = demo_rows(12)
    manifest = write_manifest(tmp_path / "m.jsonl", rows)
    program, out = shlex.join(COMMAND), tmp_path / "out"
    quick = " ".join(QUICK)
    pipe = (
        f"{program} request {manifest} {' '.join(RATE)} | {program} wait - {quick}"
        f" | {program} fetch - --out {out} {quick}"
    )
    with sandbox_in_thread(SMALL) as sandbox:
        with start("-c", pipe, env=env_of(sandbox), command=("/bin/sh",)) as process:
            stdout, stderr = process.communicate(timeout=PROCESS_S)
        posts = [package for package in sandbox.packages if package.path]
        wanted = {sandbox.expected_sha256(row) for row in rows}
    assert process.returncode == 0, stderr
    assert len(posts) == len(rows)
    assert {line["status"] for line in lines_of(stdout)} == {"saved"}
    assert set(final_files(out).values()) == wanted
    assert not any(mark in stdout + stderr for mark in SIGNATURES)
    assert sandbox.leaks == []


def test_a_line_has_what_the_next_step_needs() -> None:
    with sandbox_in_thread(SMALL) as sandbox:
        first = lines_of(requested(sandbox, JOB, AOI, CATALOG))
        by_kind = {line["target"]["kind"]: line for line in first}
        assert by_kind["aoi"]["target"] == AOI
        assert by_kind["job"]["download_id"] is None
        assert by_kind["aoi"]["download_id"]
        assert by_kind["catalog"]["download_id"]
        assert {line["url"] for line in first} == {None}
        told = run("wait", "-", *QUICK, stdin=as_bytes(*first), env=env_of(sandbox))
        waited = {line["key"]: line for line in lines_of(told.stdout)}
    assert waited.keys() == {line["key"] for line in first}
    for line in first:
        now = waited[line["key"]]
        assert (now["target"], now["download_id"]) == (line["target"], line["download_id"])
        assert now["status"] == "ready"
        assert now["url"].startswith(sandbox.storage_url)
        assert now["expires_at"].endswith("+00:00")


def test_what_was_printed_is_not_requested_again() -> None:
    with sandbox_in_thread(SMALL) as sandbox:
        first = requested(sandbox, AOI, CATALOG)
        calls = len(sandbox.calls)
        both = as_bytes(AOI, CATALOG) + first.encode()
        again = run("request", "-", *RATE, stdin=both, env=env_of(sandbox))
        assert len(sandbox.calls) == calls
    assert sorted(again.stdout.splitlines()) == sorted(first.splitlines())


def test_a_state_file_keeps_packages_from_being_requested_twice(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.jsonl", [JOB, AOI])
    state = tmp_path / "state"
    words = ("--state", state, *RATE)
    with sandbox_in_thread(SMALL) as sandbox:
        first = run("request", manifest, *words, env=env_of(sandbox))
        write_manifest(manifest, [CATALOG, AOI, JOB])
        second = run("request", manifest, *words, env=env_of(sandbox))
        assert sandbox.counts["AOICreateDownload"] == sandbox.counts["downloadJob"] == 1
        assert set(first.stdout.splitlines()) < set(second.stdout.splitlines())
        waited = run("wait", state, *QUICK, env=env_of(sandbox))
        assert sandbox.counts["AOICreateDownload"] == sandbox.counts["CreateDownload"] == 1
    assert len(lines_of(waited.stdout)) == 3
    assert not any(mark in state.read_text() for mark in SIGNATURES)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_killed_in_each_step_nothing_is_requested_twice(tmp_path: Path) -> None:
    rows = [{**AOI, "aoi_id": f"a{number}"} for number in range(60)]
    manifest = write_manifest(tmp_path / "m.jsonl", rows)
    state, out = tmp_path / "state", tmp_path / "out"
    ready_file = tmp_path / "ready.jsonl"
    quick = ("--poll-initial", "0.02", "--poll-max", "0.1", "--requests-per-second", "40")
    scenario = Scenario(
        package_bytes=60_000,
        bytes_per_s=300_000,
        packaging=PackagingTime.uniform(0.1, 1.0),
        answer_delay_s=0.02,
    )

    def killed(*words: str | Path, at: Any) -> None:
        with start(*words, env=env_of(sandbox), stdout=subprocess.DEVNULL) as process:
            when(at)
            process.kill()
            process.communicate()

    with sandbox_in_thread(scenario) as sandbox:
        request = ("request", manifest, "--state", state, *quick[-2:])
        killed(*request, at=lambda: state.exists() and state.read_text().count("pending") > 10)
        known = [line for line in lines_of(whole(state)) if line["status"] == "pending"]
        assert len(known) < len(rows)
        assert run(*request, env=env_of(sandbox)).exit_code == 0
        created = [call for call in sandbox.calls if call.operation == "AOICreateDownload"]
        for line in known:
            path = f"/v0/aois/{line['target']['aoi_id']}/downloads"
            assert sum(call.path == path for call in created) == 1

        polls = len(sandbox.calls)
        killed("wait", state, *quick, at=lambda: len(sandbox.calls) > polls + 5)
        waited = run("wait", state, *quick, env=env_of(sandbox))
        assert waited.exit_code == 0
        ready_file.write_text(waited.stdout)

        fetch = ("fetch", ready_file, "--out", out, *quick)
        killed(*fetch, at=lambda: out.exists() and len(final_files(out)) > 3)
        assert run(*fetch, env=env_of(sandbox)).exit_code == 0
        assert sandbox.counts["AOICreateDownload"] == len(created)
        sums = {sandbox.expected_sha256(row) for row in rows}
    assert set(final_files(out).values()) == sums
    assert partials(out) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process otherwise")
def test_an_interrupted_request_loses_no_response(tmp_path: Path) -> None:
    rows = [{**AOI, "aoi_id": f"a{number}"} for number in range(40)]
    manifest = write_manifest(tmp_path / "m.jsonl", rows)
    words = ("request", manifest, "--state", tmp_path / "state", *RATE)
    scenario = Scenario(package_bytes=20_000, answer_delay_s=0.2)
    with sandbox_in_thread(scenario) as sandbox:
        with start(*words, env=env_of(sandbox)) as process:
            when(lambda: len(sandbox.calls) > 10)
            process.terminate()
            stdout, stderr = process.communicate()
        assert process.returncode == 143
        assert "To resume:  pixxel-async request" in stderr
        printed = len(lines_of(stdout))
        assert f"interrupted: {len(rows) - printed} of {len(rows)} lines are left." in stderr
        again = run(*words, env=env_of(sandbox))
        assert again.exit_code == 0
        assert len(sandbox.packages) == sandbox.counts["AOICreateDownload"] == len(rows)
    assert "requested again" not in again.stderr


def whole(state: Path) -> str:
    return state.read_text().rpartition("\n")[0]


def test_a_creation_without_a_recorded_response_is_sent_again_at_most_twice(tmp_path: Path) -> None:
    state = tmp_path / "state"
    sent = {"target": AOI, "status": "sent"}
    words = ("request", "-", "--state", state, *RATE)
    with sandbox_in_thread(SMALL) as sandbox:
        state.write_bytes(as_bytes(sent))
        strict = run(*words, "--no-recreate", stdin=as_bytes(AOI), env=env_of(sandbox))
        assert sandbox.calls == []
        assert strict.exit_code == 1
        assert lines_of(strict.stdout)[0]["error"]["type"] == "AnswerLostError"
        assert "remove its lines from the state file" in strict.stderr
        again = run(*words, stdin=as_bytes(AOI), env=env_of(sandbox))
        assert (again.exit_code, sandbox.counts["AOICreateDownload"]) == (0, 1)
        assert "requested again" in again.stderr
        state.write_bytes(as_bytes(sent, sent, sent))
        assert run(*words, stdin=as_bytes(AOI), env=env_of(sandbox)).exit_code == 1
        assert sandbox.counts["AOICreateDownload"] == 1


def test_a_state_file_that_was_cut_off_is_mended(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with sandbox_in_thread(SMALL) as sandbox:
        line = requested(sandbox, AOI)
        state.write_text(line + line[:40])
        told = run("request", "-", "--state", state, stdin=as_bytes(AOI), env=env_of(sandbox))
    assert (told.exit_code, told.stdout) == (0, line)
    assert state.read_text() == line


def test_a_state_file_in_use_or_with_a_bad_line_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "state"
    words = ("request", "-", "--state", state)
    state.write_bytes(as_bytes({"target": AOI, "status": "begun"}))
    told = run(*words, stdin=as_bytes(AOI), env={"PIXXEL_API_KEY": "k"})
    assert told.exit_code == 2
    assert told.stderr.startswith(f'{state}:1: field "status": give one of new, sent')
    with state.open("r+b") as file:
        assert try_lock(file.fileno(), shared=False)
        told = run(*words, stdin=as_bytes(AOI), env={"PIXXEL_API_KEY": "k"})
    assert told.exit_code == 2
    assert "another process uses this state file" in told.stderr
    told = run(*words[:-1], tmp_path / "no" / "state", stdin=as_bytes(AOI))
    assert told.exit_code == 2


def test_an_id_is_polled_and_no_second_package_is_created() -> None:
    scenario = Scenario(package_bytes=20_000, packaging=PackagingTime.constant(0.3))
    with sandbox_in_thread(scenario) as sandbox:
        (line,) = lines_of(requested(sandbox, AOI))
        told = run("wait", "-", *QUICK, stdin=as_bytes(line), env=env_of(sandbox))
        assert sandbox.counts["AOICreateDownload"] == 1
        assert sandbox.counts["GetDownloadStatus"] >= 1
    assert lines_of(told.stdout)[0]["download_id"] == line["download_id"]


def test_a_manifest_can_be_waited_for(tmp_path: Path) -> None:
    manifest = tmp_path / "m.csv"
    manifest.write_text("kind,aoi_id,asset_ids,workflow_id,job_id\naoi,a,s,,\njob,,,w,j\n")
    with sandbox_in_thread(SMALL) as sandbox:
        told = run("wait", manifest, *QUICK, env=env_of(sandbox))
        piped = run("wait", "-", *QUICK, stdin=manifest.read_bytes(), env=env_of(sandbox))
    for each in (told, piped):
        assert each.exit_code == 0
        assert {line["status"] for line in lines_of(each.stdout)} == {"ready"}
        assert len(lines_of(each.stdout)) == 2


def test_a_failed_package_fails_in_each_step_that_follows(tmp_path: Path) -> None:
    rows = [{**JOB, "job_id": f"j{number}"} for number in range(3)]
    scenario = Scenario(package_bytes=20_000, faults=(PackageFault("failed", only="j1"),))
    with sandbox_in_thread(scenario) as sandbox:
        words = ("wait", "-", *QUICK)
        waited = run(*words, stdin=requested(sandbox, *rows).encode(), env=env_of(sandbox))
        again = run(*words, stdin=waited.stdout.encode(), env=env_of(sandbox))
        fetched = run(
            *("fetch", "-", "--out", tmp_path, "--quiet", *QUICK),
            stdin=waited.stdout.encode(),
            env=env_of(sandbox),
        )
    for told in (waited, again, fetched):
        assert told.exit_code == 1
        failed = [line for line in lines_of(told.stdout) if line["status"] == "failed"]
        assert [line["target"]["job_id"] for line in failed] == ["j1"]
        assert failed[0]["error"]["type"] == "PackageFailedError"
        assert "failed      job w j1: the service could not package it" in told.stderr
    assert len(final_files(tmp_path)) == 2


def test_a_package_that_is_late_can_be_waited_for_again() -> None:
    scenario = Scenario(package_bytes=20_000, packaging=PackagingTime.constant(1.0))
    with sandbox_in_thread(scenario) as sandbox:
        words = ("wait", "-", *QUICK)
        late = run(*words, "--wait-timeout", "0.1", stdin=as_bytes(AOI), env=env_of(sandbox))
        (line,) = lines_of(late.stdout)
        again = run(*words, stdin=late.stdout.encode(), env=env_of(sandbox))
        assert sandbox.counts["AOICreateDownload"] == 1
    assert late.exit_code == 1
    assert (line["status"], line["error"]["type"]) == ("pending", "PackageTimeoutError")
    assert "not ready within 0.1 s" in late.stderr
    assert again.exit_code == 0
    assert lines_of(again.stdout)[0]["error"] is None


def test_an_expired_url_is_renewed_if_its_line_has_the_ids(tmp_path: Path) -> None:
    scenario = Scenario(
        package_bytes=20_000,
        faults=(StorageFault("expired", nth=1), StorageFault("expired", nth=2, only="aoi")),
    )
    with sandbox_in_thread(scenario) as sandbox:
        lines = ready(sandbox, JOB, AOI)
        told = run(
            *("fetch", "-", "--out", tmp_path, "--verbose", *QUICK),
            stdin=as_bytes(*lines),
            env=env_of(sandbox),
        )
        assert sandbox.counts["AOICreateDownload"] == 1
    assert told.exit_code == 0, told.stderr
    assert "fresh URL" in told.stderr
    assert len(final_files(tmp_path)) == 2
    assert not any(mark in told.stdout + told.stderr for mark in SIGNATURES)


@pytest.mark.parametrize("has_ids", [False, True])
def test_an_expired_url_that_cannot_be_renewed_names_the_remedy(
    tmp_path: Path, *, has_ids: bool
) -> None:
    scenario = Scenario(package_bytes=20_000, faults=(StorageFault("expired", rate=1.0),))
    with sandbox_in_thread(scenario) as sandbox:
        (line,) = ready(sandbox, AOI)
        calls = len(sandbox.calls)
        told = run(
            *("fetch", "-", "--out", tmp_path, *QUICK),
            stdin=as_bytes(line) if has_ids else line["url"].encode(),
            env={"PIXXEL_BASE_URL": sandbox.api_url},
        )
        assert len(sandbox.calls) == calls
    assert told.exit_code == 1
    (row,) = lines_of(told.stdout)
    assert row["error"]["type"] == "PackageGoneError"
    assert "its signed URL does not work any more" in told.stderr
    assert ("set PIXXEL_API_KEY" if has_ids else "such as with pixxel-async wait") in told.stderr
    assert not any(mark in told.stdout + told.stderr for mark in SIGNATURES)


def test_a_url_is_fetched_without_a_key_verified_and_resumed(tmp_path: Path) -> None:
    scenario = Scenario(
        package_bytes=300_000, size_spread=0, faults=(StorageFault("stall", nth=1),)
    )
    with sandbox_in_thread(scenario) as sandbox:
        (line,) = ready(sandbox, AOI)
        words = ("fetch", line["url"], "--out", tmp_path, "--stall-timeout", "1s", "--verbose")
        told = run(*words, env={"PIXXEL_BASE_URL": sandbox.api_url})
        gets = len(sandbox.gets)
        again = run(*words, env={"PIXXEL_BASE_URL": sandbox.api_url})
        assert len(sandbox.gets) == gets
        assert sandbox.gets[-1].range is not None
        expected = sandbox.expected_sha256(AOI)
    assert (told.exit_code, again.exit_code) == (0, 0), told.stderr
    (row,), (same,) = lines_of(told.stdout), lines_of(again.stdout)
    assert (row["status"], same["status"]) == ("saved", "skipped")
    assert row["sha256"] == expected
    assert row["target"]["kind"] == "url"
    assert final_files(tmp_path) == {row["path"]: expected}
    assert not any(mark in told.stdout + told.stderr for mark in SIGNATURES)
    assert run("verify", tmp_path).exit_code == 0
    assert run("status", tmp_path).exit_code == 0


def test_a_request_line_can_be_fetched_without_waiting_first(tmp_path: Path) -> None:
    with sandbox_in_thread(SMALL) as sandbox:
        line = requested(sandbox, AOI).encode()
        words = ("fetch", "-", "--out", tmp_path, *QUICK)
        told = run(*words, stdin=line, env=env_of(sandbox))
        assert sandbox.counts["AOICreateDownload"] == 1
        without_key = run(*words, stdin=line)
    assert told.exit_code == 0, told.stderr
    assert len(final_files(tmp_path)) == 1
    assert (without_key.exit_code, without_key.stderr.splitlines()[-1]) == (2, NO_KEY)


def test_one_package_gets_the_name_that_is_given(tmp_path: Path) -> None:
    target = tmp_path / "one package.zip"
    with sandbox_in_thread(SMALL) as sandbox:
        line, other = ready(sandbox, AOI, JOB)
        words = ("fetch", "-", "--output", target, "--quiet")
        told = run(*words, stdin=as_bytes(line), env=env_of(sandbox))
        assert told.exit_code == 0, told.stderr
        assert lines_of(told.stdout)[0]["path"] == str(target)
        assert [path.name for path in tmp_path.iterdir()] == [target.name]
        taken = run(*words, stdin=as_bytes(line), env=env_of(sandbox))
        assert taken.exit_code == 2
        assert "add --overwrite to replace it" in taken.stderr
        replaced = run(*words, "--overwrite", stdin=as_bytes(line), env=env_of(sandbox))
        assert replaced.exit_code == 0
        two = run(*words, "--overwrite", stdin=as_bytes(line, other), env=env_of(sandbox))
    assert two.exit_code == 2
    assert "--output is for one package" in two.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "'--out': give a folder, or --output FILE"),
        (("--out", "a", "--output", "b"), "not both"),
        (("--output", "b", "--extract"), "'--extract': it needs a folder"),
    ],
)
def test_where_to_fetch_to_is_given_once(words: tuple[str, ...], said: str) -> None:
    told = run("fetch", "-", *words)
    assert told.exit_code == 2
    assert said in told.stderr


BAD = [
    (b'{"kind": "job"}', 'field "workflow_id" is missing'),
    (b'{"target": {"kind": "jobs"}}', 'field "target": unknown kind "jobs"'),
    (as_bytes({"target": AOI}), 'field "download_id" is missing'),
    (as_bytes({"target": JOB, "status": 1}), 'field "status": give one of'),
    (as_bytes({"target": AOI, "download_id": 7}), 'field "download_id": give a text'),
    (as_bytes({"target": JOB, "url": "canary"}), 'field "url": is not a URL'),
    (as_bytes({"target": JOB, "error": "no"}), 'field "error": give an object'),
    (as_bytes({"target": JOB, "key": "job:x/y"}), 'field "key": does not belong'),
    (as_bytes({"target": JOB, "extra": 1}), 'unknown field "extra"; the fields of a line are key'),
    (b'{"target"', "not JSON: column"),
]


@pytest.mark.parametrize(("line", "said"), BAD)
@pytest.mark.parametrize("step", ["request", "wait", "fetch"])
def test_a_bad_line_names_itself_the_field_and_the_remedy(
    tmp_path: Path, step: str, line: bytes, said: str
) -> None:
    file = tmp_path / "lines.jsonl"
    file.write_bytes(as_bytes({"target": JOB}) + line)
    out = ("--out", tmp_path / "out") if step == "fetch" else ()
    with sandbox_in_thread(SMALL) as sandbox:
        told = run(step, file, *out, env=env_of(sandbox))
        assert sandbox.calls == []
        if step != "request":  # a pipe is read as it comes: the good line goes on
            piped = run(step, "-", *out, *QUICK, stdin=file.read_bytes(), env=env_of(sandbox))
            assert piped.exit_code == 2
            assert f"<stdin>:2: {said}" in piped.stderr
            assert len(lines_of(piped.stdout)) == 1
    assert (told.exit_code, told.stdout) == (2, "")
    assert told.stderr.startswith(f"{file}:2: {said}")
    assert "canary" not in told.stderr


@pytest.mark.parametrize(
    ("step", "line", "said"),
    [
        ("request", b"https://s.example/a?sig=canary", 'field "target" is missing'),
        ("wait", b"https://s.example/a?sig=canary", "to pixxel-async fetch"),
        ("fetch", b"kind,workflow_id,job_id", "<stdin>:1: not JSON: column 1"),
        ("fetch", as_bytes(JOB), "save it with pixxel-async export"),
        ("fetch", b"s.example/a?sig=canary", "<stdin>:1: not JSON: column 1"),
    ],
)
def test_a_line_of_another_step_is_told_where_it_belongs(
    tmp_path: Path, step: str, line: bytes, said: str
) -> None:
    out = ("--out", tmp_path) if step == "fetch" else ()
    told = run(step, "-", *out, stdin=line, env={"PIXXEL_API_KEY": "k"})
    assert told.exit_code == 2
    assert said in told.stderr
    assert "canary" not in told.stderr


def test_no_lines_are_told(tmp_path: Path) -> None:
    for words in (("wait", "-"), ("fetch", "-", "--out", tmp_path)):
        told = run(*words, env={"PIXXEL_API_KEY": "k"})
        assert told.exit_code == 2
        assert "<stdin>: no lines; each is a JSON object" in told.stderr


def test_a_source_that_is_half_a_url_is_not_repeated(tmp_path: Path) -> None:
    told = run("fetch", "s.example/a?sig=canary", "--out", tmp_path)
    assert told.exit_code == 2
    assert "starts with https://" in told.stderr
    assert "canary" not in told.stderr


def test_a_response_that_follows_settles_a_creation_that_was_sent() -> None:
    with sandbox_in_thread(SMALL) as sandbox:
        (line,) = lines_of(requested(sandbox, AOI))
        sent = {"target": AOI, "status": "sent"}
        other = {"target": {**AOI, "aoi_id": "b"}, "status": "sent"}
        told = run("wait", "-", *QUICK, stdin=as_bytes(sent, other, line), env=env_of(sandbox))
    by_status = {each["status"]: each for each in lines_of(told.stdout)}
    assert told.exit_code == 1
    assert by_status["ready"]["target"] == AOI
    assert by_status["failed"]["error"]["type"] == "AnswerLostError"


@pytest.mark.parametrize("step", ["request", "wait"])
def test_a_key_is_needed_and_a_rejected_one_ends_the_step(tmp_path: Path, step: str) -> None:
    manifest = write_manifest(tmp_path / "m.jsonl", demo_rows(20))
    told = run(step, manifest)
    assert (told.exit_code, told.stdout, told.stderr) == (2, "", NO_KEY + "\n")
    with sandbox_in_thread(SMALL) as sandbox:
        told = run(step, manifest, *RATE, env={**env_of(sandbox), "PIXXEL_API_KEY": "wrong-key"})
    assert told.exit_code == 1
    (line,) = told.stderr.splitlines()
    assert "the service rejected the API key" in line
    assert "wrong-key" not in line


def test_a_refused_creation_is_requested_again_by_the_next_run(tmp_path: Path) -> None:
    state = tmp_path / "state"
    scenario = Scenario(
        package_bytes=20_000,
        faults=(ApiFault("status", on="AOICreateDownload", status=422, nth=1),),
    )
    with sandbox_in_thread(scenario) as sandbox:
        words = ("request", "-", "--state", state, *RATE)
        first = run(*words, stdin=as_bytes(AOI), env=env_of(sandbox))
        again = run(*words, stdin=as_bytes(AOI), env=env_of(sandbox))
    assert first.exit_code == 1
    assert lines_of(first.stdout)[0]["error"]["type"] == "BadRequestError"
    assert (again.exit_code, lines_of(again.stdout)[0]["status"]) == (0, "pending")
    assert "requested again" not in again.stderr  # the refusal was a response


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process otherwise")
def test_an_interrupted_wait_says_how_to_resume(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.jsonl", [JOB])
    scenario = Scenario(packaging=PackagingTime.constant(3600))
    with (
        sandbox_in_thread(scenario) as sandbox,
        start("wait", "-", *QUICK, env=env_of(sandbox)) as process,
    ):
        assert process.stdin is not None
        process.stdin.write(manifest.read_text())
        process.stdin.flush()  # and the pipe stays open
        when(lambda: sandbox.calls)
        process.terminate()
        process.stdin = None if process.wait(PROCESS_S) is None else process.stdin
        stdout, stderr = process.communicate()
    assert process.returncode == 143
    assert stdout == ""
    assert "interrupted: 1 of 1 lines are left." in stderr
    assert "run the same pipeline again" in stderr


@pytest.mark.skipif(shutil.which("make") is None, reason="the recipe needs make")
def test_the_makefile_of_the_docs_goes_on_where_it_has_stopped(tmp_path: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "steps.md"
    (recipe,) = re.findall(
        r"^```make\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    (tmp_path / "Makefile").write_text(recipe)
    rows = [{**AOI, "aoi_id": f"a{number}"} for number in range(3)]
    write_manifest(tmp_path / "manifest.jsonl", rows)
    scenario = Scenario(package_bytes=20_000, faults=(StorageFault("status", status=404, times=4),))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with sandbox_in_thread(scenario) as sandbox:
        ends = []
        for _ in range(2):
            with start(
                *("-C", tmp_path), env={**env_of(sandbox), "PATH": path}, command=("make",)
            ) as process:
                process.communicate(timeout=PROCESS_S)
            ends.append(process.returncode)
        assert sandbox.counts["AOICreateDownload"] == len(rows)
    assert ends[-1] == 0
    assert len(final_files(tmp_path / "packages")) == len(rows)
    assert (tmp_path / "ready.jsonl").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("step", ["wait", "fetch"])
def test_the_help_says_that_urls_are_secrets(step: str) -> None:
    assert "A signed URL is a secret" in run(step, "--help").stdout
