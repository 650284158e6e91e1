"""The objects of `--json`."""

from __future__ import annotations

import errno
import io
import json

import pytest

from pixxel_async import JobDownload, NotFoundError, SinkError
from pixxel_async.cli.output.json_lines import Rows, row_of

from .stories import FOLDER, NAME, failed, saved, skipped

KEYS = ["target", "status", "path", "bytes", "sha256", "extracted", "error"]
TARGET = {"kind": "job", "workflow_id": "w", "job_id": "j"}


def test_a_saved_package() -> None:
    row = row_of(saved(), FOLDER)
    assert list(row) == KEYS
    assert row == {
        "target": TARGET,
        "status": "saved",
        "path": NAME,
        "bytes": 2_000_000,
        "sha256": "ab" * 32,
        "extracted": None,
        "error": None,
    }


def test_a_package_that_was_there_already() -> None:
    assert row_of(skipped(), FOLDER) == {**row_of(saved(), FOLDER), "status": "skipped"}


def test_a_failed_package() -> None:
    row = row_of(failed(error=NotFoundError("no such job", status=404, code="NONE")), FOLDER)
    assert list(row) == KEYS
    assert row == {
        "target": TARGET,
        "status": "failed",
        "path": None,
        "bytes": None,
        "sha256": None,
        "extracted": None,
        "error": {"type": "NotFoundError", "message": "404 no such job (NONE)"},
    }


def test_a_line_is_ascii_and_steers_no_terminal() -> None:
    stream = io.StringIO()
    odd = JobDownload(workflow_id="\x1b[31m\x7f\u202e\n", job_id="ü")
    Rows(stream, FOLDER).write(failed(odd))
    (line,) = stream.getvalue().splitlines()
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["target"] == odd.row()


class Refusing(io.StringIO):
    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number

    def flush(self) -> None:
        raise OSError(self._number, "refused")


@pytest.mark.parametrize("number", [errno.EPIPE, errno.EINVAL])
def test_a_reader_that_has_gone_is_told_apart(number: int) -> None:
    with pytest.raises(BrokenPipeError):
        Rows(Refusing(number), FOLDER).write(saved())


def test_a_full_disk_behind_standard_output_is_told() -> None:
    with pytest.raises(SinkError, match="standard output cannot be written: refused"):
        Rows(Refusing(errno.ENOSPC), FOLDER).write(saved())
