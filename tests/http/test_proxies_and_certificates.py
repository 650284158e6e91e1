"""Proxies and private CAs, over real sockets, for the service and for the storage."""

from __future__ import annotations

import datetime as dt
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest
import trustme

from pixxel_async import (
    ConfigError,
    FetchPolicy,
    JobDownload,
    Limits,
    PixxelClient,
    PollPolicy,
    RetryPolicy,
    RouteError,
    StorageHostError,
    TransportError,
)
from pixxel_async.sandbox import Sandbox, Scenario
from pixxel_async.settings import network

from ..support import QUICK_POLL
from ..support import client_of as sandbox_client
from .raw_server import PONG, RawServer, raw
from .script import KEY
from .tls_stand import API_HOST, STORAGE_HOST, ConnectProxy, TlsServer, bundle

JOB = JobDownload(workflow_id="w", job_id="j")
SIGNATURE = "canary-signature"
TARGET = f"/a%2Fb//c+d?X-Amz-Signature={SIGNATURE}%2B"
PASSWORD = "me:pass-word-canary"
API = f"https://{API_HOST}"
QUICK = RetryPolicy(attempts=3, initial_s=0, reach_s=0)


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def pem(ca: trustme.CA, tmp_path: Path) -> Path:
    return bundle(ca, tmp_path)


@pytest.fixture(autouse=True)
def _no_system_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "unrelated.test")


def ready(url: str) -> bytes:
    body = f'{{"workflowId": "w", "status": "ready", "signed_url": "{url}"}}'.encode()
    return raw(200, body, Content_Type="application/json")


async def a_zip() -> bytes:
    """Return a package as the storage has it, out of a sandbox."""
    async with Sandbox(Scenario(package_bytes=50_000)) as sandbox:
        async with sandbox_client(sandbox) as client:
            package = await client.wait(JOB)
            assert package.signed_url is not None
            import asyncio  # noqa: PLC0415 - likewise
            import urllib.request  # noqa: PLC0415 - a look past our own client

            def read(url: str) -> bytes:
                with urllib.request.urlopen(url) as answer:  # noqa: S310 - of this machine
                    return bytes(answer.read())

            return await asyncio.to_thread(read, package.signed_url.get_secret_value())


def told(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))


def client_of(**parts: Any) -> PixxelClient:
    return PixxelClient(KEY, **{"base_url": API, "retry": QUICK, "poll": QUICK_POLL, **parts})


