"""GETs of signed URLs: what is on the wire, and which URLs are refused before anything is sent."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from pixxel_async import JobDownload, PixxelClient, TransferError
from pixxel_async.errors import ConnectionBrokenError
from pixxel_async.http.engines import Engine
from pixxel_async.http.storage_client import StorageClient

from .raw_server import RawServer, raw
from .script import KEY, READY, Script, answer, broken
from .storages import scripted_client, whole_body

SIGNATURE = "canary-signature"
TARGETS = (
    "/a%2Fb",
    "/a%2fb",
    "/a+b%20c",
    "/a//b///c",
    "//a",
    "/./a/../b",
    "/a~b%7E",
    "/a;b=c,d:e@f!$&'()*",
    "/a?x=%2B+%20&y=a/b?c&=&&z",
    "/a?sig=ab%2Fcd%3D%3d==",
    "/a?x=[1]{2}|^`\\",
    '/a"<>',
    "/a?",
    "/",
    "/%",
    "/%zz%",
    "/" + "x" * 4000,
)
REFUSED = {
    "plain http": "http://storage.test/a?sig=canary-signature",
    "plain http to an address": "http://10.0.0.1/a?sig=canary-signature",
    "a name like a loopback": "http://localhost.evil.test/?sig=canary-signature",
    "userinfo": "https://me:canary-signature@storage.test/a",
    "userinfo on a loopback": "http://me@127.0.0.1:1/a?sig=canary-signature",
    "a loopback as userinfo": "http://127.0.0.1@evil.test/?sig=canary-signature",
    "a backslash": "http://127.0.0.1\\@evil.test/?sig=canary-signature",
    "another scheme": "ftp://storage.test/a?sig=canary-signature",
    "a file": "file:///etc/passwd",
    "no scheme": "//storage.test/a?sig=canary-signature",
    "no host": "https:///a?sig=canary-signature",
    "a bad port": "https://storage.test:port/a?sig=canary-signature",
    "a bad address": "https://[::1/a?sig=canary-signature",
    "no ASCII": "https://storage.test/ä?sig=canary-signature",
    "nothing": "",
}


async def body_of(storage: StorageClient, url: str) -> bytes:
    async with await storage.get(SecretStr(url), {"Range": "bytes=5-"}) as reply:
        return await whole_body(reply)


@pytest.mark.fault(18)
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target[:30])
async def test_the_request_target_goes_out_byte_for_byte(
    storage: StorageClient, target: str
) -> None:
    async with RawServer(raw(200, b"PK")) as server:
        assert await body_of(storage, server.url + target) == b"PK"
    assert server.targets == [target.encode()]


@pytest.mark.parametrize(
    ("tail", "target"), [("", b"/"), ("?a=b", b"/?a=b"), ("/a?b#c?d", b"/a?b"), ("#c", b"/")]
)
async def test_a_path_is_made_and_a_fragment_stays_here(
    storage: StorageClient, tail: str, target: bytes
) -> None:
    async with RawServer(raw(200)) as server:
        await body_of(storage, server.url + tail)
    assert server.targets == [target]


async def test_nothing_is_sent_but_what_is_needed(storage: StorageClient) -> None:
    async with RawServer(raw(200, b"PK")) as server:
        await body_of(storage, f"{server.url}/a")
        headers = server.headers()
        agent = headers.pop("user-agent")
        assert headers == {"host": f"127.0.0.1:{server.port}", "range": "bytes=5-"}
        assert agent.startswith("pixxel-async/")
        assert server.heads[0].startswith(b"GET /a HTTP/1.1\r\n")


async def test_a_client_sends_the_storage_no_key_no_cookie_and_nothing_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: Engine
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    async with RawServer(raw(500)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        async with RawServer(raw(404, Set_Cookie="a=b; Path=/")) as server:
            url = f"{server.url}/a?sig={SIGNATURE}"
            step = answer(json={**READY, "signed_url": url}, headers={"Set-Cookie": "c=d; Path=/"})
            async with PixxelClient(
                KEY,
                base_url="http://127.0.0.1:1",
                http_client=httpx.AsyncClient(transport=Script(step)),
                engine=engine,
            ) as client:
                for job in ("1", "2"):
                    with pytest.raises(TransferError):
                        await client.download(JobDownload(workflow_id="w", job_id=job), tmp_path)
        assert proxy.heads == []
    assert len(server.heads) >= 2
    for number, head in enumerate(server.heads):
        assert KEY.encode() not in head
        allowed = {"host", "user-agent", "accept-encoding", "accept", "connection"}
        assert set(server.headers(number)) <= allowed


@pytest.mark.fault(46)
@pytest.mark.parametrize("url", REFUSED.values(), ids=REFUSED.keys())
async def test_a_url_that_is_not_safe_is_refused_before_anything_is_sent(url: str) -> None:
    script = Script(answer())
    storage = scripted_client(script)
    with pytest.raises(TransferError) as caught:
        await body_of(storage, url)
    assert script.requests == []
    assert SIGNATURE not in str(caught.value)


@pytest.mark.parametrize("target", ["/a b", "/a\tb", "/a\r\nX-Evil: 1", "/a\0"], ids=ascii)
async def test_characters_that_no_request_may_have_are_not_sent(
    storage: StorageClient, target: str
) -> None:
    async with RawServer(raw(200)) as server:
        with pytest.raises(TransferError, match="characters") as caught:
            await body_of(storage, f"{server.url}{target}?sig={SIGNATURE}")
    assert server.heads == []
    assert not isinstance(caught.value, ConnectionBrokenError)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (httpx.ConnectError, "no connection"),
        (httpx.ConnectTimeout, "no connection in time"),
        (httpx.ReadError, "the connection broke while receiving"),
        (httpx.ReadTimeout, "no response in time"),
        (httpx.WriteError, "the connection broke while sending"),
        (httpx.RemoteProtocolError, "the connection closed early"),
    ],
)
async def test_a_broken_connection_may_be_tried_again_and_shows_no_signature(
    error: type[httpx.HTTPError], words: str
) -> None:
    said = f"at https://storage.test/a?sig={SIGNATURE}"
    storage = scripted_client(Script(broken(error, said)))
    with pytest.raises(ConnectionBrokenError, match=words) as caught:
        await body_of(storage, f"https://storage.test/a?sig={SIGNATURE}")
    assert SIGNATURE not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_a_body_that_ends_early_is_a_broken_connection(storage: StorageClient) -> None:
    cut = raw(200, b"PK", Content_Length="100")
    async with RawServer(cut) as server:
        with pytest.raises(ConnectionBrokenError):
            await body_of(storage, f"{server.url}/a")


async def test_the_beginning_of_a_broken_body_is_still_told(storage: StorageClient) -> None:
    cut = raw(403, b"<Error>no", Content_Length="100")
    async with RawServer(cut) as server:
        async with await storage.get(SecretStr(f"{server.url}/a"), {}) as reply:
            assert reply.status == 403
            assert reply.headers["content-length"] == "100"
            assert await reply.read_start(7) == b"<Error>"
        async with await storage.get(SecretStr(f"{server.url}/a"), {}) as reply:
            assert await reply.read_start(1000) == b"<Error>no"


async def test_a_body_is_not_decoded(storage: StorageClient) -> None:
    async with RawServer(raw(200, b"\x1f\x8bPK", Content_Encoding="gzip")) as server:
        assert await body_of(storage, f"{server.url}/a") == b"\x1f\x8bPK"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:99999/a", "https://xn--a.test/a", "http://[::1/a"]
)
async def test_an_address_that_cannot_be_is_refused_as_a_transfer_error(
    storage: StorageClient, url: str
) -> None:
    with pytest.raises(TransferError, match="signed URL"):
        await body_of(storage, url)
