"""The Python of a page as modules that a type checker can read.

Rules:
    * Each block is a module of its own. `<!-- continues -->` above a block adds it to the block
      before it on the page.
    * `<!-- python` … `-->` is code that readers do not see. It begins a module, and the next
      block continues it: it defines what the block uses.
    * A module may use, without defining them, what it may use where it runs: the public names, a
      `client` and some `downloads`.
    * `<!-- not run: REASON -->` above a block leaves it out, and so does an import of `example`,
      which is another block.
    * A module with `await`, `async for` or `async with` outside a function becomes a function.
    * A line of a module has the number that it has on the page, so that messages lead there.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

import pixxel_async
import pixxel_async.sandbox

_BLOCK = re.compile(
    r"^(?P<left_out><!-- not run: .+? -->\n)?```python\n(?P<shown>.*?)^```$"
    r"|^<!-- python\n(?P<hidden>.*?)^-->$"
    r"|^(?P<more><!-- continues -->)$",
    re.MULTILINE | re.DOTALL,
)


_IMPORTS_EXAMPLE = re.compile(r"^from example import", re.MULTILINE)
_GIVEN = {
    "client": 'from pixxel_async import PixxelClient; client = PixxelClient("key")',
    "downloads": "from pixxel_async import JobDownload; "
    'downloads = [JobDownload(workflow_id="w", job_id="j")]',
    "asyncio": "import asyncio",
    "Path": "from pathlib import Path",
    **{name: f"from pixxel_async import {name}" for name in pixxel_async.__all__},
    **{name: f"from pixxel_async.sandbox import {name}" for name in pixxel_async.sandbox.__all__},
}
"""What defines a name that a module may use."""


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
        if block["left_out"] or _IMPORTS_EXAMPLE.search(block["shown"] or ""):
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
    code = "\n".join(lines.values())
    given = "; ".join(_GIVEN[name] for name in _undefined(code) if name in _GIVEN)
    if _is_async(code):
        lines = {number: f"    {line}".rstrip() for number, line in lines.items()}
        lines[first] = "async def example() -> None:"
    lines[1] = f"from __future__ import annotations; {given}" if given else ""
    return "".join(f"{lines.get(number, '')}\n" for number in range(1, max(lines) + 1))


def _undefined(code: str) -> list[str]:
    """Return the names that code uses and does not define, in their order."""
    used, defined = {}, set()
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                used[name] = True
            case ast.Name(id=name) | ast.arg(arg=name):
                defined.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                defined.add(name)
            case ast.ClassDef(name=name):
                defined.add(name)
            case ast.alias(name=name, asname=other):
                defined.add((other or name).partition(".")[0])
    return [name for name in used if name not in defined]


def _is_async(code: str) -> bool:
    try:
        compile(code, "snippet", "exec")
    except SyntaxError:
        compile(
            code, "snippet", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        )  # any other error is raised
        return True
    return False
