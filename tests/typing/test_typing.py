"""What users write is checked as they check it: by mypy and pyright, strictly, without plugins."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from ..support import PROCESS_S
from .snippets import snippets

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
CHECKED = ("api.py", "misuse.py")

MYPY = ("mypy", "--strict", "--config-file=", "--cache-dir=cache", "--no-error-summary", ".")
PYRIGHT = ("pyright", "--pythonpath", sys.executable)
CHECKERS = pytest.mark.parametrize("checker", [MYPY, PYRIGHT], ids=["mypy", "pyright"])
STRICT = {
    "typeCheckingMode": "strict",
    "reportUnnecessaryTypeIgnoreComment": "error",
    "reportUnusedVariable": "none",  # an example may end before it uses one
}


def check(checker: Sequence[str], folder: Path) -> str:
    """Return what a type checker says about a folder; nothing if there is nothing to say."""
    (folder / "pyrightconfig.json").write_text(json.dumps(STRICT), encoding="utf-8")
    ended = subprocess.run(  # noqa: S603 - one of the above
        [sys.executable, "-m", *checker],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=PROCESS_S,
    )
    assert ended.returncode in {0, 1}, ended.stdout + ended.stderr
    return ended.stdout if ended.returncode else ""


@CHECKERS
def test_users_get_types_and_the_python_of_all_pages_has_them(
    tmp_path: Path, checker: Sequence[str]
) -> None:
    for name in CHECKED:
        shutil.copy(HERE / name, tmp_path)
    for snippet in itertools.chain.from_iterable(map(snippets, PAGES)):
        (tmp_path / f"{snippet.name}.py").write_text(snippet.code, encoding="utf-8")
    assert len(list(tmp_path.glob("*.py"))) > 10
    told = check(checker, tmp_path)
    assert not told, told


def test_lines_keep_their_numbers_and_blocks_may_continue(tmp_path: Path) -> None:
    page = tmp_path / "a-page.md"
    page.write_text(
        "Text.\n\n<!-- python\nnumber = 1\n-->\n```python\nprint(number)\n```\n\n"
        "<!-- continues -->\n```python\nawait number\n```\n\n```python\nother = 2\n```\n",
        encoding="utf-8",
    )
    first, second = snippets(page)
    assert (first.name, second.name) == ("a_page_4", "a_page_16")
    assert first.code.splitlines() == [
        "",
        "",
        "async def example() -> None:",
        "    number = 1",
        "",
        "",
        "    print(number)",
        *[""] * 4,
        "    await number",
    ]
    assert second.code.splitlines() == [*[""] * 15, "other = 2"]
    page.write_text("```python\nprint(\n```\n", encoding="utf-8")
    with pytest.raises(SyntaxError):
        snippets(page)
