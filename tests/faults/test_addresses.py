"""Case 66: signed URLs and redirects that lead to where only this machine can go."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pycurl
import pytest
import trustme

from pixxel_async import Report, StorageHostError, TransferError
from pixxel_async.http.curl_response import CurlResponse
from pixxel_async.http.httpx_engine import HttpxEngine
from pixxel_async.http.libcurl import CurlEngine
from pixxel_async.http.storage_response import StorageRequest, StorageResponse
from pixxel_async.sansio.storage import address_policy
from pixxel_async.sansio.storage.address_policy import Scope

from ..cli.commands import COMMAND, QUICK
from ..http.raw_server import NO_AOIS, RawServer, raw
from ..http.tls_stand import API_HOST, STORAGE_HOST, ConnectProxy, TlsServer, bundle
from .scripted import WHOLE, WHOLE_ANSWER, ScriptedStorage
from .urls import PUBLIC_URL, client_of, errors_of, export_urls, job, saved_of

pytestmark = pytest.mark.fault(66)

HOSTS_OF_THIS_MACHINE = (
    "127.0.0.1",
    "localhost",
    "LOCALHOST",
    "127.1",
    "0x7f.1",
    "2130706433",
    "0.0.0.0",  # noqa: S104 - binds nothing
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::]",
    "127.0.0.1.",
    "[64:ff9b::7f00:1]",
)
HOSTS_OF_ITS_NETWORKS = (
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "100.64.0.1",
    "[fd00::1]",
    "[fe80::1]",
    "[64:ff9b::a00:1]",
)
METADATA_HOSTS = (
    "169.254.169.254",
    "[fd00:ec2::254]",
    "metadata.google.internal",
    "0xa9fea9fe",
    "[::ffff:a9fe:a9fe]",
)


def resolve(monkeypatch: pytest.MonkeyPatch, name: str, *addresses: str) -> None:
    """Let both engines resolve a name to an address, to another one at the next look-up."""
    set_up, look_up = CurlResponse.setup, socket.getaddrinfo
    left = list(addresses)

    def following() -> str:
        return left.pop(0) if len(left) > 1 else left[0]

    def setup(response: CurlResponse, curl: pycurl.Curl) -> None:
        set_up(response, curl)
        host, _, port = response.request.origin.removeprefix("https://").rpartition(":")
        if host == name:
            curl.setopt(pycurl.RESOLVE, [f"{name}:{port}:{following()}"])

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        text = host.decode() if isinstance(host, bytes) else host
        return look_up(following() if text == name else host, *args, **kwargs)

    monkeypatch.setattr(CurlResponse, "setup", setup)
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def connected_to(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let libcurl connect to nothing; return the addresses that it would have connected to."""
    tried: list[str] = []
    open_socket = CurlResponse._open_socket

    def opened(response: CurlResponse, purpose: int, address: Any) -> int:
        if open_socket(response, purpose, address) != pycurl.SOCKET_BAD:
            tried.append(str(address.addr[0]))
        return pycurl.SOCKET_BAD

    monkeypatch.setattr(CurlResponse, "_open_socket", opened)
    return tried


@pytest.fixture(scope="module", name="ca")
def _ca() -> trustme.CA:
    return trustme.CA()


