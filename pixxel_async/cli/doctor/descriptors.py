"""How many files the system lets this process open."""

from __future__ import annotations

from contextlib import suppress

from ...config import Limits
from ...errors import ConfigError

LEAST_DESCRIPTORS = 24
"""With fewer, an export fails for some of its files, and not soon; with these it is slow."""
DESCRIPTORS_PER_REQUEST = 4
"""Connections to the service may take a quarter of what is left: transfers need the rest."""
ENOUGH_DESCRIPTORS = 256


def check_descriptors() -> None:
    """Look whether an export can run at all, before it begins.

    Raises:
        ConfigError: The limit is too low.
    """
    limit = _limit()
    if limit is not None and limit < LEAST_DESCRIPTORS:
        message = (
            f"this process may have {limit} files open, and an export needs {LEAST_DESCRIPTORS} or "
            f"more: raise the limit (ulimit -n {ENOUGH_DESCRIPTORS})"
        )
        raise ConfigError(message)


def fitting(limits: Limits) -> Limits:
    """Return limits with so few API calls in flight that transfers have descriptors left."""
    limit = _limit()
    if limit is None:
        return limits
    most = max(1, (limit - LEAST_DESCRIPTORS) // DESCRIPTORS_PER_REQUEST)
    return limits.model_copy(update={"requests": min(limits.requests, most)})


def _limit() -> int | None:
    with suppress(ImportError):  # Windows has none
        import resource  # noqa: PLC0415 - likewise

        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        return None if limit == resource.RLIM_INFINITY else limit
    return None
