"""`doctor`: what it looks at, and how it judges."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import trustme

from pixxel_async.cli.doctor import (
    checks,
    service,
)
from pixxel_async.cli.doctor.checks import Level
from pixxel_async.config import Settings, Timeouts
from pixxel_async.destinations.sink import Disk
from pixxel_async.sandbox import sandbox_in_thread

from ..http.raw_server import PONG, RawServer, raw
from ..http.tls_stand import API_HOST, ConnectProxy, TlsServer, bundle
from ..support import PATIENCE_S
from .commands import COMMAND, env_of, run

KEY = "canary-key-0a17-9c3e"
TIMEOUTS = Timeouts(connect_s=PATIENCE_S, answer_s=PATIENCE_S)


def settings(**parts: Any) -> Settings:
    return Settings.model_validate({"api_key": KEY, **parts})


async def levels(chosen: Settings) -> dict[str, checks.Finding]:
    return {found.name: found async for found in service.way(chosen, TIMEOUTS)}


def test_all_is_well_with_a_sandbox(tmp_path: Path) -> None:
    with sandbox_in_thread() as sandbox:
        told = run("doctor", "--out", tmp_path / "new", env=env_of(sandbox))
        assert told.exit_code == 0, told.stdout
        lines = [line.split()[0] for line in told.stdout.splitlines()]
        assert "problem" not in lines
        names = [line[9:22].strip() for line in told.stdout.splitlines()]
        assert names[:4] == ["versions", "config file", "folder", "space"]
        assert names[-6:] == ["name", "connection", "service", "clock", "key", "key accepted"]
        assert sandbox.api_key not in told.stdout
        assert not (tmp_path / "new").exists()

        told = run("doctor", "--json", env={**env_of(sandbox), "PIXXEL_API_KEY": KEY})
        assert told.exit_code == 1
        answer = json.loads(told.stdout)
        assert answer["ok"] is False
        (bad,) = [check for check in answer["checks"] if check["level"] == "problem"]
        assert bad["name"] == "key accepted"
        assert "401" in bad["text"]
        assert "auth login" in bad["remedy"]
        assert KEY not in told.stdout


def test_without_a_key_the_rest_is_still_looked_at(tmp_path: Path) -> None:
    with sandbox_in_thread() as sandbox:
        told = run("doctor", "--base-url", sandbox.api_url, "--out", tmp_path)
        assert told.exit_code == 1
        assert "problem  key           none; set PIXXEL_API_KEY" in told.stdout
        assert "ok       service" in told.stdout
        assert all(call.operation == "ping" for call in sandbox.calls)


@pytest.mark.parametrize(
    ("off_s", "level", "words"),
    [
        (0, Level.OK, "as the service's"),
        (299, Level.OK, "off"),
        (-299, Level.OK, "off"),
        (301, Level.WARNING, "5 min 1 s fast"),
        (-301, Level.WARNING, "5 min 1 s slow"),
    ],
)
def test_a_clock_that_is_off_is_a_warning(off_s: float, level: Level, words: str) -> None:
    there = datetime(2030, 1, 1, tzinfo=UTC)
    found = checks.judge_clock(there + timedelta(seconds=off_s), there)
    assert found.level is level
    assert words in found.text
    assert checks.judge_clock(there, None).level is Level.OK


async def test_the_clock_is_compared_with_the_date_header() -> None:
    date = format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)
    async with RawServer(raw(200, Date=date)) as server:
        found = await levels(settings(base_url=server.url))
        assert "authorization" not in server.headers()
    assert found["clock"].level is Level.WARNING
    assert "fast" in found["clock"].text
    async with RawServer(raw(200, Date="yesterday")) as server:
        assert (await levels(settings(base_url=server.url)))["clock"].level is Level.OK


async def test_the_part_of_the_way_that_fails_is_named(
    unused_tcp_port: int,
) -> None:
    found = await levels(settings(base_url="https://nobody.invalid"))
    assert list(found) == ["proxy", "name"]
    assert found["name"].level is Level.PROBLEM

    found = await levels(settings(base_url=f"http://127.0.0.1:{unused_tcp_port}"))
    assert list(found) == ["proxy", "name", "connection"]
    assert found["connection"].level is Level.PROBLEM

    strange = trustme.CA().issue_cert("localhost")
    async with TlsServer(strange, raw(200)) as server:
        found = await levels(settings(base_url=server.url))
    assert list(found) == ["proxy", "name", "connection", "TLS"]
    assert found["TLS"].level is Level.PROBLEM
    assert "--ca-bundle FILE" in found["TLS"].text

    async with RawServer(raw(503)) as server:
        found = await levels(settings(base_url=server.url))
    assert found["service"].level is Level.PROBLEM
    assert "answers 503" in found["service"].text

    async with RawServer(b"") as server:
        found = await levels(settings(base_url=server.url))
    assert found["service"].level is Level.PROBLEM


async def test_the_way_through_a_proxy_is_looked_at(tmp_path: Path) -> None:
    ca = trustme.CA()
    async with (
        TlsServer(ca.issue_cert(API_HOST), raw(200, PONG)) as service,
        ConnectProxy({API_HOST: service.port}, password="me:pass-word") as proxy,
    ):
        url = f"http://me:pass-word@127.0.0.1:{proxy.port}"
        found = await levels(
            settings(base_url=f"https://{API_HOST}", proxy=url, ca_bundle=str(bundle(ca, tmp_path)))
        )
    assert [finding.level for finding in found.values()] == [Level.OK] * 6
    assert found["proxy"].text == f"http://127.0.0.1:{proxy_port(url)}"
    assert found["name"].text.startswith("127.0.0.1: ")


def proxy_port(url: str) -> str:
    return url.rpartition(":")[2]


async def test_a_command_takes_proxy_and_certificates_by_option(tmp_path: Path) -> None:
    ca = trustme.CA()
    pem = bundle(ca, tmp_path)
    async with (
        TlsServer(ca.issue_cert(API_HOST), raw(200, b"{}")) as service,
        ConnectProxy({API_HOST: service.port}) as proxy,
    ):
        words = ("auth", "status", "--base-url", f"https://{API_HOST}", "--proxy", proxy.url)
        for more, code, text in (
            (("--ca-bundle", str(pem)), 0, "the key is good"),
            ((), 1, "--ca-bundle FILE"),
        ):
            process = await asyncio.create_subprocess_exec(
                *COMMAND,
                *words,
                *more,
                env={**os.environ, "PIXXEL_API_KEY": KEY},
                stdout=asyncio.subprocess.PIPE,
            )
            out, _ = await process.communicate()
            assert (process.returncode, text in out.decode()) == (code, True)
            assert KEY not in out.decode()


@pytest.mark.parametrize(
    ("soft", "hard", "level", "remedy"),
    [
        (None, None, Level.OK, ""),
        (96, None, Level.OK, ""),
        (95, None, Level.PROBLEM, "ulimit -n 96"),
        (95, 96, Level.PROBLEM, "ulimit -n 96"),
        (90, 90, Level.PROBLEM, "--fetches 5"),
        (10, 10, Level.PROBLEM, "--fetches 1"),
    ],
)
def test_open_files_are_counted(
    soft: int | None, hard: int | None, level: Level, remedy: str
) -> None:
    found = checks.judge_open_files(soft, hard, 8)
    assert (found.level, found.remedy) == (level, remedy)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_the_limit_of_this_process_is_read(tmp_path: Path) -> None:
    with sandbox_in_thread() as sandbox:
        told = run("doctor", "--fetches", "10000000", "--out", tmp_path, env=env_of(sandbox))
    assert told.exit_code == 1
    assert "problem  open files" in told.stdout


@pytest.mark.parametrize(("free", "level"), [(255 * 2**20, Level.PROBLEM), (257 * 2**20, Level.OK)])
def test_a_disk_that_is_full_is_a_problem(free: int, level: Level) -> None:
    assert checks.judge_space(Disk(10**12, free)).level is level


def test_file_systems_are_told_apart(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "/dev/sda / ext4 rw 0 0\nserver:/x /share nfs4 rw 0 0\n"
        "/dev/sdb /share/a\\040b vfat rw 0 0\n",
        encoding="utf-8",
    )
    kinds = {"/share/x": "nfs4", "/share/a b/c": "vfat", "/shared": "ext4", "/": "ext4"}
    for place, kind in kinds.items():
        assert checks.file_system(Path(place), mounts) == kind
    assert checks.file_system(Path("/"), tmp_path / "none") == ""
    assert checks.judge_file_system("ext4").level is Level.OK
    assert checks.judge_file_system("nfs4").level is Level.WARNING
    assert checks.judge_file_system("vfat").level is Level.WARNING


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux, for /proc/self")
def test_a_folder_that_cannot_be_written_is_a_problem() -> None:
    (found,) = checks.folder(Path("/proc/self"))
    assert found.level is Level.PROBLEM
    assert "choose another with --out" in found.remedy


def test_the_config_file_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config.toml"
    monkeypatch.setenv("PIXXEL_CONFIG", str(path))
    with sandbox_in_thread() as sandbox:
        env = env_of(sandbox)
        assert "ok       config file   none at" in run("doctor", env=env).stdout
        path.write_text("[default]\nfetches = 3\n")
        path.chmod(0o644)
        told = run("doctor", env=env)
        assert told.exit_code == 0
        assert f"warning  config file   others may read {path}; chmod 600" in told.stdout
        path.chmod(0o600)
        assert "profiles: default" in run("doctor", env=env).stdout
        path.write_text("[default]\nfetches = 3\n[b]\nfetchs = 3\n")
        told = run("doctor", env=env)
        assert told.exit_code == 1
        assert f"problem  config file   {path}:4: [b] fetchs: " in told.stdout
