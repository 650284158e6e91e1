"""Every column of the journal has a check."""

from __future__ import annotations

from dataclasses import fields

from pixxel_async.engine import row_check
from pixxel_async.engine.record import Row, Run


def test_every_column_is_checked() -> None:
    assert set(row_check._ROW_CHECKS) == {field.name for field in fields(Row)}
    assert set(row_check._RUN_CHECKS) == {field.name for field in fields(Run)}
