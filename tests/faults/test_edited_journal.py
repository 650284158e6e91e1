"""Case 54: rows of the journal that somebody has edited, and what each command makes of them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pixxel_async import JobDownload, PackageEvent, RowDamaged, SinkError
from pixxel_async.journal.journal import Journal
from pixxel_async.journal.reader import read_record
from pixxel_async.journal.row_validation import read_row
from pixxel_async.sandbox import Sandbox, Scenario, sandbox_in_thread
from pixxel_async.transfer.work_item import new_row

from ..cli.commands import QUICK, env_of, run, start, write_manifest
from ..support import client_of, final_files

pytestmark = pytest.mark.fault(54)

ROWS = [{"kind": "job", "workflow_id": "w", "job_id": f"j{number}"} for number in range(4)]
KEY = JobDownload(workflow_id="w", job_id="j1").key
DEEP = "[" * 100_000

EDITS: dict[str, tuple[str, object]] = {
    "huge total": ("total", 2**62),
    "negative total": ("total", -1),
    "huge mark": ("mark", 2**62),
    "negative mark": ("mark", -(2**62)),
    "huge written": ("written", 2**63 - 1),
    "NUL in the digest": ("written_sha256", "a\0b"),
    "bad stretches": ("stretches", "{"),
    "strange stretches": ("stretches", '[{"begin": -5, "end": 1e99, "sha256": ""}]'),
    "deep stretches": ("stretches", DEEP),
    "validator with a line break": ("validator", '"v"\r\nX-Evil: 1'),
    "validator with a snowman": ("validator", '"\u2603"'),
    "target that is no JSON": ("target", "{"),
    "target that is a list": ("target", "[1]"),
    "target that is deep": ("target", DEEP),
    "target that is empty": ("target", ""),
    "target of another kind": ("target", '{"kind": "nothing"}'),
    "target of another package": ("target", json.dumps({**ROWS[0], "job_id": "other"})),
    "target with a NUL": ("target", '{"kind":\0}'),
    "NUL in the name": ("name", "a\0b.zip"),
    "empty name": ("name", ""),
    "long name": ("name", "n" * 100_000),
    "unknown state": ("state", "lost"),
    "empty state": ("state", ""),
    "huge bytes": ("bytes", 2**62),
    "negative bytes": ("bytes", -1),
    "NUL in the SHA-256": ("sha256", "\0"),
    "NUL in the folder": ("extracted", "a\0b"),
    "strange flag": ("is_discarded", 7),
    "negative recreated": ("recreated", -3),
    "huge attempts": ("attempts", 2**63 - 1),
    "long id": ("download_id", "i" * 1_000_000),
    "NUL in the error": ("error", "a\0\x1b[31m"),
}
OTHER_EDITS = {
    "unknown step": "UPDATE step SET doing = 'dancing'",
    "step in the far future": "UPDATE step SET at = 9e999",
    "step in the past": "UPDATE step SET at = -1e300",
    "huge step": "UPDATE step SET size = 9223372036854775807",
    "run without end": "UPDATE run SET number = 9223372036854775807",
    "run of a strange ending": "UPDATE run SET ending = 'tragic'",
    "run with bad counts": "UPDATE run SET counts = '{'",
    "run with a list": "UPDATE run SET counts = '[]'",
    "run with texts": """UPDATE run SET counts = '{"saved": "all"}'""",
    "run at no time": "UPDATE run SET began_at = -9e999, seen_at = 9e999",
    "run of a huge total": "UPDATE run SET total = 4611686018427387904",
    "no UTF-8": "UPDATE package SET name = CAST(x'ff00fe' AS TEXT) WHERE key LIKE '%j1'",
}
STATES = ("saved", "fetching", "failed")


@pytest.fixture(scope="module", name="sandbox")
def _sandbox() -> Iterator[Sandbox]:
    with sandbox_in_thread(Scenario(package_bytes=20_000)) as sandbox:
        yield sandbox


@pytest.fixture(scope="module", name="exported")
def _exported(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export folder of four packages."""
    folder = tmp_path_factory.mktemp("exported")
    write_manifest(folder / "m.jsonl", ROWS)
    code, told = command(
        sandbox, "export", folder / "m.jsonl", "--out", folder / "out", *QUICK, "--quiet"
    )
    assert code == 0, told
    return folder


@pytest.fixture(name="folder")
def _folder(exported: Path, tmp_path: Path) -> Path:
    """A copy of that."""
    import shutil  # noqa: PLC0415 - here alone

    shutil.copytree(exported, tmp_path / "copy")
    return tmp_path / "copy"


