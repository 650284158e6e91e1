"""A dry run: what an export would do, without sending or writing anything."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ..config import FolderPolicy, PreviousFailures, RetryPolicy
from ..destinations.folder_tree import FolderTree, check_name
from ..destinations.paths import absolute_path
from ..downloads import Download
from ..journal.models import PackageRow
from ..journal.reader import has_journal, read_record
from ..sansio.api.package_calls import needs_id
from ..sansio.files.filenames import path_namer
from ..sansio.package_state import State
from ..sansio.resume_decision import ResumeAction, failures_for, first
from ..transfer.work_item import new_row


class PlannedAction(StrEnum):
    """What the export would do with a package."""

    SKIP = "skip"
    CREATE = "create"
    CREATE_AGAIN = "create again"
    POLL = "poll"
    LEAVE_FAILED = "leave failed"
    GIVE_UP = "give up"


_PLANNED_ACTIONS = {
    ResumeAction.CREATE: PlannedAction.CREATE,
    ResumeAction.CREATE_AGAIN: PlannedAction.CREATE_AGAIN,
    ResumeAction.POLL: PlannedAction.POLL,
    ResumeAction.LEAVE_FAILED: PlannedAction.LEAVE_FAILED,
    ResumeAction.GIVE_UP: PlannedAction.GIVE_UP,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What the export would do with one package.

    Attributes:
        download: The package.
        intent: What the export would do.
        path: Where its file is, or would be.
        held_bytes: Bytes of a partial file that a transfer could resume from.
        download_id: The id of the package that an earlier run requested, or None.
    """

    download: Download
    intent: PlannedAction
    path: Path
    held_bytes: int
    download_id: str | None = None


def plan(
    downloads: Iterable[Download],
    directory: str | Path,
    *,
    folder: FolderPolicy,
    retry: RetryPolicy,
) -> Iterator[Planned]:
    """Yield what an export of these downloads would do, once per distinct download; blocks.

    It checks the size of files without reading them: a file of the right size counts as saved.

    Raises:
        SinkError: The journal cannot be read, or names a file outside the folder.
        ConfigError: The path template cannot be used.
    """
    directory = absolute_path(directory)
    known: dict[str, PackageRow] = {}
    if has_journal(directory):
        known = {row.key: row for row in read_record(directory).rows}
    name_of = path_namer(folder.path_template)
    downloads = list(downloads)
    are_all_failed = all(
        one.key in known and known[one.key].state is State.FAILED for one in downloads
    )
    seen: set[str] = set()
    for download in downloads:
        if download.key in seen:
            continue
        seen.add(download.key)
        row = known.get(download.key) or new_row(download, name_of)
        check_name(directory, row.name)
        path = directory / row.name
        is_saved = _is_saved(row, directory)
        failures = failures_for(
            folder.previous_failures,
            are_all_failed=are_all_failed,
            takes_up_itself=bool(row.is_retryable_next_run),
        )
        yield Planned(
            download=download,
            intent=PlannedAction.SKIP if is_saved else _intent(download, row, failures, retry),
            path=path,
            held_bytes=0 if is_saved or row.validator is None else max(row.mark, row.written),
            download_id=row.download_id,
        )


def _is_saved(row: PackageRow, directory: Path) -> bool:
    if row.state is not State.SAVED or row.bytes is None:
        return False
    is_folder = bool(row.is_discarded) and row.extracted is not None
    name = row.extracted if is_folder and row.extracted is not None else row.name
    try:
        with FolderTree(directory).folder_of(name) as (folder, last):
            info = folder.lstat(last)
    except OSError:
        return False
    if info is None or is_folder:
        return info is not None and stat.S_ISDIR(info.st_mode)
    return stat.S_ISREG(info.st_mode) and info.st_size == row.bytes


def _intent(
    download: Download, row: PackageRow, failures: PreviousFailures, retry: RetryPolicy
) -> PlannedAction:
    has_id = needs_id(download)
    decided = first(
        state=row.state,
        takes_up_itself=bool(row.is_retryable_next_run),
        download_id=row.download_id,
        is_unanswered=bool(row.is_unanswered) and has_id,
        recreated=row.recreated,
        recreate=retry.recreate,
        failures=failures,
    )
    return _PLANNED_ACTIONS[decided]
