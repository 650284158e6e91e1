"""Settings from arguments and from the environment, and which of them are refused."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from pydantic import SecretStr

from pixxel_async import (
    ConfigError,
    FetchPolicy,
    Limits,
    PixxelClient,
    PollPolicy,
    RetryPolicy,
    Timeouts,
)

from .script import KEY, Script, answer

BAD_URLS = {
    "plain http": "http://api.pixxel.space",
    "plain http to an address": "http://10.0.0.1",
    "plain http to a name like a loopback": "http://localhost.evil.test",
    "plain http with a loopback user": "http://127.0.0.1@evil.test",
    "no scheme": "api.pixxel.space",
    "no host": "https://",
    "another scheme": "ftp://api.pixxel.space",
    "a query": "https://api.pixxel.space?a=b",
    "a fragment": "https://api.pixxel.space#a",
    "a user": "https://me:secret@api.pixxel.space",
    "nothing": "",
}
GOOD_URLS = {
    "https://api.pixxel.space": "https://api.pixxel.space/ping",
    "https://api.pixxel.space/": "https://api.pixxel.space/ping",
    "https://proxy.test:8443/pixxel/": "https://proxy.test:8443/pixxel/ping",
    "http://localhost:8080": "http://localhost:8080/ping",
    "http://127.0.0.1:8080": "http://127.0.0.1:8080/ping",
    "http://[::1]:8080": "http://[::1]:8080/ping",
}


async def pinged(client: PixxelClient, script: Script) -> tuple[str, str]:
    """Return where a client's ping went, and with which key."""
    async with client:
        await client.ping()
    (request,) = script.requests
    return str(request.url), request.headers["authorization"]


@pytest.mark.fault(46)
@pytest.mark.parametrize("url", BAD_URLS.values(), ids=BAD_URLS.keys())
def test_a_base_url_that_would_not_keep_the_key_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"base_url \(PIXXEL_BASE_URL\): ") as caught:
        PixxelClient(KEY, base_url=url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("url", "expected"), GOOD_URLS.items())
async def test_a_base_url_that_keeps_the_key_is_taken(url: str, expected: str) -> None:
    script = Script(answer())
    client = PixxelClient(KEY, base_url=url, http_client=httpx.AsyncClient(transport=script))
    assert await pinged(client, script) == (expected, KEY)


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(ConfigError, match="auth_scheme"):
        PixxelClient(KEY, auth_scheme="basic")


async def test_a_key_may_be_a_secret() -> None:
    script = Script(answer())
    assert (
        await pinged(
            PixxelClient(SecretStr(KEY), http_client=httpx.AsyncClient(transport=script)), script
        )
    )[1] == KEY


async def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIXXEL_API_KEY", KEY)
    script = Script(answer())
    client = PixxelClient.from_env(http_client=httpx.AsyncClient(transport=script))
    assert await pinged(client, script) == ("https://api.pixxel.space/ping", KEY)

    monkeypatch.setenv("PIXXEL_BASE_URL", "http://localhost:9")
    monkeypatch.setenv("PIXXEL_AUTH_SCHEME", "bearer")
    script = Script(answer())
    client = PixxelClient.from_env(http_client=httpx.AsyncClient(transport=script))
    assert await pinged(client, script) == ("http://localhost:9/ping", f"Bearer {KEY}")


async def test_arguments_win_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIXXEL_API_KEY", "another")
    monkeypatch.setenv("PIXXEL_BASE_URL", "http://localhost:9")
    monkeypatch.setenv("PIXXEL_AUTH_SCHEME", "bearer")
    script = Script(answer())
    client = PixxelClient(KEY, http_client=httpx.AsyncClient(transport=script))
    assert await pinged(client, script) == ("https://api.pixxel.space/ping", KEY)


@pytest.mark.parametrize("key", [None, ""])
def test_without_a_key_in_the_environment_the_remedy_is_told(
    monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    if key is not None:
        monkeypatch.setenv("PIXXEL_API_KEY", key)
    with pytest.raises(ConfigError, match="set PIXXEL_API_KEY"):
        PixxelClient.from_env()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PIXXEL_BASE_URL", "http://api.pixxel.space"),
        ("PIXXEL_BASE_URL", "nonsense"),
        ("PIXXEL_AUTH_SCHEME", "basic"),
    ],
)
def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv("PIXXEL_API_KEY", KEY)
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=name) as caught:
        PixxelClient.from_env()
    assert KEY not in str(caught.value)


async def test_the_other_parts_reach_the_client_from_the_environment_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PIXXEL_API_KEY", KEY)
    script = Script(answer(500))
    retry = RetryPolicy(attempts=3, initial_s=0)
    async with PixxelClient.from_env(
        retry=retry, http_client=httpx.AsyncClient(transport=script)
    ) as client:
        with pytest.raises(Exception, match="500"):
            await client.ping()
    assert len(script.requests) == 3


@pytest.mark.parametrize(
    "make",
    [
        lambda: Timeouts(connect_s=0),
        lambda: Timeouts(answer_s=-1),
        lambda: Limits(requests=0),
        lambda: Limits(requests_per_second=0),
        lambda: Limits(fetches=0),
        lambda: Limits(max_answer_bytes=1),
        lambda: RetryPolicy(attempts=0),
        lambda: RetryPolicy(recreate=-1),
        lambda: PollPolicy(initial_s=0),
        lambda: PollPolicy(factor=0.5),
        lambda: PollPolicy(jitter=1),
        lambda: FetchPolicy(attempts=0),
        lambda: Limits(request=3),  # type: ignore[call-arg]  # a slip of the pen
    ],
)
def test_a_policy_out_of_its_range_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(ConfigError):
        make()


async def test_clients_that_were_given_stay_open_and_closing_may_be_done_twice() -> None:
    class Closing(httpx.AsyncBaseTransport):
        is_closed = False

        async def aclose(self) -> None:
            self.is_closed = True

    service, storage = Closing(), Closing()
    clients = [httpx.AsyncClient(transport=each) for each in (service, storage)]
    client = PixxelClient(KEY, http_client=clients[0], storage_client=clients[1])
    await client.aclose()
    await client.aclose()
    assert (service.is_closed, storage.is_closed) == (False, False)
