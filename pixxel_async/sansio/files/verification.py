"""What is the matter with a saved package, judged from what is remembered and what was found.

Rules:
    * A file of another size is changed, and need not be read to know it.
    * A file of the right size is changed if its SHA-256 is another one. One that was saved without
      a checksum has none to compare.
    * A file with the right SHA-256 is as it was saved; it may still be no whole ZIP.
    * Where the ZIP was removed after its extraction, the folder that it went into stands for it.
    * What cannot be read is neither right nor wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ...downloads import Download


class Condition(StrEnum):
    """How a saved package was found.

        async for finding in verify("packages"):
            if finding.condition is Condition.MISSING:
                print(finding.path)

    OK: as it was saved. MISSING: its file is gone. CHANGED: size or SHA-256 is another one.
    BROKEN: as it was saved, and no whole ZIP. UNREADABLE: the disk did not let it be read.
    NOT_SAVED: no export has saved it yet. UNKNOWN: a file that the journal does not know.
    DAMAGED: the journal's row of it holds what cannot be.
    """

    OK = "ok"
    MISSING = "missing"
    CHANGED = "changed"
    BROKEN = "broken"
    UNREADABLE = "unreadable"
    NOT_SAVED = "not_saved"
    UNKNOWN = "unknown"
    DAMAGED = "damaged"


REPAIRABLE = frozenset({Condition.MISSING, Condition.CHANGED, Condition.BROKEN, Condition.DAMAGED})
"""What another export mends; the bytes of a file that cannot be read may be right."""
WRONG = REPAIRABLE | {Condition.UNREADABLE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What `verify` says of one package, or of one file that no package has.

        wrong = [finding.path async for finding in verify("packages") if finding.is_wrong]

    Attributes:
        condition: How it was found.
        reason: Why, in a few words; empty if all is right.
        path: The file; for a package whose ZIP was removed, the folder that it was extracted into.
        download: The requested package, or None for a file that the journal does not know.
        bytes: The size that it was saved with, in bytes, or None.
        sha256: The SHA-256 that it was saved with, in hexadecimal, or None.
    """

    condition: Condition
    reason: str
    path: Path
    download: Download | None = None
    bytes: int | None = None
    sha256: str | None = None

    @property
    def is_wrong(self) -> bool:
        """Whether something that was saved is not as it was saved."""
        return self.condition in WRONG

    @property
    def is_repairable(self) -> bool:
        """Whether fetching the package again mends it."""
        return self.condition in REPAIRABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFound:
    """A file.

    Attributes:
        size: In bytes.
        sha256: In hexadecimal, or None if it was not read, because of its size.
        zip_problem: Why it is no whole ZIP, or None.
    """

    size: int
    sha256: str | None = None
    zip_problem: str | None = None


@dataclass(frozen=True, slots=True)
class FolderFound:
    """A folder."""


@dataclass(frozen=True, slots=True)
class OtherFound:
    """Something that is neither a file nor a folder.

    Attributes:
        kind: What it is, in words.
    """

    kind: str = "no file"


@dataclass(frozen=True, slots=True)
class NothingFound:
    """Nothing of that name."""


@dataclass(frozen=True, slots=True)
class NotReadable:
    """The disk refused.

    Attributes:
        reason: In the words of the operating system.
    """

    reason: str


Found = FileFound | FolderFound | OtherFound | NothingFound | NotReadable
Judged = tuple[Condition, str]


def judge_file(size: int, sha256: str, found: Found) -> Judged:
    """Judge what stands under the final name of a package, and say why.

    Args:
        size: What was saved, in bytes.
        sha256: What was saved, in hexadecimal; empty if no checksum was wanted.
        found: What is there now.
    """
    match found:
        case FileFound():
            return _judge_bytes(size, sha256, found)
        case FolderFound():
            return Condition.CHANGED, "a folder has its name"
        case OtherFound():
            return Condition.CHANGED, f"what has its name is {found.kind}"
        case NothingFound():
            return Condition.MISSING, "the file is not there"
    return Condition.UNREADABLE, found.reason


def _judge_bytes(size: int, sha256: str, found: FileFound) -> Judged:
    if found.size != size:
        return Condition.CHANGED, f"it has {found.size} bytes, and was saved with {size}"
    if sha256 and found.sha256 != sha256:
        return Condition.CHANGED, "its SHA-256 is not the one that it was saved with"
    if found.zip_problem is not None:
        return Condition.BROKEN, f"it was saved so, and is no whole ZIP: {found.zip_problem}"
    return Condition.OK, ""


def judge_extracted(found: Found) -> Judged:
    """Judge the folder that a package was extracted into before its ZIP was removed."""
    match found:
        case FolderFound():
            return Condition.OK, ""
        case NothingFound():
            return Condition.MISSING, "the folder that it was extracted into is not there"
        case FileFound() | OtherFound():
            return Condition.CHANGED, "the path of its extracted folder is not a directory"
    return Condition.UNREADABLE, found.reason


def judge_unsaved(error: str, *, was_saved: bool) -> Judged:
    """Judge a package that the journal does not call saved.

    Args:
        error: Why it failed last, or empty.
        was_saved: Whether an earlier run has saved it: then it was lost, and is still to come.
    """
    if was_saved:
        reason = "it was saved once, and is to be fetched again"
        return Condition.MISSING, f"{reason}: {error}" if error else reason
    return Condition.NOT_SAVED, error