@pytest.mark.parametrize("by", ["parameter", "HTTPS_PROXY", "ALL_PROXY", "https_proxy"])
async def test_service_and_storage_go_through_the_proxy(
    by: str, ca: trustme.CA, pem: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = await a_zip()
    storage_cert, api_cert = ca.issue_cert(STORAGE_HOST), ca.issue_cert(API_HOST)
    async with (
        TlsServer(storage_cert, raw(200, body, ETag='"one"')) as storage,
        TlsServer(api_cert, ready(f"https://{STORAGE_HOST}{TARGET}")) as service,
        ConnectProxy({API_HOST: service.port, STORAGE_HOST: storage.port}) as proxy,
    ):
        given = {"proxy": proxy.url} if by == "parameter" else {}
        if not given:
            monkeypatch.setenv(by, proxy.url)
        async with client_of(ca_bundle=pem, **given) as client:
            saved = await client.download(JOB, tmp_path / "out")
        assert saved.path.read_bytes() == body
        assert set(proxy.targets) == {f"{API_HOST}:443".encode(), f"{STORAGE_HOST}:443".encode()}
        assert all(head.startswith(b"CONNECT ") for head in proxy.heads)
        clear = b"".join(proxy.heads)
        assert KEY.encode() not in clear
        assert SIGNATURE.encode() not in clear
        assert set(storage.targets) == {TARGET.encode()}
        for number in range(len(storage.heads)):
            headers = storage.headers(number)
            assert headers["host"] == STORAGE_HOST
            assert not set(headers) & {"authorization", "cookie", "proxy-authorization"}
        assert service.headers()["authorization"] == KEY


async def test_a_host_of_no_proxy_is_reached_past_the_proxy(
    ca: trustme.CA, pem: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        TlsServer(ca.issue_cert(API_HOST), raw(200, PONG)) as service,
        ConnectProxy({API_HOST: service.port}) as proxy,
    ):
        monkeypatch.setenv("NO_PROXY", "pixxel.test")
        async with client_of(proxy=proxy.url, ca_bundle=pem) as client:
            with pytest.raises(TransportError, match="no connection"):
                await client.ping()
        assert proxy.heads == []
        monkeypatch.setenv("NO_PROXY", "other.test")
        async with client_of(proxy=proxy.url, ca_bundle=pem) as client:
            await client.ping()
        assert len(proxy.heads) == 1


async def test_this_machine_is_reached_past_the_proxy() -> None:
    async with RawServer(raw(200, PONG)) as server, ConnectProxy({}) as proxy:
        async with client_of(base_url=server.url, proxy=proxy.url) as client:
            await client.ping()
        assert proxy.heads == []


async def test_the_password_of_a_proxy_goes_to_the_proxy_alone(ca: trustme.CA, pem: Path) -> None:
    async with (
        TlsServer(ca.issue_cert(API_HOST), raw(200, PONG)) as service,
        ConnectProxy({API_HOST: service.port}, password=PASSWORD) as proxy,
    ):
        url = f"http://{PASSWORD}@127.0.0.1:{proxy.port}"
        async with client_of(proxy=url, ca_bundle=pem) as client:
            await client.ping()
            assert "pass-word" not in repr(vars(client)) + repr(vars(client._service))
        assert b"Proxy-Authorization: Basic " in proxy.heads[0]
        assert "proxy-authorization" not in service.headers()


@pytest.mark.parametrize(
    ("user", "answer", "tries", "words"),
    [
        ("me:wrong-canary@", b"", 1, "407.*NAME:PASSWORD@"),
        ("", b"", 1, "407.*NAME:PASSWORD@"),
        ("", b"HTTP/1.1 403 Forbidden\r\n\r\n", 1, "403; proxy.*NO_PROXY"),
        ("", b"HTTP/1.1 405 No\r\n\r\n", 1, "405; proxy.*--proxy"),
        ("", b"HTTP/1.1 502 Bad Gateway\r\n\r\n", 3, "the proxy refused.*502"),
        ("", b"HTTP/1.1 429 Slow\r\n\r\n", 3, "the proxy refused.*429"),
    ],
)
async def test_a_proxy_that_refuses_is_told_once_and_with_the_remedy(
    user: str, answer: bytes, tries: int, words: str
) -> None:
    password = "" if answer else PASSWORD
    async with ConnectProxy({}, password=password, answer=answer) as proxy:
        url = f"http://{user}127.0.0.1:{proxy.port}"
        async with client_of(proxy=url) as client:
            with pytest.raises(TransportError, match=words) as caught:
                await client.ping()
        assert len(proxy.heads) == tries
        assert f"http://127.0.0.1:{proxy.port}" in str(caught.value)
    assert isinstance(caught.value, RouteError) is (tries == 1)
    assert "canary" not in told(caught.value)


async def test_a_proxy_that_is_not_there_is_named(unused_tcp_port: int) -> None:
    url = f"http://{PASSWORD}@127.0.0.1:{unused_tcp_port}"
    async with client_of(proxy=url) as client:
        with pytest.raises(TransportError, match=f"proxy http://127.0.0.1:{unused_tcp_port}") as it:
            await client.ping()
    assert "canary" not in told(it.value)


async def test_a_proxy_may_speak_tls_itself(ca: trustme.CA, pem: Path) -> None:
    async with (
        TlsServer(ca.issue_cert(API_HOST), raw(200, PONG)) as service,
        ConnectProxy({API_HOST: service.port}, cert=ca.issue_cert("localhost")) as proxy,
    ):
        async with client_of(proxy=f"https://localhost:{proxy.port}", ca_bundle=pem) as client:
            await client.ping()
    assert len(service.heads) == 1


@pytest.mark.parametrize("by", ["parameter", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
async def test_a_private_ca_is_trusted_when_it_is_named(
    by: str, ca: trustme.CA, pem: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with TlsServer(ca.issue_cert("localhost"), raw(200, PONG)) as service:
        if by != "parameter":
            monkeypatch.setenv(by, str(pem))
        given = {"ca_bundle": pem} if by == "parameter" else {}
        async with client_of(base_url=service.url, **given) as client:
            await client.ping()
    assert len(service.heads) == 1


NOW = dt.datetime.now(dt.UTC)


@pytest.mark.parametrize(
    ("trusted", "cert", "words"),
    [
        ("other", {}, "--ca-bundle FILE"),
        ("none", {}, "--ca-bundle FILE"),
        ("same", {"host": "another.test"}, "belongs to another host"),
        ("same", {"not_after": NOW - dt.timedelta(days=1)}, "clock"),
    ],
)
async def test_a_certificate_that_is_refused_is_not_tried_again(
    ca: trustme.CA, tmp_path: Path, trusted: str, cert: dict[str, Any], words: str
) -> None:
    leaf = ca.issue_cert(cert.pop("host", "localhost"), **cert)
    given = {
        "other": {"ca_bundle": bundle(trustme.CA(), tmp_path, "other.pem")},
        "same": {"ca_bundle": bundle(ca, tmp_path)},
        "none": {},
    }[trusted]
    async with TlsServer(leaf, raw(200, PONG)) as service:
        async with client_of(base_url=service.url, **given) as client:
            with pytest.raises(RouteError, match=words) as caught:
                await client.ping()
        assert (service.greeted, service.heads) == (1, [])
    assert "the certificate of localhost is refused" in str(caught.value)
    assert not caught.value.sent


async def test_a_certificate_that_is_refused_ends_an_export_once_and_fails_no_package(
    ca: trustme.CA, tmp_path: Path
) -> None:
    downloads = [JobDownload(workflow_id="w", job_id=str(number)) for number in range(50)]
    async with TlsServer(ca.issue_cert("localhost"), raw(200, PONG)) as service:
        async with client_of(base_url=service.url, limits=Limits(requests=1)) as client:
            async with client.export(downloads, tmp_path) as export:
                report = await export.finish()
    assert isinstance(report.stopped, RouteError)
    assert (report.failed, report.left) == ([], 50)


@pytest.mark.fault(11)
async def test_a_storage_whose_certificate_is_refused_fails_its_package_at_once(
    ca: trustme.CA, pem: Path, tmp_path: Path
) -> None:
    strange = trustme.CA().issue_cert(STORAGE_HOST)
    async with (
        TlsServer(strange, raw(200)) as storage,
        TlsServer(ca.issue_cert(API_HOST), ready(f"https://{STORAGE_HOST}{TARGET}")) as service,
        ConnectProxy({API_HOST: service.port, STORAGE_HOST: storage.port}) as proxy,
    ):
        async with client_of(
            proxy=proxy.url,
            ca_bundle=pem,
            fetch=FetchPolicy(attempts=5),
            poll=PollPolicy(initial_s=0.01, max_s=0.02),
        ) as client:
            with pytest.raises(StorageHostError, match="--ca-bundle FILE") as caught:
                await client.download(JOB, tmp_path / "out")
        assert (storage.greeted, storage.heads) == (1, [])
        assert SIGNATURE.encode() not in b"".join(proxy.heads)
    assert SIGNATURE not in told(caught.value)
    assert list((tmp_path / "out").glob("*.zip*")) == []


def test_certificates_that_cannot_be_read_are_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match=r"ca_bundle \(PIXXEL_CA_BUNDLE\): .*No such file"):
        client_of(ca_bundle=tmp_path / "none.pem")
    (tmp_path / "empty.pem").write_text("nothing here")
    with pytest.raises(ConfigError, match="holds no certificate"):
        client_of(ca_bundle=tmp_path / "empty.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with pytest.raises(ConfigError, match=r"SSL_CERT_FILE: .*No such file"):
        client_of()
    monkeypatch.setenv("SSL_CERT_FILE", "")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
    with pytest.raises(ConfigError, match=r"REQUESTS_CA_BUNDLE: .*No such file"):
        client_of()


def test_a_folder_of_certificates_is_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert network.certificates(str(tmp_path)).folder == str(tmp_path)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert (network.certificates("auto").file, network.certificates("auto").folder) == (
        None,
        str(tmp_path),
    )


@pytest.mark.parametrize("proxy", ["ftp://pass-word@p", "http://", "http://p:pass-word"])
def test_a_proxy_that_is_none_is_refused_without_its_value(proxy: str) -> None:
    with pytest.raises(ConfigError, match=r"proxy \(PIXXEL_PROXY\): give a proxy such as") as it:
        client_of(proxy=proxy)
    assert "pass-word" not in told(it.value)


def test_a_socks_proxy_says_which_package_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)
    with pytest.raises(ConfigError, match=r"socks5://p\.test:1 needs .*httpx\[socks\]") as caught:
        client_of(proxy=f"socks5://{PASSWORD}@p.test:1")
    assert "canary" not in told(caught.value)
