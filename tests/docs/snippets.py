"""Examples in Python: code blocks of the pages, and indented code in public docstrings.

Rules:
    * A block runs unless the line before it says why not: `<!-- not run: REASON -->`.
    * A block with functions named `test_…` runs under pytest, with the sandbox's fixtures; it may
      import what blocks above it define, from `example`.
    * Any other block may use `await` at its top level, the public names, and those of the blocks
      before it on its page. A `client`, its `key` and some `downloads` are there.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

import pixxel_async
import pixxel_async.sandbox
from pixxel_async import JobDownload, PixxelClient, export_sync

from .pages import DOCS, ROOT, documented_names

PAGES = (ROOT / "README.md", *sorted(DOCS.rglob("*.md")))
NEEDS_FOLDER = re.compile(r"\b(verify|write_report)\(")
_BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<reason>.+?) -->\n)?```python\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_SECTION = re.compile(r"[A-Z]\w+:$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Snippet:
    """One example.

    Attributes:
        where: The page and the number of the block on it, or the name of what it describes.
        code: The code.
        reason: Why it is not run, or an empty text.
    """

    where: str
    code: str
    reason: str = ""

    @property
    def is_test(self) -> bool:
        """Whether pytest runs it."""
        return re.search(r"^(async )?def test_", self.code, re.MULTILINE) is not None


def of_page(page: Path) -> list[Snippet]:
    """Return the examples of a page, in their order."""
    name = page.relative_to(ROOT).as_posix()
    return [
        Snippet(where=f"{name}:{number}", code=found["code"], reason=found["reason"] or "")
        for number, found in enumerate(_BLOCK.finditer(page.read_text(encoding="utf-8")))
    ]


def of_docstrings(page: Path) -> list[Snippet]:
    """Return the examples in the docstrings that a page of the reference shows."""
    return [
        Snippet(where=name, code=code)
        for name, described in _described(page)
        for code in _indented(inspect.getdoc(described) or "")
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


def _indented(text: str) -> Iterator[str]:
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
        "Path": Path,
    }


def some_downloads() -> list[JobDownload]:
    """Return a few downloads."""
    return [JobDownload(workflow_id="w", job_id=f"j{number}") for number in range(2)]


def run(snippet: Snippet, namespace: dict[str, Any]) -> None:
    """Run an example that is not a test, with the environment's sandbox and current directory."""
    if NEEDS_FOLDER.search(snippet.code):
        export_sync(some_downloads(), "packages")
    code = compile(
        snippet.code, snippet.where, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True
    )
    namespace["downloads"] = some_downloads()
    if code.co_flags & inspect.CO_COROUTINE:
        asyncio.run(_await(code, namespace))
    else:
        exec(code, namespace)  # noqa: S102 - our own examples


async def _await(code: CodeType, namespace: dict[str, Any]) -> None:
    async with PixxelClient.from_env() as client:
        namespace["client"] = client
        await eval(code, namespace)  # noqa: S307 - our own examples
