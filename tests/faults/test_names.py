"""Case 43: a storage that wants to name files itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..support import final_files
from .scripted import ETAG, WHOLE, ScriptedStorage, answer, export


@pytest.mark.fault(43)
@pytest.mark.parametrize(
    "header",
    [
        'attachment; filename="../../outside.zip"',
        'attachment; filename="/etc/passwd"',
        "attachment; filename*=UTF-8''..%2F..%2Foutside.zip",
        'attachment; filename="CON"',
        'attachment; filename=".bashrc"',
    ],
)
async def test_what_a_storage_calls_a_file_is_not_its_name(tmp_path: Path, header: str) -> None:
    out = tmp_path / "a" / "b"
    named = answer("200 OK", ETAG, f"Content-Disposition: {header}", body=WHOLE)
    async with ScriptedStorage(named) as storage:
        report = await export(storage.url, out)
    (saved,) = report.saved
    assert saved.path.parent == out
    assert saved.path.name.startswith("job-j0-")
    assert list(final_files(out)) == [saved.path.name]
    assert {path.name for path in tmp_path.iterdir()} == {"a"}
    assert {path.name for path in (tmp_path / "a").iterdir()} == {"b"}
