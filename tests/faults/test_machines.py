"""Cases 75 to 78: machines that are not like the one this was written on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pixxel_async import FolderBusyError, JobDownload, SinkError
from pixxel_async.cli.doctor import checks
from pixxel_async.destinations import paths
from pixxel_async.journal import heartbeat_lock, os_locks
from pixxel_async.journal.export_folder import HIDDEN, JOURNAL, ExportFolder, running_process
from pixxel_async.journal.heartbeat_lock import NAMED_LOCK, STALE_S, FolderLostError, Holder
from pixxel_async.journal.models import PackageRow
from pixxel_async.journal.os_locks import LocksUnsupportedError
from pixxel_async.journal.reader import read_record
from pixxel_async.sandbox import PackagingTime, Sandbox, Scenario, demo_rows, sandbox_in_thread

from ..cli.commands import COMMAND, QUICK, env_of, run, start, write_manifest
from ..support import client_of, some_downloads, when

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows differs in other ways")

JOB = JobDownload(workflow_id="w", job_id="j")
SMALL = Scenario(package_bytes=20_000)
SLOW = Scenario(package_bytes=1_000_000, size_spread=0, bytes_per_s=2_000_000)


def odd(lacks: str) -> tuple[str, ...]:
    """Return the command of a machine that lacks something."""
    return (sys.executable, "-m", "tests.faults.odd_machine", lacks)


# 75: signals that were ignored at the start.


def ignoring(name: str) -> tuple[str, ...]:
    return ("sh", "-c", f'trap "" {name}; exec "$@"', "sh", *COMMAND)


@pytest.mark.fault(75)
@pytest.mark.parametrize(
    ("command", "number"),
    [
        (("nohup", *COMMAND), signal.SIGHUP),
        (ignoring("HUP"), signal.SIGHUP),
        (ignoring("INT"), signal.SIGINT),
        (ignoring("TERM"), signal.SIGTERM),
    ],
    ids=["nohup", "HUP", "INT", "TERM"],
)
def test_a_signal_that_was_ignored_stays_ignored(
    tmp_path: Path, command: tuple[str, ...], number: int
) -> None:
    manifest = write_manifest(tmp_path / "m.jsonl", demo_rows(3))
    out = tmp_path / "out"
    with sandbox_in_thread(SLOW) as sandbox:
        words = ("export", manifest, "--out", out, "--fetches", "1", *QUICK)
        with start(*words, env=env_of(sandbox), command=command) as process:
            when(lambda: any(out.glob("*.part")))
            for _ in range(2):
                process.send_signal(number)
            _, stderr = process.communicate(timeout=90)
    assert process.returncode == 0, stderr
    assert "ending" not in stderr
    assert len(list(out.glob("*.zip"))) == 3


@pytest.mark.fault(75)
def test_other_signals_still_end_what_nohup_runs(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.jsonl", demo_rows(3))
    out = tmp_path / "out"
    with sandbox_in_thread(SLOW) as sandbox:
        words = ("export", manifest, "--out", out, "--fetches", "1", *QUICK)
        with start(*words, env=env_of(sandbox), command=("nohup", *COMMAND)) as process:
            when(lambda: any(out.glob("*.part")))
            process.send_signal(signal.SIGHUP)
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=90)
    assert process.returncode == 143


# 76: a read-only folder.


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Mount a folder over itself, read-only; not even the superuser writes to it."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only the superuser of a Linux may mount a folder read-only")
    try:
        mount("--bind", str(folder), str(folder))
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("nothing can be mounted here")
    try:
        mount("-o", "remount,bind,ro", str(folder))
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)  # noqa: S603, S607 - words of our own


def mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True, capture_output=True)  # noqa: S603, S607 - likewise


@pytest.mark.fault(76)
@pytest.mark.parametrize("state", ["whole", "rollback", "old", "unlocked"])
def test_commands_that_only_read_work_in_a_read_only_folder(tmp_path: Path, state: str) -> None:
    out = tmp_path / "out"
    manifest = write_manifest(tmp_path / "m.jsonl", demo_rows(4))
    with sandbox_in_thread(SMALL) as sandbox:
        env = env_of(sandbox)
        assert run("export", manifest, "--out", out, *QUICK, env=env).exit_code == 0
        if state == "unlocked":
            (out / HIDDEN / "lock").unlink()
        elif state == "rollback":
            kill_in_commit(out / HIDDEN / JOURNAL)
        elif state == "old":
            downgrade(out / HIDDEN / JOURNAL)
        with read_only(out):
            assert "4 saved" in run("status", out).stdout
            assert run("verify", out).exit_code == 0
            assert run("report", out, "--out", tmp_path / "report").exit_code == 0
            plan = run("export", manifest, "--out", out, "--dry-run", env=env)
            assert (plan.exit_code, "4 are there already" in plan.stdout) == (0, True)
            for words in (
                ("export", manifest, "--out", out),
                ("verify", out, "--repair"),
                ("report", out),
            ):
                told = run(*words, env=env)
                assert told.exit_code == 2, words
                assert "read-only; choose another folder" in told.stderr
                assert told.stderr.count("\n") == 1
    assert len(json.loads((tmp_path / "report" / "report.json").read_text())["packages"]) == 4


def kill_in_commit(journal: Path) -> None:
    """Leave a journal as a process does that is killed within a commit."""
    script = (
        "import os, sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1])\n"
        "connection.execute('PRAGMA journal_mode = TRUNCATE')\n"
        "connection.execute('PRAGMA cache_size = 1')\n"
        "connection.execute('UPDATE package SET error = hex(randomblob(100000))')\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(journal)], check=False)  # noqa: S603 - our own
    assert journal.with_name(f"{JOURNAL}-journal").stat().st_size > 0


def downgrade(journal: Path) -> None:
    """Make a journal one of an earlier version."""
    script = (
        "import sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1])\n"
        "for column in ('mtime_ns', 'inode'):\n"
        "    connection.execute(f'ALTER TABLE package DROP COLUMN {column}')\n"
        "connection.execute('PRAGMA user_version = 3')\n"
        "connection.commit()\n"
    )
    subprocess.run([sys.executable, "-c", script, str(journal)], check=True)  # noqa: S603 - our own


@pytest.mark.fault(76)
def test_a_running_export_is_seen_without_a_write(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.jsonl", demo_rows(4))
    out = tmp_path / "out"
    late = Scenario(package_bytes=20_000, packaging=PackagingTime.constant(3600))
    with sandbox_in_thread(late) as sandbox:
        words = ("export", manifest, "--out", out, *QUICK)
        with start(*words, env=env_of(sandbox)) as process:
            when(lambda: running_process(out) == process.pid)
            before = {path: path.stat().st_mtime_ns for path in (out / HIDDEN).glob("lock*")}
            assert running_process(out) == process.pid
            after = {path: path.stat().st_mtime_ns for path in (out / HIDDEN).glob("lock*")}
            assert before == after
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=90)
    assert running_process(out) is None


# 77: no locks.


@pytest.fixture(name="no_locks")
def _no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*_: object, **__: object) -> bool:
        raise LocksUnsupportedError

    monkeypatch.setattr("pixxel_async.journal.folder_lock.try_lock", unsupported)
    monkeypatch.setattr("pixxel_async.journal.database.has_record_locks", lambda _: False)


@pytest.mark.fault(77)
@pytest.mark.parametrize("lacks", ["ENOSYS", "ENOLCK", "EOPNOTSUPP"])
def test_without_locks_a_second_export_is_refused_and_nothing_is_warned_of(
    tmp_path: Path, lacks: str
) -> None:
    manifest = write_manifest(tmp_path / "m.jsonl", demo_rows(4))
    out = tmp_path / "out"
    late = Scenario(package_bytes=20_000, packaging=PackagingTime.constant(3600))
    with sandbox_in_thread(late) as sandbox:
        env = env_of(sandbox)
        words = ("export", manifest, "--out", out, *QUICK)
        with start(*words, env=env, command=odd(lacks)) as first:
            when(lambda: running_process(out) == first.pid and (out / HIDDEN / JOURNAL).exists())
            with start(*words, env=env, command=odd(lacks)) as second:
                _, refused = second.communicate(timeout=90)
            with start(*words, env=env) as third:  # where there are locks, the name counts too
                _, refused_too = third.communicate(timeout=90)
            with start("status", out, env=env, command=odd(lacks)) as status:
                seen, warned = status.communicate(timeout=90)
            first.send_signal(signal.SIGTERM)
            _, stderr = first.communicate(timeout=90)
    assert (first.returncode, second.returncode, third.returncode) == (143, 2, 2)
    busy = f"{out}: process {first.pid} is already exporting into this folder\n"
    assert refused == refused_too == busy
    assert f"yes, process {first.pid}" in seen
    assert warned == ""
    assert "warn" not in stderr.lower()
    assert not (out / HIDDEN / NAMED_LOCK).exists()


@pytest.mark.fault(77)
def test_without_locks_a_killed_export_leaves_the_folder_free(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.jsonl", demo_rows(4))
    out = tmp_path / "out"
    with sandbox_in_thread(SLOW) as sandbox:
        env = env_of(sandbox)
        words = ("export", manifest, "--out", out, "--fetches", "1", *QUICK)
        with start(*words, env=env, command=odd("ENOSYS")) as first:
            when(lambda: any(out.glob("*.part")))
            first.kill()
            first.communicate(timeout=90)
        assert (out / HIDDEN / NAMED_LOCK).exists()
        with start(*words, env=env, command=odd("ENOSYS")) as again:
            _, stderr = again.communicate(timeout=90)
    assert again.returncode == 0, stderr
    assert len(list(out.glob("*.zip"))) == 4


def of_another_machine(hidden: Path, *, age_s: float) -> Path:
    hidden.mkdir(mode=0o700, exist_ok=True)
    held = hidden / NAMED_LOCK
    held.write_text(
        json.dumps(
            {"pid": 4711, "host": "node7", "machine": "node7 b p", "started": "1", "token": "t"}
        )
    )
    os.utime(held, (time.time() - age_s,) * 2)
    return held


@pytest.mark.fault(77)
@pytest.mark.usefixtures("no_locks")
async def test_a_lock_of_another_machine_holds_while_it_is_touched(tmp_path: Path) -> None:
    held = of_another_machine(tmp_path / HIDDEN, age_s=STALE_S / 2)
    with pytest.raises(FolderBusyError) as refused:
        await ExportFolder.open(tmp_path)
    assert "process 4711 is already exporting into this folder on node7" in str(refused.value)
    assert f"or remove {held}" in str(refused.value)
    assert running_process(tmp_path) == 4711
    of_another_machine(tmp_path / HIDDEN, age_s=STALE_S * 2)
    assert running_process(tmp_path) is None
    folder = await ExportFolder.open(tmp_path)
    assert json.loads(held.read_text())["pid"] == os.getpid()
    with pytest.raises(FolderBusyError, match="another client of this process"):
        await ExportFolder.open(tmp_path)
    await folder.aclose()
    assert not held.exists()


@pytest.mark.fault(77)
@pytest.mark.usefixtures("no_locks")
@pytest.mark.parametrize("note", ["", "{", "[]", '{"pid": "x"}', "\0" * 10_000])
async def test_a_lock_that_cannot_be_read_holds_until_it_is_old(tmp_path: Path, note: str) -> None:
    held = of_another_machine(tmp_path / HIDDEN, age_s=0)
    held.write_text(note)
    with pytest.raises(FolderBusyError, match="another machine; if it is gone, wait"):
        await ExportFolder.open(tmp_path)
    os.utime(held, (0, 0))
    await (await ExportFolder.open(tmp_path)).aclose()


@pytest.mark.fault(77)
@pytest.mark.usefixtures("no_locks")
async def test_who_lost_the_folder_to_another_machine_writes_nothing_more(tmp_path: Path) -> None:
    folder = await ExportFolder.open(tmp_path)
    held = tmp_path / HIDDEN / NAMED_LOCK
    held.unlink()
    of_another_machine(tmp_path / HIDDEN, age_s=0)
    with pytest.raises(FolderLostError, match="another process has taken over"):
        await folder.journal.put(PackageRow(key="job:1", target="{}", name="1.zip"))
    await folder.aclose()
    assert held.exists()  # the other one's
    held.unlink()
    assert read_record(tmp_path).rows == ()


@pytest.mark.fault(77)
@pytest.mark.usefixtures("no_locks")
async def test_the_lock_is_touched_while_it_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat_lock, "HEARTBEAT_S", 0.01)
    folder = await ExportFolder.open(tmp_path)
    held = tmp_path / HIDDEN / NAMED_LOCK
    for _ in range(2):
        os.utime(held, (1, 1))
        when(lambda: held.stat().st_mtime > 1)
    monkeypatch.setattr(os, "supports_fd", set())
    os.utime(held, (1, 1))
    when(lambda: held.stat().st_mtime > 1)
    await folder.aclose()


@pytest.mark.fault(77)
def test_a_number_that_another_process_has_now_is_not_its_holder() -> None:
    me = Holder(
        pid=os.getpid(),
        machine=heartbeat_lock._machine(),
        started=heartbeat_lock._started(os.getpid()),
    )
    assert not me.is_gone
    if me.started:
        assert Holder(pid=me.pid, machine=me.machine, started="1").is_gone
    assert not Holder(pid=me.pid, machine="elsewhere").is_gone
    with subprocess.Popen(["true"]) as gone:  # noqa: S607 - of every system
        pass
    assert Holder(pid=gone.pid, machine=me.machine).is_gone


@pytest.mark.fault(77)
@pytest.mark.usefixtures("no_locks")
async def test_exports_and_readers_share_a_journal_without_locks(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        async with client.export(some_downloads(30), tmp_path) as export:
            async for _ in export:
                read_record(tmp_path)
        (tmp_path / HIDDEN / f"{JOURNAL}.lock").mkdir()  # as a killed process leaves it
        os.utime(tmp_path / HIDDEN / f"{JOURNAL}.lock", (0, 0))
        async with client.export(some_downloads(30), tmp_path) as again:
            assert len((await again.finish()).skipped) == 30
    assert export.report.is_complete


@pytest.mark.fault(77)
def test_locks_that_work_are_told_from_those_that_do_not(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    with path.open("r+b") as one, path.open("r+b") as two:
        assert os_locks.try_lock(one.fileno(), shared=False)
        assert not os_locks.try_lock(two.fileno(), shared=True)
        os_locks.unlock(one.fileno())
        assert os_locks.try_lock(two.fileno(), shared=True)
        assert os_locks.has_record_locks(two.fileno())


# 78: no size, no home, no random access.


@pytest.mark.fault(78)
def test_a_file_system_without_a_size_is_not_full(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.jsonl", demo_rows(6))
    with sandbox_in_thread(SMALL) as sandbox:
        words = ("export", manifest, "--out", tmp_path / "out", "--extract", *QUICK)
        with start(*words, env=env_of(sandbox), command=odd("size")) as process:
            _, stderr = process.communicate(timeout=90)
        assert process.returncode == 0, stderr
        with start("doctor", "--out", tmp_path, env=env_of(sandbox), command=odd("size")) as doctor:
            stdout, _ = doctor.communicate(timeout=90)
    assert "does not report its size" in stdout
    assert doctor.returncode == 0


@pytest.mark.fault(78)
def test_a_file_system_that_cannot_report_its_size_has_an_unknown_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(_: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("shutil.disk_usage", unsupported)
    assert not paths.disk_of(tmp_path).is_known


@pytest.mark.fault(78)
@pytest.mark.parametrize(
    "words",
    [
        ("--version",),
        ("status", "nowhere"),
        ("verify", "nowhere"),
        ("report", "nowhere"),
        ("doctor", "--base-url", "http://127.0.0.1:9"),
        ("config", "show"),
        ("config", "set", "fetches", "3"),
        ("auth", "status", "--base-url", "http://127.0.0.1:9"),
        ("auth", "login"),
        ("projects", "list", "--base-url", "http://127.0.0.1:9"),
        ("status", "~/packages"),
        ("completion", "bash"),
        ("demo", "--packages", "3", "--quiet"),
    ],
    ids=" ".join,
)
def test_without_a_home_every_command_ends_in_a_line_at_most(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2])}
    told = subprocess.run(  # noqa: S603 - our own
        [*odd("user"), *words],
        env=env,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    assert told.returncode in {0, 1, 2}
    assert "Traceback" not in told.stderr
    assert not (tmp_path / "~").exists()


@pytest.mark.fault(78)
def test_without_a_home_an_export_works(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.jsonl", demo_rows(3))
    with sandbox_in_thread(SMALL) as sandbox:
        told = subprocess.run(  # noqa: S603 - our own
            [*odd("user"), "export", str(manifest), "--out", "out", *QUICK],
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(Path(__file__).parents[2]),
                **env_of(sandbox),
            },
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=90,
        )
    assert told.returncode == 0, told.stderr
    assert len(list((tmp_path / "out").glob("*.zip"))) == 3


@pytest.mark.fault(78)
@pytest.mark.parametrize(
    ("lacks", "reason"),
    [
        ("pwrite", "cannot write in the middle of a file"),
        ("read", "cannot read a file while it is written"),
        ("rename", "cannot rename a file"),
    ],
)
def test_export_and_doctor_say_the_same_of_a_file_system_without_random_access(
    tmp_path: Path, lacks: str, reason: str
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    manifest = write_manifest(tmp_path / "m.jsonl", demo_rows(3))
    with sandbox_in_thread(SMALL) as sandbox:
        env = env_of(sandbox)
        words = ("export", manifest, "--out", out, *QUICK)
        with start(*words, env=env, command=odd(lacks)) as export:
            _, stderr = export.communicate(timeout=90)
        with start("doctor", "--out", out, env=env, command=odd(lacks)) as doctor:
            stdout, _ = doctor.communicate(timeout=90)
        assert sandbox.gets == []
    assert (export.returncode, doctor.returncode) == (2, 1)
    said = stderr.strip()
    assert reason in said
    assert "--vfs-cache-mode writes" in said
    assert f"problem  folder        {said}" in stdout
    assert [path for path in out.iterdir() if path.name != HIDDEN] == []
    assert not [path for path in (out / HIDDEN).iterdir() if "probe" in path.name]


@pytest.mark.fault(78)
def test_doctor_says_that_a_lock_file_takes_the_place_of_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: object, **__: object) -> bool:
        raise LocksUnsupportedError

    monkeypatch.setattr(checks, "try_lock", unsupported)
    names = {finding.name: finding for finding in checks.folder(tmp_path)}
    assert "a file takes their place" in names["locks"].text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.fault(78)
def test_a_current_directory_that_is_gone_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(SinkError, match="the current directory was deleted"):
        read_record("packages")
