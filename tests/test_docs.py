"""What the README and the guides show works, and leads somewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pixxel_async.sandbox import sandbox_in_thread

from .support import PROCESS_S

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), ROOT / "llms.txt", *(ROOT / "docs").rglob("*.md")])


def blocks(page: Path, language: str) -> list[str]:
    """Return the code blocks of a page."""
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def run(*command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own examples
        [sys.executable, *command],
        cwd=folder,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=PROCESS_S,
        encoding="utf-8",
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if not target.startswith("https://"):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize(
    ("name", "number", "saved"), [("README.md", 0, 2), ("docs/getting-started.md", 0, 1)]
)
def test_an_example_of_the_library_runs_as_it_stands(
    tmp_path: Path, name: str, number: int, saved: int
) -> None:
    code = blocks(ROOT / name, "python")[number]
    with sandbox_in_thread() as sandbox:
        ended = run(
            "-c",
            code,
            folder=tmp_path,
            PIXXEL_API_KEY=sandbox.api_key,
            PIXXEL_BASE_URL=sandbox.api_url,
        )
    assert ended.stderr == ""
    assert len(ended.stdout.splitlines()) == saved
    assert len(list((tmp_path / "packages").glob("*.zip"))) == saved


@pytest.mark.skipif(sys.platform == "win32", reason="the example is for a POSIX shell")
def test_the_example_of_the_command_line_runs_as_it_stands(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"## The command line\n\n```\n(.*?)```", readme, re.DOTALL)
    commands = [line for line in block.splitlines() if line.startswith("pixxel-async ")]
    assert len(commands) == 3
    with sandbox_in_thread() as sandbox:
        ended = subprocess.run(  # noqa: S603 - our own example
            ["/bin/sh", "-e", "-c", "\n".join(commands)],
            cwd=tmp_path,
            env={
                **os.environ,
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                "PIXXEL_API_KEY": sandbox.api_key,
                "PIXXEL_BASE_URL": sandbox.api_url,
            },
            capture_output=True,
            text=True,
            check=False,
        )
    assert ended.returncode == 0, ended.stderr
    wanted = (tmp_path / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(list((tmp_path / "packages").glob("insight-*.zip"))) == len(wanted) > 0
    assert (tmp_path / "packages" / "report.html").stat().st_size > 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_are_plain(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for word in ("blazing", "seamless", "effortless", "cutting-edge", "world-class"):
        assert word not in text.lower()
    assert not re.search(r"[\U0001F300-\U0001FAFF]", text)
