"""Verifies an export folder: are the saved files still there and unchanged.

Rules:
    * Reading takes no lock, and an export may run at the same time.
    * Several threads read files at once. Only a few findings wait for an earlier one, so memory
      does not grow with the number of packages.
    * Forgetting a package requires the lock. Its file is set aside first: if the process is killed
      in between, the file is missing, and the next export fetches it.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Collection,
    Iterable,
    Iterator,
    Mapping,
)
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from ..config import Verify
from ..destinations.folder_tree import FolderTree
from ..destinations.inspect import look
from ..destinations.partial_file import PART_SUFFIX
from ..destinations.paths import absolute_path
from ..downloads import Download
from ..errors import InputError
from ..journal.export_folder import HIDDEN, JOURNAL, ExportFolder
from ..journal.models import Activity, Corruption, ExportRecord, PackageRow
from ..journal.reader import journal_of, read_record
from ..journal.row_validation import REMEDY
from ..sansio.files.filenames import name_problem
from ..sansio.files.verification import (
    Condition,
    Finding,
    judge_extracted,
    judge_file,
    judge_unsaved,
)
from ..sansio.package_state import State
from .adopted import parse_target

JOBS = 4
"""How many files are read at once."""

AHEAD = 4
"""How many findings per job may wait for an earlier one."""

ZIP_SUFFIX = ".zip"
_SAVED = frozenset({State.SAVED, State.SKIPPED})
_HAS_SAVED = frozenset({Activity.SAVED, Activity.SKIPPED})


async def verify(
    directory: str | Path,
    *,
    depth: Verify = Verify.STRUCTURE,
    jobs: int = JOBS,
    only: Collection[str] | None = None,
) -> AsyncGenerator[Finding, None]:
    """Verify the saved files of an export, and yield a finding per package.

        async for finding in verify("packages"):
            if finding.is_wrong:
                print(finding.condition, finding.path, finding.reason)

    Findings come in the order of the keys; files that belong to no package come last. It sends and
    changes nothing. An export may run at the same time, in any process; files that it saves after
    the start are not verified. If you leave the iteration early, close it (`contextlib.aclosing`):
    that stops reading at once.

    Args:
        directory: The export folder.
        depth: How thoroughly to check the ZIPs; CONTENTS checks each member against its CRC-32.
        jobs: How many files to read at once, at least 1.
        only: The keys of the downloads to verify; None for all, and for files that belong to no
            package.

    Raises:
        SinkError: It is not an export folder, or its journal cannot be read.
        ValueError: `jobs` is below 1.
    """
    folder = absolute_path(directory)
    stop = Event()
    threads = ThreadPoolExecutor(jobs, thread_name_prefix="pixxel-verify")
    run = asyncio.get_running_loop().run_in_executor
    try:
        record = await run(threads, read_record, folder)
        damaged = {damage.key: damage for damage in record.damaged}
        inspection = _Inspection(folder, _once_saved(record), damaged, depth, stop)
        futures: deque[asyncio.Future[Finding]] = deque()
        for row in record.rows:
            if only is not None and row.key not in only:
                continue
            futures.append(run(threads, inspection.judge, row))
            if len(futures) == jobs * AHEAD:
                yield await futures.popleft()
        while futures:
            yield await futures.popleft()
        known = {row.key for row in record.rows}
        for key, damage in damaged.items():
            if key not in known and (only is None or key in only):
                yield _damaged(folder, str(damage))
        if only is None:
            for path in await run(threads, lambda: sorted(_unknown_files(folder, record, stop))):
                yield Finding(
                    condition=Condition.UNKNOWN, reason="no package has this name", path=path
                )
    finally:
        stop.set()
        threads.shutdown(wait=True, cancel_futures=True)


def bytes_to_read(rows: Iterable[PackageRow]) -> int:
    """Return how many bytes `verify` reads if all files are unchanged."""
    return sum(row.bytes or 0 for row in rows if _is_saved(row) and not row.is_discarded)


@asynccontextmanager
async def held(directory: Path) -> AsyncIterator[ExportFolder]:
    """Lock an existing export folder; unlike an export, this creates none.

    Raises:
        FolderBusyError: Another process exports into it.
        SinkError: It is not an export folder, or cannot be used.
    """
    journal_of(directory)
    folder = await ExportFolder.open(directory)
    try:
        yield folder
    finally:
        await folder.aclose()


async def forget(folder: ExportFolder, findings: Iterable[Finding]) -> list[Download]:
    """Mark repairable packages for the next export to fetch again, and return their downloads.

    Their files are set aside, never removed.

    Args:
        folder: The folder; the caller has held its lock since before the verification.
        findings: The findings of packages in it.

    Raises:
        SinkError: The disk refused; packages forgotten by then stay forgotten.
    """
    downloads = []
    try:
        for finding in findings:
            if finding.download is None or not finding.is_repairable:
                continue
            if finding.condition is Condition.DAMAGED:
                downloads.append(finding.download)  # an export rewrites its row
                continue
            row = await folder.journal.get(finding.download.key)
            if row is None:
                continue
            if finding.condition is not Condition.MISSING:
                await folder.sink.set_aside(_name(row))
            folder.journal.note(_forgotten(row, finding.condition))
            downloads.append(finding.download)
    finally:
        await folder.journal.flush()
    return downloads


def _forgotten(row: PackageRow, condition: Condition) -> PackageRow:
    if row.state is not State.FAILED and not _is_saved(row):
        return row  # unfinished: the next export resumes it
    kept = {"extracted": None, "is_discarded": 0} if row.is_discarded else {}
    if condition is Condition.BROKEN:
        kept["download_id"] = None  # request a new package
    return row.without_partial().changed(
        state=State.QUEUED,
        recreated=0,
        bytes=None,
        sha256=None,
        mtime_ns=None,
        inode=None,
        ctime_ns=None,
        checksum="",
        error="",
        error_type="",
        is_retryable_next_run=0,
        **kept,
    )


@dataclass(frozen=True, slots=True)
class _Inspection:
    """What the verification of each package needs.

    Attributes:
        folder: The export folder.
        once_saved: The keys of packages that some run has saved.
        damaged: The damage of rows, by key.
        depth: How thoroughly ZIPs are checked.
        stop: Set when the caller has left.
    """

    folder: Path
    once_saved: frozenset[str]
    damaged: Mapping[str, Corruption]
    depth: Verify
    stop: Event

    def judge(self, row: PackageRow) -> Finding:
        download = _download(row)
        if isinstance(download, Corruption):
            return _damaged(self.folder, str(download))
        if (damage := self.damaged.get(row.key)) is not None:
            return _damaged(self.folder, str(damage), download)
        name = _name(row)
        if problem := name_problem(name):
            reason = f"name: {name!r} is not a valid name of a package ({problem})"
            return _damaged(self.folder, reason, download)
        path = self.folder / name
        if not _is_saved(row):
            judged = judge_unsaved(row.error, was_saved=row.key in self.once_saved)
        else:
            tree, size = FolderTree(self.folder), row.bytes or 0
            found = look(tree, name, size=size, verify=self.depth, stop=self.stop)
            if row.is_discarded:
                judged = judge_extracted(found)
            else:
                judged = judge_file(row.bytes or 0, row.sha256 or "", found)
        condition, reason = judged
        return Finding(
            condition=condition,
            reason=reason,
            path=path,
            download=download,
            bytes=row.bytes,
            sha256=row.sha256,
        )


def _is_saved(row: PackageRow) -> bool:
    return row.state in _SAVED and row.bytes is not None


def _once_saved(record: ExportRecord) -> frozenset[str]:
    return frozenset(step.key for step in record.steps if step.doing in _HAS_SAVED)


def _name(row: PackageRow) -> str:
    return row.extracted if row.is_discarded and row.extracted else row.name


def _download(row: PackageRow) -> Download | Corruption:
    try:
        download = parse_target(json.loads(row.target))
    except (ValueError, InputError) as error:
        return Corruption(key=row.key, field="target", reason=f"is not a download: {error}")
    if download.key != row.key:
        return Corruption(key=row.key, field="target", reason=f"is that of {download.key}")
    return download


def _damaged(folder: Path, reason: str, download: Download | None = None) -> Finding:
    return Finding(
        condition=Condition.DAMAGED,
        reason=f"{reason}; {REMEDY}",
        path=folder / HIDDEN / JOURNAL,
        download=download,
    )


def _unknown_files(folder: Path, record: ExportRecord, stop: Event) -> Iterator[Path]:
    """Yield ZIPs and partial files of no package, except in folders of extracted packages."""
    known = {folder / row.name for row in record.rows}
    closed = {folder / row.extracted for row in record.rows if row.extracted} | {folder / HIDDEN}
    for where, folders, files in os.walk(folder):
        if stop.is_set():
            return
        directory = Path(where)
        folders[:] = [name for name in folders if directory / name not in closed]
        for name in files:
            path = directory / name
            final = directory / name.removesuffix(PART_SUFFIX)
            if path.suffix in {ZIP_SUFFIX, PART_SUFFIX} and final not in known:
                yield path
