"""What nobody expects to be raised while one package is handled, as an error of ours."""

from __future__ import annotations

import traceback
from pathlib import Path

from ..errors import InternalError, PixxelError
from ..sansio.redact import redact

_PACKAGE = Path(__file__).parents[1]


def as_error(raised: Exception) -> PixxelError:
    """Return an error of ours as it is, and anything else as an `InternalError`.

    That has no cause and no context: their texts and the variables of their frames may hold a
    signed URL.
    """
    while isinstance(raised, ExceptionGroup) and len(raised.exceptions) == 1:
        raised = raised.exceptions[0]
    if isinstance(raised, PixxelError):
        return raised
    said = ": ".join(part for part in (type(raised).__name__, _text_of(raised)) if part)
    return InternalError(
        f"unexpected error at {_place_of(raised)}: {said}; the next run tries this package again "
        "(please report it)"
    )


def _text_of(raised: Exception) -> str:
    try:
        return redact(str(raised))
    except Exception as error:  # noqa: BLE001 - a text that cannot be made must not raise here
        return f"its text raises {type(error).__name__}"


def _place_of(raised: Exception) -> str:
    """Return the innermost place in this library that it was raised in or came through."""
    for frame in reversed(traceback.extract_tb(raised.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(_PACKAGE):
            return f"{path.relative_to(_PACKAGE).as_posix()}:{frame.lineno}"
    return "an unknown place"
