"""Case 51: what goes wrong with one package stays with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from pixxel_async import (
    ArchiveError,
    Extraction,
    FetchPolicy,
    FolderPolicy,
    InternalError,
    PixxelError,
    Report,
    ResponseError,
    StorageHostError,
    TransferError,
)
from pixxel_async.export import pipeline
from pixxel_async.export.event_recorder import EventRecorder
from pixxel_async.export.package_requests import PackageRequests
from pixxel_async.export.poll_stage import PollStage
from pixxel_async.export.resume import ResumeStage
from pixxel_async.export.save_stage import SaveStage
from pixxel_async.http import storage_client
from pixxel_async.journal.journal import Journal
from pixxel_async.transfer.attempt import Transfer
from pixxel_async.transfer.downloader import Downloader
from pixxel_async.transfer.errors import as_error
from pixxel_async.transfer.work_item import WorkItem

from ..cli.commands import COMMAND, QUICK
from ..http.raw_server import NO_AOIS, RawServer, raw
from ..http.tls_stand import STORAGE_HOST, ConnectProxy, TlsServer, bundle
from .scripted import WHOLE, WHOLE_ANSWER, ScriptedStorage
from .urls import PUBLIC_URL, client_of, errors_of, export_urls, job, saved_of

pytestmark = pytest.mark.fault(51)

SIGNATURE = "X-Amz-Signature=canary"
BAD_URLS = {
    "half an IPv6 address": "https://[::1/b/x",
    "half an IPv6 address with a port": "https://[::1:443/b/x",
    "no IPv6 address": "https://[storage]/x",
    "a future IP version": "https://[v1.x]/x",
    "an empty zone": "https://[fe80::1%]:1/x",
    "a port that is none": "https://storage.test:port/x",
    "a port that is too large": "https://storage.test:99999/x",
    "a negative port": "https://storage.test:-1/x",
    "no port": "https://storage.test:0/x",
    "NUL in the host": "https://stor\0age.test/x",
    "NUL in the path": "https://storage.test/\0",
    "a line break": "https://storage.test/a\r\nX-Evil: 1",
    "a surrogate in the host": "https://\ud800.test/x",
    "a surrogate in the path": "https://storage.test/\udfff",
    "no IDNA": "https://xn--a.test/x",
    "no IDNA label": "https://\u2024.test/x",
    "an empty label": "https://a..b/x",
    "a long label": f"https://{'a' * 64}.test/x",
    "a long host": f"https://{'a' * 100_000}/x",
    "many labels": f"https://{'a.' * 50_000}test/x",
    "no host": "https://",
    "no scheme": "storage.test/x",
    "another scheme": "javascript:alert(1)",
    "blanks": "   ",
    "a user": "https://me:secret@storage.test/x",
    "100,000 question marks": f"https://{'?' * 100_000}",
}


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("url", BAD_URLS.values(), ids=BAD_URLS.keys())
async def test_a_malformed_url_fails_its_package_alone(tmp_path: Path, url: str) -> None:
    async with ScriptedStorage(WHOLE_ANSWER) as storage:
        urls = {f"good{number}": f"{storage.url}/{number}.zip" for number in range(20)}
        bad = {"bad": url if "?" in url else f"{url}?{SIGNATURE}"}
        for number in (1, 2):
            report = await export_urls({**bad, **urls}, tmp_path)
            assert list(errors_of(report)) == ["bad"]
            if number == 1:
                assert isinstance(report.failed[0].error, (TransferError, ResponseError))
            assert "canary" not in errors_of(report)["bad"]
            assert len(errors_of(report)["bad"]) < 500
            assert saved_of(report) == (set(urls) if number == 1 else set())
    assert report.stopped is None


@pytest.mark.parametrize(
    "query",
    [
        "se=0001-01-01T00:00:00%2B23:59",
        "se=9999-12-31T23:59:59-23:59",
        f"Expires={'9' * 4000}",
        f"X-Amz-Date=99991231T235959Z&X-Amz-Expires={'9' * 400}",
        "X-Goog-Date=00010101T000000Z&X-Goog-Expires=1",
        "&" * 50_000,
    ],
    ids=lambda query: query[:20],
)
async def test_a_strange_expiry_fails_no_package(tmp_path: Path, query: str) -> None:
    async with ScriptedStorage(WHOLE_ANSWER) as storage:
        report = await export_urls({"a": f"{storage.url}/a.zip?{query}"}, tmp_path)
    assert report.stopped is None
    assert saved_of(report) | set(errors_of(report)) == {"a"}
    assert not any(isinstance(failed.error, InternalError) for failed in report.failed)


async def test_the_command_tells_a_malformed_url_in_one_line(tmp_path: Path) -> None:
    body = b'{"status": "ready", "signed_url": "https://[::1/b/x?X-Amz-Signature=canary"}'
    async with RawServer(
        raw(200, NO_AOIS), raw(200, body, Content_Type="application/json")
    ) as service:
        process = await asyncio.create_subprocess_exec(
            *(*COMMAND, "download", "job", "w", "j", "--out", str(tmp_path), *QUICK),
            env={"PIXXEL_API_KEY": "key", "PIXXEL_BASE_URL": service.url, "PATH": ""},
            stderr=asyncio.subprocess.PIPE,
        )
        _, stderr = await process.communicate()
    told = stderr.decode()
    assert process.returncode == 1, told
    assert "Traceback" not in told
    assert "canary" not in told
    assert told.count("the signed URL is not") >= 1


class UnspeakableError(Exception):
    """An error whose text cannot be made."""

    def __str__(self) -> str:
        raise LookupError


RAISED: dict[str, Callable[[], Exception]] = {
    "ValueError": lambda: ValueError(f"bad https://storage.test/a?{SIGNATURE} here"),
    "RecursionError": RecursionError,
    "group": lambda: ExceptionGroup("several", [KeyError("a"), OSError(5, "b")]),
    "group of one": lambda: ExceptionGroup("one", [ZeroDivisionError()]),
    "unspeakable": UnspeakableError,
    "surrogate": lambda: ValueError("\udcff \x1b[31m"),
    "OSError": lambda: PermissionError(13, "no", "/etc/shadow"),
    "StopAsyncIteration": lambda: LookupError("x" * 100_000),
}


def item_in(values: tuple[Any, ...]) -> str:
    """Return the job that a call is about, as far as its arguments tell."""
    return repr([getattr(value, "item", value) for value in values])


def break_for_bad(
    monkeypatch: pytest.MonkeyPatch,
    owner: Any,
    name: str,
    raised: Callable[[], Exception] = lambda: ValueError("a bug"),
) -> None:
    """Let a function raise when it is called for the job `bad`, the coroutine when awaited."""
    real = getattr(owner, name)

    def is_bad(values: tuple[Any, ...]) -> bool:
        return any(word in item_in(values) for word in ("'bad'", '"bad"', "/bad'"))

    if asyncio.iscoroutinefunction(real):

        async def wait(*args: Any, **kwargs: Any) -> Any:
            if is_bad(args):
                raise raised()
            return await real(*args, **kwargs)

        monkeypatch.setattr(owner, name, wait)
        return

    def call(*args: Any, **kwargs: Any) -> Any:
        if is_bad(args):
            raise raised()
        return real(*args, **kwargs)

    monkeypatch.setattr(owner, name, call)


async def nine_and_a_bad_one(folder: Path, storage: ScriptedStorage, **parts: Any) -> Report:
    names = [f"good{number}" for number in range(9)]
    names.insert(3, "bad")
    urls = {name: f"{storage.url}/{name}.zip?{SIGNATURE}" for name in names}
    extract = FolderPolicy(extraction=Extraction.KEEP_ZIP)
    async with client_of(urls, **parts) as client:
        async with client.export([job(name) for name in urls], folder, folder=extract) as running:
            return await running.finish()


PLACES = {
    "name": (pipeline, "path_namer"),
    "look at earlier files": (ResumeStage, "is_saved"),
    "decide": (ResumeStage, "first"),
    "row": (Journal, "get"),
    "create": (PackageRequests, "create"),
    "poll": (PackageRequests, "poll"),
    "schedule": (PollStage, "_wait_s"),
    "URL": (WorkItem, "take_url"),
    "fetch": (Downloader, "_download"),
    "attempt": (Transfer, "_attempt"),
    "look of the watchdog": (Transfer, "_observe"),
    "verify": (Downloader, "_verify"),
    "save": (SaveStage, "_save"),
    "extract": (SaveStage, "extract"),
    "describe": (SaveStage, "describe"),
}


@pytest.mark.parametrize("place", [place for place in PLACES if place != "name"])
async def test_a_bug_ends_one_package_and_the_next_run_makes_up_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    async with ScriptedStorage(WHOLE_ANSWER) as storage:
        with monkeypatch.context() as patch:
            break_for_bad(patch, *PLACES[place])
            report = await nine_and_a_bad_one(tmp_path, storage, pending=1)
        assert report.stopped is None
        if place == "look of the watchdog":  # a quick package may be over before it is looked at
            assert not set(errors_of(report)) - {"bad"}
        else:
            assert list(errors_of(report)) == ["bad"]
            assert isinstance(report.failed[0].error, InternalError)
            assert "ValueError: a bug" in errors_of(report)["bad"]
        assert saved_of(report) >= {f"good{number}" for number in range(9)}
        again = await nine_and_a_bad_one(tmp_path, storage)
    assert again.is_complete
    assert saved_of(again) | saved_of(report) | {
        str(skipped.download.row()["job_id"]) for skipped in again.skipped
    } == {"bad", *(f"good{number}" for number in range(9))}


@pytest.mark.parametrize("raised", RAISED.values(), ids=RAISED.keys())
@pytest.mark.parametrize("place", ["create", "URL", "verify", "save"])
async def test_whatever_is_raised_is_told_without_secrets(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    raised: Callable[[], Exception],
) -> None:
    break_for_bad(monkeypatch, *PLACES[place], raised)
    async with ScriptedStorage(WHOLE_ANSWER) as storage:
        report = await nine_and_a_bad_one(tmp_path, storage)
    assert len(report.saved) == 9
    error = report.failed[0].error
    assert isinstance(error, InternalError)
    assert "canary" not in str(error)
    assert "\x1b" not in str(error)
    assert len(str(error)) < 500
    assert (error.__cause__, error.__context__) == (None, None)
    str(error).encode()


async def test_a_name_that_cannot_be_made_fails_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = pipeline.path_namer  # type: ignore[attr-defined]  # looked up there

    def namer(template: str) -> Callable[[Any], str]:
        name_of = real(template)

        def name(download: Any) -> str:
            if download.job_id == "bad":
                raise UnicodeError
            return name_of(download)

        return name

    monkeypatch.setattr(pipeline, "path_namer", namer)
    async with ScriptedStorage(WHOLE_ANSWER) as storage:
        report = await nine_and_a_bad_one(tmp_path, storage)
        assert (list(errors_of(report)), len(report.saved)) == (["bad"], 9)
        monkeypatch.undo()
        again = await nine_and_a_bad_one(tmp_path, storage)
    assert again.is_complete


async def test_a_failure_that_cannot_be_noted_ends_its_package_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_for_bad(monkeypatch, Journal, "put")
    break_for_bad(monkeypatch, EventRecorder, "note")
    async with ScriptedStorage(WHOLE_ANSWER) as storage:
        report = await nine_and_a_bad_one(tmp_path, storage)
    assert (list(errors_of(report)), len(report.saved)) == (["bad"], 9)
    assert report.left == 0


async def test_an_end_that_cannot_be_told_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Report.add

    def add(report: Report, event: Any) -> None:
        if "bad" in getattr(event, "key", "") and type(event).__name__ in {"Saved", "Failed"}:
            raise ArithmeticError
        real(report, event)

    monkeypatch.setattr(Report, "add", add)
    async with ScriptedStorage(WHOLE_ANSWER) as storage:
        report = await nine_and_a_bad_one(tmp_path, storage)
    assert len(report.saved) == 9


def test_an_error_of_ours_stays_as_it_is() -> None:
    error = ArchiveError("bad")
    assert as_error(error) is error
    assert as_error(ExceptionGroup("one", [error])) is error
    assert "an unknown line" in str(as_error(ValueError("never raised")))


@pytest.fixture(scope="module", name="ca")
def _ca() -> trustme.CA:
    return trustme.CA()


@pytest.mark.usefixtures("engine")
async def test_a_bad_certificate_of_a_storage_fails_its_package_even_if_it_is_the_first_of_301(
    tmp_path: Path, ca: trustme.CA
) -> None:
    async with (
        TlsServer(ca.issue_cert("localhost"), raw(200, WHOLE, ETag='"v1"')) as strange,
        ScriptedStorage(WHOLE_ANSWER) as storage,
    ):
        urls = {"bad": f"{strange.url}/a.zip?{SIGNATURE}"}
        urls |= {f"good{number}": f"{storage.url}/{number}.zip" for number in range(300)}
        for number in (1, 2):
            report = await export_urls(urls, tmp_path / "out")
            assert list(errors_of(report)) == ["bad"]
            assert isinstance(report.failed[0].error, StorageHostError)
            assert "--ca-bundle FILE" in errors_of(report)["bad"]
            assert report.stopped is None
            assert len(report.saved) == (300 if number == 1 else 0)
            assert strange.greeted == number  # once in each run
        last = await export_urls(urls, tmp_path / "out", ca_bundle=bundle(ca, tmp_path))
    assert last.is_complete
    assert saved_of(last) == {"bad"}


@pytest.mark.usefixtures("engine")
async def test_packages_of_one_bad_host_fail_after_a_few_handshakes_and_again_in_the_next_run(
    tmp_path: Path, ca: trustme.CA
) -> None:
    async with TlsServer(ca.issue_cert("localhost"), raw(200)) as strange:
        urls = {f"bad{number}": f"{strange.url}/{number}.zip" for number in range(60)}
        async with client_of(urls, fetches=2, fetch=FetchPolicy(attempts=8)) as client:
            for run in (1, 2):
                before = strange.greeted
                jobs = [job(name) for name in urls]
                async with client.export(jobs, tmp_path) as running:
                    report = await running.finish()
                assert len(report.failed) == 60, run
                assert report.stopped is None
                assert len(set(errors_of(report).values())) == 1
                assert 1 <= strange.greeted - before <= 2
        assert strange.heads == []


@pytest.mark.usefixtures("engine")
async def test_a_bad_host_behind_a_redirect_is_remembered_too(
    tmp_path: Path, ca: trustme.CA
) -> None:
    async with TlsServer(ca.issue_cert("localhost"), raw(200)) as strange:
        async with RawServer(raw(302, Location=f"{strange.url}/a.zip")) as storage:
            urls = {f"bad{number}": f"{storage.url}/{number}.zip" for number in range(20)}
            report = await export_urls(urls, tmp_path, fetches=1)
        assert len(report.failed) == 20
        assert strange.greeted == 1


@pytest.mark.usefixtures("engine")
async def test_a_host_is_tried_again_after_a_while(
    tmp_path: Path, ca: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_client, "REMEMBERED_S", 0.0)
    async with TlsServer(ca.issue_cert("localhost"), raw(200)) as strange:
        urls = {f"bad{number}": f"{strange.url}/{number}.zip" for number in range(5)}
        report = await export_urls(urls, tmp_path, fetches=1)
        assert len(report.failed) == 5
        assert strange.greeted == 5


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("status", ["403 Forbidden", "407 Proxy Authentication Required"])
async def test_a_proxy_that_refuses_one_host_costs_the_packages_there(
    tmp_path: Path, ca: trustme.CA, status: str
) -> None:
    class Choosy(ConnectProxy):
        async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n")
            rest = asyncio.StreamReader()
            rest.feed_data(head)
            if b"refused.test" in head:
                self.heads.append(head)
                writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
                await writer.drain()
                writer.close()
                return
            reader._buffer[:0] = head  # type: ignore[attr-defined]  # given back
            await super().serve(reader, writer)

    async with (
        TlsServer(ca.issue_cert(STORAGE_HOST), raw(200, WHOLE, ETag='"v1"')) as storage,
        Choosy({STORAGE_HOST: storage.port}) as proxy,
    ):
        urls = {f"good{number}": f"https://{STORAGE_HOST}/{number}.zip" for number in range(9)}
        urls = {"bad": f"https://refused.test/a.zip?{SIGNATURE}", **urls}
        pem = bundle(ca, tmp_path)
        for run in (1, 2):
            report = await export_urls(
                urls, tmp_path / "out", base_url=PUBLIC_URL, proxy=proxy.url, ca_bundle=pem
            )
            assert list(errors_of(report)) == ["bad"]
            assert isinstance(report.failed[0].error, StorageHostError)
            assert status[:3] in errors_of(report)["bad"]
            assert len(report.saved) == (9 if run == 1 else 0)
            assert sum(b"refused.test" in head for head in proxy.heads) == run


def test_the_new_errors_are_taken_up_by_the_next_run() -> None:
    from pixxel_async.sansio.resume_decision import is_retryable_next_run  # noqa: PLC0415 - here alone

    new: tuple[PixxelError, ...] = (InternalError("a"), StorageHostError("a"))
    assert all(is_retryable_next_run(error) for error in new)
