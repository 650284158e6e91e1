"""What users write is checked as they check it: by mypy and pyright, strictly, without plugins."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from ..docs.snippets import PAGES, files, modules
from ..support import PROCESS_S

HERE = Path(__file__).parent
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
    shutil.copytree(HERE / "stubs", tmp_path, dirs_exist_ok=True)
    written = [module for page in PAGES for module in modules(page)]
    for module in written:
        (tmp_path / module.name).write_text(module.checked, encoding="utf-8")
    assert len(list(tmp_path.glob("*.py"))) == len(CHECKED) + len(written) > 40
    told = check(checker, tmp_path)
    assert not told, told


def page_of(folder: Path, text: str) -> Path:
    page = folder / "a-page.md"
    page.write_text(text, encoding="utf-8")
    return page


def test_lines_keep_their_numbers_and_blocks_may_continue(tmp_path: Path) -> None:
    page = page_of(
        tmp_path,
        "Text.\n\n<!-- python\nnumber = 1\n-->\n```python\nprint(number)\n```\n\n"
        "<!-- continues -->\n```python\nawait number\n```\n\n```python\nother = 2\n```\n",
    )
    first, second = modules(page)
    assert first.name.endswith("a_page_4.py")
    assert second.name.endswith("a_page_16.py")
    assert first.code.splitlines() == [
        *[""] * 3, "number = 1", "", "", "print(number)", *[""] * 4, "await number",
    ]  # fmt: skip
    assert first.checked.splitlines() == [
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
    assert second.code == second.checked == "\n" * 15 + "other = 2\n"


def test_a_module_gets_the_client_that_it_does_not_define(tmp_path: Path) -> None:
    page = page_of(
        tmp_path,
        "Text.\n\n```python\nprint(client)\n```\n\n```python\nclient = 1\nprint(client)\n```\n",
    )
    given, own = modules(page)
    assert given.checked.splitlines() == [
        "import pixxel_async",
        "",
        "async def example(client: pixxel_async.PixxelClient) -> None:",
        "    print(client)",
    ]
    assert own.code == own.checked


def test_files_reasons_and_errors_of_syntax(tmp_path: Path) -> None:
    page = page_of(
        tmp_path,
        '```python title="example.py"\nnumber = 1\n```\n\n'
        "<!-- not run: needs Airflow -->\n```python\nfrom example import number\n```\n",
    )
    file, user = modules(page)
    assert (file.name, file.reason, user.reason) == ("example.py", "", "needs Airflow")
    assert files(page) == {"example.py": file.code}
    with pytest.raises(SyntaxError):
        _ = modules(page_of(tmp_path, "```python\nprint(\n```\n"))[0].checked
