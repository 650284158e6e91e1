"""The faults of `demo` and of `sandbox --faults`: all of them are put right by trying again."""

from __future__ import annotations

from ...sandbox import ApiFault, StorageFault

FAULTS = (
    ApiFault("status", status=500, rate=0.02),
    ApiFault("reset", rate=0.01),
    StorageFault("truncate", rate=0.02),
    StorageFault("reset", rate=0.02),
    StorageFault("expired", rate=0.02),
)