def command(sandbox: Sandbox, *words: str | Path) -> tuple[int, str]:
    """Run a command, and return its exit code and all that it writes."""
    told = run(*words, env={**env_of(sandbox), "COLUMNS": "500"})
    assert told.exception is None or isinstance(told.exception, SystemExit), told.exception
    assert "\x1b" not in told.stdout + told.stderr
    return told.exit_code, told.stdout + told.stderr


def process(sandbox: Sandbox, *words: str | Path) -> tuple[int, str]:
    """Run a command as a process of its own."""
    with start(*words, env={**env_of(sandbox), "COLUMNS": "500"}) as running:
        stdout, stderr = running.communicate(timeout=60)
    assert "Traceback" not in stderr, stderr
    return running.returncode, stdout + stderr


def edit(folder: Path, statement: str, *values: object) -> None:
    """Change the journal behind the back of everybody, past its types too."""
    path = folder / "out" / ".pixxel-async" / "journal.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement, values)


def edit_row(folder: Path, column: str, value: object) -> None:
    edit(folder, f"UPDATE package SET {column} = ? WHERE key = ?", value, KEY)  # noqa: S608 - our names


def look(sandbox: Sandbox, folder: Path) -> dict[str, tuple[int, str]]:
    """Run each command that only reads."""
    out = folder / "out"
    return {
        "status": command(sandbox, "status", out),
        "status --json": command(sandbox, "status", out, "--json"),
        "verify": command(sandbox, "verify", out),
        "verify --json": command(sandbox, "verify", out, "--json"),
        "report": command(sandbox, "report", out, "--out", folder / "report"),
        "dry run": command(
            sandbox, "export", folder / "m.jsonl", "--out", out, "--dry-run", *QUICK
        ),
    }


@pytest.mark.parametrize("edited", EDITS.values(), ids=EDITS.keys())
def test_each_command_reports_a_damaged_row_and_an_export_makes_up_for_it(
    sandbox: Sandbox, folder: Path, edited: tuple[str, object]
) -> None:
    column, value = edited
    edit_row(folder, column, value)
    is_plausible = column == "target" and str(value).startswith('{"')  # only parsing it tells
    told = look(sandbox, folder)
    assert told["verify"][0] == 1
    assert "damaged" in told["verify"][1]
    for name in ("status", "verify", "report"):
        if name == "verify" or not is_plausible:
            assert KEY in told[name][1], name
            assert f"{column} " in told[name][1], name
            assert "the next export of this package starts over" in told[name][1], name
    if not is_plausible:
        assert told["status"][0] == 1
        assert json.loads(told["status --json"][1])["damaged"][0]["field"] == column
    words = ("export", folder / "m.jsonl", "--out", folder / "out", *QUICK)
    code, said = command(sandbox, *words)
    assert code == 0, said
    assert "damaged" in said
    assert len(final_files(folder / "out")) == 4
    code, said = command(sandbox, "verify", folder / "out")
    assert (code, "damaged" in said) == (0, False), said
    assert command(sandbox, "status", folder / "out")[0] == 0


def test_each_command_survives_many_edits_as_a_process(sandbox: Sandbox, folder: Path) -> None:
    edits = [("total", 2**62), ("target", "{"), ("name", "a\0b"), ("state", "lost")]
    for row, (column, value) in zip(ROWS, edits, strict=True):
        key = JobDownload(workflow_id="w", job_id=row["job_id"]).key
        edit(folder, f"UPDATE package SET {column} = ? WHERE key = ?", value, key)  # noqa: S608 - our names
    edit(folder, "UPDATE step SET doing = 'dancing'")
    edit(folder, "UPDATE run SET number = ?, counts = '{'", 2**63 - 1)
    out = folder / "out"
    assert process(sandbox, "status", out)[0] == 1
    code, said = process(sandbox, "verify", out)
    assert (code, said.count("damaged ")) == (1, 4)
    assert process(sandbox, "report", out)[0] == 0
    code, said = process(sandbox, "export", folder / "m.jsonl", "--out", out, *QUICK)
    assert code == 0, said
    assert process(sandbox, "verify", out)[0] == 0


@pytest.mark.parametrize("statement", OTHER_EDITS.values(), ids=OTHER_EDITS.keys())
def test_steps_and_runs_that_cannot_be_are_left_out(
    sandbox: Sandbox, folder: Path, statement: str
) -> None:
    edit(folder, statement)
    look(sandbox, folder)
    words = ("export", folder / "m.jsonl", "--out", folder / "out", *QUICK)
    code, said = command(sandbox, *words)
    assert code == 0, said
    look(sandbox, folder)
    assert command(sandbox, "verify", folder / "out")[0] == 0


