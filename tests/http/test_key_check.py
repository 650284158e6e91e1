"""What the service's answers say of a key."""

from __future__ import annotations

import pytest

from pixxel_async import ApiError, AuthenticationError, PixxelClient

from .script import AT_ONCE, KEY, Library, Script, answer

pytestmark = pytest.mark.usefixtures("library")


async def asked(*statuses: int) -> Script:
    """Ask about the key; return what was sent."""
    script = Script(*(answer(status) for status in statuses))
    async with PixxelClient(KEY, http_client=Library.client(script), retry=AT_ONCE) as client:
        await client.check_key()
    return script


@pytest.mark.parametrize("status", [200, 403])
async def test_a_key_that_is_known_is_good(status: int) -> None:
    (request,) = (await asked(status)).requests
    assert (request.method, request.url.raw_path) == ("GET", b"/v0/aois?offset=0&limit=1")
    assert request.headers["authorization"] == KEY


async def test_a_rejected_key_is_told_at_once() -> None:
    with pytest.raises(AuthenticationError):
        await asked(401)


@pytest.mark.parametrize("status", [400, 500])
async def test_another_error_is_no_verdict(status: int) -> None:
    with pytest.raises(ApiError) as caught:
        await asked(status)
    assert not isinstance(caught.value, AuthenticationError)


async def test_a_service_that_fails_once_is_asked_again() -> None:
    assert len((await asked(500, 200)).requests) == 2


async def test_a_404_is_good_if_the_service_answers_a_ping() -> None:
    assert [request.url.path for request in (await asked(404, 200)).requests] == [
        "/v0/aois",
        "/ping",
    ]
