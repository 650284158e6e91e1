"""The options that say how an export treats its folder, and when it ends early."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import typer
from pydantic import ByteSize, TypeAdapter, ValidationError

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
from ...sansio.files.filenames import FIELDS, path_namer

FOLDER = "Folder"

_SIZE: TypeAdapter[ByteSize] = TypeAdapter(ByteSize)


def flag(name: str, *, text: str, panel: str | None = None) -> Any:
    """Return an option without a value; typer would show `<bool>` where its value stands."""
    return typer.Option(name, metavar="", rich_help_panel=panel, help=text)


def read_size(text: str) -> int:
    """Read a size such as 500K, 10MB or 2GiB, in bytes.

    Raises:
        typer.BadParameter: It is none.
    """
    try:
        return int(_SIZE.validate_python(text))
    except ValidationError:
        reason = f"{text!r} is no size: give a number of bytes, or one such as 500K, 10MB or 2GiB."
        raise typer.BadParameter(reason) from None


def _template(text: str) -> str:
    try:
        path_namer(text)
    except ConfigError as error:
        raise typer.BadParameter(str(error)) from None
    return text


@dataclass(frozen=True, kw_only=True)
class FolderOptions:
    """How an export treats its folder; each field is an option of the command line."""

    retry_failed: Annotated[
        bool,
        flag(
            "--retry-failed",
            panel=FOLDER,
            text="Also retry packages that failed in an earlier run.",
        ),
    ] = False
    no_recreate: Annotated[
        bool,
        flag(
            "--no-recreate",
            panel=FOLDER,
            text="Fail a package whose creation was sent and not answered; else it is sent again, "
            f"at most {RECREATE_ATTEMPTS} times.",
        ),
    ] = False
    verify: Annotated[
        bool,
        flag("--verify", panel=FOLDER, text="Read saved files again; fetch those that changed."),
    ] = False
    overwrite: Annotated[
        bool,
        flag(
            "--overwrite",
            panel=FOLDER,
            text="Replace files of a package's name that no export has saved.",
        ),
    ] = False
    path_template: Annotated[
        str,
        typer.Option(
            "--path-template",
            metavar="PATH",
            callback=_template,
            rich_help_panel=FOLDER,
            help="Where in DIR a package goes, such as {kind}/{aoi_id}/{name}.zip. There are "
            + ", ".join(f"{{{field}}}" for field in FIELDS)
            + ".",
        ),
    ] = PATH_TEMPLATE
    extract: Annotated[
        bool,
        flag("--extract", panel=FOLDER, text="Extract each ZIP into a folder of its own."),
    ] = False
    discard_zip: Annotated[
        bool,
        flag("--discard-zip", panel=FOLDER, text="With --extract: remove the ZIP afterwards."),
    ] = False
    checksum: Annotated[
        Checksum,
        typer.Option(
            "--checksum",
            rich_help_panel=FOLDER,
            help="What is computed over each package; with none, a file is known by its size.",
        ),
    ] = Checksum.SHA256
    no_fsync: Annotated[
        bool,
        flag(
            "--no-fsync",
            panel=FOLDER,
            text="Leave it to the system when files reach the disk; a power cut may cost some.",
        ),
    ] = False
    min_free: Annotated[
        int,
        typer.Option(
            "--min-free",
            metavar="SIZE",
            parser=read_size,
            rich_help_panel=FOLDER,
            show_default="256MiB",
            help="Pause while the disk has less free space than this.",
        ),
    ] = LEAST_FREE_BYTES

    @property
    def folder(self) -> FolderPolicy:
        """How the folder is treated."""
        return FolderPolicy(
            previous_failures=PreviousFailures.RETRY
            if self.retry_failed
            else PreviousFailures.LEAVE,
            existing_files=ExistingFiles.VERIFY if self.verify else ExistingFiles.TRUST,
            unknown_files=UnknownFiles.REPLACE if self.overwrite else UnknownFiles.REFUSE,
            path_template=self.path_template,
            extraction=self._extraction,
            least_free_bytes=self.min_free,
        )

    @property
    def sync(self) -> Sync:
        """Whether files are brought to the disk before they get their names."""
        return Sync.NONE if self.no_fsync else Sync.DISK

    @property
    def retry(self) -> RetryPolicy:
        """How often calls are repeated."""
        return RetryPolicy(recreate=0 if self.no_recreate else RECREATE_ATTEMPTS)

    @property
    def _extraction(self) -> Extraction:
        if not self.extract:
            return Extraction.NONE
        return Extraction.DISCARD_ZIP if self.discard_zip else Extraction.KEEP_ZIP

    def check(self) -> None:
        """Check options against each other.

        Raises:
            typer.BadParameter: Two of them do not go together.
        """
        if self.discard_zip and not self.extract:
            reason = "--discard-zip goes with --extract only: add that, or leave this out."
            raise typer.BadParameter(reason, param_hint="'--discard-zip'")
