"""Every example in Python runs against the sandbox, or says why not."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest

import pixxel_async
from pixxel_async import Download, errors, events
from pixxel_async.sandbox import Sandbox, sandbox_in_thread

from ..support import PROCESS_S
from .pages import REFERENCE, documented_names
from .snippets import PAGES, Module, files, indented, modules, names, of_docstrings, run

GEO_MISSING = "the extra geo is not installed: pip install -e '.[dev]'"
PLUGIN = 'pytest_plugins = ["pixxel_async.pytest_plugin"]\n'
REFERENCES = sorted(REFERENCE.glob("*.md"))
ALL = [module for page in PAGES for module in modules(page)]
TESTS = [each for each in ALL if each.is_test and not each.reason]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    monkeypatch.chdir(tmp_path)
    with sandbox_in_thread() as sandbox:
        monkeypatch.setenv("PIXXEL_API_KEY", sandbox.api_key)
        monkeypatch.setenv("PIXXEL_BASE_URL", sandbox.api_url)
        monkeypatch.setenv("PIXXEL_POLL_INITIAL", "0.05")
        monkeypatch.setenv("PIXXEL_REQUESTS_PER_SECOND", "1000")
        yield sandbox


def skip_without_extra(page: Path) -> None:
    """Skip a page whose examples need an extra that is not installed."""
    if re.search(r"\bgeo\b", "".join(module.code for module in modules(page))):
        pytest.importorskip("rioxarray", reason=GEO_MISSING)


@pytest.mark.parametrize("page", sorted({each.page for each in ALL}), ids=lambda page: page.stem)
def test_the_examples_of_a_page_run(here: Sandbox, page: Path) -> None:
    skip_without_extra(page)
    for module in modules(page):
        if not module.reason and not module.is_test:
            run(module.code, str(page), {"__name__": "example"})
    assert here.leaks == []


@pytest.mark.parametrize("page", REFERENCES, ids=lambda page: page.stem)
def test_the_examples_of_docstrings_run(here: Sandbox, page: Path) -> None:
    skip_without_extra(page)
    for snippet in of_docstrings(page):
        run(snippet.code, snippet.where, names())
    assert here.leaks == []


@pytest.mark.parametrize("module", TESTS, ids=lambda each: each.where)
def test_an_example_of_a_test_passes(tmp_path: Path, module: Module) -> None:
    skip_without_extra(module.page)
    written = {"conftest.py": PLUGIN, **files(module.page), "test_example.py": module.code}
    for name, code in written.items():
        (tmp_path / name).write_text(code, encoding="utf-8")
    options = ["-q", "-p", "no:cacheprovider", "-o", "asyncio_mode=auto"]
    ended = subprocess.run(  # noqa: S603 - our own examples
        [sys.executable, "-m", "pytest", *options],
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        check=False,
        timeout=PROCESS_S,
    )
    assert ended.returncode == 0, ended.stdout


def test_what_does_not_run_says_why() -> None:
    for page in PAGES:
        marks = re.findall("^<!-- not run:", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert len(marks) == sum(bool(each.reason) for each in modules(page)), page.name


@pytest.mark.parametrize("page", REFERENCES, ids=lambda page: page.stem)
def test_what_the_reference_describes_has_an_example(page: Path) -> None:
    """In its docstring, or on the page; one stands for all errors, and one for all events."""
    shown = "".join(module.code for module in modules(page))
    described = {snippet.where for snippet in of_docstrings(page)} | {"pixxel_async.__version__"}
    without = {name.rpartition(".")[2] for name in set(documented_names(page)) - described}
    kinds = {"errors": errors.PixxelError, "events": events.Event, "downloads": Download}
    if page.stem in kinds:
        assert shown
        without -= {name for name in without if is_one_of(kinds[page.stem], name)}
    assert {name for name in without if not re.search(rf"\b{name}\b", shown)} == set()


def is_one_of(kind: Any, name: str) -> bool:
    """Return whether a public name is a union, one of its members, or a subclass of a class."""
    found = getattr(pixxel_async, name)
    return get_origin(found) is not None or found in get_args(kind) or issubclass(found, kind)


def test_the_example_of_all_events_runs(here: Sandbox) -> None:
    (code,) = indented(events.__doc__ or "")
    run(code, events.__name__, names())
    assert here.leaks == []
