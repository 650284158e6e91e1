"""`bench`: URLs in, numbers out, and no secret on the way."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from pixxel_async import JobDownload
from pixxel_async.cli.commands.bench import NUMBERS
from pixxel_async.sandbox import Sandbox, Scenario, StorageFault, sandbox_in_thread

from ..support import client_of
from .commands import run

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