def failed_alone(report: Report, *, at: str) -> bool:
    """Return whether the job `bad` has failed for its address, and no other one."""
    (failed,) = report.failed
    return (
        report.stopped is None
        and isinstance(failed.error, StorageHostError)
        and at in str(failed.error)
        and "?" not in str(failed.error)
    )


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("host", HOSTS_OF_THIS_MACHINE)
async def test_this_machine_is_not_asked_for_a_service_elsewhere(tmp_path: Path, host: str) -> None:
    async with ScriptedStorage(WHOLE_ANSWER) as here:
        url = f"https://{host}:{here.port}/a.zip?X-Amz-Signature=canary"
        report = await export_urls({"bad": url}, tmp_path, base_url=PUBLIC_URL)
    assert here.connections == 0
    assert failed_alone(report, at="an address of this machine")
    assert "--allow-private-storage" in errors_of(report)["bad"]


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.1"])
@pytest.mark.parametrize("is_allowed", [False, True])
async def test_plain_http_to_this_machine_is_refused_for_a_service_elsewhere(
    tmp_path: Path,
    host: str,
    is_allowed: bool,  # noqa: FBT001 - pytest passes it by name
) -> None:
    async with ScriptedStorage(WHOLE_ANSWER) as here:
        report = await export_urls(
            {"bad": f"http://{host}:{here.port}/a.zip"},
            tmp_path,
            base_url=PUBLIC_URL,
            allow_private_storage=is_allowed,
        )
    assert here.connections == 0
    assert isinstance(report.failed[0].error, TransferError)


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("host", [*HOSTS_OF_ITS_NETWORKS, *METADATA_HOSTS])
@pytest.mark.parametrize("base_url", [PUBLIC_URL, "http://127.0.0.1:1"])
async def test_networks_and_metadata_are_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, base_url: str
) -> None:
    asked: list[str] = []

    async def get(_: Any, request: StorageRequest, **__: Any) -> StorageResponse:
        asked.append(request.host)
        raise TransferError(request.host)

    monkeypatch.setattr(CurlEngine, "get", get)
    monkeypatch.setattr(HttpxEngine, "get", get)
    urls = {"bad": f"https://{host}/latest/meta-data"}
    report = await export_urls(urls, tmp_path, base_url=base_url)
    assert asked == []
    assert failed_alone(report, at="which is ")


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("name", ["innocent.test", "a.innocent.test"])
async def test_a_name_is_judged_by_the_address_it_is_resolved_to(
    tmp_path: Path, ca: trustme.CA, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    resolve(monkeypatch, name, "127.0.0.1")
    async with TlsServer(ca.issue_cert(name), raw(200, WHOLE)) as here:
        report = await export_urls(
            {"bad": f"https://{name}:{here.port}/a.zip"},
            tmp_path / "out",
            base_url=PUBLIC_URL,
            ca_bundle=bundle(ca, tmp_path),
        )
        assert here.greeted == 0
    assert failed_alone(report, at=f"{name} (127.0.0.1), which is an address of this machine")


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "169.254.169.254", "[::1]", "[fd00::1]", "[::ffff:127.0.0.1]"]
)
async def test_nothing_connects_to_an_address_that_a_name_must_not_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    tried = connected_to(monkeypatch)
    resolve(monkeypatch, "innocent.test", address)
    urls = {"bad": "https://innocent.test/a.zip"}
    report = await export_urls(urls, tmp_path, base_url=PUBLIC_URL)
    assert tried == []
    assert failed_alone(report, at="innocent.test (")


async def test_of_several_addresses_of_a_name_only_the_public_ones_are_connected_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = connected_to(monkeypatch)
    resolve(monkeypatch, "mixed.test", "127.0.0.1,192.88.99.1,10.0.0.1,192.88.99.2")
    await export_urls({"bad": "https://mixed.test/a.zip"}, tmp_path, base_url=PUBLIC_URL)
    assert set(tried) == {"192.88.99.1", "192.88.99.2"}


async def test_the_address_that_was_judged_is_the_one_that_is_connected_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = connected_to(monkeypatch)
    resolve(monkeypatch, "rebound.test", "192.88.99.1", "127.0.0.1")
    urls = {"bad": "https://rebound.test/a.zip"}
    report = await export_urls(urls, tmp_path, base_url=PUBLIC_URL)
    assert tried == ["192.88.99.1"]
    assert failed_alone(report, at="rebound.test (127.0.0.1)")


@pytest.mark.usefixtures("engine")
async def test_the_other_packages_are_saved_and_the_next_run_tries_again(tmp_path: Path) -> None:
    async with ScriptedStorage(WHOLE_ANSWER) as good:
        urls = {f"good{number}": f"{good.url}/{number}.zip" for number in range(5)}
        first = await export_urls({"bad": "https://10.0.0.1/a.zip", **urls}, tmp_path)
        assert failed_alone(first, at="10.0.0.1")
        assert saved_of(first) == set(urls)
        second = await export_urls({"bad": f"{good.url}/a.zip", **urls}, tmp_path)
    assert second.is_complete
    assert saved_of(second) == {"bad"}


REDIRECTS: dict[str, Callable[[int], str]] = {
    "loopback": "https://127.0.0.1:{}/a".format,
    "name": "https://localhost:{}/a".format,
    "IPv6": "https://[::1]:{}/a".format,
    "spelling": "https://0x7f000001:{}/a".format,
    "metadata": "https://169.254.169.254:{}/latest".format,
    "no scheme": "//127.0.0.1:{}/a".format,
}


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("location", REDIRECTS.values(), ids=REDIRECTS.keys())
async def test_a_redirect_to_this_machine_is_not_followed(
    tmp_path: Path, ca: trustme.CA, location: Callable[[int], str]
) -> None:
    async with RawServer(raw(200)) as here:
        redirect = raw(302, Location=location(here.port))
        async with (
            TlsServer(ca.issue_cert(STORAGE_HOST), redirect) as storage,
            ConnectProxy({STORAGE_HOST: storage.port}) as proxy,
        ):
            report = await export_urls(
                {"bad": f"https://{STORAGE_HOST}/a.zip?X-Amz-Signature=canary"},
                tmp_path,
                base_url=PUBLIC_URL,
                proxy=proxy.url,
                ca_bundle=bundle(ca, tmp_path),
            )
            assert len(storage.heads) == 1
        assert here.heads == []
        assert [head for head in proxy.heads if STORAGE_HOST.encode() not in head] == []
    assert failed_alone(report, at="which is ")


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("host", ["10.0.0.1", "0x0a.1", "169.254.169.254", "a.localhost"])
async def test_behind_a_proxy_the_host_itself_is_judged(tmp_path: Path, host: str) -> None:
    async with ConnectProxy({}) as proxy:
        report = await export_urls(
            {"bad": f"https://{host}/a.zip"}, tmp_path, base_url=PUBLIC_URL, proxy=proxy.url
        )
        assert proxy.heads == []
    assert failed_alone(report, at=host)


