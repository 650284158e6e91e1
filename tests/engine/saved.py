"""An export folder with saved packages, and what may happen to one of them afterwards."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from pixxel_async import Download, SavedPackage
from pixxel_async.journal.export_folder import ExportFolder
from pixxel_async.journal.models import PackageRow
from pixxel_async.sandbox import Sandbox

from ..support import client_of


async def save(sandbox: Sandbox, downloads: list[Download], folder: Path) -> list[SavedPackage]:
    """Export, and return what was saved, in the order of the keys."""
    async with client_of(sandbox) as client, client.export(downloads, folder) as export:
        report = await export.finish()
    assert report.is_complete
    return sorted((*report.saved, *report.skipped), key=lambda saved: saved.key)


async def change_row(folder: Path, key: str, change: Callable[[PackageRow], PackageRow]) -> None:
    """Write something else into the journal."""
    opened = await ExportFolder.open(folder)
    row = await opened.journal.get(key)
    assert row is not None
    await opened.journal.put(change(row))
    await opened.aclose()


def flip_a_byte(path: Path) -> None:
    """Change a file, and neither its size nor its times."""
    times = path.stat()
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        byte = file.read(1)
        file.seek(-1, io.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


async def save_broken(folder: Path, saved: SavedPackage) -> None:
    """Make it as if a ZIP had come with a wrong CRC-32 in it, and had been saved so."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.bin", b"what is stored")
    data = file.getvalue().replace(b"what is stored", b"what was STORED"[:14])
    saved.path.write_bytes(data)
    await change_row(
        folder,
        saved.key,
        lambda row: row.changed(bytes=len(data), sha256=sha256(data).hexdigest()),
    )
