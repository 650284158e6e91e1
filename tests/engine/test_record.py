"""Rows of the journal, changed."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from pixxel_async.journal.models import PackageRow
from pixxel_async.sansio.package_state import State

ROW = PackageRow(key="job:w/j", target="{}", name="j.zip")


@pytest.mark.parametrize("name", [field.name for field in fields(PackageRow)])
def test_a_copy_differs_in_what_was_changed_and_the_row_stays(name: str) -> None:
    changes: dict[str, Any] = {name: State.FETCHING if name == "state" else 7}
    changed = ROW.changed(**changes)
    assert changed == replace(ROW, **changes)
    assert changed != ROW
    assert ROW.changed() == ROW


def test_a_field_that_no_row_has_is_refused() -> None:
    with pytest.raises(KeyError):
        ROW.changed(colour="red")
