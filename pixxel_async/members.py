"""The members of a package's ZIP: what is known of them, and which of them are wanted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from pydantic import field_validator

from .errors import ConfigError
from .policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A file in the ZIP of a package, as the ZIP's directory describes it.

        for member in await client.peek(JobDownload(workflow_id="w", job_id="j")):
            print(member.name, member.size)

    Attributes:
        name: Its path in the ZIP, as it stands there: not safe to use or to print as it is.
        size: Its bytes.
        packed_size: The bytes that it takes in the ZIP.
        crc32: Its CRC-32.
        offset: Where it begins in the ZIP.
        method: How it is compressed: 0 is stored, 8 deflated.
        is_encrypted: Whether reading it needs a password.
    """

    name: str
    size: int
    packed_size: int
    crc32: int
    offset: int
    method: int
    is_encrypted: bool


class MemberFilter(Policy, frozen=True):
    """Which members of each package are saved; the default is all of them, as a ZIP.

        masks = FolderPolicy(members=MemberFilter(only=["*.mask.tif", "*.hdr"]))
        export_sync(downloads, "masks", folder=masks)

    A pattern is that of a shell, and upper and lower case differ. One without a slash is matched
    with the last part of a path, another one with all of it; a `*` also stands for slashes.

    Attributes:
        only: A member must match one of these, unless there are none.
        skip: A member must match none of these.
    """

    only: Sequence[str] = ()
    skip: Sequence[str] = ()

    @field_validator("only", "skip")
    @classmethod
    def _check_patterns(cls, patterns: Sequence[str]) -> tuple[str, ...]:
        if not all(patterns) or any("\0" in pattern for pattern in patterns):
            reason = "a pattern is empty or holds a NUL"
            raise ValueError(reason)
        return tuple(patterns)  # a policy can be hashed

    def __bool__(self) -> bool:
        """Whether it may leave out a member."""
        return bool(self.only or self.skip)

    def wants(self, name: str) -> bool:
        """Return whether a member is saved; a folder never is by itself."""
        if name.endswith("/"):
            return False
        is_chosen = not self.only or any(_matches(name, pattern) for pattern in self.only)
        return is_chosen and not any(_matches(name, pattern) for pattern in self.skip)

    @property
    def text(self) -> str:
        """The same filter always as the same text; empty if it leaves out nothing."""
        if not self:
            return ""
        return json.dumps({"only": sorted(set(self.only)), "skip": sorted(set(self.skip))})


def filter_of(text: str) -> MemberFilter:
    """Return the filter with this `text`; any other text gives one that leaves out nothing."""
    try:
        return MemberFilter.model_validate_json(text)
    except (ValueError, ConfigError):
        return MemberFilter()


def in_words(text: str) -> str:
    """Return the options that give a filter, from its text."""
    found = filter_of(text)
    kinds = (("--only", found.only), ("--skip", found.skip))
    options = [f"{kind} '{one}'" for kind, patterns in kinds for one in patterns]
    return " ".join(options) or "whole packages"


def _matches(name: str, pattern: str) -> bool:
    return fnmatchcase(name if "/" in pattern else name.rpartition("/")[2], pattern)
