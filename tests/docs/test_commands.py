"""Each command on a page has options that exist, with values that they accept."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from pixxel_async.cli.app import app

from .pages import DOCS, ROOT

PAGES = (ROOT / "README.md", *sorted(DOCS.rglob("*.md")))
_FENCE = re.compile(r"^( *)```(\w*)(?: [^\n]*)?\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"(?:^|[|(;]|\brun: |\$ )\s*(pixxel-async [^|;)\n]*)", re.MULTILINE)
_OVERVIEW = re.compile(r"^.*\S\|\S.*$", re.MULTILINE)
"""A line that shows alternatives: `status|verify`."""
_ENDS = re.compile(r"\s(?:#|>|2>|&&|<).*| {3,}.*")
"""What follows a command: comments, redirections, and columns of explanations."""


def commands(page: Path) -> Iterator[list[str]]:
    """Yield the commands of a page's code blocks; those with placeholders are no commands."""
    for _, language, block in _FENCE.findall(page.read_text(encoding="utf-8")):
        if language == "python":
            continue
        plain = _OVERVIEW.sub("", block).replace("\\\n", " ").replace("$since", "2025-01-01")
        for line in _COMMAND.findall(plain):
            words = shlex.split(_ENDS.sub("", line))
            if not any(set(word) & set("…|[") for word in words):
                yield [word for word in words if word]


FOUND = [(page, words) for page in PAGES for words in commands(page)]


def assert_options_exist(words: list[str]) -> None:
    """Parse a command without running it; what is wrong raises an error of click."""
    command: Any = get_command(app)
    name: str | None = words[0]
    rest = words[1:]
    context = command.context_class(command, info_name=name)
    while isinstance(command, TyperGroup):
        if not rest or rest[0].startswith("-"):
            return  # the group itself: its help, or an option such as --version
        name, command, rest = command.resolve_command(context, rest)
        context = command.context_class(command, info_name=name, parent=context)
    if "--help" not in rest:
        command.parse_args(context, rest)


def test_there_are_commands() -> None:
    assert len(FOUND) > 40


@pytest.mark.parametrize(
    "words", [pytest.param(words, id=f"{page.stem}: {' '.join(words)}") for page, words in FOUND]
)
def test_a_command_has_options_that_exist(
    words: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert_options_exist(words)
