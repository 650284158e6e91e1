"""Each error, exit code and warning has an entry in docs/troubleshooting.md, as it is worded."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from functools import cache

import pytest

from pixxel_async import errors
from pixxel_async.cli.output import exit_codes

from .pages import DOCS, ROOT

PAGE = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
PLACEHOLDER = "…"
SIGNALS = {129, 143}
"""SIGHUP and SIGTERM, with 128 added; the others are constants of `exit_codes`."""


def sections() -> dict[str, str]:
    """Return the text below each heading."""
    parts = re.split(r"^#{2,3} (.+)$", PAGE, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def messages() -> list[str]:
    """Return the quoted messages: first cells of the tables of messages, and code in the text."""
    found = []
    for title, text in sections().items():
        if title == "Exit codes":
            continue
        found += re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)
        prose = "\n".join(line for line in text.splitlines() if not line.startswith("|"))
        quoted = re.findall(r"`([^`]+)`", prose)
        found += [each for each in quoted if re.fullmatch(r"[a-z][a-z']*( [a-zA-Z',:]+)+", each)]
    return [" ".join(each.split()) for each in found]


@cache
def texts_of_the_code() -> str:
    """Return all texts that the package may print, with placeholders for what differs."""
    return "\n".join(
        text
        for path in sorted((ROOT / "pixxel_async").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for text in _texts(node)
    )


def _texts(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        parts = [
            part.value if isinstance(part, ast.Constant) else PLACEHOLDER for part in node.values
        ]
        yield "".join(str(part) for part in parts)


def test_each_error_has_an_entry() -> None:
    classes = {
        name
        for name, member in inspect.getmembers(errors, inspect.isclass)
        if member.__module__ == errors.__name__
    }
    entries = {title for title in sections() if title.endswith("Error") and " " not in title}
    assert entries == classes


def test_an_entry_says_what_to_do() -> None:
    empty = [title for title, text in sections().items() if len(text.split()) < 8]
    assert set(empty) == {title for title in sections() if title.startswith(("Before", "The "))}


def test_each_exit_code_has_an_entry() -> None:
    listed = {
        int(code) for code in re.findall(r"^\| (\d+) \|", sections()["Exit codes"], re.MULTILINE)
    }
    constants = {value for name, value in vars(exit_codes).items() if name.isupper()}
    codes = {code for code in constants if isinstance(code, int)} - {exit_codes.SHOWN_DAMAGES}
    assert listed == codes | SIGNALS


@pytest.mark.parametrize("message", messages())
def test_a_message_is_one_of_the_code(message: str) -> None:
    for part in message.split(PLACEHOLDER):
        assert part.strip() in texts_of_the_code(), "the code words it differently"


def test_each_warning_of_the_log_has_an_entry() -> None:
    warnings = set()
    for path in (ROOT / "pixxel_async").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "logger.warning":
                assert isinstance(node.args[0], ast.Constant)
                warnings.add(str(node.args[0].value))
    listed = re.findall(r"^\| `([^`]+)` \|", sections()["Warnings"], re.MULTILINE)
    assert len(listed) == len(warnings)
    assert all(any(entry in warning for entry in listed) for warning in warnings)
