"""The packages of the extra `geo`, imported when they are needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import UsageError

REMEDY = "pip install 'pixxel-async[geo]'"


@contextmanager
def extra_needed() -> Iterator[None]:
    """Turn a missing package into a message with the remedy.

    Raises:
        UsageError: A package of the extra is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("pixxel_async"):
            raise
        message = f"this needs the extra geo, and {error.name} is not installed: {REMEDY}"
        raise UsageError(message) from None


class ContentWarning(UserWarning):
    """A package holds something unknown or broken; the message says what and where.

    The dataset has the rest.
    """
