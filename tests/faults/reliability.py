"""Writes docs/reliability.md: each case, what is promised, and the tests that provoke it.

`python -m tests.faults.reliability` writes it.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
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
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for number in _numbers(node):
                    found[number].append(f"{name}::{node.name}")
    return dict(found)


def _numbers(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[int]:
    for mark in node.decorator_list:
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.fault":
            (number,) = (ast.literal_eval(argument) for argument in mark.args)
            yield number


def with_cases(page: str) -> str:
    """Return the page with the cases of today below the marker."""
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
    return [f"**{case.number}.** {case.what}", "", f"- {case.promise}", "- Provoked by:", *shown]


if __name__ == "__main__":
    PAGE.write_text(with_cases(PAGE.read_text("utf-8")), "utf-8")
