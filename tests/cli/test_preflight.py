"""Commands against what is not the Pixxel API, over real sockets."""

from __future__ import annotations

import gzip
import os
import re
import select
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from pixxel_async.cli.commands import auth
from pixxel_async.config import RetryPolicy
from pixxel_async.http import service_calls
from pixxel_async.http.preflight import FirstContact
from pixxel_async.sandbox import sandbox_in_thread

from ..support import PROCESS_S
from .commands import COMMAND, QUICK, env_of, run, write_manifest

KEY = "canary-key-0a17-9c3e"
PAGE = b"<!DOCTYPE html><html><head><title>Welcome to nginx!</title></head><p>Hello</html>"
TYPE = {"Content-Type": "text/html"}
REACH_S = 0.3


@dataclass
class Web:
    """A web server that gives every request the same answer.

    Attributes:
        asked: Method and path of each request.
    """

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    url: str = ""


@contextmanager
def serving(web: Web) -> Iterator[Web]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            web.asked.append(f"{self.command} {self.path}")
            self.send_response(web.status)
            for name, value in {**web.headers, "Content-Length": str(len(web.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(web.body)

        do_GET = do_PUT = do_POST = answer  # noqa: N815 - the names that the server looks for

        def log_message(self, *_: Any) -> None:
            pass

        def send_error(self, *_: Any) -> None:  # TLS is junk to it
            self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    web.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield web
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a network that is not there for less than a second, and confirm at once."""

    def contact(service: Any, reach_s: float) -> FirstContact:
        return FirstContact(service, min(reach_s, REACH_S))

    monkeypatch.setattr(service_calls, "FirstContact", contact)
    monkeypatch.setattr(service_calls, "delay", lambda *_, **__: 0.0)


COMMANDS = {
    "auth status": ("auth", "status"),
    "doctor": ("doctor", "--out", "{out}"),
    "list": ("aois", "list"),
    "select": ("jobs", "select", "--workflow", "w"),
    "download": ("download", "job", "w", "j", "--out", "{out}"),
    "export": ("export", "{manifest}", "--out", "{out}"),
}
CODES = {"auth status": 1, "doctor": 1, "list": 2, "select": 2, "download": 1, "export": 1}
EACH_COMMAND = pytest.mark.parametrize("name", COMMANDS)


def run_against(name: str, url: str, tmp_path: Path, key: str = KEY) -> str:
    """Run a command; check its exit code, and return the lines about the service."""
    rows = [{"kind": "catalog", "catalog_ids": [f"c{number}"]} for number in range(75)]
    manifest = write_manifest(tmp_path / "m.jsonl", rows)
    out = tmp_path / "out"
    words = [word.format(out=out, manifest=manifest) for word in COMMANDS[name]]
    told = run(*words, "--base-url", url, env={"PIXXEL_API_KEY": key})
    shown = told.stdout + told.stderr
    assert told.exit_code == CODES[name], shown
    assert key not in shown
    assert "reject" not in shown
    assert "Traceback" not in shown
    assert not list(out.glob("*.zip*"))
    if name in {"download", "export"}:
        assert "failed" not in shown
        assert shown.count("\n") <= 4
    host = re.escape(url.partition("//")[2].partition("/")[0])
    about = re.compile(rf"{host}\S* (answers|redirects|cannot)|problem +")
    lines: list[str] = [line for line in shown.splitlines() if about.search(line)]
    assert len(lines) == 1, shown
    return lines[0]


ANSWERS: dict[str, tuple[Web, str, str]] = {
    "a web page": (Web(200, PAGE, TYPE), 'a web page ("Welcome to nginx!")', "--base-url"),
    "a page in gzip": (
        Web(200, gzip.compress(PAGE), {**TYPE, "Content-Encoding": "gzip"}),
        'a web page ("Welcome to nginx!")',
        "--base-url",
    ),
    "an empty body": (Web(200), "an empty body", "--base-url"),
    "other JSON": (Web(200, b'{"status": "ok"}'), "other JSON", "--base-url"),
    "a list": (Web(200, b"[1, 2]"), "other JSON", "--base-url"),
    "a captive portal": (
        Web(302, b"", {"Location": "http://login.hotel.test/?token=canary"}),
        "redirects to login.hotel.test",
        "log in with a browser",
    ),
    "network login": (Web(511, PAGE, TYPE), "511", "log in with a browser"),
    "a wrong path": (Web(404, b"404 page not found\n"), "404", "--base-url"),
    "a WAF": (Web(403, PAGE, TYPE), "403", "a firewall or a proxy"),
    "a proxy login": (Web(407, PAGE, TYPE), "407", "--proxy"),
}


@pytest.mark.usefixtures("_quick")
@EACH_COMMAND
@pytest.mark.parametrize(("web", "words", "remedy"), ANSWERS.values(), ids=ANSWERS.keys())
def test_what_is_not_the_api_gets_one_sentence(
    web: Web, words: str, remedy: str, name: str, tmp_path: Path
) -> None:
    web.asked.clear()
    with serving(web):
        line = run_against(name, web.url, tmp_path)
    assert words in line
    assert remedy in line
    assert "canary" not in line
    assert {request.partition("?")[0] for request in web.asked} <= {"GET /ping", "GET /v0/aois"}
    assert len(web.asked) <= 3


@pytest.mark.usefixtures("_quick")
@EACH_COMMAND
@pytest.mark.parametrize("path", ["/v1", "/api/"])
def test_a_wrong_path_of_the_service_itself_is_told(path: str, name: str, tmp_path: Path) -> None:
    with sandbox_in_thread() as sandbox:
        line = run_against(name, sandbox.api_url + path, tmp_path, sandbox.api_key)
        assert {call.method for call in sandbox.calls} == {"GET"}
    assert "404" in line or name == "doctor"  # the sandbox answers 401 to a path without a key
    assert "--base-url" in line


@contextmanager
def _nothing() -> Iterator[str]:
    with socket.socket() as taken:  # bound, and not listening: nobody else gets this port
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@contextmanager
def _no_name() -> Iterator[str]:
    yield "https://nobody.invalid"


@contextmanager
def _no_tls() -> Iterator[str]:
    with serving(Web(200)) as web:
        yield web.url.replace("http:", "https:")


@contextmanager
def _hang() -> Iterator[str]:
    with socket.socket() as full:  # its queue is full: a connect hangs
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        with socket.create_connection(address), socket.socket() as second:
            second.setblocking(False)  # noqa: FBT003 - there is no other way
            second.connect_ex(address)
            select.select([], [second], [], 0.1)
            yield f"http://127.0.0.1:{address[1]}"


UNREACHED: dict[str, tuple[Callable[[], Any], str]] = {
    "refused": (_nothing, "connection refused"),
    "no such name": (_no_name, "its name has no address"),
    "no TLS": (_no_tls, "the TLS handshake fails"),
}


@pytest.mark.usefixtures("_quick")
@EACH_COMMAND
@pytest.mark.parametrize(("make", "words"), UNREACHED.values(), ids=UNREACHED.keys())
def test_a_host_that_is_not_reached_gets_one_sentence(
    make: Callable[[], Any], words: str, name: str, tmp_path: Path
) -> None:
    with make() as url:
        line = run_against(name, url, tmp_path)
    host = url.partition("//")[2]
    if name != "doctor":
        assert f"{host} cannot be reached: {words}" in line
    assert host.partition(":")[0] in line
    assert "--base-url" in line


def journal_of(out: Path) -> dict[str, Any]:
    import json  # noqa: PLC0415 - here alone

    told = run("status", out, "--json")
    found: dict[str, Any] = json.loads(told.stdout)
    return found


@pytest.mark.parametrize("make", [_nothing, _hang], ids=["refused", "no answer"])
def test_an_export_ends_in_20_s_and_fails_nothing(make: Callable[[], Any], tmp_path: Path) -> None:
    """Without any shortcut: 75 packages, the real limits, and the next run resumes them."""
    with make() as url:
        began = time.monotonic()
        run_against("export", url, tmp_path)
        took_s = time.monotonic() - began
    assert 10 < took_s < 20 + 5  # five for an import on a busy machine
    status = journal_of(tmp_path / "out")
    assert (status["failed"], status["left"]) == (0, 75)
    with sandbox_in_thread() as sandbox:
        manifest = tmp_path / "m.jsonl"
        told = run("export", manifest, "--out", tmp_path / "out", *QUICK, env=env_of(sandbox))
    assert told.exit_code == 0, told.stderr
    assert "recreated" not in told.stderr


@pytest.mark.usefixtures("_quick")
def test_an_export_that_has_nothing_to_request_needs_no_network(tmp_path: Path) -> None:
    job = ("download", "job", "w", "j", "--out", tmp_path / "out", *QUICK)
    with sandbox_in_thread() as sandbox:
        env = env_of(sandbox)
        assert run(*job, env=env).exit_code == 0
        assert [call.operation for call in sandbox.calls].count("ListAOIs") == 1
    assert run(*job, env=env).exit_code == 0


def test_somebody_who_waits_for_an_answer_waits_for_seconds() -> None:
    assert auth.StatusOptions().retry.reach_s <= 5 < RetryPolicy().reach_s < 20


@pytest.mark.parametrize("columns", [60, 80])
@pytest.mark.parametrize("words", [("auth", "status"), ("aois", "list"), ("doctor",)], ids=str)
def test_a_terminal_sees_no_broken_word(words: tuple[str, ...], columns: int) -> None:
    pty = pytest.importorskip("pty", reason="Windows has no such terminals")
    ours, theirs = pty.openpty()
    with serving(Web(200, PAGE, TYPE)) as web:
        env = {**os.environ, "PIXXEL_API_KEY": KEY, "COLUMNS": str(columns)}
        with subprocess.Popen(  # noqa: S603 - the command is ours
            [*COMMAND, *words, "--base-url", web.url],
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
            env=env,
        ) as process:
            os.close(theirs)
            shown = b""
            try:
                while piece := os.read(ours, 1024):
                    shown += piece
            except OSError:
                pass  # the other end has gone
            process.wait(PROCESS_S)
        os.close(ours)
    lines = shown.decode().replace("\r", "").splitlines()
    assert all(len(line) <= columns or " " not in line.strip() for line in lines)
    said = " ".join(" ".join(lines).split())
    assert 'with a web page ("Welcome to nginx!") in place of the API\'s JSON' in said
