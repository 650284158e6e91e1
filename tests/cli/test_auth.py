"""`auth` and `config`: where the key is kept, and that nobody is shown it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pixxel_async.sandbox import Sandbox, sandbox_in_thread

from ..settings import made_keyring
from ..support import PROCESS_S
from .commands import COMMAND, run

KEY = "canary-key-0a17-9c3e"
END = "…9c3e"


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "settings" / "config.toml"
    monkeypatch.setenv("PIXXEL_CONFIG", str(path))
    made_keyring.remove(monkeypatch)
    return path


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with sandbox_in_thread() as sandbox:
        yield sandbox


def said(told: Any) -> str:
    assert KEY not in told.stdout + told.stderr
    return f"{told.stdout}{told.stderr}"


def test_a_key_that_is_piped_lies_in_the_file(path: Path) -> None:
    told = run("auth", "login", stdin=f"{KEY}\n".encode())
    assert (told.exit_code, told.stdout) == (0, "")
    assert (
        said(told) == f"the key {END} of profile default is stored in {path}, which only you "
        "may read\n"
    )
    assert path.read_text("utf-8") == f'[default]\napi_key = "{KEY}"\n'
    assert path.stat().st_mode & 0o077 == 0


def test_a_key_that_is_typed_is_not_shown(path: Path) -> None:
    pty = pytest.importorskip("pty", reason="Windows has no such terminals")
    ours, theirs = pty.openpty()
    with subprocess.Popen(  # noqa: S603 - the command is ours
        [*COMMAND, "auth", "login", "--store", "file"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "PIXXEL_CONFIG": str(path)},
        start_new_session=True,  # without a terminal of its own, it takes standard input
    ) as process:
        os.close(theirs)
        shown = b""
        while b"API key: " not in shown:
            shown += os.read(ours, 1024)
        os.write(ours, f"{KEY}\n".encode())
        try:
            while piece := os.read(ours, 1024):
                shown += piece
        except OSError:
            pass  # the other end has gone
        assert process.wait(PROCESS_S) == 0
    os.close(ours)
    assert KEY.encode() not in shown
    assert END.encode() in shown
    assert KEY in path.read_text("utf-8")


def test_a_keyring_is_taken_if_there_is_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("auth", "login", stdin=KEY.encode())
    backend = made_keyring.install(monkeypatch)
    told = run("auth", "login", "--profile", "default", stdin=KEY.encode())
    assert "is stored in the system keyring" in said(told)
    assert backend.kept == {("pixxel-async", "default"): KEY}
    assert path.read_text("utf-8") == '[default]\nkey_store = "keyring"\n'
    assert f"in the keyring: {path}:2" in said(run("config", "show"))
    told = run("auth", "logout")
    assert said(told) == "the key of profile default is deleted from the system keyring\n"
    assert backend.kept == {}
    assert path.read_text("utf-8") == "[default]\n"
    assert said(run("auth", "logout")) == "profile default has no stored key\n"


def test_a_key_that_moves_to_the_file_leaves_the_keyring(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = made_keyring.install(monkeypatch)
    run("auth", "login", stdin=KEY.encode())
    assert len(backend.kept) == 1
    run("auth", "login", "--store", "file", stdin=KEY.encode())
    assert backend.kept == {}
    assert path.read_text("utf-8") == f'[default]\napi_key = "{KEY}"\n'
    assert str(path) in said(run("auth", "logout"))
    assert path.read_text("utf-8") == "[default]\n"


def test_a_keyring_that_is_asked_for_and_is_none_is_an_error(path: Path) -> None:
    told = run("auth", "login", "--store", "keyring", stdin=KEY.encode())
    assert told.exit_code == 2
    assert "pip install 'pixxel-async[keyring]'" in said(told)
    assert not path.exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "no key was given"),
        (b" \n", "no key was given"),
        (b"two\nlines", "a character that is no"),
        (b"x" * 20_000, "too long"),
    ],
)
def test_what_is_no_key_is_not_stored(path: Path, text: bytes, words: str) -> None:
    told = run("auth", "login", stdin=text)
    assert told.exit_code == 2
    assert words in told.stderr
    assert not path.exists()


def test_a_variable_that_wins_over_the_stored_key_is_told() -> None:
    told = run("auth", "login", stdin=KEY.encode(), env={"PIXXEL_API_KEY": "another"})
    assert "PIXXEL_API_KEY is set and wins over it: unset PIXXEL_API_KEY" in said(told)


def test_status_tells_whether_the_key_is_good(path: Path, sandbox: Sandbox) -> None:
    env = {"PIXXEL_BASE_URL": sandbox.api_url}
    told = run("auth", "status", env=env)
    assert told.exit_code == 1
    assert "no API key: set PIXXEL_API_KEY" in told.stderr
    assert "pixxel-async auth login" in told.stderr

    run("auth", "login", stdin=KEY.encode())
    told = run("auth", "status", env=env)
    assert told.exit_code == 1
    assert f"key      {END} from {path}:2: [default] api_key\n" in said(told)
    assert "service  the key is rejected (401 " in told.stdout

    told = run("auth", "status", env={**env, "PIXXEL_API_KEY": sandbox.api_key})
    assert (told.exit_code, told.stderr) == (0, "")
    assert "from api_key (PIXXEL_API_KEY)\n" in told.stdout
    assert told.stdout.endswith("service  the key is good\n")
    assert sandbox.api_key not in told.stdout


def test_status_tells_that_nobody_answers(unused_tcp_port: int) -> None:
    run("auth", "login", stdin=KEY.encode())
    told = run("auth", "status", "--base-url", f"http://127.0.0.1:{unused_tcp_port}")
    assert told.exit_code == 1
    assert f"service  127.0.0.1:{unused_tcp_port} cannot be reached: connection refused" in said(
        told
    )
    assert "check the network and --base-url" in told.stdout


def test_a_command_uses_the_profile(path: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    run("auth", "login", "--profile", "box", stdin=sandbox.api_key.encode())
    run("config", "set", "base_url", sandbox.api_url, "--profile", "box")
    run("config", "set", "poll_initial", "0.02", "--profile", "box")
    for way in (("--profile", "box"), ()):
        job = ("download", "job", "w", f"j{len(way)}", "--out", tmp_path / "out", "--json")
        told = run(*job, *way, env={} if way else {"PIXXEL_PROFILE": "box"})
        assert told.exit_code == 0, told.stderr
        assert '"saved"' in told.stdout
    assert "no API key" in run(*job).stderr
    path.chmod(0o644)
    told = run(*job, "--profile", "box")
    assert told.exit_code == 2
    assert f"chmod 600 '{path}'" in told.stderr
    assert sandbox.api_key not in told.stderr


def test_numbers_of_the_profile_are_taken_where_no_option_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from pixxel_async.cli.commands import download  # noqa: PLC0415 - here alone

    seen: list[Any] = []
    monkeypatch.setattr(download, "save", lambda _, options: seen.append(options))
    run("config", "set", "fetches", "3")
    run("config", "set", "poll_max", "7")
    job = ("download", "job", "w", "j", "--out", "x")
    run(*job)
    run(*job, env={"PIXXEL_FETCHES": "4"})
    run(*job, "--fetches", "5", env={"PIXXEL_FETCHES": "4"})
    assert [options.fetches for options in seen] == [3, 4, 5]
    assert seen[0].limits.fetches == 3
    assert {options.poll_max for options in seen} == {7.0}
    told = run(*job, env={"PIXXEL_FETCHES": "many"})
    assert told.exit_code == 2
    assert told.stderr.startswith("fetches (PIXXEL_FETCHES): ")


def test_config_tells_and_changes(path: Path, sandbox: Sandbox) -> None:
    assert run("config", "path").stdout == f"{path}\n"
    assert run("config", "profiles").stdout == ""
    assert run("config", "set", "fetches", "3").exit_code == 0
    run("config", "set", "proxy", f"http://me:{KEY}@proxy.test:3128")
    run("config", "set", "base_url", sandbox.api_url, "--profile", "box")
    shown = said(run("config", "show", env={"PIXXEL_AUTH_SCHEME": "bearer"}))
    rows = {line.split()[0]: line.split(maxsplit=1)[1] for line in shown.splitlines()}
    assert rows["fetches"].split() == ["3", f"{path}:2:", "[default]", "fetches"]
    assert rows["proxy"].startswith("http://proxy.test:3128 (with a password)  ")
    assert rows["auth_scheme"].split()[0] == "bearer"
    assert "(PIXXEL_AUTH_SCHEME)" in rows["auth_scheme"]
    assert rows["base_url"].split() == ["https://api.pixxel.space", "default"]
    assert run("config", "profiles").stdout == "* default\n  box\n"
    assert run("config", "profiles", env={"PIXXEL_PROFILE": "box"}).stdout == "  default\n* box\n"
    assert run("config", "unset", "proxy").exit_code == 0
    assert KEY not in path.read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("set", "api_key", KEY), "pixxel-async auth login"),
        (("set", "fetchs", "3"), "fetchs: unknown key; did you mean fetches?"),
        (("set", "fetches", KEY), "fetches: give a whole number from 1"),
        (("unset", "fetches"), "[default] has no fetches"),
        (("unset", "fetchs"), "did you mean fetches?"),
        (("show", "--profile", "nobody"), "no profile 'nobody'"),
    ],
)
def test_what_cannot_be_done_is_told(words: tuple[str, ...], message: str) -> None:
    told = run("config", *words)
    assert told.exit_code == 2
    assert message in said(told)


def test_no_traceback_of_a_bug_shows_the_key(path: Path) -> None:
    code = (
        "import sys; from pixxel_async.settings import layers;"
        "from pixxel_async.cli import main; from pixxel_async.cli.commands import auth;"
        "auth.client_of = lambda options: 1 / 0;"
        "sys.argv[1:] = ['auth', 'status']; main()"
    )
    run("auth", "login", stdin=KEY.encode())
    ended = subprocess.run(  # noqa: S603 - the command is ours
        [sys.executable, "-c", code],
        env={**os.environ, "PIXXEL_CONFIG": str(path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=PROCESS_S,
    )
    assert "ZeroDivisionError" in ended.stderr
    assert KEY not in ended.stderr + ended.stdout