@pytest.mark.usefixtures("engine")
async def test_the_setting_allows_a_storage_of_this_machine(tmp_path: Path, ca: trustme.CA) -> None:
    saved = raw(200, WHOLE, ETag='"v1"')
    async with TlsServer(ca.issue_cert("localhost"), saved) as here:
        report = await export_urls(
            {"good": f"{here.url}/a.zip"},
            tmp_path / "out",
            base_url=PUBLIC_URL,
            ca_bundle=bundle(ca, tmp_path),
            allow_private_storage=True,
        )
    assert saved_of(report) == {"good"}


@pytest.mark.usefixtures("engine")
async def test_no_setting_allows_a_metadata_service(tmp_path: Path) -> None:
    report = await export_urls(
        {"bad": "https://169.254.169.254/latest"},
        tmp_path,
        base_url=PUBLIC_URL,
        allow_private_storage=True,
    )
    assert failed_alone(report, at="the metadata service of a cloud: refused")


@pytest.mark.parametrize("how", ["nothing", "option", "variable"])
async def test_the_command_refuses_and_names_the_option(
    tmp_path: Path, ca: trustme.CA, how: str
) -> None:
    pem = bundle(ca, tmp_path)
    saved = raw(200, WHOLE, ETag='"v1"')
    async with TlsServer(ca.issue_cert("localhost"), saved) as here:
        body = f'{{"status": "ready", "signed_url": "{here.url}/a.zip"}}'.encode()
        answer = raw(200, body, Content_Type="application/json")
        async with (
            TlsServer(ca.issue_cert(API_HOST), raw(200, NO_AOIS), answer) as service,
            ConnectProxy({API_HOST: service.port}) as proxy,
        ):
            words = ["download", "job", "w", "j", "--out", str(tmp_path / "out"), *QUICK]
            words += ["--base-url", f"https://{API_HOST}", "--proxy", proxy.url]
            words += ["--ca-bundle", str(pem)]
            words += ["--allow-private-storage"] if how == "option" else []
            env = {"PIXXEL_API_KEY": "key", "PATH": "", "PIXXEL_CONFIG": str(tmp_path / "none")}
            env |= {"PIXXEL_ALLOW_PRIVATE_STORAGE": "true"} if how == "variable" else {}
            process = await asyncio.create_subprocess_exec(
                *COMMAND, *words, env=env, stderr=asyncio.subprocess.PIPE
            )
            _, stderr = await process.communicate()
        told = stderr.decode()
    assert "Traceback" not in told
    assert (process.returncode == 0) is (how != "nothing"), told
    assert ("--allow-private-storage" in told.replace("\n", " ")) is (how == "nothing")
    assert bool(here.heads) is (how != "nothing")


@pytest.mark.usefixtures("engine")
async def test_a_public_address_of_this_machine_is_this_machine(
    tmp_path: Path, ca: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    scope_of = address_policy.scope_of

    def scope(address: address_policy.Address) -> Scope:
        return Scope.PUBLIC if str(address) == "127.0.0.1" else scope_of(address)

    address_policy._refusal.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(address_policy, "scope_of", scope)
        async with TlsServer(ca.issue_cert("127.0.0.1"), raw(200, WHOLE)) as here:
            report = await export_urls(
                {"bad": f"https://127.0.0.1:{here.port}/a.zip"},
                tmp_path / "out",
                base_url=PUBLIC_URL,
                ca_bundle=bundle(ca, tmp_path),
            )
            assert here.heads == []
    address_policy._refusal.cache_clear()
    assert failed_alone(report, at="127.0.0.1, which is an address of this machine")


async def test_a_transport_of_the_callers_own_is_not_given_such_an_address(
    tmp_path: Path,
) -> None:
    asked: list[httpx.Request] = []

    def storage(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(302, headers={"Location": "https://127.0.0.1/a"})

    async with client_of(
        {"a": "https://storage.test/a"},
        base_url=PUBLIC_URL,
        storage_client=httpx.AsyncClient(transport=httpx.MockTransport(storage)),
    ) as client:
        with pytest.raises(StorageHostError, match="an address of this machine"):
            await client.download(job("a"), tmp_path)
    assert [request.url.host for request in asked] == ["storage.test"]
