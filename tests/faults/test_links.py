"""Cases 53, 57, 58 and 59: what lies in an export folder is not trusted."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pixxel_async import (
    Condition,
    Extraction,
    FolderPolicy,
    JobDownload,
    PixxelError,
    SinkError,
    UnknownFiles,
    verify,
)
from pixxel_async.journal.export_folder import HIDDEN, JOURNAL
from pixxel_async.journal.models import PackageRow
from pixxel_async.journal.reader import read_record
from pixxel_async.report.write import write_report
from pixxel_async.sandbox import Sandbox, Scenario, sandbox_in_thread
from pixxel_async.transfer.work_item import new_row

from ..cli.commands import QUICK, env_of, run, start, write_manifest
from ..engine.saved import change_row
from ..support import client_of, final_files, quick_fetch, some_downloads, when
from .tampering import dangling_link, hard_link, symbolic_link

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no FIFOs")

JOB = JobDownload(workflow_id="w", job_id="j")
NAME = new_row(JOB).name
SMALL = Scenario(package_bytes=20_000)
EXTRACT = FolderPolicy(extraction=Extraction.KEEP_ZIP)


def fifo(path: Path, _: Path) -> None:
    os.mkfifo(path)


def unix_socket(path: Path, _: Path) -> None:
    before = Path.cwd()
    os.chdir(path.parent)  # the address of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as opened:
            opened.bind(path.name)
    finally:
        os.chdir(before)


def directory(path: Path, _: Path) -> None:
    path.mkdir()


def device(path: Path, _: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only the superuser may make a device")
    try:
        os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    except OSError:
        pytest.skip("no device can be made here")


Plant = Callable[[Path, Path], None]
LINKS = (symbolic_link, dangling_link, hard_link)
OTHERS = (fifo, unix_socket, device)


@pytest.fixture(name="precious")
def _precious(tmp_path: Path) -> Iterator[Path]:
    """A file outside the export folder, which has to stay as it is."""
    outside = tmp_path / "outside"
    outside.mkdir()
    path = outside / "precious"
    path.write_text("precious")
    path.chmod(0o644)
    yield path
    assert path.read_text() == "precious"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [found.name for found in outside.iterdir()] == ["precious"]


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


# 57: links.


@pytest.mark.fault(57)
@pytest.mark.parametrize("plant", [*LINKS, *OTHERS, directory])
@pytest.mark.parametrize(
    "name", ["owner", "lock", JOURNAL, f"{JOURNAL}-journal", f"{JOURNAL}-wal", f"{JOURNAL}-shm"]
)
async def test_what_was_planted_where_an_export_keeps_its_state_is_refused(
    tmp_path: Path, precious: Path, name: str, plant: Plant
) -> None:
    hidden = tmp_path / "out" / HIDDEN
    hidden.mkdir(parents=True)
    plant(hidden / name, precious)
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        async with asyncio.timeout(60):
            with pytest.raises(SinkError, match=name) as refused:
                await client.download(JOB, tmp_path / "out")
        assert sandbox.calls == []
    assert "and run the command again" in str(refused.value)
    (hidden / name).rmdir() if plant is directory else (hidden / name).unlink()
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        await client.download(JOB, tmp_path / "out")


@pytest.mark.fault(57)
async def test_a_state_directory_that_is_a_link_is_refused(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    out = tmp_path / "out"
    out.mkdir()
    (out / HIDDEN).symlink_to(elsewhere)
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        with pytest.raises(SinkError, match="symbolic link, not a directory"):
            await client.download(JOB, out)
    assert list(elsewhere.iterdir()) == []
    for words in (("status", out), ("verify", out), ("report", out)):
        told = await asyncio.to_thread(run, *words)
        assert told.exit_code == 2
        assert "symbolic link" in told.stderr
        assert told.stderr.count("\n") == 1


@pytest.mark.fault(57)
@pytest.mark.parametrize("plant", LINKS)
async def test_a_partial_that_is_a_link_is_replaced_by_a_file(
    tmp_path: Path, precious: Path, plant: Plant
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    plant(out / f"{NAME}.part", precious)
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        saved = await client.download(JOB, out)
        assert saved.sha256 == sandbox.expected_sha256(JOB.row())
    info = saved.path.lstat()
    assert (stat.S_IMODE(info.st_mode), info.st_nlink) == (0o600, 1)
    assert info.st_ino != precious.stat().st_ino


@pytest.mark.fault(57)
async def test_a_partial_of_an_earlier_run_with_a_second_link_is_not_resumed(
    tmp_path: Path,
) -> None:
    scenario = Scenario(package_bytes=600_000, size_spread=0, bytes_per_s=600_000)
    out, kept = tmp_path / "out", tmp_path / "backup"
    async with Sandbox(scenario) as sandbox:
        async with client_of(sandbox, fetch=quick_fetch(flush_bytes=100_000)) as client:
            async with client.export([JOB], out) as export:
                async for event in export:
                    if getattr(event, "bytes", 0) > 300_000:
                        break
            (part,) = out.glob("*.part")
            kept.hardlink_to(part)
            before = kept.read_bytes()
            saved = await client.download(JOB, out)
            assert saved.sha256 == sandbox.expected_sha256(JOB.row())
    assert kept.read_bytes() == before
    assert saved.path.stat().st_nlink == 1


@pytest.mark.fault(57)
@pytest.mark.parametrize("plant", [*LINKS, *OTHERS])
@pytest.mark.parametrize("foreign", UnknownFiles)
async def test_a_final_name_that_is_a_link_is_refused_or_replaced_and_never_followed(
    tmp_path: Path, precious: Path, plant: Plant, foreign: UnknownFiles
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    plant(out / NAME, precious)
    policy = FolderPolicy(unknown_files=foreign)
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        async with client.export([JOB], out, folder=policy) as export:
            report = await export.finish()
    if foreign is UnknownFiles.REFUSE:
        assert "move it away" in str(report.failed[0].error)
    else:
        assert report.is_complete
        assert stat.S_ISREG((out / NAME).lstat().st_mode)


@pytest.mark.fault(57)
async def test_a_saved_file_that_became_a_link_is_set_aside_and_fetched_again(
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        first = await client.download(JOB, out)
        moved = first.path.rename(tmp_path / "moved.zip")
        first.path.symlink_to(moved)
        again = await client.download(JOB, out)
    assert not again.skipped
    assert not first.path.is_symlink()
    assert (out / f"{NAME}.changed-1").is_symlink()


@pytest.mark.fault(57)
async def test_a_directory_of_a_path_template_that_is_a_link_fails_its_packages_alone(
    tmp_path: Path,
) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    out.mkdir()
    elsewhere.mkdir()
    (out / "job").symlink_to(elsewhere)
    policy = FolderPolicy(path_template="{kind}/{name}.zip")
    downloads = some_downloads(20)
    jobs = [download for download in downloads if download.kind == "job"]
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        async with client.export(downloads, out, folder=policy) as export:
            report = await export.finish()
    assert 0 < len(jobs) == len(report.failed) < len(downloads) == len(jobs) + len(report.saved)
    assert all("symbolic link, not a directory" in str(failed.error) for failed in report.failed)
    assert list(elsewhere.iterdir()) == []


@pytest.mark.fault(57)
@pytest.mark.parametrize("plant", [*LINKS, fifo])
async def test_an_extraction_goes_into_a_new_folder_whatever_stood_there(
    tmp_path: Path, precious: Path, plant: Plant
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    folder = NAME.removesuffix(".zip")
    plant(out / f".{folder}.extracting", precious)
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        async with client.export([JOB], out, folder=EXTRACT) as export:
            report = await export.finish()
    assert report.is_complete
    assert not (out / folder).is_symlink()
    assert any((out / folder).iterdir())


@pytest.mark.fault(57)
async def test_a_report_in_the_folder_follows_no_link(tmp_path: Path, precious: Path) -> None:
    out = tmp_path / "out"
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        await client.download(JOB, out)
    (out / "report.json").symlink_to(precious)
    (out / "report.csv").hardlink_to(precious)
    written = write_report(out)
    assert not written.json.is_symlink()
    assert written.csv.stat().st_nlink == 1
    (out / "reports").symlink_to(precious.parent)
    with pytest.raises(SinkError, match="symbolic link"):
        write_report(out, out / "reports")
    with pytest.raises(SinkError, match="symbolic link"):
        write_report(out, out / "reports" / "new")


@pytest.mark.fault(57)
async def test_a_partial_that_is_replaced_while_it_is_written_fails_its_package(
    tmp_path: Path, precious: Path
) -> None:
    scenario = Scenario(package_bytes=600_000, size_spread=0, bytes_per_s=600_000)
    out = tmp_path / "out"
    async with Sandbox(scenario) as sandbox, client_of(sandbox, fetch=quick_fetch()) as client:
        async with client.export([JOB], out) as export:
            async for event in export:
                if getattr(event, "bytes", 0) > 300_000 and not list(out.glob("*.zip")):
                    part = out / f"{NAME}.part"
                    if not part.is_symlink():
                        part.unlink()
                        part.symlink_to(precious)
    assert final_files(out) == {}
    assert "replaced" in str(export.report.failed[0].error) or "link" in str(
        export.report.failed[0].error
    )


@pytest.mark.fault(57)
async def test_a_file_of_another_user_is_not_written_to(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only the superuser may give files away")
    out = tmp_path / "out"
    out.mkdir()
    part = out / f"{NAME}.part"
    part.write_bytes(b"theirs")
    os.chown(part, 12345, 12345)
    kept = os.open(part, os.O_RDONLY)
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        saved = await client.download(JOB, out)
        assert saved.path.stat().st_uid == 0
        assert os.read(kept, 100) == b"theirs"
        os.close(kept)
        os.chown(out / HIDDEN / JOURNAL, 12345, 12345)
        with pytest.raises(SinkError, match=r"belongs to another user \(uid 12345\)"):
            await client.download(JOB, out)
        os.chown(out / HIDDEN / JOURNAL, 0, 0)
        os.chown(out / HIDDEN, 12345, 12345)
        with pytest.raises(SinkError, match=r"belongs to another user \(uid 12345\)"):
            await client.download(JOB, out)


# 53: what is no file.


@pytest.mark.fault(53)
@pytest.mark.parametrize("plant", [*OTHERS, directory])
async def test_what_is_no_file_fails_its_package_alone(
    tmp_path: Path, precious: Path, plant: Plant
) -> None:
    downloads = some_downloads(20)
    out = tmp_path / "out"
    out.mkdir()
    name = f"{new_row(downloads[0]).name}.part"
    plant(out / name, precious)
    async with asyncio.timeout(120), Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        async with client.export(downloads, out) as export:
            report = await export.finish()
        assert len(report.saved) == 19
        (failed,) = report.failed
        assert "not a file; remove it or move it away" in str(failed.error)
        (out / name).rmdir() if plant is directory else (out / name).unlink()
        async with client.export(downloads, out) as export:
            assert (await export.finish()).is_complete


@pytest.mark.fault(53)
async def test_a_fifo_in_place_of_a_noted_partial_is_not_resumed(tmp_path: Path) -> None:
    scenario = Scenario(package_bytes=600_000, size_spread=0, bytes_per_s=600_000)
    async with asyncio.timeout(120), Sandbox(scenario) as sandbox:
        async with client_of(sandbox, fetch=quick_fetch(flush_bytes=100_000)) as client:
            async with client.export([JOB], tmp_path) as export:
                async for event in export:
                    if getattr(event, "bytes", 0) > 300_000:
                        break
            (part,) = tmp_path.glob("*.part")
            part.unlink()
            os.mkfifo(part)
            with pytest.raises(PixxelError, match="FIFO"):
                await client.download(JOB, tmp_path)


@pytest.mark.fault(53)
def test_the_first_signal_ends_an_export_with_a_fifo_in_its_folder(tmp_path: Path) -> None:
    downloads = some_downloads(8)
    out = tmp_path / "out"
    out.mkdir()
    os.mkfifo(out / f"{new_row(downloads[0]).name}.part")
    manifest = write_manifest(tmp_path / "m.jsonl", [download.row() for download in downloads])
    slow = Scenario(package_bytes=4_000_000, size_spread=0, bytes_per_s=200_000)
    words = ("export", manifest, "--out", out, "--stall-timeout", "3", *QUICK)
    with sandbox_in_thread(slow) as sandbox:
        with start(*words, env=env_of(sandbox)) as process:
            when(lambda: any(path.is_file() for path in out.glob("*.part")))
            process.send_signal(signal.SIGTERM)
            _, stderr = process.communicate(timeout=90)
    assert process.returncode == 143
    assert "Traceback" not in stderr


# 58: the umask.


@pytest.mark.fault(58)
@pytest.mark.parametrize("mask", [0o000, 0o022, 0o277, 0o777])
async def test_modes_are_the_same_whatever_the_umask(tmp_path: Path, mask: int) -> None:
    out = tmp_path / "a" / "b" / "out"
    policy = FolderPolicy(path_template="{kind}/x/{name}.zip", extraction=Extraction.KEEP_ZIP)
    with umask(mask):
        async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
            async with client.export(some_downloads(5), out, folder=policy) as export:
                assert (await export.finish()).is_complete
        write_report(out, tmp_path / "r" / "eports")
    for root in (tmp_path / "a", tmp_path / "r"):
        for path in (root, *root.rglob("*")):
            wanted = 0o700 if path.is_dir() else 0o600
            assert stat.S_IMODE(path.stat().st_mode) == wanted, path


@pytest.mark.fault(58)
async def test_what_an_earlier_run_left_open_to_others_is_closed(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        await client.download(JOB, tmp_path)
        hidden = tmp_path / HIDDEN
        for path in (hidden, *hidden.iterdir()):
            path.chmod(0o777 if path.is_dir() else 0o666)
        part = tmp_path / f"{new_row(some_downloads(1)[0]).name}.part"
        part.write_bytes(b"x")
        part.chmod(0o666)
        saved = await client.download(some_downloads(1)[0], tmp_path)
    assert stat.S_IMODE(saved.path.stat().st_mode) == 0o600
    for path in (hidden, *hidden.iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


# 59: names in the journal.


BAD_NAMES = (
    "../evil.zip",
    "a/../../evil.zip",
    "/evil-pixxel.zip",
    "..",
    ".",
    "a//b.zip",
    ".pixxel-async/journal.sqlite",
    "con.zip",
    "a\\b.zip",
    "a\nb.zip",
    "C:evil.zip",
)


def named(name: str) -> Callable[[PackageRow], PackageRow]:
    return lambda row: row.changed(name=name)


@pytest.mark.fault(59)
@pytest.mark.parametrize("name", BAD_NAMES)
@pytest.mark.parametrize("is_saved", [True, False])
async def test_a_bad_name_in_the_journal_fails_its_package_alone(
    tmp_path: Path, name: str, *, is_saved: bool
) -> None:
    out = tmp_path / "deep" / "out"
    downloads = some_downloads(5)
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        async with client.export(downloads, out) as export:
            assert (await export.finish()).is_complete
        bad = downloads[0].key
        await change_row(
            out,
            bad,
            lambda row: (row if is_saved else row.changed(bytes=None, state="queued")).changed(
                name=name
            ),
        )
        before = sorted(path for path in tmp_path.rglob("*") if HIDDEN not in path.parts)
        async with client.export(downloads, out, folder=EXTRACT) as export:
            report = await export.finish()
    (failed,) = report.failed
    assert failed.key == bad
    assert "is not a valid name" in str(failed.error)
    assert len(report.skipped) == 4
    after = sorted(path for path in tmp_path.rglob("*") if HIDDEN not in path.parts)
    assert {path.parent.name for path in set(after) - set(before)} >= {"out"}
    assert all(path.is_relative_to(out) for path in set(after) - set(before))


@pytest.mark.fault(59)
@pytest.mark.parametrize("name", BAD_NAMES)
async def test_commands_that_read_say_so_without_a_traceback(tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    downloads = some_downloads(3)
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        async with client.export(downloads, out) as export:
            await export.finish()
    await change_row(out, downloads[0].key, named(name))
    wrong = [finding async for finding in verify(out) if finding.is_wrong]
    assert [finding.condition for finding in wrong] == [Condition.DAMAGED]
    assert "not a valid name" in wrong[0].reason
    manifest = write_manifest(tmp_path / "m.jsonl", [download.row() for download in downloads])
    for words in (
        ("verify", out),
        ("verify", out, "--json"),
        ("status", out),
        ("report", out, "--out", tmp_path / "report"),
        ("export", manifest, "--out", out, "--dry-run"),
    ):
        told = await asyncio.to_thread(run, *words, env={"PIXXEL_API_KEY": "key"})
        assert told.exception is None or isinstance(told.exception, SystemExit), words
        assert told.exit_code in {0, 1, 2}


@pytest.mark.fault(59)
@pytest.mark.parametrize("name", ["../elsewhere", "/etc", "..", ".pixxel-async"])
async def test_a_bad_name_of_an_extracted_folder_is_not_looked_at(
    tmp_path: Path, name: str
) -> None:
    out = tmp_path / "out"
    (tmp_path / "elsewhere").mkdir()
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        await client.download(JOB, out)
        await change_row(out, JOB.key, lambda row: row.changed(extracted=name, is_discarded=1))
        with pytest.raises(SinkError, match="is not a valid name"):
            await client.download(JOB, out)
    wrong = [finding async for finding in verify(out) if finding.is_wrong]
    assert "not a valid name" in wrong[0].reason
    assert len(read_record(out).rows) == 1
