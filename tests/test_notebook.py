"""Bars in a notebook: one output that is updated, by the caller's thread, without markup."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from pixxel_async import JobDownload, Progress, ServerError, export_sync
from pixxel_async.display.base import Verbosity
from pixxel_async.display.notebook import SHOWN_MESSAGES, NotebookBars, in_notebook
from pixxel_async.sandbox import Scenario, sandbox_in_thread

from .cli.stories import failed, fetch_started, job, progressed, ready, requested, started, tell
from .support import PROCESS_S, QUICK_LIMITS, QUICK_POLL, some_downloads

EVIL = "<script>alert(1)</script>\x1b[31m & [bold]"

needs_kernel = pytest.mark.skipif(
    find_spec("nbclient") is None or find_spec("ipykernel") is None,
    reason="needs nbclient and ipykernel: pip install -e '.[dev]'",
)


class Cell:
    """Stands in for IPython: keeps what is displayed, and by which thread."""

    def __init__(self) -> None:
        self.displayed: list[dict[str, str]] = []
        self.updates: list[dict[str, str]] = []
        self.threads: set[threading.Thread] = set()

    def display(self, data: dict[str, str], *, raw: bool, display_id: bool) -> Cell:
        assert raw
        assert display_id
        self.displayed.append(data)
        self.threads.add(threading.current_thread())
        return self

    def update(self, data: dict[str, str], *, raw: bool) -> None:
        assert raw
        self.updates.append(data)
        self.threads.add(threading.current_thread())


@pytest.fixture
def cell(monkeypatch: pytest.MonkeyPatch) -> Cell:
    """Make this process appear to be a notebook kernel."""
    cell = Cell()
    ipython: Any = ModuleType("IPython")
    ipython.get_ipython = lambda: SimpleNamespace(kernel=object())
    display: Any = ModuleType("IPython.display")
    display.display = cell.display
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return cell


def test_a_notebook_is_told_from_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert not in_notebook()
    ipython: Any = ModuleType("IPython")
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    ipython.get_ipython = lambda: None  # imported by a script
    assert not in_notebook()
    ipython.get_ipython = object  # the shell of a terminal has no kernel
    assert not in_notebook()
    ipython.get_ipython = lambda: SimpleNamespace(kernel=object())
    assert in_notebook()


def test_the_bars_are_one_output_that_is_updated(cell: Cell) -> None:
    with NotebookBars(Verbosity.NORMAL) as bars:
        tell(bars, started(3), requested(), ready(), fetch_started(), progressed(500_000))
        assert cell.updates == []
        bars.redraw()
        bars.redraw()
        assert len(cell.updates) == 1  # what has not changed is not sent again
        tell(bars, failed(job(2)))
    assert len(cell.displayed) == 1
    text = cell.updates[0]["text/plain"]
    assert "0/3  500.0 kB" in text
    assert "500.0 kB / 2.0 MB" in text
    assert "<pre" in cell.updates[0]["text/html"]
    assert "failed      job w j2: 404 no such job" in cell.updates[-1]["text/plain"]


def test_what_comes_from_outside_is_no_markup(cell: Cell) -> None:
    odd = JobDownload(workflow_id="w", job_id=EVIL)
    with NotebookBars(Verbosity.NORMAL) as bars:
        tell(bars, started(1), failed(odd, ServerError(EVIL, status=500)))
        bars.say(EVIL)
    for mime in cell.updates:
        assert "<script" not in mime["text/html"]
        assert "&lt;script&gt;" in mime["text/html"]
        assert "\x1b" not in mime["text/plain"]
        assert mime["text/plain"].count("[bold]") == 3


def test_messages_do_not_grow_without_bound(cell: Cell) -> None:
    with NotebookBars(Verbosity.NORMAL) as bars:
        tell(bars, started(100), *(failed(job(number)) for number in range(100)))
    text = cell.updates[-1]["text/plain"]
    assert text.count("failed      job") == SHOWN_MESSAGES
    assert "job w j99" in text


@pytest.mark.parametrize("progress", Progress)
def test_an_export_draws_from_the_callers_thread(
    cell: Cell, tmp_path: Path, capfd: pytest.CaptureFixture[str], progress: Progress
) -> None:
    with sandbox_in_thread(Scenario(package_bytes=20_000)) as sandbox:
        export_sync(
            some_downloads(5),
            tmp_path,
            api_key=sandbox.api_key,
            base_url=sandbox.api_url,
            poll=QUICK_POLL,
            limits=QUICK_LIMITS,
            progress=progress,
        )
    if progress is Progress.NONE:
        assert cell.displayed == []
    else:
        assert len(cell.displayed) == 1
        assert "5/5" in cell.updates[-1]["text/plain"]
        assert cell.threads == {threading.current_thread()}
    assert capfd.readouterr() == ("", "")


NOTEBOOK = """
import sys
import nbclient, nbformat

cell = nbformat.v4.new_code_cell(sys.argv[1])
notebook = nbformat.v4.new_notebook(cells=[cell])
nbclient.NotebookClient(notebook, timeout=400, kernel_name="python3").execute()
print(len(cell.outputs), cell.outputs[0].output_type)
print(cell.outputs[0].data["text/plain"], cell.outputs[-1].get("text"))
"""
CELL = """
from pixxel_async import JobDownload, PollPolicy, export_sync
jobs = [JobDownload(workflow_id="w", job_id=str(number)) for number in range(5)]
report = export_sync(jobs, {folder!r}, api_key={key!r}, base_url={url!r})
print(len(report.saved), "saved")
"""


@needs_kernel
def test_a_real_notebook_keeps_the_bars_as_one_output(tmp_path: Path) -> None:
    with sandbox_in_thread(Scenario(package_bytes=20_000)) as sandbox:
        code = textwrap.dedent(CELL).format(
            folder=str(tmp_path), key=sandbox.api_key, url=sandbox.api_url
        )
        ended = subprocess.run(  # noqa: S603 - our own script
            [sys.executable, "-c", NOTEBOOK, code],
            capture_output=True,
            text=True,
            check=True,
            timeout=PROCESS_S,
        )
    first, *others = ended.stdout.splitlines()
    assert first == "2 display_data"
    assert any("5/5" in line for line in others)
    assert " 5 saved" in others
