"""Cases 72 and 73: what no list names passes, until a limit, and the next run takes it up."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from pixxel_async import (
    AoiDownload,
    AuthenticationError,
    CatalogDownload,
    Event,
    FolderPolicy,
    HostFailed,
    JobDownload,
    PackageStatus,
    PermissionDeniedError,
    PixxelClient,
    PixxelError,
    PollPolicy,
    PreviousFailures,
    RedirectedError,
    Report,
    RetryPolicy,
    RouteError,
)

from ..support import QUICK_RETRY, final_files, partials, quick_fetch
from .letting_go import (
    CATALOG,
    Ask,
    Fault,
    Letting,
    catalogs,
    denied,
    export,
    mixed,
    page,
    refused,
    told,
)
from .scripted import ETAG, WHOLE, answer, jobs

OUTAGES = {
    "520": page("520 Unknown Error"),
    "524": page("524 A Timeout Occurred"),
    "522 in JSON": told({"message": "timed out"}, "522 Timed Out"),
    "302": page("302 Found", "Location: https://login.example/?token=canary"),
    "303 without a location": page("303 See Other"),
    "307 to itself": page("307 Temporary Redirect", "Location: /v0/catalogs/download"),
    "403 page": page("403 Forbidden"),
    "404 page": page("404 Not Found"),
    "400 page": page("400 Bad Request"),
    "409": refused("409 Conflict"),
    "425": refused("425 Too Early"),
    "408": answer("408 Request Timeout"),
    "421": answer("421 Misdirected Request"),
    "423": refused("423 Locked"),
    "451 page": page("451 Unavailable For Legal Reasons"),
    "511 page": page("511 Network Authentication Required"),
    "529": refused("529 Overloaded"),
    "530": page("530 Origin DNS Error"),
    "599": answer("599 Network Connect Timeout"),
    "999": answer("999 Request Denied"),
    "204": answer("204 No Content", length=-1),
    "nothing with 200": answer("200 OK"),
    "a page with 200": page("200 OK"),
    "a list": told([{"id": "x"}]),
    "a number": told(7),
    "null": told(None),
    "half of JSON": answer("200 OK", body=b'{"id": "x", "sta'),
}
EACH_OUTAGE = pytest.mark.parametrize("said", OUTAGES.values(), ids=OUTAGES.keys())
OFTEN = RetryPolicy(attempts=20, initial_s=0.01, max_s=0.05, retry_after_max_s=0.05)


def first(number: int, said: bytes, *, creations: bool, statuses: bool) -> Fault:
    """Strike so many calls of the service, and no others."""
    left = number

    def fault(ask: Ask) -> bytes | None:
        nonlocal left
        if ask.is_of_storage or left == 0:
            return None
        if (ask.is_creation and creations) or (ask.is_status and statuses):
            left -= 1
            return said
        return None

    return fault


@pytest.mark.fault(72)
@EACH_OUTAGE
async def test_an_outage_of_the_status_calls_fails_no_package(tmp_path: Path, said: bytes) -> None:
    async with Letting(first(9, said, creations=False, statuses=True)) as server:
        report, _ = await export(server, tmp_path, mixed(12), retry=OFTEN)
        assert server.creations == 6
    assert [str(failed.error) for failed in report.failed] == []
    assert report.is_complete
    assert len(final_files(tmp_path)) == 12


@pytest.mark.fault(72)
@EACH_OUTAGE
async def test_an_outage_of_the_creations_is_left_to_the_next_run_at_worst(
    tmp_path: Path, said: bytes
) -> None:
    async with Letting(first(9, said, creations=True, statuses=True)) as server:
        report, _ = await export(server, tmp_path, mixed(12))
        again, _ = await export(server, tmp_path, mixed(12))
    assert again.is_complete
    assert len(report.saved) + len(again.saved) == 12


@pytest.mark.fault(72)
@pytest.mark.parametrize("name", ["302", "403 page", "409", "425", "511 page", "530", "529"])
async def test_a_creation_that_was_refused_for_a_moment_is_no_lost_one(
    tmp_path: Path, name: str
) -> None:
    async with Letting(first(8, OUTAGES[name], creations=True, statuses=False)) as server:
        report, _ = await export(server, tmp_path, catalogs(4), retry=OFTEN)
        assert server.creations == 12
    assert report.is_complete
    assert report.recreated == 0


@pytest.mark.fault(72)
@pytest.mark.parametrize("name", ["520", "524", "599", "nothing with 200", "204"])
async def test_a_creation_that_may_have_been_done_counts_against_the_bounds(
    tmp_path: Path, name: str
) -> None:
    async with Letting(lambda ask: OUTAGES[name] if ask.is_creation else None) as server:
        report, _ = await export(server, tmp_path)
        assert server.creations == 1 + QUICK_RETRY.recreate
        assert (report.recreated, len(report.failed)) == (2, 1)
        never = QUICK_RETRY.model_copy(update={"recreate": 0})
        await export(server, tmp_path, retry=never)
        assert server.creations == 4
        server.fault = lambda _: None
        again, _ = await export(server, tmp_path)
    assert again.is_complete


@pytest.mark.fault(72)
@EACH_OUTAGE
@pytest.mark.parametrize("download", [CATALOG, jobs(1)[0]], ids=["catalog", "job"])
async def test_what_an_outage_has_failed_is_taken_up_by_the_next_run(
    tmp_path: Path, said: bytes, download: CatalogDownload | JobDownload
) -> None:
    """The creation fails for good in the first run; the nightly job after it recovers."""
    async with Letting(lambda ask: None if ask.is_of_storage else said) as server:
        report, _ = await export(server, tmp_path, [download])
        assert len(report.failed) == 1
        assert len(server.asked) <= QUICK_RETRY.attempts
        server.fault = lambda _: None
        again, _ = await export(server, tmp_path, [download])
    assert again.is_complete


@pytest.mark.fault(72)
async def test_a_waiting_limit_ends_an_outage_of_the_status_calls(tmp_path: Path) -> None:
    poll = PollPolicy(initial_s=0.02, max_s=0.1, wait_timeout_s=0.5)
    said = page("403 Forbidden")
    async with Letting(lambda ask: said if ask.is_status else None) as server:
        report, _ = await export(server, tmp_path, poll=poll)
        assert "not ready within 0.5 s" in str(report.failed[0].error)
        server.fault = lambda _: None
        again, _ = await export(server, tmp_path)
        assert server.creations == 1
    assert again.is_complete


@pytest.mark.fault(72)
async def test_a_redirect_to_a_login_page_is_told_by_its_host_alone(tmp_path: Path) -> None:
    async with Letting(lambda _: OUTAGES["302"]) as server:
        report, _ = await export(server, tmp_path, jobs(1))
    (failed,) = report.failed
    assert isinstance(failed.error, RedirectedError)
    assert "redirects to login.example" in str(failed.error)
    assert "canary" not in str(failed.error)


@pytest.mark.fault(72)
@pytest.mark.parametrize("name", ["302", "403 page", "a page with 200", "451 page"])
async def test_an_outage_is_told_once_and_probed_by_one_call_at_a_time(
    tmp_path: Path, name: str
) -> None:
    async with Letting(first(16, OUTAGES[name], creations=True, statuses=True)) as server:
        report, seen = await export(server, tmp_path, jobs(20), retry=OFTEN)
    assert report.is_complete
    assert count_of(seen, HostFailed) == 1


@pytest.mark.fault(72)
@pytest.mark.parametrize("status", ["404 Not Found", "405 Method Not Allowed"])
async def test_a_service_that_knows_no_call_is_a_wrong_base_url(
    tmp_path: Path, status: str
) -> None:
    """Another service may have the same error form; the next run goes to the right one."""

    def fault(ask: Ask) -> bytes:
        return refused("404 Not Found" if ask.method == "GET" else status)

    async with Letting(fault) as server:
        report, _ = await export(server, tmp_path, mixed(40))
        assert isinstance(report.stopped, RouteError)
        assert "--base-url" in str(report.stopped)
        assert (report.failed, report.left) == ([], 40)
        server.fault = lambda _: None
        again, _ = await export(server, tmp_path, mixed(40))
    assert errors_of(again) == []
    assert again.is_complete


@pytest.mark.fault(72)
@pytest.mark.parametrize("status", ["400 Bad Request", "404 Not Found", "410 Gone", "422 No"])
async def test_what_the_service_itself_refuses_is_final(tmp_path: Path, status: str) -> None:
    async with Letting(lambda ask: refused(status) if ask.is_creation else None) as server:
        await export(server, tmp_path, [CATALOG, *jobs(1)])
        assert server.creations == 1
        server.fault = lambda _: None
        report, _ = await export(server, tmp_path, [CATALOG, *jobs(1)])
        assert server.creations == 1
    assert "failed in an earlier run" in str(report.failed[0].error)


# In virtual time, with the policies that are the default.

NOWHERE = "https://storage.example/x"


class Outage(httpx.AsyncBaseTransport):
    """A service that says something else for two seconds, and is well before and after."""

    def __init__(self, said: bytes, *, since_s: float) -> None:
        head, _, self.body = said.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split(" ")[1])
        pairs = [line.split(": ", 1) for line in lines[1:]]
        self.headers = [(name, value) for name, value in pairs if name != "Content-Length"]
        self.since_s = since_s
        self.began_at: float | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        now = asyncio.get_running_loop().time()
        if self.began_at is None:
            self.began_at = now
        if self.since_s <= now - self.began_at < self.since_s + 2:
            return httpx.Response(self.status, headers=self.headers, content=self.body)
        is_ready = now - self.began_at > 10 and request.method != "POST"
        document = {"id": "x", "download_id": "x", "status": "pending"}
        return httpx.Response(200, json=document | ({"signed_url": NOWHERE} if is_ready else {}))


def some(number: int) -> list[AoiDownload | CatalogDownload | JobDownload]:
    aois = [AoiDownload(aoi_id=f"a{each}", asset_ids=("x",)) for each in range(number)]
    return [*mixed(number * 2), *aois][:: 3 if number > 1 else 1]


@pytest.mark.fault(72)
@pytest.mark.looptime
@EACH_OUTAGE
@pytest.mark.parametrize("since_s", [0.0, 5.0], ids=["creations", "status calls"])
async def test_two_seconds_of_an_outage_fail_none_of_forty(said: bytes, since_s: float) -> None:
    outage = httpx.AsyncClient(transport=Outage(said, since_s=since_s))
    async with PixxelClient("key", http_client=outage) as client:
        ended = await asyncio.gather(*(client.wait(each) for each in some(40)))
    assert {package.status for package in ended} == {PackageStatus.READY}


# A 403 of the service may be about the key.


def key_is(said: bytes | None, *, packages: bytes) -> Fault:
    def fault(ask: Ask) -> bytes | None:
        if ask.path == "/v0/aois":
            return said
        return None if ask.is_of_storage else packages

    return fault


def checks(server: Letting) -> int:
    return sum(ask.path == "/v0/aois" for ask in server.asked)


@pytest.mark.fault(72)
@pytest.mark.parametrize("said", [refused("403 Forbidden"), refused("401 Unauthorized")])
async def test_a_key_that_may_do_nothing_stops_the_export_and_forbids_no_package(
    tmp_path: Path, said: bytes
) -> None:
    async with Letting(key_is(said, packages=refused("403 Forbidden"))) as server:
        report, _ = await export(server, tmp_path, mixed(40))
        assert checks(server) >= 1
        assert isinstance(report.stopped, AuthenticationError)
        assert all(isinstance(failed.error, AuthenticationError) for failed in report.failed)
        server.fault = lambda _: None
        again, _ = await export(server, tmp_path, mixed(40))
    assert again.is_complete


@pytest.mark.fault(72)
@pytest.mark.parametrize(
    "said", [None, refused("404 Not Found"), page("403 Forbidden"), refused("500 Oops")]
)
async def test_a_good_key_is_checked_once_and_the_packages_are_forbidden(
    tmp_path: Path, said: bytes | None
) -> None:
    retry = RetryPolicy(attempts=1)
    async with Letting(key_is(said, packages=refused("403 Forbidden"))) as server:
        report, _ = await export(server, tmp_path, catalogs(10), retry=retry)
        assert checks(server) == 1
    assert report.stopped is None
    assert len(report.failed) == 10
    assert all(isinstance(failed.error, PermissionDeniedError) for failed in report.failed)


# The storage.

HICCUPS = {
    "507": answer("507 Insufficient Storage"),
    "509": answer("509 Bandwidth Limit Exceeded"),
    "520": page("520 Unknown Error"),
    "522": page("522 Connection Timed Out"),
    "524": page("524 A Timeout Occurred"),
    "529": answer("529 Overloaded"),
    "530": page("530 Origin DNS Error"),
    "408": answer("408 Request Timeout"),
    "425": answer("425 Too Early"),
    "423": answer("423 Locked"),
    "451": page("451 Unavailable For Legal Reasons"),
    "401": answer("401 Unauthorized"),
    "403 page": page("403 Forbidden"),
    "404": answer("404 Not Found"),
    "404 NoSuchKey": denied("404 Not Found", "NoSuchKey"),
    "400 page": page("400 Bad Request"),
    "405 page": page("405 Method Not Allowed"),
    "511": page("511 Network Authentication Required"),
    "599": answer("599 Timeout"),
    "999": answer("999 Request Denied"),
    "204": answer("204 No Content", length=-1),
    "302 without a location": answer("302 Found"),
    "302 in a loop": answer("302 Found", "Location: /objects/elsewhere.zip"),
    "a page with 200": page("200 OK"),
    "nothing with 200": answer("200 OK"),
    "RequestTimeout": denied("400 Bad Request", "RequestTimeout"),
    "InvalidAccessKeyId": denied("403 Forbidden", "InvalidAccessKeyId"),
    "AccountProblem": denied("403 Forbidden", "AccountProblem"),
    "another protocol": b"SSH-2.0-OpenSSH_9.6\r\n",
    "no status": b"HTTP/1.1 \r\n\r\n",
    "HTTP/0.9": b"PK\x03\x04" + bytes(2000),
}
EACH_HICCUP = pytest.mark.parametrize("said", HICCUPS.values(), ids=HICCUPS.keys())


def storage_hiccup(said: bytes, times: int) -> Fault:
    """Strike each object so many times."""
    seen: dict[str, int] = {}

    def fault(ask: Ask) -> bytes | None:
        if not ask.is_of_storage:
            return None
        if ask.id == "elsewhere":
            return said
        seen[ask.id] = seen.get(ask.id, 0) + 1
        return said if seen[ask.id] <= times else None

    return fault


def is_whole(report: Report, folder: Path, count: int) -> bool:
    return (
        report.is_complete
        and len(final_files(folder)) == count
        and partials(folder) == []
        and all(saved.path.read_bytes() == WHOLE for saved in report.saved)
    )


@pytest.mark.fault(73)
@EACH_HICCUP
async def test_one_hiccup_of_the_storage_passes(tmp_path: Path, said: bytes) -> None:
    async with Letting(storage_hiccup(said, 1)) as server:
        report, _ = await export(server, tmp_path, mixed(6))
        assert server.creations == 3
    assert is_whole(report, tmp_path, 6)


@pytest.mark.fault(73)
@EACH_HICCUP
@pytest.mark.parametrize("download", [CATALOG, jobs(1)[0]], ids=["catalog", "job"])
async def test_what_does_not_pass_is_taken_up_by_the_next_run(
    tmp_path: Path, said: bytes, download: CatalogDownload | JobDownload
) -> None:
    async with Letting(storage_hiccup(said, 1000)) as server:
        report, _ = await export(server, tmp_path, [download], fetch=quick_fetch(attempts=3))
        assert len(report.failed) == 1
        requests = sum(ask.is_of_storage for ask in server.asked)
        assert requests <= 3 * 6  # a redirect is followed five times
        assert final_files(tmp_path) == {}
        server.fault = lambda _: None
        again, _ = await export(server, tmp_path, [download])
    assert is_whole(again, tmp_path, 1)


@pytest.mark.fault(73)
@pytest.mark.parametrize("header", ["HTTP/1.1: y", "HTTP/1.1 404: y", "HTTP/1.1 x: y"])
async def test_a_header_that_looks_like_a_status_line_is_a_header(
    tmp_path: Path, header: str
) -> None:
    said = answer("200 OK", ETAG, header, body=WHOLE)
    async with Letting(storage_hiccup(said, 1000)) as server:
        report, _ = await export(server, tmp_path, jobs(1), engine="libcurl")
        assert sum(ask.is_of_storage for ask in server.asked) == 1
    assert is_whole(report, tmp_path, 1)


LEAVE = FolderPolicy(previous_failures=PreviousFailures.LEAVE)


@pytest.mark.fault(73)
@pytest.mark.parametrize(
    "said",
    [
        denied("403 Forbidden", "SignatureDoesNotMatch"),
        denied("403 Forbidden", "AccessDenied"),
        denied("400 Bad Request", "AuthorizationQueryParametersError"),
    ],
)
async def test_what_the_storage_itself_calls_wrong_is_final(tmp_path: Path, said: bytes) -> None:
    async with Letting(storage_hiccup(said, 1000)) as server:
        await export(server, tmp_path, jobs(1))
        assert sum(ask.is_of_storage for ask in server.asked) <= 4
        asked = len(server.asked)
        report, _ = await export(server, tmp_path, jobs(1), policy=LEAVE)
        assert len(server.asked) == asked
    assert "failed in an earlier run" in str(report.failed[0].error)


def errors_of(report: Report) -> list[PixxelError]:
    return [failed.error for failed in report.failed]


def count_of(seen: list[Event], kind: type[Event]) -> int:
    return sum(isinstance(event, kind) for event in seen)


@pytest.mark.fault(73)
async def test_a_page_of_a_storage_is_told_by_its_first_line(tmp_path: Path) -> None:
    said = page("200 OK", text="We will be back")
    async with Letting(storage_hiccup(said, 1000)) as server:
        report, seen = await export(server, tmp_path, jobs(1), fetch=quick_fetch(attempts=3))
    (error,) = errors_of(report)
    assert "We will be back" in str(error)
    assert count_of(seen, HostFailed) == 0
    assert ETAG not in str(error)
