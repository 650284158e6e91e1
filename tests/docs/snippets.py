"""Examples in Python: code blocks of the pages, and indented code in docstrings.

Rules for the pages (docs/contributing.md tells writers about them):
    * A block is a module of its own, which imports what it uses. Only `client`, an open client, and
      `downloads`, a list of two, may be used without a definition; such a module, and one with
      `await` at its top level, is the body of a function.
    * `<!-- continues -->` above a block adds it to the module before it.
    * `<!-- python` … `-->` begins a module with code that readers do not see.
    * `<!-- not run: REASON -->` above a block says why its module only has its types checked.
    * A block with a title, such as `title="example.py"`, is a file that modules of its page import.
    * A module with functions named `test_…` runs under pytest, with the fixtures of the sandbox.
    * A line of a module has the number that it has on the page, so that messages lead there.

An example in a docstring may use the public names, `client` and `downloads`.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import CodeType
from typing import Any

import pixxel_async
import pixxel_async.sandbox
from pixxel_async import JobDownload, PixxelClient, export_sync

from .pages import DOCS, ROOT, documented_names

PAGES = (ROOT / "README.md", *sorted(DOCS.rglob("*.md")))
NEEDS_FOLDER = re.compile(r"\b(verify|write_report|geo\.index|geo\.open_export)\(")
GIVEN = {"client": "pixxel_async.PixxelClient", "downloads": "list[pixxel_async.Download]"}
"""What a module may use without defining it, and the types."""

_BLOCK = re.compile(
    r'^```python(?: title="(?P<title>[^"\n]+)")?\n(?P<shown>.*?)^```$'
    r"|^<!-- python\n(?P<hidden>.*?)^-->$"
    r"|^(?P<more><!-- continues -->)$"
    r"|^<!-- not run: (?P<reason>.+?) -->$",
    re.MULTILINE | re.DOTALL,
)
_SECTION = re.compile(r"[A-Z]\w+:$")


@dataclass(slots=True)
class Module:
    """Blocks of a page that belong together.

    Attributes:
        page: The page.
        title: The name of the file, if it is one that others import.
        reason: Why it is not run, or an empty text.
        lines: Its lines, by their numbers on the page.
    """

    page: Path
    title: str = ""
    reason: str = ""
    lines: dict[int, str] = field(default_factory=dict)

    @property
    def where(self) -> str:
        """The page and the first line."""
        page = self.page.relative_to(ROOT) if self.page.is_relative_to(ROOT) else self.page
        return f"{page.as_posix()}:{min(self.lines)}"

    @property
    def name(self) -> str:
        """The name of a file for it; no two modules have the same."""
        return self.title or re.sub(r"\.md:|\W", "_", self.where) + ".py"

    @property
    def code(self) -> str:
        """Its code, in the lines of the page."""
        return _numbered(self.lines)

    @property
    def is_test(self) -> bool:
        """Whether pytest runs it."""
        return re.search(r"^(async )?def test_", self.code, re.MULTILINE) is not None

    @property
    def checked(self) -> str:
        """Its code for a type checker: without `await` at the top level, with types of `GIVEN`."""
        given = _used_undefined(self.code) & set(GIVEN)
        if not given and not _awaits(self.code):
            return self.code
        parameters = ", ".join(f"{name}: {GIVEN[name]}" for name in sorted(given))
        lines = {number: f"    {line}".rstrip() for number, line in self.lines.items()}
        lines[min(lines) - 1] = f"async def example({parameters}) -> None:"
        if given:
            lines[1] = "import pixxel_async"
        return _numbered(lines)


@dataclass(frozen=True, slots=True)
class Snippet:
    """An example in a docstring.

    Attributes:
        where: The name of what it describes.
        code: The code.
    """

    where: str
    code: str


def modules(page: Path) -> list[Module]:
    """Return the modules of a page, in their order."""
    text = page.read_text(encoding="utf-8")
    found: list[Module] = []
    continues = False
    reason = ""
    for block in _BLOCK.finditer(text):
        if block["more"]:
            continues = True
            continue
        if block["reason"]:
            reason = block["reason"]
            continue
        if not continues:
            found.append(Module(page))
        begin = text.count("\n", 0, block.start()) + 1
        code = block["shown"] or block["hidden"] or ""
        module = found[-1]
        module.lines |= dict(enumerate(code.splitlines(), start=begin + 1))
        module.title = block["title"] or module.title
        module.reason = reason or module.reason
        continues, reason = block["hidden"] is not None, ""
    return found


def files(page: Path) -> dict[str, str]:
    """Return the files of a page that its modules may import."""
    return {each.title: each.code for each in modules(page) if each.title}


def _numbered(lines: dict[int, str]) -> str:
    return "".join(f"{lines.get(number, '')}\n" for number in range(1, max(lines) + 1))


def _parse(code: str) -> ast.Module:
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST
    tree = compile(code, "snippet", "exec", flags)
    assert isinstance(tree, ast.Module)
    return tree


def _awaits(code: str) -> bool:
    """Return whether code awaits at its top level; any other error of syntax is raised."""
    try:
        compile(code, "snippet", "exec")
    except SyntaxError:
        compile(code, "snippet", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        return True
    return False


def _used_undefined(code: str) -> set[str]:
    """Return the names that code reads, and neither assigns, imports, nor has as a parameter."""
    read: set[str] = set()
    defined: set[str] = set()
    for node in ast.walk(_parse(code)):
        if isinstance(node, ast.Name):
            (read if isinstance(node.ctx, ast.Load) else defined).add(node.id)
        elif isinstance(node, ast.alias):
            defined.add(node.asname or node.name)
        elif isinstance(node, ast.arg):
            defined.add(node.arg)
    return read - defined


def of_docstrings(page: Path) -> list[Snippet]:
    """Return the examples in the docstrings that a page of the reference shows."""
    return [
        Snippet(where=name, code=code)
        for name, described in _described(page)
        for code in indented(inspect.getdoc(described) or "")
    ]


def _described(page: Path) -> Iterator[tuple[str, object]]:
    for name in documented_names(page):
        found: Any = pixxel_async
        module, _, rest = name.removeprefix("pixxel_async.").rpartition(".")
        for part in filter(None, module.split(".")):
            found = __import__(f"{found.__name__}.{part}", fromlist=[part])
        member = getattr(found, rest)
        yield name, member
        if inspect.isclass(member):
            for label, method in vars(member).items():
                function = getattr(method, "__func__", method)
                if inspect.isfunction(function) and not label.startswith("_"):
                    yield f"{name}.{label}", function


def indented(text: str) -> Iterator[str]:
    """Yield the indented blocks that are in no section such as `Args:`."""
    block: list[str] = []
    in_section = False
    for line in [*text.splitlines(), "end"]:
        if line.startswith("    ") and not in_section:
            block.append(line[4:])
        elif line and not line.startswith(" "):
            in_section = _SECTION.match(line) is not None
            if block:
                yield "\n".join(block) + "\n"
            block = []
        elif block:
            block.append("")


def names() -> dict[str, Any]:
    """Return what an example may use without importing it."""
    return {
        **{name: getattr(pixxel_async, name) for name in pixxel_async.__all__},
        **{name: getattr(pixxel_async.sandbox, name) for name in pixxel_async.sandbox.__all__},
        "__name__": "example",
        "key": "a-key",
        "asyncio": asyncio,
        "date": date,
        "os": os,
        "Path": Path,
    }


def some_downloads() -> list[JobDownload]:
    """Return a few downloads."""
    return [JobDownload(workflow_id="w", job_id=f"j{number}") for number in range(2)]


def run(code: str, where: str, namespace: dict[str, Any]) -> None:
    """Run an example that is not a test, with the environment's sandbox and current directory."""
    if NEEDS_FOLDER.search(code):
        export_sync(some_downloads(), "packages")
    compiled = compile(code, where, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    namespace["downloads"] = some_downloads()
    if compiled.co_flags & inspect.CO_COROUTINE:
        asyncio.run(_await(compiled, namespace))
    else:
        exec(compiled, namespace)  # noqa: S102 - our own examples


async def _await(code: CodeType, namespace: dict[str, Any]) -> None:
    async with PixxelClient.from_env() as client:
        namespace["client"] = client
        await eval(code, namespace)  # noqa: S307 - our own examples
