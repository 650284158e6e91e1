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
    plain = json.loads(f'"{text}"')
    return "".join(char if " " <= char <= "~" else "." for char in plain)


def error(code: str = "X", message: str = "no", details: str = "null") -> str:
    return f'{{"error": {{"code": "{code}", "message": "{message}", "details": {details}}}}}'


def of_service(job: str, said: str, url: str) -> Said:
    """Return what the service says about a job: it repeats `said` somewhere."""
    plain = json.loads(f'"{said}"')
    match job:
        case "word":
            return "200 OK", {}, f'{{"status": "{said}"}}'
        case "failed":
            return "200 OK", {}, f'{{"status": "failed", "id": "{said}", "{said}": "{said}"}}'
        case "message":
            return "403 Forbidden", {}, error(message=f"the key {said} may not")
        case "code":
            return "400 Bad", {}, error(code=said)
        case "details":
            return "409 Conflict", {}, error(details=f'{{"{said}": [{{"a": "{said}"}}]}}')
        case "other":
            return "404 Not Found", {}, f'["{said}", {{"{said}": 1}}]'
        case "page":
            return "403 Forbidden", {}, f"<html><h1>{plain}</h1>"
        case "reason":
            return f"403 {header(said)}", {"Location": header(said)}, ""
        case "moved":
            return "302 Found", {"Location": f"https://x.test/{header(said)}"}, ""
        case "broken":
            return "200 OK", {}, f'{{"status": "{said}"'
        case "header":
            return "200 OK", {header(said): header(said), "Content-Encoding": header(said)}, "{}"
        case "line":
            return f"HTTP {header(said)}", {}, "{}"
        case _:
            return "200 OK", {}, json.dumps({"status": "ready", "id": job, "signed_url": url})


def of_storage(job: str, said: str) -> Said:
    """Return what the storage says about a job's package."""
    plain = json.loads(f'"{said}"')
    match job:
        case "xml":
            return "400 Bad", {}, f"<Error><Code>X</Code><Message>not {plain}</Message></Error>"
        case "codes":
            return "400 Bad", {}, f"<Error><Code>{plain}</Code></Error>"
        case "html":
            return "200 OK", {}, f"<html>{plain}</html>"
        case "text":
            return "404 Not Found", {}, plain
        case "coding":
            return "200 OK", {"Content-Encoding": header(said)}, "PK\x03\x04"
        case "redirect":
            return "302 Found", {"Location": f"http://{header(said)}.test/{header(said)}"}, ""
        case "loop":
            return "302 Found", {"Location": f"/loop.zip?{header(said)}"}, ""
        case "status":
            return f"{header(said)} nonsense", {}, ""
        case _:  # a tag that the journal would keep, and a body that breaks off
            return "200 OK", {"ETag": f'"{header(said)}"', "Content-Length": "1000"}, "PK\x03\x04"


SERVICE_JOBS = (
    *("word", "failed", "message", "code", "details", "other", "page", "reason"),
    *("moved", "broken", "header", "line"),
)
STORAGE_JOBS = ("xml", "codes", "html", "text", "coding", "redirect", "loop", "status", "etag")
ROWS = [{"kind": "job", "workflow_id": "w", "job_id": job} for job in SERVICE_JOBS + STORAGE_JOBS]


class _Handler(BaseHTTPRequestHandler):
    said: str

    def do_GET(self) -> None:  # noqa: N802 - the name that the base class calls
        self._answer()

    def do_PUT(self) -> None:  # noqa: N802 - likewise
        self._answer()

    def do_POST(self) -> None:  # noqa: N802 - likewise
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self._answer()

    def _answer(self) -> None:
        parts = self.path.partition("?")[0].split("/")
        if parts[-1].endswith(".zip"):
            status, headers, body = of_storage(parts[-1].removesuffix(".zip"), self.said)
        elif parts[-1] == "download":
            url = f"http://127.0.0.1:{self.server.server_address[1]}/{parts[-2]}.zip?{QUERY}"
            status, headers, body = of_service(parts[-2], self.said, url)
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
    rows = ROWS if secret == KEY else ROWS[len(SERVICE_JOBS) :]
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
    lambda _: ("list", "projects"),
    lambda _: ("list", "aois", "--json"),
    lambda _: ("list", "orders", "--json"),
    lambda _: ("select", "insights"),
    lambda _: ("select", "aois"),
    lambda _: ("doctor",),
    lambda _: ("auth", "status"),
)


@pytest.mark.parametrize("form", ["lower case", "JSON in parts", "percent, each", "HTML"])
def test_no_command_repeats_the_key(tmp_path: Path, form: str) -> None:
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
