"""The pages of the documentation, and what they hold."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
CONFIG = ROOT / "zensical.toml"
REFERENCE = DOCS / "reference"


def documented_names(*pages: Path) -> list[str]:
    """Return the dotted names that pages of the reference describe; all of them by default."""
    found = pages or sorted(REFERENCE.glob("*.md"))
    text = "".join(page.read_text(encoding="utf-8") for page in found)
    return re.findall(r"^::: (\S+)$", text, re.MULTILINE)


def navigation() -> list[str]:
    """Return the pages of the site's navigation, in its order."""
    config = tomllib.loads(CONFIG.read_text(encoding="utf-8"))
    return list(_pages(config["project"]["nav"]))


def _pages(entry: Any) -> Iterator[str]:
    if isinstance(entry, str):
        yield entry
        return
    for part in entry.values() if isinstance(entry, dict) else entry:
        yield from _pages(part)
