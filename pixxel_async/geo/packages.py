"""The saved packages of an export folder, as its journal has them.

Rules:
    * The journal is only read, so an export may run at the same time.
    * A package is as it was if its row and its file are: the stamp is made of both.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ..journal.models import Activity, ExportRecord, PackageRow
from ..members import in_words
from ..sansio.files.filenames import folder_name
from ..sansio.package_state import State

FORM = 1
"""Of the items; a new one makes all packages be read again."""
_SAVED = frozenset({State.SAVED, State.SKIPPED})
_DIGEST_CHARS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageId:
    """What the journal says of a package.

    Attributes:
        id: The id of its item.
        key: The key of its download.
        kind: The kind of its download.
        bytes: The size of its ZIP.
        sha256: Its SHA-256, in hexadecimal, or empty.
        members: Which of its members were chosen, as options; empty for all.
        saved_at: When it was saved.
    """

    id: str
    key: str
    kind: str
    bytes: int | None
    sha256: str
    members: str
    saved_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedFile:
    """A saved package.

    Attributes:
        package: What the journal says of it.
        path: Its ZIP, or the directory that it was extracted into if the ZIP was removed.
        stamp: Changes whenever the package may have changed.
    """

    package: PackageId
    path: Path
    stamp: str


def saved_files(folder: Path, record: ExportRecord) -> tuple[list[SavedFile], list[str]]:
    """Return the saved packages of an export, ordered by item id, and what is missing."""
    saved_at = {step.key: step.at for step in record.steps if step.doing is Activity.SAVED}
    found, missing = [], []
    for id_, row in _ids(row for row in record.rows if row.state in _SAVED):
        path = folder / (row.extracted if row.is_discarded and row.extracted else row.name)
        try:
            status = path.stat()
        except OSError as error:
            missing.append(f"{path}: {error.strerror or error}; see pixxel-async verify")
            continue
        moment = saved_at.get(row.key, status.st_mtime)
        package = PackageId(
            id=id_,
            key=row.key,
            kind=str(json.loads(row.target).get("kind", "")),
            bytes=row.bytes,
            sha256=row.sha256 or "",
            members=in_words(row.members) if row.members else "",
            saved_at=datetime.fromtimestamp(int(moment), UTC),
        )
        facts = (
            *(FORM, id_, row.key, row.bytes, row.sha256, iso(package.saved_at), row.members),
            *(str(path), status.st_size, status.st_mtime_ns),
        )
        stamp = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
        found.append(SavedFile(package=package, path=path, stamp=stamp))
    return sorted(found, key=lambda each: each.package.id), missing


def iso(moment: datetime) -> str:
    """Return a time in UTC as STAC writes it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _ids(rows: Iterable[PackageRow]) -> Iterator[tuple[str, PackageRow]]:
    """Yield each row with a distinct id for its item, made of the name of its file."""
    taken = set()
    for row in rows:
        id_ = folder_name(row.name).replace("/", "_")
        if id_.casefold() in taken:
            id_ += f"-{hashlib.sha256(row.key.encode()).hexdigest()[:_DIGEST_CHARS]}"
        taken.add(id_.casefold())
        yield id_, row
