"""Writes docs/reliability.md: each case, its promise, and the tests that provoke it.

`python -m tests.faults.reliability` writes it.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from .cases import CHAPTERS, Case

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reliability.md"
MARKER = "<!-- cases: python -m tests.faults.reliability -->"


def marked() -> dict[int, list[str]]:
    """Return the tests that are marked with each number, as `path::name`, sorted."""
    found = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        name = path.relative_to(ROOT).as_posix()
        module = ast.parse(path.read_text("utf-8"))
        of_module = list(_numbers_of_module(module))
        for node in ast.walk(module):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                if not node.name.startswith("test_"):
                    continue
                for number in dict.fromkeys([*of_module, *_numbers(node.decorator_list)]):
                    found[number].append(f"{name}::{node.name}")
    return dict(found)


def _numbers_of_module(module: ast.Module) -> Iterator[int]:
    """Yield the numbers that `pytestmark` gives to all tests of a module."""
    for node in module.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark":
            marks = node.value
            yield from _numbers(marks.elts if isinstance(marks, ast.List) else [marks])


def _numbers(marks: Iterable[ast.expr]) -> Iterator[int]:
    for mark in marks:
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.fault":
            (number,) = (ast.literal_eval(argument) for argument in mark.args)
            yield number


def with_cases(page: str) -> str:
    """Return the page with the current cases below the marker."""
    before, marker, _ = page.partition(MARKER)
    if not marker:
        message = f"{PAGE}: the line {MARKER!r} is missing"
        raise ValueError(message)
    tests = marked()
    lines = [before + marker]
    for title, cases in CHAPTERS.items():
        lines += ["", f"## {title}"]
        for case in cases:
            lines += ["", *_entry(case, tests.get(case.number, []))]
    return "\n".join(lines) + "\n"


def _entry(case: Case, tests: list[str]) -> list[str]:
    shown = [f"  - [`{test.partition('::')[2]}`](../{test.partition('::')[0]})" for test in tests]
    return [f"**{case.number}.** {case.what}", "", f"- {case.promise}", "- Tested by:", *shown]


if __name__ == "__main__":
    PAGE.write_text(with_cases(PAGE.read_text("utf-8")), "utf-8")
