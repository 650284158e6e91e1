"""The site is built without a warning, and has every page and every public name."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import pixxel_async
import pixxel_async.sandbox
from pixxel_async import PixxelClient, geo

from ..support import PROCESS_S
from .links_outside import leads_outside
from .pages import CONFIG, DOCS, ROOT, documented_names, navigation

CLIENT = PixxelClient("a-key")
RESOURCES = {
    f"{type(part).__module__}.{type(part).__name__}"
    for name, part in vars(CLIENT).items()
    if not name.startswith("_")
}
SANDBOX = {f"pixxel_async.sandbox.{name}" for name in pixxel_async.sandbox.__all__}
GEO = {f"pixxel_async.geo.{name}" for name in geo.__all__}
PUBLIC = {f"pixxel_async.{name}" for name in pixxel_async.__all__} | RESOURCES | SANDBOX | GEO


def test_the_reference_has_every_public_name_once() -> None:
    names = documented_names()
    assert len(RESOURCES) == 18
    assert set(names) == PUBLIC
    assert len(names) == len(PUBLIC)


def test_the_navigation_has_every_page_once() -> None:
    pages = [path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")]
    assert sorted(navigation()) == sorted(pages), f"`nav` in {CONFIG.name}"


def test_the_site_is_built_without_a_warning_and_is_complete(tmp_path: Path) -> None:
    site = build(tmp_path)
    assert_names_have_entries(site)
    assert_search_finds(site, {"Getting started", "PixxelClient", "RateLimitedError"})
    for page in site.rglob("*.html"):
        if page.name != "404.html":  # served at any address, so its links are absolute
            assert_links_are_local(page)


def build(folder: Path) -> Path:
    """Build the site from a copy of the pages, as `make docs` does."""
    shutil.copytree(DOCS, folder / "docs")
    shutil.copy(CONFIG, folder)
    (folder / "pixxel_async").symlink_to(ROOT / "pixxel_async")
    built = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--clean", "--strict"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=PROCESS_S,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    assert "No issues found" in built.stdout + built.stderr
    return folder / "site"


def assert_names_have_entries(site: Path) -> None:
    html = "".join(page.read_text(encoding="utf-8") for page in (site / "reference").iterdir())
    entries = set(re.findall(r'id="(pixxel_async\.[\w.]+)"', html))
    assert entries >= PUBLIC
    assert "pixxel_async.PixxelClient.export" in entries
    assert "requests_per_second=20.0" in re.sub(r"<[^>]+>", "", html), "defaults of settings"


def assert_search_finds(site: Path, titles: set[str]) -> None:
    index = json.loads((site / "search.json").read_text(encoding="utf-8"))
    assert titles <= {item["title"] for item in index["items"]}


def assert_links_are_local(page: Path) -> None:
    """Check that links lead to files of the site, and that the page loads nothing else."""
    html = page.read_text(encoding="utf-8")
    assert re.findall(r'<(?:script|img|link)[^>]*(?:src|href)="(https?:[^"]*)"', html) == []
    for target in set(re.findall(r' href="([^"#]+)', html)):
        if not target.startswith(("https://", "http://")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize(
    ("target", "outside"),
    [
        ("../tests/support.py", True),
        ("../../README.md", True),
        ("settings.md", False),
        ("../settings.md#proxies", False),
        ("https://example.com/tests", False),
        ("../", False),
    ],
)
def test_links_that_leave_the_site_are_told_apart(target: str, *, outside: bool) -> None:
    assert leads_outside(target) is outside
