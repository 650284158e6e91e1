"""The key: how it is sent, and that nothing else ever shows it."""

from __future__ import annotations

import logging
import pickle
import traceback
from pathlib import Path

import httpx
import pytest

from pixxel_async import AuthScheme, ConfigError, PixxelClient, PixxelError, RetryPolicy

from .raw_server import RawServer, raw
from .script import CALLS, KEY, ClientCall, Script, answer, broken, client_of

pytestmark = pytest.mark.usefixtures("library")

ONCE = RetryPolicy(attempts=1, recreate=0)
EVERY_CALL = pytest.mark.parametrize("call", CALLS, ids=str)


def told(error: BaseException) -> str:
    """Return all that an error tells to somebody who prints, logs or stores it."""
    shown = [repr(error), str(error), repr(vars(error)), repr(error.args)]
    return "".join([*shown, *traceback.format_exception(error)])


@pytest.mark.parametrize(
    ("scheme", "sent"),
    [
        (AuthScheme.RAW, KEY),
        ("raw", KEY),
        (AuthScheme.BEARER, f"Bearer {KEY}"),
        ("bearer", f"Bearer {KEY}"),
    ],
)
@EVERY_CALL
async def test_the_key_is_sent_as_the_scheme_says(call: ClientCall, scheme: str, sent: str) -> None:
    script = Script(answer())
    async with client_of(script, auth_scheme=scheme) as client:
        await call.send(client)
    (request,) = script.requests
    assert request.headers.get_list("authorization") == [sent]
    rest = [*request.headers.values(), str(request.url), request.content.decode()]
    rest.remove(sent)
    assert not any(KEY in text for text in rest)


async def test_the_default_scheme_sends_the_key_as_it_is() -> None:
    script = Script(answer())
    async with client_of(script) as client:
        await client.ping()
    assert script.requests[0].headers["authorization"] == KEY


UNSENDABLE = (
    "",
    " ",
    f" {KEY}",
    f"{KEY} ",
    f"{KEY}\n",
    f"{KEY}\r\nX-Evil: 1",
    f"ü{KEY}",
    f"{KEY}\0",
)


@pytest.mark.parametrize("key", UNSENDABLE, ids=ascii)
def test_a_key_that_cannot_be_sent_is_refused_at_once(key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        PixxelClient(key)
    assert "key" in caught.value.message
    assert KEY not in told(caught.value)


@EVERY_CALL
async def test_no_error_shows_the_key(call: ClientCall) -> None:
    steps = (
        answer(401),
        answer(500, text="a traceback"),
        answer(200, text="no json"),
        broken(httpx.ReadError, "broke"),
        broken(httpx.ConnectError, "refused"),
        broken(httpx.LocalProtocolError, "illegal header"),
    )
    told_by = []
    async with client_of(Script(*steps), retry=ONCE) as client:
        for _ in steps:
            try:
                await call.send(client)
            except PixxelError as error:
                told_by.append(told(error))
    assert len(told_by) == len(steps)
    assert not any(KEY in text for text in told_by)


async def test_an_error_leaves_without_its_cause() -> None:
    async with client_of(Script(broken(httpx.ReadError)), retry=ONCE) as client:
        with pytest.raises(PixxelError) as caught:
            await client.ping()
    assert caught.value.__cause__ is None
    seen = caught.value.__context__
    while seen is not None:
        assert not isinstance(seen, httpx.HTTPError)
        seen = seen.__context__
    assert "httpx" not in "".join(traceback.format_exception(caught.value))


async def test_a_client_does_not_show_the_key() -> None:
    async with client_of(Script(answer())) as client:
        parts = [client, vars(client), *vars(client).values()]
        parts += [vars(part) for part in vars(client).values() if hasattr(part, "__dict__")]
        shown = [text for part in parts for text in (repr(part), str(part))]
        with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
            pickle.dumps(client)
    assert len(shown) > 20
    assert not any(KEY in text for text in shown)


async def test_no_log_shows_the_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "asyncio", "pixxel_async"):
        caplog.set_level(logging.DEBUG, logger=name)
    body = b'{"status": "strange", "download_id": "d"}'
    async with RawServer(raw(500), raw(200, b"no json"), raw(200, body)) as server:
        async with PixxelClient(KEY, base_url=server.url, retry=RetryPolicy(initial_s=0)) as client:
            await client.aois.get_download("a", "d")
    assert len(server.heads) == 3
    assert all(f"Authorization: {KEY}".encode() in head for head in server.heads)
    loggers = {record.name.partition(".")[0] for record in caplog.records}
    assert "pixxel_async" in loggers
    assert not any(KEY in record.getMessage() for record in caplog.records)
    assert not any(KEY in repr(record.args) for record in caplog.records)


async def test_passwords_of_the_environment_do_not_replace_the_key(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    async with RawServer(raw(200, b'"pong"')) as server:
        async with PixxelClient(KEY, base_url=server.url) as client:
            await client.ping()
    assert server.headers()["authorization"] == KEY


async def test_a_service_that_repeats_the_key_or_a_signed_url_is_not_believed() -> None:
    url = "https://storage.example/x?X-Amz-Signature=0123456789"
    said = {"code": "X", "message": f"key {KEY} at {url}", "details": {"got": [KEY, url]}}
    step = answer(403, json={"error": said})
    async with client_of(Script(step), retry=ONCE) as client:
        with pytest.raises(PixxelError) as caught:
            await client.jobs.create_download("w", "j")
    told = f"{caught.value} {caught.value.details}"
    assert KEY not in told
    assert "0123456789" not in told
    assert caught.value.details == {"got": ["[key]", "https://storage.example/x?…"]}
