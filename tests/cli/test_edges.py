"""The edges of the process: streams, signals and resources, as real processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pixxel_async import ConfigError, PixxelClient
from pixxel_async.cli import interrupts, last_resort
from pixxel_async.cli.output.streams import OutputError
from pixxel_async.errors import SinkError
from pixxel_async.sandbox import PackagingTime, Sandbox, Scenario, demo_rows, sandbox_in_thread
from pixxel_async.sandbox.world import World

from .commands import COMMAND, QUICK, env_of, run, start, write_manifest

SMALL = Scenario(
    package_bytes=20_000, packaging=PackagingTime.constant(0.01), world=World.made_up(seed=3)
)
LIMIT_S = 120
FULL = "/dev/full"

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has neither these signals nor these limits"
)
needs_full = pytest.mark.skipif(not Path(FULL).exists(), reason="needs /dev/full, as Linux has it")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with sandbox_in_thread(SMALL) as running:
        yield running


def shell(
    script: str, *words: str | Path, env: dict[str, str], folder: Path
) -> subprocess.CompletedProcess[str]:
    """Run a script of a shell in a folder; `"$@"` in it is the command."""
    command = ["bash", "-c", script, "bash", *COMMAND, *map(str, words)]
    return subprocess.run(  # noqa: S603 - the command is ours
        command,
        env={**os.environ, **env},
        cwd=folder,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=LIMIT_S,
        check=False,
    )


def one_line(ended: subprocess.CompletedProcess[str], code: int, text: str = "") -> None:
    """Check that a command has ended with a code, a line, and no traceback."""
    assert "Traceback" not in ended.stderr, ended.stderr[-2000:]
    assert ended.returncode == code, ended.stderr[-2000:]
    assert ended.stderr.count("\n") == bool(text)
    assert text in ended.stderr


@pytest.mark.fault(62)
@needs_full
@pytest.mark.parametrize(
    ("redirected", "said"),
    [(">&-", "output cannot be written: it is closed"), (f">{FULL}", "No space left")],
)
@pytest.mark.parametrize(
    "words", [("--version",), ("export", "--help"), ("config", "show"), ("completion", "bash")]
)
def test_standard_output_that_takes_nothing_is_an_error(
    tmp_path: Path, words: tuple[str, ...], redirected: str, said: str
) -> None:
    one_line(shell(f'"$@" {redirected}', *words, env={}, folder=tmp_path), 2, said)


@pytest.mark.fault(62)
@needs_full
@pytest.mark.parametrize("redirected", [">&-", f">{FULL}"])
@pytest.mark.parametrize(
    "words",
    [("projects", "list", "--json"), ("insights", "select"), ("doctor",), ("auth", "status")],
)
def test_so_it_is_for_commands_that_ask_the_service(
    tmp_path: Path, sandbox: Sandbox, words: tuple[str, ...], redirected: str
) -> None:
    ended = shell(f'"$@" {redirected}', *words, env=env_of(sandbox), folder=tmp_path)
    one_line(ended, 2, "standard output")


@pytest.mark.fault(62)
@needs_full
@pytest.mark.parametrize(
    ("script", "code"),
    [
        ('"$@" <&- >&- 2>&-', 0),  # an export writes nothing to standard output
        (f'"$@" >{FULL} 2>{FULL}', 0),
        ('"$@" --json >&-', 2),
        (f'"$@" --json >{FULL}', 2),
        ('"$@" --json 2>&- | head -1 >head; exit ${PIPESTATUS[0]}', None),
    ],
)
def test_an_export_survives_its_streams(
    tmp_path: Path, sandbox: Sandbox, script: str, code: int | None
) -> None:
    write_manifest(tmp_path / "m.jsonl", demo_rows(3))
    words = ("export", "m.jsonl", "--out", "out", *QUICK)
    ended = shell(script, *words, env=env_of(sandbox), folder=tmp_path)
    assert "Traceback" not in ended.stderr
    if code is None:  # the reader may be slower than all of the export
        assert ended.returncode in {0, 141}
        return
    assert ended.returncode == code
    if code == 0:
        assert len(list((tmp_path / "out").glob("*.zip"))) == 3
    else:
        assert "standard output" in ended.stderr.splitlines()[-1]


@pytest.mark.fault(62)
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [(("export", "-", "--out", "o"), 0, "is empty"), (("auth", "login"), 2, "no key was given")],
)
def test_standard_input_that_is_closed_is_empty(
    tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    env = {"XDG_CONFIG_HOME": str(tmp_path), "PIXXEL_API_KEY": "canary-key"}
    one_line(shell('"$@" <&-', *words, env=env, folder=tmp_path), code, said)


@pytest.mark.fault(62)
@pytest.mark.parametrize("words", [("export", "-", "--out", "o"), ("auth", "login")])
def test_standard_input_that_cannot_be_read_is_told_in_a_line(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    env = {"XDG_CONFIG_HOME": str(tmp_path), "PIXXEL_API_KEY": "canary-key"}
    one_line(shell('"$@" 0>/dev/null', *words, env=env, folder=tmp_path), 2, "cannot be read")


@pytest.mark.fault(62)
@needs_full
@pytest.mark.parametrize("redirected", ["2>&-", f"2>{FULL}"])
def test_without_standard_error_the_exit_code_tells(tmp_path: Path, redirected: str) -> None:
    ended = shell(f'"$@" {redirected}', "status", "absent", env={}, folder=tmp_path)
    one_line(ended, 2)
    assert ended.stdout == ""


@pytest.mark.fault(62)
@pytest.mark.parametrize("words", [("--help",), ("config", "show")])
def test_a_reader_that_has_gone_ends_any_command_with_141(words: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with start(*words, env={}, stdout=writing) as process:
        os.close(writing)
        _, stderr = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, stderr) == (141, "")


@pytest.mark.fault(62)
@pytest.mark.parametrize(
    "env",
    [
        {"LC_ALL": "C", "PYTHONIOENCODING": "ascii:strict", "PYTHONUTF8": "0"},
        {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"TERM": "dumb", "COLUMNS": "0"},
        {"TERM": "", "COLUMNS": "abc", "LINES": "-1"},
        {"COLUMNS": "1"},
    ],
    ids=str,
)
def test_names_of_any_alphabet_in_any_locale(
    tmp_path: Path, sandbox: Sandbox, env: dict[str, str]
) -> None:
    rows = [{"kind": "job", "workflow_id": "día", "job_id": "日本 \u202e"}]
    write_manifest(tmp_path / "m.jsonl", rows)
    words = ("export", "m.jsonl", "--out", "ölé", "--verbose", *QUICK)
    exported = shell('"$@"', *words, env={**env_of(sandbox), **env}, folder=tmp_path)
    assert exported.returncode == 0, exported.stderr[-2000:]
    told = shell('"$@"', "status", "ölé", env=env, folder=tmp_path)
    missing = shell('"$@"', "export", "absent-\udcff.jsonl", env=env, folder=tmp_path)
    assert (told.returncode, missing.returncode) == (0, 2)
    for ended in (exported, told, missing):
        assert "Traceback" not in ended.stderr
        assert "unexpected" not in ended.stderr


IMPORTS = (sys.executable, "-X", "importtime", "-m", "pixxel_async.cli")
"""Writes a line to standard error for each module that was imported."""


@pytest.mark.fault(63)
@pytest.mark.parametrize(("number", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
@pytest.mark.parametrize(
    ("words", "module"),
    [
        (("--help",), "pixxel_async.cli.output.streams"),
        (("export", "m.jsonl"), "typer.models"),
        (("projects", "list"), "httpx"),
        (("demo",), "pixxel_async.client"),
    ],
)
def test_a_signal_during_the_imports_ends_in_a_line(
    tmp_path: Path, words: tuple[str, ...], module: str, number: str, code: int
) -> None:
    with start(*words, env={}, command=IMPORTS, cwd=tmp_path) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.split()[-1] == module:
                break
        process.send_signal(getattr(signal, number))
        stdout, stderr = process.communicate(timeout=LIMIT_S)
    told = [line for line in stderr.splitlines() if not line.startswith("import time:")]
    assert (process.returncode, told, stdout) == (code, ["interrupted"], "")


@pytest.mark.fault(63)
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("projects", "list"), "the output is incomplete"),
        (("export", "m.jsonl", "--out", "o"), "interrupted"),
        (("auth", "status"), "interrupted"),
        (("doctor",), "interrupted"),
    ],
)
def test_ctrl_c_while_the_service_is_silent(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    write_manifest(tmp_path / "m.jsonl", demo_rows(2))
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(LIMIT_S)
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        env = {"PIXXEL_BASE_URL": url, "PIXXEL_API_KEY": "canary-key"}
        with start(*words, env=env, cwd=tmp_path) as process:
            connection, _ = server.accept()  # it has called, and waits
            with connection:
                process.send_signal(signal.SIGINT)
                _, stderr = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 130
    assert said in stderr
    assert "Traceback" not in stderr
    assert "never" not in stderr


@pytest.mark.fault(63)
def test_an_ignored_signal_stays_ignored(tmp_path: Path) -> None:
    ended = shell("trap '' INT TERM; \"$@\" & wait $!", "--version", env={}, folder=tmp_path)
    assert ended.returncode == 0
    before = signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        interrupts.leave_when_interrupted()
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)
        signal.signal(signal.SIGINT, signal.default_int_handler)


FEW_THREADS = """
import sys, threading
left, really = int(sys.argv.pop(1)), threading._start_new_thread
def start(*parts):
    global left
    left -= 1
    if left < 0:
        raise RuntimeError("can't start new thread")
    return really(*parts)
