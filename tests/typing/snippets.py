"""The Python of a page as modules that a type checker can read.

Rules:
    * Each block is a module of its own. `<!-- continues -->` above a block adds it to the block
      before it on the page.
    * `<!-- python` … `-->` is code that readers do not see. It begins a module, and the next
      block continues it: it defines what the block uses.
    * A module with `await`, `async for` or `async with` outside a function becomes a function.
    * A line of a module has the number that it has on the page, so that messages lead there.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(
    r"^```python\n(?P<shown>.*?)^```$"
    r"|^<!-- python\n(?P<hidden>.*?)^-->$"
    r"|^(?P<more><!-- continues -->)$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Snippet:
    """A module of a page.

    Attributes:
        name: A name that a module may have.
        code: Its lines, under their numbers of the page.
    """

    name: str
    code: str


def snippets(page: Path) -> list[Snippet]:
    """Return the modules of a page."""
    text = page.read_text(encoding="utf-8")
    modules: list[dict[int, str]] = []
    continues = False
    for block in _BLOCK.finditer(text):
        if block["more"]:
            continues = True
            continue
        if not continues:
            modules.append({})
        continues = block["hidden"] is not None
        begin = text.count("\n", 0, block.start()) + 1
        code = block["shown"] or block["hidden"] or ""
        lines = dict(enumerate(code.splitlines(), start=begin + 1))
        modules[-1] |= lines
    stem = re.sub(r"\W", "_", page.stem)
    return [Snippet(f"{stem}_{min(lines)}", _module(lines)) for lines in modules]


def _module(lines: dict[int, str]) -> str:
    first = min(lines) - 1  # the fence
    if _is_async("\n".join(lines.values())):
        lines = {number: f"    {line}".rstrip() for number, line in lines.items()}
        lines[first] = "async def example() -> None:"
    return "".join(f"{lines.get(number, '')}\n" for number in range(1, max(lines) + 1))


def _is_async(code: str) -> bool:
    try:
        compile(code, "snippet", "exec")
    except SyntaxError:
        compile(
            code, "snippet", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        )  # any other error is raised
        return True
    return False
