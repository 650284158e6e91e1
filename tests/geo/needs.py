"""Import this first in tests that need the extra `geo`: without it they are skipped."""

from __future__ import annotations

import pytest

REASON = "the extra geo is not installed: pip install -e '.[dev]'"

for name in ("rasterio", "rioxarray", "pyarrow"):
    pytest.importorskip(name, reason=REASON)
