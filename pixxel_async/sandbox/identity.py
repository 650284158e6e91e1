"""The identity of a package: its kind, ids and lists of ids."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class Identity:
    """A requested package. The order of its lists makes no difference.

    Attributes:
        kind: `insight`, `aoi`, `job`, `task` or `catalog`.
        text: Kind and ids as canonical JSON.
    """

    kind: str
    text: str

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Identity:
        """Read a manifest row: `kind`, and the ids by name."""
        canonical = {
            name: sorted(value) if isinstance(value, (list, tuple)) else value
            for name, value in row.items()
            if value
        }
        return cls(str(row["kind"]), json.dumps(canonical, sort_keys=True, ensure_ascii=True))

    @property
    def request(self) -> dict[str, Any]:
        """The ids by name."""
        row: dict[str, Any] = json.loads(self.text)
        del row["kind"]
        return row

    @cached_property
    def digest(self) -> str:
        """A short hexadecimal digest."""
        return hashlib.sha256(self.text.encode("ascii")).hexdigest()[:12]