def test_a_table_without_types_may_hold_texts_for_numbers(sandbox: Sandbox, folder: Path) -> None:
    path = folder / "out" / ".pixxel-async" / "journal.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE loose AS SELECT * FROM package")
        connection.execute("DROP TABLE package")
        connection.execute("ALTER TABLE loose RENAME TO package")
        connection.execute("UPDATE package SET total = 'many', mark = x'00', bytes = 1.5")
    told = look(sandbox, folder)
    assert "is not a number of bytes: 1.5" in told["verify"][1]
    code, said = command(sandbox, "export", folder / "m.jsonl", "--out", folder / "out", *QUICK)
    assert code in {0, 1, 2}, said


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("field", ["total", "mark", "written", "stretches"])
def test_a_partial_with_a_damaged_row_starts_from_its_first_byte(
    sandbox: Sandbox, folder: Path, state: str, field: str
) -> None:
    value = "x" if field == "stretches" else 2**62
    (folder / "out").joinpath(final_name(folder)).unlink()
    edit(
        folder,
        f"UPDATE package SET state = ?, bytes = NULL, sha256 = NULL, validator = '\"v\"',"  # noqa: S608 - our names
        f" is_retryable_next_run = 1, {field} = ? WHERE key = ?",
        state,
        value,
        KEY,
    )
    words = ("export", folder / "m.jsonl", "--out", folder / "out", *QUICK)
    code, said = command(sandbox, *words)
    assert code == 0, said
    assert command(sandbox, "verify", folder / "out")[0] == 0


def final_name(folder: Path) -> str:
    record = read_record(folder / "out")
    return next(row.name for row in record.rows if row.key == KEY)


def test_repair_mends_damaged_rows(sandbox: Sandbox, folder: Path) -> None:
    edit_row(folder, "state", "lost")
    edit(folder, "UPDATE package SET total = ? WHERE key != ?", -7, KEY)
    code, said = command(sandbox, "verify", folder / "out", "--repair", *QUICK)
    assert code == 0, said
    assert command(sandbox, "verify", folder / "out")[0] == 0
    assert len(final_files(folder / "out")) == 4


def test_a_name_that_belongs_to_another_row_fails_one_package(
    sandbox: Sandbox, folder: Path
) -> None:
    fifth = {**ROWS[0], "job_id": "fifth"}
    name = new_row(JobDownload(workflow_id="w", job_id="fifth")).name
    (folder / "out" / final_name(folder)).unlink()
    edit_row(folder, "name", name)
    write_manifest(folder / "m.jsonl", [fifth, *ROWS[2:], {**ROWS[0], "job_id": "sixth"}])
    code, said = command(sandbox, "export", folder / "m.jsonl", "--out", folder / "out", *QUICK)
    assert code == 1, said
    assert "1 failed" in said
    assert "another row has its name" in said
    assert "1 saved" in said


async def test_the_event_names_field_and_reason(tmp_path: Path) -> None:
    async with Sandbox(Scenario(package_bytes=20_000)) as sandbox, client_of(sandbox) as client:
        job = JobDownload(workflow_id="w", job_id="j1")
        await client.download(job, tmp_path / "out")
        edit_row(tmp_path, "bytes", -1)
        async with client.export([job], tmp_path / "out") as export:
            seen = [event async for event in export if isinstance(event, PackageEvent)]
    (damaged,) = [event for event in seen if isinstance(event, RowDamaged)]
    assert (damaged.field, damaged.reason) == ("bytes", "is not a number of bytes: -1")
    assert len(export.report.saved) == 1
    kept = [path.name for path in (tmp_path / "out").iterdir() if ".changed-" in path.name]
    assert len(kept) == 1


async def test_a_row_that_is_refused_keeps_no_other_from_the_disk(tmp_path: Path) -> None:
    journal = await Journal.open(tmp_path / "journal.sqlite")
    rows = [new_row(JobDownload(workflow_id="w", job_id=str(number))) for number in range(3)]
    await journal.put(rows[0])
    journal.note(rows[1])
    with pytest.raises(SinkError, match="another row has its name"):
        await journal.put(rows[2].changed(name=rows[0].name))
    await journal.put(rows[2])
    await journal.aclose()
    journal = await Journal.open(tmp_path / "journal.sqlite")
    assert [await journal.get(row.key) for row in rows] == rows
    await journal.aclose()


def test_every_column_is_checked() -> None:
    row = new_row(JobDownload(workflow_id="w", job_id="j"))
    values: dict[str, Any] = {name: getattr(row, name) for name in type(row).__slots__}
    assert read_row(values) == (row, None)
    for name in values:
        for strange in (b"blob", 1.5, "\ud800", object()):
            found, damage = read_row({**values, name: strange})
            assert damage is not None
            assert damage.field == name
            assert (found is None) is (
                name
                not in {"validator", "total", "mark", "written"}
                | {
                    "written_sha256",
                    "stretches",
                    "is_subset",
                }
            )
            str(damage).encode()