threading._start_new_thread = start
from pixxel_async.cli import main
main()
"""


@pytest.mark.fault(64)
@pytest.mark.parametrize(
    ("threads", "words"),
    [
        *(
            (threads, ("export", "m.jsonl", "--out", "o", "--quiet", *QUICK))
            for threads in range(3)  # with one more, all is saved
        ),
        (0, ("doctor",)),
        (2, ("demo", "--packages", "5", "--quiet")),
    ],
)
def test_few_threads_are_told_in_a_line(
    tmp_path: Path, sandbox: Sandbox, threads: int, words: tuple[str, ...]
) -> None:
    write_manifest(tmp_path / "m.jsonl", demo_rows(3))
    command = (sys.executable, "-c", FEW_THREADS, str(threads))
    with start(*words, env=env_of(sandbox), command=command, cwd=tmp_path) as process:
        _, stderr = process.communicate(timeout=LIMIT_S)
    assert process.returncode in {1, 2}
    assert "no more threads" in stderr
    assert "ulimit -u" in stderr
    assert "Traceback" not in stderr
    if threads < 4:  # with more of them an export begins, and single packages fail
        assert stderr.count("\n") == 1


@pytest.mark.fault(64)
@pytest.mark.parametrize("kilobytes", [300_000, 60_000])
def test_little_memory_ends_in_a_line_if_it_is_too_little(
    tmp_path: Path, sandbox: Sandbox, kilobytes: int
) -> None:
    write_manifest(tmp_path / "m.jsonl", demo_rows(3))
    words = ("export", "m.jsonl", "--out", "o", "--quiet", *QUICK)
    script = f'ulimit -v {kilobytes}; "$@"'
    ended = shell(script, *words, env=env_of(sandbox), folder=tmp_path)
    assert "Traceback" not in ended.stderr
    assert "unexpected" not in ended.stderr
    if ended.returncode not in {0, -signal.SIGSEGV}:  # Python itself may crash for want of memory
        assert "ulimit -v" in ended.stderr


@pytest.mark.fault(64)
@pytest.mark.parametrize("descriptors", [12, 23])
def test_few_descriptors_are_told_before_anything_begins(
    tmp_path: Path, sandbox: Sandbox, descriptors: int
) -> None:
    write_manifest(tmp_path / "m.jsonl", demo_rows(3))
    words = ("export", "m.jsonl", "--out", "o")
    script = f'ulimit -n {descriptors}; "$@"'
    ended = shell(script, *words, env=env_of(sandbox), folder=tmp_path)
    one_line(ended, 2, f"may have {descriptors} files open")
    assert "ulimit -n 256" in ended.stderr
    assert not (tmp_path / "o").exists()


@pytest.mark.fault(64)
def test_the_fewest_descriptors_that_are_allowed_are_enough(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    write_manifest(tmp_path / "m.jsonl", demo_rows(3))
    words = ("export", "m.jsonl", "--out", "o", "--fetches", "1", *QUICK)
    ended = shell('ulimit -n 24; "$@"', *words, env=env_of(sandbox), folder=tmp_path)
    assert ended.returncode == 0, ended.stderr[-2000:]


@pytest.mark.fault(64)
@pytest.mark.parametrize("descriptors", [30, 36])
def test_with_few_descriptors_calls_of_the_service_leave_some_to_the_transfers(
    tmp_path: Path, sandbox: Sandbox, descriptors: int
) -> None:
    write_manifest(tmp_path / "m.jsonl", demo_rows(12))
    words = ("export", "m.jsonl", "--out", "o", "--fetches", "4", *QUICK)
    script = f'ulimit -n {descriptors}; "$@"'
    ended = shell(script, *words, env=env_of(sandbox), folder=tmp_path)
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert "12 saved" in ended.stderr


@pytest.mark.fault(64)
def test_a_working_directory_that_is_gone(tmp_path: Path, sandbox: Sandbox) -> None:
    manifest = write_manifest(tmp_path / "m.jsonl", demo_rows(3))
    script = 'mkdir gone; cd gone; rmdir ../gone; "$@"'
    words = ("export", manifest, "--out", "o")
    ended = shell(script, *words, env=env_of(sandbox), folder=tmp_path)
    one_line(ended, 2, "the current directory was deleted")
    ended = shell(
        script,
        *("export", manifest, "--out", tmp_path / "o", "--quiet", *QUICK),
        env=env_of(sandbox),
        folder=tmp_path,
    )
    one_line(ended, 0)


BAD_HOSTS = [
    "https://a..b/",
    f"https://{'a' * 64}.example/",
    "https://" + ".".join(["a" * 60] * 5),
    "https://.example",
    "https://",
    "https:///v0",
    "https://a b/",
    "https://a\nb/",
    "https://a%20b/",
    "https://a:99999/",
    "https://a:0/",
    "https://a:b/",
    "https://[::1/",
    "https://[nope]/",
    "https://:secret@a/",
    "https://@a/",
    "https://xn--\u00e4..example/",
    "https://" + "\u00e4" * 64 + ".example/",
    "https://a\u3002\u3002b/",
    "https://a\\b/",
    "https://xn--/",
    "https://XN--A/",
    "https://xn--zz.example/",
    "https://\u2603.example/",
    "https://\uff41.example/",
    "https://256.1.1.1/",
    "https://[v1.x]/",
]


@pytest.mark.fault(65)
@pytest.mark.parametrize("url", BAD_HOSTS)
def test_a_base_url_without_a_usable_host_is_told_before_anything_is_sent(url: str) -> None:
    with pytest.raises(ConfigError, match="base_url") as caught:
        PixxelClient("canary-key", base_url=url)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.fault(65)
@pytest.mark.parametrize(
    "words",
    [
        ("projects", "list"),
        ("insights", "select"),
        ("doctor",),
        ("auth", "status"),
        ("download", "job", "w", "j", "--out", "o"),
    ],
)
@pytest.mark.parametrize(
    "url",
    ["https://a..b/", f"https://{'a' * 64}.example/", "https://xn--/", "https://\u2603.example"],
)
def test_every_command_says_so_in_a_line(
    words: tuple[str, ...], url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = run(*words, "--base-url", url, env={"PIXXEL_API_KEY": "canary-key"})
    assert ended.exit_code in {1, 2}
    said = ended.stdout + ended.stderr
    assert "give scheme and host" in said or "its host is not a valid name" in said
    assert isinstance(ended.exception, SystemExit)


@pytest.mark.fault(65)
@pytest.mark.parametrize(
    "url", ["https://api.example.", "https://münchen.example", "https://[::1]:8443", "https://a_b"]
)
def test_a_base_url_with_a_host_is_taken(url: str) -> None:
    PixxelClient("canary-key", base_url=url)


@pytest.mark.fault(65)
@pytest.mark.parametrize(
    "proxy",
    ["http://a..b:1", f"http://{'a' * 64}:1", "http://me:secret@:1", "http://me:secret@xn--:1"],
)
def test_a_proxy_needs_a_host_too(proxy: str) -> None:
    with pytest.raises(ConfigError, match="proxy") as caught:
        PixxelClient("canary-key", proxy=proxy)
    assert "secret" not in str(caught.value)


@pytest.mark.fault(64)
@pytest.mark.parametrize(
    ("error", "said", "code"),
    [
        (MemoryError(), "out of memory", 1),
        (OSError(12, "Cannot allocate memory"), "out of memory", 1),
        (ImportError("x.so: failed to map segment from shared object"), "out of memory", 1),
        (RuntimeError("can't start new thread"), "no more threads", 1),
        (ExceptionGroup("two", [ValueError(), OSError(24, "files")]), "no more open files", 1),
        (OutputError(28, "No space left on device"), "No space left on device", 2),
        (SinkError("the folder"), "the folder", 2),
        (ValueError("odd https://s.example/a?sig=canary"), "ValueError: odd https", 1),
    ],
)
def test_what_nobody_has_dealt_with_is_a_line(error: Exception, said: str, code: int) -> None:
    line, number = last_resort.line_of(error)
    assert said in line
    assert "canary" not in line
    assert "\n" not in line
    assert number == code
    wrapped = RuntimeError("outer")
    wrapped.__cause__ = error
    assert last_resort.line_of(wrapped)[1] == code


@pytest.mark.fault(64)
@pytest.mark.parametrize("error", [SyntaxError("invalid syntax"), SystemError("no result")])
@pytest.mark.parametrize(("limit", "said"), [(2**40, "out of memory"), (-1, "this is a bug")])
def test_what_python_raises_without_memory_is_a_bug_where_memory_has_no_limit(
    monkeypatch: pytest.MonkeyPatch, error: Exception, limit: int, said: str
) -> None:
    resource = pytest.importorskip("resource", reason="Windows has no limits of this kind")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, -1))
    assert said in last_resort.line_of(error)[0]


@pytest.mark.parametrize("verbose", [False, True])
def test_a_bug_shows_its_traceback_with_verbose_only(tmp_path: Path, *, verbose: bool) -> None:
    code = (
        "from pixxel_async.cli import main\n"
        "from pixxel_async.cli.commands import export as export_command\n"
        "import pixxel_async.cli.commands.export_run as run\n"
        "def broken(*_): raise ValueError('a bug')\n"
        "export_command.run_export = broken\n"
        "main()"
    )
    write_manifest(tmp_path / "m.jsonl", demo_rows(1))
    words = ("export", "m.jsonl", "--out", "o", *(["--verbose"] if verbose else []))
    command = (sys.executable, "-c", code)
    with start(*words, env={"PIXXEL_API_KEY": "k"}, command=command, cwd=tmp_path) as process:
        _, stderr = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 1
    assert ("Traceback" in stderr) is verbose
    assert "unexpected error: ValueError: a bug" in stderr.splitlines()[-1]
