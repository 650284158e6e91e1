"""What pages show of a command's output is what the command writes, but for its figures and ids."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pixxel_async.sandbox import PackageFault, Scenario, sandbox_in_thread
from pixxel_async.sansio.resilience.concurrency_choice import Step
from pixxel_async.transfer.benchmark import MeasuredLink

from ..cli.commands import QUICK, env_of, run, start, write_manifest
from ..support import when
from .pages import DOCS

NUMBER = re.compile(r"\d[\d.,:]*")
UNIT = re.compile(r"N (?:[kMG]?B|bytes)")
ESTIMATE = re.compile(r"(about|at most) N (?:s|min|h|d)\b")
SOME_AOI = {"kind": "aoi", "aoi_id": "66e51767", "asset_ids": ["broken"]}


def shape(line: str) -> str:
    """Return a line without what differs between runs: figures, units, ids and times."""
    line = re.sub(r"(aoi|job)-[\w…-]+\.zip", "NAME.zip", line)
    line = re.sub(r"\d{4}-\d\d-\d\d [\d:]+", "TIME", line)
    line = UNIT.sub("N B", NUMBER.sub("N", line))
    return ESTIMATE.sub(r"\1 N s", line).rstrip()


def block_with(page: str, words: str) -> list[str]:
    """Return the lines of the code block of a page that has these words."""
    text = (DOCS / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (found,) = [block for block in blocks if words in block]
    return str(found).splitlines()


@contextmanager
def export_under_way(folder: Path) -> Iterator[None]:
    """Export into `folder` until packages are pending, queued, under way, saved and failed."""
    jobs = [{"kind": "job", "workflow_id": "w", "job_id": f"j{number}"} for number in range(6)]
    pending = [{"kind": "job", "workflow_id": "w", "job_id": f"pending{n}"} for n in range(2)]
    manifest = write_manifest(folder.with_suffix(".jsonl"), [SOME_AOI, *pending, *jobs])
    faults = (PackageFault("never", only="pending"), PackageFault("failed", only="broken"))
    scenario = Scenario(faults=faults, package_bytes=200_000, bytes_per_s=100_000)
    words = ("export", manifest, "--out", folder, "--fetches", "1", *QUICK)
    with sandbox_in_thread(scenario) as sandbox, start(*words, env=env_of(sandbox)) as process:
        yield
        process.kill()
        process.communicate()


def test_the_output_of_status(tmp_path: Path) -> None:
    shown = [shape(line) for line in block_with("after-an-export.md", "waiting for a slot")]
    folder = tmp_path / "out"
    wanted = (
        "packaging",
        "waiting for a slot",
        "transferring",
        "what is left",
        "time left",
        "failed  ",
    )
    written: list[str] = []

    def has_all() -> bool:
        written[:] = run("status", folder).stdout.splitlines()
        return all(word in "\n".join(written) for word in wanted)

    with export_under_way(folder):
        when(has_all)
    assert [shape(line) for line in written] == shown


def test_the_output_of_bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link that measures the figures of the page leads to the output of the page.

    What a link really brings depends on the machine: tests/cli/test_bench.py measures one.
    """
    command, *shown = block_with("command-line.md", "MB/s")
    assert command == "$ pixxel-async bench urls.txt"
    table = dict(re.findall(r"^ +(\d+) +([\d.]+)$", "\n".join(shown), re.MULTILINE))
    received = int(shown[-1].split()[0].replace(",", ""))

    async def measure(link: MeasuredLink, fetches: int, _seconds: float) -> Step:
        link.received += received * 1_000_000 // len(table)
        return Step(fetches=fetches, bytes_per_s=float(table[str(fetches)]) * 1e6)

    monkeypatch.setattr(MeasuredLink, "measure", measure)
    urls = tmp_path / "urls.txt"
    urls.write_text("https://storage.example.com/package.zip?signature=1", encoding="utf-8")
    ended = run("bench", urls)
    assert ended.exit_code == 0, ended.stderr
    assert ended.stdout.splitlines() == shown


def objects_of(page: str, words: str) -> list[dict[str, Any]]:
    """Return the JSON objects that a page shows; `…` stands for more fields or for a value."""
    lines = block_with(page, words)
    return [json.loads(re.sub(r", …}", "}", line)) for line in lines]


def test_the_objects_of_export_and_verify(tmp_path: Path) -> None:
    manifest = write_manifest(
        tmp_path / "m.jsonl",
        [{"kind": "job", "workflow_id": "w", "job_id": name} for name in ("fine", "broken")],
    )
    out = tmp_path / "out"
    with sandbox_in_thread(Scenario(faults=(PackageFault("failed", only="broken"),))) as sandbox:
        words = ("export", manifest, "--out", out, "--json", *QUICK)
        exported = lines_of(run(*words, env=env_of(sandbox)).stdout)
    (out / "mine.zip").write_bytes(b"")
    (saved,) = out.glob("job-*.zip")
    saved.write_bytes(saved.read_bytes()[::-1])
    verified = lines_of(run("verify", out, "--json").stdout)
    for shown, written in (
        (objects_of("command-line.md", '"status": "saved"'), exported),
        (objects_of("after-an-export.md", '"status": "changed"'), verified),
    ):
        by_status = {each["status"]: each for each in written}
        for example in shown:
            one = by_status[example["status"]]
            assert list(one) == list(example)
            assert one.get("reason") == example.get("reason")


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_the_message_about_a_config_file_that_others_may_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shown,) = block_with("settings.md", "holds a secret")
    path = tmp_path / "config.toml"
    path.write_text('[default]\napi_key = "a-secret"\n', encoding="utf-8")
    path.chmod(stat.S_IRUSR | stat.S_IWUSR | stat.S_IRGRP | stat.S_IROTH)
    monkeypatch.setenv("PIXXEL_CONFIG", str(path))
    said = run("config", "show").stderr.strip()
    assert said.replace(str(path), "/home/you/.config/pixxel-async/config.toml") == shown


def test_the_folder_of_the_first_export(tmp_path: Path) -> None:
    shown = block_with("getting-started.md", ".zip.part")
    folder = tmp_path / "packages"
    with export_under_way(folder):
        when(lambda: list(folder.glob("job-*.zip")) and list(folder.glob("*.zip.part")))
        names = {shape(each.name) for each in folder.iterdir()}
    listed = {shape(line.split()[0].rstrip("/")) for line in shown[1:]}
    assert listed <= names
