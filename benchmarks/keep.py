"""Keeps figures as JSON, where `RESULTS` names a folder; without it, nothing is kept."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FOLDER = "RESULTS"


def keep(name: str, figures: Mapping[str, Any]) -> None:
    """Write `NAME.json`, with what the machine is."""
    if folder := os.environ.get(FOLDER):
        machine = {
            "cores": os.cpu_count(),
            "system": platform.system(),
            "python": platform.python_version(),
        }
        path = Path(folder) / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"machine": machine, **figures}, indent=1)
        path.write_text(text + "\n", encoding="utf-8")
