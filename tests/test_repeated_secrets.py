"""A service and a storage that repeat the key and the signature, in every form and everywhere."""

from __future__ import annotations

import json
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pixxel_async import Failed, PixxelClient, PixxelError, PollPolicy
from pixxel_async.cli.options.export import RunOptions
from pixxel_async.downloads import parse_download

from .cli.commands import QUICK, run, write_manifest
from .secret_forms import FORMS, reveals
from .support import QUICK_LIMITS, QUICK_RETRY, quick_fetch

KEY = "Canary+5f1c/9a&Key=="
SIGNATURE = "Mark+7c/2e-Sig"
QUERY = "X-Amz-Expires=3600&X-Amz-Signature=Mark%2B7c%2F2e-Sig"
EVERY_FORM = pytest.mark.parametrize("form", FORMS)
Said = tuple[str, dict[str, str], str]

pytestmark = pytest.mark.fault(60)


def header(text: str) -> str:
    """Return a text of JSON as a header can hold it."""
    return "".join(char if " " <= char <= "~" else "." for char in plain(text))


def error(code: str = "X", message: str = "no", details: str = "null") -> str:
    return f'{{"error": {{"code": "{code}", "message": "{message}", "details": {details}}}}}'


def plain(said: str) -> str:
    """Return what a text of JSON stands for."""
    return str(json.loads(f'"{said}"'))


SERVICE: dict[str, Callable[[str], Said]] = {
    "word": lambda said: ("200 OK", {}, f'{{"status": "{said}"}}'),
    "failed": lambda said: (
        "200 OK",
        {},
        f'{{"status": "failed", "id": "{said}", "{said}": "{said}"}}',
    ),
    "message": lambda said: ("403 Forbidden", {}, error(message=f"the key {said} may not")),
    "code": lambda said: ("400 Bad", {}, error(code=said)),
    "details": lambda said: ("409 Conflict", {}, error(details=f'{{"{said}": ["{said}"]}}')),
    "other": lambda said: ("404 Not Found", {}, f'["{said}", {{"{said}": 1}}]'),
    "page": lambda said: ("403 Forbidden", {}, f"<html><h1>{plain(said)}</h1>"),
    "reason": lambda said: (f"403 {header(said)}", {"Location": header(said)}, ""),
    "moved": lambda said: ("302 Found", {"Location": f"https://x.test/{header(said)}"}, ""),
    "broken": lambda said: ("200 OK", {}, f'{{"status": "{said}"'),
    "header": lambda said: ("200 OK", {header(said): "", "Content-Encoding": header(said)}, "{}"),
    "line": lambda said: (f"HTTP {header(said)}", {}, "{}"),
}
"""What the service says about a job: it repeats a text somewhere."""

STORAGE: dict[str, Callable[[str], Said]] = {
    "xml": lambda said: (
        "400 Bad",
        {},
        f"<Error><Code>X</Code><Message>not {plain(said)}</Message></Error>",
    ),
    "codes": lambda said: ("400 Bad", {}, f"<Error><Code>{plain(said)}</Code></Error>"),
    "html": lambda said: ("200 OK", {}, f"<html>{plain(said)}</html>"),
    "text": lambda said: ("404 Not Found", {}, plain(said)),
    "coding": lambda said: ("200 OK", {"Content-Encoding": header(said)}, "PK\x03\x04"),
    "redirect": lambda said: (
        "302 Found",
        {"Location": f"http://{header(said)}.test/{header(said)}"},
        "",
    ),
    "loop": lambda said: ("302 Found", {"Location": f"/loop.zip?{header(said)}"}, ""),
    "status": lambda said: (f"{header(said)} nonsense", {}, ""),
    # A validator that the journal would keep, and a body that breaks off.
    "etag": lambda said: (
        "200 OK",
        {"ETag": f'"{header(said)}"', "Content-Length": "1000"},
        "PK\x03\x04",
    ),
}
"""What the storage says about the package of a job."""

ROWS = [{"kind": "job", "workflow_id": "w", "job_id": job} for job in (*SERVICE, *STORAGE)]


