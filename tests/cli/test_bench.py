"""`bench`: URLs in, numbers out, and no secret on the way."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from pixxel_async import JobDownload
from pixxel_async.cli.commands.bench import NUMBERS
from pixxel_async.sandbox import Sandbox, Scenario, StorageFault, sandbox_in_thread

from ..support import client_of
from .commands import env_of, run, write_manifest

QUICK = ("--duration", "50ms")
SIGNATURES = ("X-Amz-Signature", "X-Goog-Signature", "sig=", "Signature=")


async def signed_url(sandbox: Sandbox) -> str:
    async with client_of(sandbox) as client:
        package = await client.wait(JobDownload(workflow_id="w", job_id="j"))
    assert package.signed_url is not None
    return package.signed_url.get_secret_value()


def test_a_link_is_measured_with_the_urls_of_a_file(tmp_path: Path) -> None:
    with sandbox_in_thread(Scenario(package_bytes=300_000)) as sandbox:
        url = asyncio.run(signed_url(sandbox))
        file = tmp_path / "urls.txt"
        file.write_text(f"# of today\n\n{url}\n{url}\n", encoding="utf-8")
        told = run("bench", file, *QUICK)
        assert told.exit_code == 0, told.stderr
        lines = told.stdout.splitlines()
        assert [line.split()[:1] for line in lines[1 : 1 + len(NUMBERS)]] == [
            [str(number)] for number in NUMBERS
        ], told.stdout
        assert "Set --fetches " in told.stdout
        assert sandbox.sent_bytes > 0

        told = run("bench", "-", *QUICK, "--json", stdin=url.encode())
        found = json.loads(told.stdout)
        assert [step["fetches"] for step in found["steps"]] == list(NUMBERS)
        assert found["fetches"] in NUMBERS
        assert found["received"] > 0

        told = run("bench", url, *QUICK)
        assert told.exit_code == 0
        assert not any(mark in told.stdout + told.stderr for mark in SIGNATURES)


def test_one_broken_connection_does_not_end_the_measurement() -> None:
    faults = (StorageFault("truncate", nth=1), StorageFault("truncate", nth=9))
    with sandbox_in_thread(Scenario(package_bytes=300_000, faults=faults)) as sandbox:
        told = run("bench", asyncio.run(signed_url(sandbox)), *QUICK, "--json")
    assert told.exit_code == 0, told.stderr
    assert [step["error"] for step in json.loads(told.stdout)["steps"]] == [""] * len(NUMBERS)


def test_a_url_that_is_refused_is_told_without_it() -> None:
    faults = (StorageFault("status", status=404, rate=1.0),)
    with sandbox_in_thread(Scenario(faults=faults)) as sandbox:
        told = run("bench", asyncio.run(signed_url(sandbox)), *QUICK)
    assert told.exit_code == 2
    assert "404" in told.stderr
    assert not any(mark in told.stdout + told.stderr for mark in SIGNATURES)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("https://storage.example/a?sig=1\nstorage.example/b?sig=canary\n", ":2: not a URL"),
        ("# nothing\n\n", "no URLs found: give one"),
        ("", "no URLs found: give one"),
    ],
)
def test_lines_that_are_no_urls_are_told_by_number(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "urls.txt"
    file.write_text(text, encoding="utf-8")
    told = run("bench", file)
    assert told.exit_code == 2
    assert said in told.stderr
    assert "canary" not in told.stderr + told.stdout


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    told = run("bench", tmp_path / "urls.txt")
    assert told.exit_code == 2
    assert "cannot be read" in told.stderr


def test_plain_http_to_another_machine_is_refused() -> None:
    told = run("bench", "http://storage.example/a?sig=canary", *QUICK)
    assert told.exit_code == 2
    assert "over plain http; refused" in told.stderr
    assert "canary" not in told.stderr


def test_without_urls_this_machine_is_measured() -> None:
    told = run(
        "bench", "--duration", "0.5s"
    )  # the sandbox makes its packages in the first of these
    assert told.exit_code == 0, told.stderr
    assert "This machine reaches up to" in told.stdout
    assert "--fetches" not in told.stdout


def measured(sandbox: Sandbox, tmp_path: Path, *words: str) -> Any:
    rows = [{"kind": "aoi", "aoi_id": f"a{number}", "asset_ids": ["s"]} for number in range(3)]
    manifest = write_manifest(tmp_path / "m.jsonl", rows)
    lines = run("request", manifest, env=env_of(sandbox)).stdout
    (tmp_path / "requested.jsonl").write_text(lines)
    options = ("--export", tmp_path / "requested.jsonl", "--out", tmp_path)
    return run("bench", *options, *words, env=env_of(sandbox))


def test_an_export_is_measured_and_leaves_nothing(tmp_path: Path) -> None:
    with sandbox_in_thread(Scenario(package_bytes=100_000)) as sandbox:
        told = measured(sandbox, tmp_path, "--json", "--fetches", "2")
        assert sandbox.counts["AOICreateDownload"] == 3
        lines = measured(sandbox, tmp_path)
    assert told.exit_code == lines.exit_code == 0, told.stderr
    found = json.loads(told.stdout)
    assert (found["measured"], found["saved"], found["first_byte_s"]["count"]) == ("export", 3, 3)
    assert found["versions"].keys() == {"package", "python", "libcurl", "platform", "cores"}
    for word in ("3 saved, 0 failed", "MB", "p90", "packaging", "polls", "peak memory"):
        assert word in lines.stdout
    assert not list(tmp_path.glob(".pixxel-bench-*"))


def test_signed_urls_are_measured_as_an_export(tmp_path: Path) -> None:
    with sandbox_in_thread(Scenario(package_bytes=100_000)) as sandbox:
        file = tmp_path / "urls.txt"
        file.write_text(asyncio.run(signed_url(sandbox)))
        options = ("--export", file, "--out", tmp_path, "--json")
        told = run("bench", *options, env=env_of(sandbox))
    assert json.loads(told.stdout)["saved"] == 1
    assert not any(mark in told.stdout + told.stderr for mark in SIGNATURES)


def test_two_measurements_are_compared(tmp_path: Path) -> None:
    row = {"measured": "export", "versions": {"python": "3.11"}, "saved": 2, "cpu_s": 0}
    first, second = tmp_path / "a.json", tmp_path / "b.json"
    first.write_text(json.dumps(row))
    second.write_text(json.dumps({**row, "versions": {"python": "3.12"}, "saved": 3}))
    told = run("bench", "--compare", first, second)
    assert told.exit_code == 0
    version, head, saved, cpu = told.stdout.splitlines()
    assert version == "python: 3.11, then 3.12"
    assert head.split() == ["A", "B", "B", "÷", "A"]
    assert saved.split() == ["saved", "2.000", "3.000", "1.50"]
    assert cpu.split()[-1] == "-"
    found = json.loads(run("bench", "--compare", first, second, "--json").stdout)
    assert found["rows"][0] == {"name": "saved", "first": 2.0, "second": 3.0, "ratio": 1.5}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not a measurement: give a file that pixxel-async bench --json has written"),
        ("[]", "not a measurement"),
        ('{"measured": "link", "versions": {}}', "compare two of the same kind"),
        (None, "cannot be read"),
    ],
)
def test_what_cannot_be_compared_is_told(tmp_path: Path, text: str | None, said: str) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text('{"measured": "export", "versions": {}}')
    if text is not None:
        bad.write_text(text)
    told = run("bench", "--compare", good, bad)
    assert (told.exit_code, told.stdout) == (2, "")
    assert said in told.stderr
    assert str(bad) in told.stderr
    assert "takes two files, not 1" in run("bench", "--compare", good).stderr
    assert "leave out the sources" in run("bench", "urls.txt", "--export", good).stderr
