"""An export of one package."""

from __future__ import annotations

from ..config import FolderPolicy, PreviousFailures
from ..models import SavedPackage
from .summary import Report


def again(folder: FolderPolicy | None) -> FolderPolicy:
    """Return the policy with which one package is asked for: it may have failed earlier."""
    retry = {"previous_failures": PreviousFailures.RETRY}
    return (folder or FolderPolicy()).model_copy(update=retry)


def only_package(report: Report) -> SavedPackage:
    """Return the package of an export of one.

    Raises:
        PixxelError: Why it could not be saved.
    """
    for failed in report.failed:
        raise failed.error
    if report.stopped is not None:  # the disk stayed full
        raise report.stopped
    return (report.saved or report.skipped)[0]