class _Handler(BaseHTTPRequestHandler):
    said: str

    def do_GET(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self._answer()

    def _answer(self) -> None:
        parts = self.path.partition("?")[0].split("/")
        if parts[-1].endswith(".zip"):
            status, headers, body = STORAGE[parts[-1].removesuffix(".zip")](self.said)
        elif parts[-1] == "download" and parts[-2] in SERVICE:
            status, headers, body = SERVICE[parts[-2]](self.said)
        elif parts[-1] == "download":
            url = f"http://{self.headers['Host']}/{parts[-2]}.zip?{QUERY}"
            status, headers = "200 OK", {}
            body = json.dumps({"status": "ready", "id": parts[-2], "signed_url": url})
        else:
            status, headers, body = "200 OK", {}, self._list(parts[-1])
        data = body.encode()
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers.items())]
        if "Content-Length" not in headers:
            lines.append(f"Content-Length: {len(data)}")
        head = "\r\n".join([*lines, "Connection: close", "", ""])
        self.wfile.write(head.encode("latin-1") + data)
        self.close_connection = True

    def _list(self, what: str) -> str:
        record = (
            f'{{"id": "1{self.said}", "name": "{self.said}", "status": "{self.said}", '
            f'"created_at": "{self.said}", "{self.said}": ["{self.said}"]}}'
        )
        return f'{{"{what}": [{record}], "count": 1, "pagination": {{"total": 1}}}}'

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def repeating(said: str) -> Iterator[str]:
    """Run a service, its storage with it, that repeats a text; yields its URL."""
    handler = type("Handler", (_Handler,), {"said": said})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def told_of(found: BaseException) -> str:
    """Return all that a tool which reports errors may show, local variables included."""
    full = traceback.TracebackException.from_exception(found, capture_locals=True)
    return "".join(full.format()) + repr(found) + repr(vars(found))


def left_in(folder: Path) -> list[str]:
    """Return the contents of all files but packages."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".zip"]
    return [path.read_bytes().decode("utf-8", "replace") for path in files]


def check(heard: list[str], secret: str) -> None:
    for text in heard:
        if reveals(text, secret):
            shown = [line for line in text.splitlines() if reveals(line, secret)] or [text]
            pytest.fail(f"a secret is shown: {shown[0][:500]} of {text[-100:]}")


async def records_of(client: PixxelClient) -> list[str]:
    """Return what the service lists, as it is shown."""
    heard = []
    for find in (client.aois.list, client.projects.list, client.orders.list):
        records = [record async for record in find()]
        heard += [repr(records), *(repr(record.raw) for record in records)]
    with pytest.raises(PixxelError) as caught:
        await client.projects.get("1")
    return [*heard, str(caught.value)]


@EVERY_FORM
@pytest.mark.parametrize("secret", [KEY, SIGNATURE])
async def test_no_event_error_or_journal_repeats_a_secret(
    tmp_path: Path, form: str, secret: str
) -> None:
    heard: list[str] = []
    rows = ROWS if secret == KEY else ROWS[len(SERVICE) :]
    with repeating(FORMS[form](secret)) as url:
        async with PixxelClient(
            KEY,
            base_url=url,
            poll=PollPolicy(initial_s=0.02, max_s=0.05, wait_timeout_s=0.5),
            retry=QUICK_RETRY.model_copy(update={"attempts": 2}),
            limits=QUICK_LIMITS,
            fetch=quick_fetch(attempts=2),
        ) as client:
            async with client.export(map(parse_download, rows), tmp_path) as export:
                async for event in export:
                    heard += [repr(event), str(event)]
                    if isinstance(event, Failed):
                        heard.append(told_of(event.error))
            heard += [repr(export.report), repr(client)]
            if secret == KEY:
                heard += await records_of(client)
    assert len(export.report.failed) == len(rows)
    check(heard + left_in(tmp_path), secret)


COMMANDS: tuple[Callable[[Path], tuple[Any, ...]], ...] = (
    lambda at: ("export", at / "m.jsonl", "--out", at / "out", "--verbose", *QUICK),
    lambda at: ("export", at / "m.jsonl", "--out", at / "out", "--json", "--retry-failed", *QUICK),
    lambda at: ("status", at / "out"),
    lambda at: ("status", at / "out", "--json"),
    lambda at: ("report", at / "out", "--out", at / "report"),
    lambda at: ("verify", at / "out", "--json"),
    lambda _: ("projects", "list"),
    lambda _: ("aois", "list", "--json"),
    lambda _: ("orders", "list", "--json"),
    lambda _: ("insights", "select"),
    lambda _: ("jobs", "select"),
    lambda _: ("doctor",),
    lambda _: ("auth", "status"),
)


@pytest.mark.parametrize("form", ["lower case", "JSON in parts", "percent, each", "HTML"])
def test_no_command_repeats_the_key(
    tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Commands have no option for the attempts of a call.
    few = QUICK_RETRY.model_copy(update={"attempts": 2})
    monkeypatch.setattr(RunOptions, "retry", property(lambda _: few))
    # The retries of the others take their time.
    passing = ("broken", "header", "line", "html", "coding", "status", "etag")
    write_manifest(tmp_path / "m.jsonl", [row for row in ROWS if row["job_id"] not in passing])
    quick = {"PIXXEL_WAIT_TIMEOUT": "0.5"}
    heard = []
    with repeating(FORMS[form](KEY)) as url:
        env = {"PIXXEL_BASE_URL": url, "PIXXEL_API_KEY": KEY, **quick}
        for words in COMMANDS:
            ended = run(*words(tmp_path), env=env)
            assert "no such option" not in ended.stderr.lower()
            heard += [ended.stdout, ended.stderr]
    check(heard + left_in(tmp_path / "out") + left_in(tmp_path / "report"), KEY)
