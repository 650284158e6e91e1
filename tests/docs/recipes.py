"""The files of recipes: code blocks with a title, and programs in Python."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from pixxel_async.sandbox import Sandbox

from .pages import DOCS

FOLDER = DOCS / "recipes"


def file_of(page: str, title: str) -> str:
    """Return the code block with a title."""
    text = (FOLDER / page).read_text(encoding="utf-8")
    pattern = rf'^( *)```\w+ title="{re.escape(title)}"\n(.*?)^\1```$'
    found = re.search(pattern, text, re.MULTILINE | re.DOTALL)
    assert found is not None, f"{page} has no block {title}"
    return re.sub(f"^{found[1]}", "", found[2], flags=re.MULTILINE)


def environment(sandbox: Sandbox, **more: str) -> dict[str, str]:
    """Return variables that make a program use a sandbox, without waiting for long."""
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PIXXEL_API_KEY": sandbox.api_key,
        "PIXXEL_BASE_URL": sandbox.api_url,
        "PIXXEL_POLL_INITIAL": "0.05",
        "PIXXEL_REQUESTS_PER_SECOND": "1000",
        "PYTHONUNBUFFERED": "1",
        **more,
    }
