"""How many transfers may run at once: a number, or `auto`."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator

AUTO: Literal["auto"] = "auto"
FETCHES: Literal["auto"] = AUTO
"""As many as suit the link; see `sansio.resilience.adaptive_concurrency`."""

MOST_FETCHES = 64
"""With `auto`, never more."""


def read_fetches(value: Any) -> Any:
    """Read a number of transfers, which may be text, or `auto`.

    Raises:
        ValueError: It is neither.
    """
    if value == AUTO:
        return value
    text = str(value)
    if isinstance(value, bool) or not (text.isdecimal() and int(text) > 0):
        reason = "give a whole number from 1 up, or auto"
        raise ValueError(reason)
    return int(text)


Fetches: TypeAlias = Annotated[int | Literal["auto"], BeforeValidator(read_fetches)]
