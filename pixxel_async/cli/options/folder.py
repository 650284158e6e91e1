"""The options for the folder of an export: what it keeps, checks and replaces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeAlias

import typer

from ...config import (
    LEAST_FREE_BYTES,
    PATH_TEMPLATE,
    RECREATE_ATTEMPTS,
    Checksum,
    ExistingFiles,
    Extraction,
    FolderPolicy,
    PreviousFailures,
    RetryPolicy,
    Sync,
    UnknownFiles,
)
from ...errors import ConfigError
from ...members import MemberFilter
from ...sansio.files.filenames import FIELDS, path_namer
from .types import flag, size_option

FOLDER = "Folder"

NoRecreate: TypeAlias = Annotated[
    bool,
    flag(
        "--no-recreate",
        panel=FOLDER,
        text="Fail a package if the response to its creation was lost, instead of sending the "
        f"creation again, at most {RECREATE_ATTEMPTS} times.",
    ),
]


def _template(text: str) -> str:
    try:
        path_namer(text)
    except ConfigError as error:
        raise typer.BadParameter(str(error)) from None
    return text


@dataclass(frozen=True, kw_only=True)
class FolderOptions:
    """How an export treats its folder; each field is an option."""

    retry_failed: Annotated[
        bool,
        flag(
            "--retry-failed",
            panel=FOLDER,
            text="Also retry packages that failed in an earlier run.",
        ),
    ] = False
    no_recreate: NoRecreate = False
    verify: Annotated[
        bool,
        flag(
            "--verify",
            panel=FOLDER,
            text="Read saved files again, and download those that changed.",
        ),
    ] = False
    overwrite: Annotated[
        bool,
        flag(
            "--overwrite",
            panel=FOLDER,
            text="Replace files that have a package's name but that no export saved.",
        ),
    ] = False
    path_template: Annotated[
        str,
        typer.Option(
            "--path-template",
            metavar="PATH",
            callback=_template,
            rich_help_panel=FOLDER,
            help="Path of a package within DIR, such as {kind}/{aoi_id}/{name}.zip. Fields: "
            + ", ".join(f"{{{field}}}" for field in FIELDS)
            + ".",
        ),
    ] = PATH_TEMPLATE
    extract: Annotated[
        bool,
        flag("--extract", panel=FOLDER, text="Extract each ZIP into its own folder."),
    ] = False
    discard_zip: Annotated[
        bool,
        flag("--discard-zip", panel=FOLDER, text="With --extract: delete the ZIP afterwards."),
    ] = False
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="GLOB",
            rich_help_panel=FOLDER,
            help="Transfer only the files of each package that match, such as '*.mask.tif', and "
            "save them in a folder of its own. May be repeated.",
        ),
    ] = None
    skip: Annotated[
        list[str] | None,
        typer.Option(
            "--skip",
            metavar="GLOB",
            rich_help_panel=FOLDER,
            help="Leave out the files that match, such as '*.jpeg'. May be repeated.",
        ),
    ] = None
    checksum: Annotated[
        Checksum,
        typer.Option(
            "--checksum",
            rich_help_panel=FOLDER,
            help="Checksum to compute for each package; with none, files are identified by size.",
        ),
    ] = Checksum.SHA256
    no_fsync: Annotated[
        bool,
        flag(
            "--no-fsync",
            panel=FOLDER,
            text="Let the operating system decide when to write to disk; a power cut may damage "
            "some files.",
        ),
    ] = False
    min_free: Annotated[
        int,
        size_option(
            "--min-free",
            default=LEAST_FREE_BYTES,
            panel=FOLDER,
            text="Pause transfers while the disk has less free space than this.",
        ),
    ] = LEAST_FREE_BYTES

    @property
    def folder(self) -> FolderPolicy:
        """How the export treats its folder."""
        return FolderPolicy(
            previous_failures=PreviousFailures.RETRY
            if self.retry_failed
            else PreviousFailures.LEAVE,
            existing_files=ExistingFiles.VERIFY if self.verify else ExistingFiles.TRUST,
            unknown_files=UnknownFiles.REPLACE if self.overwrite else UnknownFiles.REFUSE,
            path_template=self.path_template,
            extraction=self._extraction,
            members=self.members,
            least_free_bytes=self.min_free,
        )

    @property
    def members(self) -> MemberFilter:
        """Which members of each package are saved."""
        try:
            return MemberFilter(only=self.only or (), skip=self.skip or ())
        except ConfigError:
            reason = "a pattern is empty or holds a NUL."
            raise typer.BadParameter(reason, param_hint="'--only' / '--skip'") from None

    @property
    def sync(self) -> Sync:
        """Whether files are synced to disk before they get their final names."""
        return Sync.NONE if self.no_fsync else Sync.DISK

    @property
    def retry(self) -> RetryPolicy:
        """How often calls are retried."""
        return RetryPolicy(recreate=0 if self.no_recreate else RECREATE_ATTEMPTS)

    @property
    def _extraction(self) -> Extraction:
        if not self.extract:
            return Extraction.NONE
        return Extraction.DISCARD_ZIP if self.discard_zip else Extraction.KEEP_ZIP

    def check(self) -> None:
        """Check options against each other.

        Raises:
            typer.BadParameter: Two options conflict.
        """
        if self.discard_zip and not self.extract:
            reason = "it needs --extract: add that option, or leave this one out."
            raise typer.BadParameter(reason, param_hint="'--discard-zip'")
        _ = self.members  # raises
