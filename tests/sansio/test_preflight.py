"""What the first answer says of the base URL and the network."""

from __future__ import annotations

import json

import pytest

from pixxel_async.sansio.api.package_calls import KEY_CHECK, PING, Call
from pixxel_async.sansio.api.preflight import FirstAnswer, address_of, problem_of

HOST = "api.pixxel.space"
PAGE = b"<!DOCTYPE html>\n<html><head><title>Welcome\n to  nginx!</title></head></html>"
REFUSAL = json.dumps({"error": {"code": "X", "message": "no"}}).encode()
OTHER_REFUSAL = b'{"message": "Forbidden"}'


def told(status: int, body: bytes, *, call: Call = KEY_CHECK, location: str | None = None) -> str:
    problem = problem_of(call, FirstAnswer(status=status, body=body, location=location), HOST)
    return "" if problem is None else str(problem)


@pytest.mark.parametrize(
    "body",
    [
        b'{"aois": []}',
        b'{"aois": null}',
        b"{}",
        b'{"pagination": {"total": 0}}',
        b' {"aois": [{"id": "a"}], "count": 1, "new": true}\n',
    ],
)
def test_a_documented_list_is_the_api(body: bytes) -> None:
    assert told(200, body) == ""


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (PAGE, 'a web page ("Welcome to nginx!")'),
        (b"\xef\xbb\xbf \n<HTML>", "a web page"),
        (b"<?xml version='1.0'?><Error/>", "a web page"),
        (b"", "an empty body"),
        (b" \r\n", "an empty body"),
        (b"OK", "text"),
        (b"\x1f\x8b\x08\x00", "text"),
        (b'{"status": "ok"}', "other JSON"),
        (b'{"aois": "none"}', "other JSON"),
        (b"[]", "other JSON"),
        (b'"pong"', "other JSON"),
        (b"null", "text"),
    ],
)
@pytest.mark.parametrize("status", [200, 203])
def test_success_without_the_documented_json_is_not_the_api(
    status: int, body: bytes, words: str
) -> None:
    said = told(status, body)
    assert said.startswith(f"{HOST} answers with {words} in place of the API's JSON: ")
    assert "--base-url" in said


def test_a_title_shows_neither_secrets_nor_control_characters() -> None:
    title = f"\x1b[31m{'a1B2' * 12} login".encode()
    said = told(200, b"<html><title>" + title + b"</title>")
    assert "\x1b" not in said
    assert "a1B2a1B2a1B2" not in said


@pytest.mark.parametrize("body", [b'"pong"', b'"all is well"', b"pong", b" Pong\n"])
def test_pong_is_the_api(body: bytes) -> None:
    assert told(200, body, call=PING) == ""


@pytest.mark.parametrize("body", [b"", PAGE, b"ok", b"{}", b'{"aois": []}', b"1"])
def test_anything_else_than_pong_is_not(body: bytes) -> None:
    assert f"{HOST} answers with " in told(200, body, call=PING)


@pytest.mark.parametrize("status", [400, 403, 404, 405, 422])
@pytest.mark.parametrize("body", [REFUSAL, OTHER_REFUSAL])
def test_a_refusal_in_json_may_be_the_api(status: int, body: bytes) -> None:
    assert told(status, body) == ""


@pytest.mark.parametrize("body", [PAGE, b"", b"404 page not found\n", b'"no"'])
@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        (400, "check --base-url"),
        (403, "a firewall or a proxy may block it"),
        (404, "check --base-url"),
        (405, "check --base-url"),
        (407, "--proxy http://NAME:PASSWORD@HOST:PORT"),
        (451, "a firewall or a proxy may block it"),
        (511, "log in with a browser"),
    ],
)
def test_any_other_refusal_comes_from_something_in_front(
    status: int, remedy: str, body: bytes
) -> None:
    said = told(status, body)
    assert said.startswith(f"{HOST} answers {status} to /v0/aois, with ")
    assert remedy in said
    assert "key" not in said


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_names_the_host_alone(status: int) -> None:
    said = told(status, b"", location="https://login.example/in?token=canary")
    assert said.startswith(f"{HOST} redirects to login.example, and the key is not sent there: ")
    assert "canary" not in said
    assert "another path of the same host" in told(status, b"", location="/login")


@pytest.mark.parametrize("status", [401, 408, 425, 429, 500, 502, 503, 504, 520])
@pytest.mark.parametrize("body", [PAGE, REFUSAL, b""])
def test_what_may_pass_or_concerns_the_key_is_no_problem_of_the_route(
    status: int, body: bytes
) -> None:
    assert told(status, body) == ""


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://api.pixxel.space", HOST),
        ("https://api.pixxel.space/", HOST),
        ("http://127.0.0.1:8080/v1/", "127.0.0.1:8080/v1"),
        ("http://[::1]:8080", "[::1]:8080"),
    ],
)
def test_an_address_has_host_port_and_path(url: str, address: str) -> None:
    assert address_of(url) == address
