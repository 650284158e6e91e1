"""The command that resumes an export: complete, safe to paste, and without a password."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pixxel_async.cli.output.resume_hint import command, is_retryable_next_run, needed_first
from pixxel_async.sandbox import PackageFault, Scenario, sandbox_in_thread
from pixxel_async.sansio.redact import printable

from .commands import QUICK, env_of, start, write_manifest

posix = pytest.mark.skipif(sys.platform == "win32", reason="for a POSIX shell")
AWKWARD = (
    "plain",
    "",
    "two words",
    "it's",
    'a "quote"',
    "$HOME `id` $(id) !! \\ * ? ~ # ; & | < >",
    "~/m.jsonl",
    "line\nbreak",
    "tab\tand\x1b[31mescape\x07",
    "it's\nboth",
    "back\\slash\n",
    "é ü 日本",
    "no-break\u00a0space and \u202ebidi",
    os.fsdecode(b"not utf-8: \xff\xfe"),
    "--out=a b",
)
JOB = {"kind": "job", "workflow_id": "w", "job_id": "broken"}
FAILED = Scenario(faults=(PackageFault("failed"),))


@posix
@pytest.mark.fault(79)
@pytest.mark.parametrize("word", AWKWARD, ids=ascii)
def test_a_shell_reads_each_word_as_it_was(word: str) -> None:
    words = ["export", word, "--out", word]
    text = command(words)
    assert printable(text) == text  # what is shown is what is pasted
    assert "\n" not in text
    script = f"pixxel-async() {{ printf '%s\\0' \"$@\"; }}; {text}"
    told = subprocess.run(  # noqa: S603 - words of our own
        ["bash", "-c", os.fsencode(script)],  # noqa: S607 - the shell of this machine
        check=True,
        capture_output=True,
    )
    assert told.stdout.split(b"\0")[:-1] == [os.fsencode(each) for each in words]


@pytest.mark.fault(79)
@pytest.mark.parametrize(
    "proxy",
    [
        "http://ada:secret@proxy:80",
        "http://ada:sec@ret@proxy:80",
        "http://ada:sec%40ret@proxy:80",
        "ada:secret@proxy:80",
        "http://ada:sec/ret@proxy",
        "socks5://secret@proxy",
    ],
)
@pytest.mark.parametrize("joined", [False, True])
def test_a_proxy_with_a_password_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
    proxy: str,
    joined: bool,  # noqa: FBT001 - a parameter
) -> None:
    given = [f"--proxy={proxy}"] if joined else ["--proxy", proxy]
    words = ["export", "m", *given, "--answer-timeout", "90", "--ca-bundle", "ca.pem"]
    monkeypatch.setattr(sys, "argv", ["pixxel-async", *words])
    said = "\n".join([*needed_first(), is_retryable_next_run()])
    for part in ("sec", "ret@", "ada:", "***", "--proxy"):
        assert part not in said
    assert "PIXXEL_PROXY" in said
    assert said.endswith("pixxel-async export m --answer-timeout 90 --ca-bundle ca.pem")


@pytest.mark.fault(79)
def test_a_proxy_without_a_password_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    for given in (["--proxy", "http://proxy:80"], ["--proxy=direct"]):
        monkeypatch.setattr(sys, "argv", ["pixxel-async", "export", "m", *given])
        assert needed_first() == []
        assert is_retryable_next_run() == f"To resume:  pixxel-async export m {' '.join(given)}"
    monkeypatch.setattr(sys, "argv", ["pixxel-async", "export", "m", "--proxy"])
    assert is_retryable_next_run() == "To resume:  pixxel-async export m --proxy"


@pytest.mark.parametrize("name", ["-", "/dev/stdin", "/dev/fd/63", "/proc/self/fd/11"])
def test_what_came_from_a_pipe_cannot_be_repeated_by_a_command(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["pixxel-async", "export", name])
    assert is_retryable_next_run("--retry-failed") == (
        "To resume, run the same pipeline again, with --retry-failed."
    )


def test_on_windows_it_is_quoted_as_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "name", "nt")
    assert command(["export", "my list.jsonl"]) == 'pixxel-async export "my list.jsonl"'


@posix
@pytest.mark.fault(79)
def test_the_printed_command_is_complete_and_resumes(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "my list.jsonl", [JOB])
    words = ("export", manifest, "--out", tmp_path / "out's", *QUICK)
    more = ("--answer-timeout", "77", "--proxy", "http://me:p@ss-canary@127.0.0.1:9")
    with sandbox_in_thread(FAILED) as sandbox:
        with start(*words, *more, env=env_of(sandbox)) as process:
            stdout, stderr = process.communicate(timeout=120)
        journal = b"".join(path.read_bytes() for path in (tmp_path / "out's").rglob("*.sqlite*"))
    assert process.returncode == 1
    assert "canary" not in stdout + stderr
    assert b"canary" not in journal
    *_, note, printed = stderr.splitlines()
    assert "PIXXEL_PROXY" in note
    assert printed.startswith("To resume:")
    pasted = printed.removeprefix("To resume:").strip()
    assert "--answer-timeout 77" in pasted
    script = f'pixxel-async() {{ "{sys.executable}" -m pixxel_async.cli "$@"; }}; {pasted}'
    with sandbox_in_thread() as sandbox:
        env = {**env_of(sandbox), "PIXXEL_PROXY": "http://me:p@ss-canary@127.0.0.1:9"}
        with start("-c", script, env=env, command=("bash",)) as process:
            _, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr[-2000:]
    assert len(list((tmp_path / "out's").glob("*.zip"))) == 1
