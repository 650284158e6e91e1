"""Every column of the journal has a check."""

from __future__ import annotations

from dataclasses import fields

from pixxel_async.journal import row_validation
from pixxel_async.journal.models import PackageRow, Run


def test_every_column_is_checked() -> None:
    assert set(row_validation._ROW_CHECKS) == {field.name for field in fields(PackageRow)}
    assert set(row_validation._RUN_CHECKS) == {field.name for field in fields(Run)}
