"""Redirects of the storage: followed without credentials, a few times, and never to plain http."""

from __future__ import annotations

import httpx
import pytest
from pydantic import SecretStr

from pixxel_async import TransferError
from pixxel_async.http.storage_client import MAX_REDIRECTS, StorageClient

from .raw_server import RawServer, raw
from .script import Script, Step, answer
from .storages import scripted_client

FIRST = "https://storage.test/a%2Fb?sig=canary-signature"


async def final_status(storage: StorageClient, url: str) -> int:
    async with await storage.get(SecretStr(url), {"Range": "bytes=5-"}) as reply:
        return reply.status


def to(location: str, status: int = 302) -> Step:
    return answer(status, headers={"Location": location, "Set-Cookie": "a=b"}, content=b"")


async def followed(*steps: Step) -> list[str]:
    """Return the URLs that were asked for, by origin and target."""
    script = Script(*steps)
    assert await final_status(scripted_client(script), FIRST) == 200
    for request in script.requests:
        assert set(request.headers) == {"host", "user-agent", "range"}
        assert request.headers["host"] == request.url.netloc.decode()
    return [
        f"{request.url.scheme}://{request.url.netloc.decode()}" + request.url.raw_path.decode()
        for request in script.requests
    ]


@pytest.mark.fault(14)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_followed_without_credentials(status: int) -> None:
    other = "https://other.test/c%2Fd+e//f?g=%2B&sig=x"
    assert await followed(to(other, status), answer()) == [FIRST, other]


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/c%2Fd?e=%2B", "https://storage.test/c%2Fd?e=%2B"),
        ("c?d", "https://storage.test/c?d"),
        ("//other.test/c?d", "https://other.test/c?d"),
    ],
)
async def test_a_relative_redirect_is_followed(location: str, target: str) -> None:
    assert await followed(to(location), answer()) == [FIRST, target]


async def test_redirects_are_followed_a_few_times() -> None:
    steps = [to(f"https://storage.test/{number}") for number in range(MAX_REDIRECTS)]
    assert len(await followed(*steps, answer())) == MAX_REDIRECTS + 1


@pytest.mark.fault(14)
@pytest.mark.parametrize("location", [FIRST, "/a%2Fb?sig=canary-signature", "?sig=canary"])
async def test_a_loop_is_refused(location: str) -> None:
    script = Script(to(location))
    with pytest.raises(TransferError, match="more than 5 times") as caught:
        await final_status(scripted_client(script), FIRST)
    assert len(script.requests) == MAX_REDIRECTS + 1
    assert "canary" not in str(caught.value)


@pytest.mark.fault(14)
@pytest.mark.parametrize(
    "location",
    [
        "http://storage.test/a?sig=canary-signature",
        "http://127.0.0.1:1/a?sig=canary-signature",
        "http://localhost/a?sig=canary-signature",
        "ftp://storage.test/a?sig=canary-signature",
        "https://me:canary@other.test/",
        "https://",
        "//[half?sig=canary-signature",
    ],
)
async def test_a_redirect_to_where_no_url_may_lead_is_refused(location: str) -> None:
    script = Script(to(location), answer())
    with pytest.raises(TransferError) as caught:
        await final_status(scripted_client(script), FIRST)
    assert len(script.requests) == 1
    assert "canary" not in str(caught.value)


@pytest.mark.fault(14)
async def test_a_redirect_from_a_loopback_to_plain_http_elsewhere_is_refused(
    storage: StorageClient,
) -> None:
    async with RawServer(raw(302, Location="http://storage.invalid/a")) as server:
        with pytest.raises(TransferError, match="plain http"):
            await final_status(storage, f"{server.url}/a")
    assert len(server.heads) == 1


async def test_a_redirect_without_a_location_is_an_answer() -> None:
    storage = scripted_client(Script(answer(302, content=b"")))
    assert await final_status(storage, FIRST) == 302


async def test_the_target_of_a_redirect_goes_out_byte_for_byte(storage: StorageClient) -> None:
    target = "/c%2fd+e//f~?g=%2B&h=a/b?c"
    async with RawServer(raw(200, b"PK")) as second:
        moved = raw(307, Location=second.url + target, Set_Cookie="a=b; Path=/")
        async with RawServer(moved) as first:
            assert await final_status(storage, f"{first.url}/a") == 200
        assert second.targets == [target.encode()]
        assert set(second.headers()) == {"host", "user-agent", "range"}


async def test_answers_on_the_way_are_closed() -> None:
    closed: list[int] = []

    class Body(httpx.AsyncByteStream):
        def __init__(self, number: int) -> None:
            self.number = number

        async def aclose(self) -> None:
            closed.append(self.number)

    def step(number: int) -> Step:
        headers = {"Location": "/next"} if number < 2 else {}
        return answer(302 if number < 2 else 200, headers=headers, stream=Body(number))

    storage = scripted_client(Script(step(0), step(1), step(2)))
    async with await storage.get(SecretStr(FIRST), {}) as reply:
        assert (reply.status, closed) == (200, [0, 1])
    assert closed == [0, 1, 2]
