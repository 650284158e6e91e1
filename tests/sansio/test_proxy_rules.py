"""Which proxy a request goes through, by settings and variables."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from pixxel_async.errors import ConfigError
from pixxel_async.sansio.api.proxy_rules import (
    Routes,
    has_password,
    is_loopback,
    routes_of,
    shown,
)

PROXY = "http://proxy.example:3128"
AUTO = SecretStr("auto")


def way(routes: Routes, host: str, scheme: str = "https", port: int | None = None) -> str | None:
    proxy = routes.proxy_for(scheme, host, port)
    return proxy.get_secret_value() if proxy else None


@pytest.mark.parametrize(
    ("variables", "https", "http"),
    [
        ({}, None, None),
        ({"https": PROXY}, PROXY, None),
        ({"http": PROXY}, None, PROXY),
        ({"all": PROXY}, PROXY, PROXY),
        ({"https": PROXY, "all": "http://other:1"}, PROXY, "http://other:1"),
        ({"https": "proxy.example:3128"}, PROXY, None),
        ({"https": "  "}, None, None),
        ({"ftp": PROXY}, None, None),
    ],
)
def test_variables_name_a_proxy_for_each_scheme(
    variables: dict[str, str], https: str | None, http: str | None
) -> None:
    routes = routes_of(AUTO, variables)
    assert way(routes, "api.test") == https
    assert way(routes, "api.test", "http") == http


def test_a_setting_wins_over_the_variables_and_direct_is_none() -> None:
    variables = {"https": "http://variable:1", "no": "near.test"}
    given = routes_of(SecretStr(PROXY), variables)
    assert way(given, "api.test") == PROXY
    assert way(given, "near.test") is None
    assert way(routes_of(SecretStr("direct"), variables), "api.test") is None


@pytest.mark.parametrize(
    ("entries", "host", "port", "direct"),
    [
        ("*", "api.test", None, True),
        ("api.test", "api.test", None, True),
        ("api.test", "API.test", None, True),
        ("api.test", "api.test.", None, True),
        ("api.test", "a.api.test", None, True),
        ("api.test", "myapi.test", None, False),
        (".api.test", "api.test", None, True),
        (".api.test", "a.api.test", None, True),
        ("*.api.test", "a.api.test", None, True),
        ("a.test, b.test", "b.test", None, True),
        ("a.test b.test", "b.test", None, True),
        ("api.test:443", "api.test", None, True),
        ("api.test:443", "api.test", 8443, False),
        ("api.test:8443", "api.test", 8443, True),
        ("10.0.0.0/8", "10.1.2.3", None, True),
        ("10.0.0.0/8", "11.1.2.3", None, False),
        ("10.0.0.0/8", "api.test", None, False),
        ("10.0.0.0/99", "10.1.2.3", None, False),
        ("10.1.2.3", "10.1.2.3", None, True),
        ("10.1.2.3", "10.1.2.30", None, False),
        ("2.3", "10.1.2.3", None, False),
        ("fd00::1", "fd00::1", None, True),
        ("[fd00::1]:443", "fd00:0::1", None, True),
        ("[fd00::1]:443", "fd00::1", 80, False),
        ("fd00::/8", "fd00::1", None, True),
        (".", "api.test", None, False),
        ("[", "api.test", None, False),
        ("", "api.test", None, False),
    ],
)
def test_what_no_proxy_lists_is_reached_directly(
    entries: str, host: str, port: int | None, *, direct: bool
) -> None:
    routes = routes_of(AUTO, {"https": PROXY, "no": entries})
    assert (way(routes, host, port=port) is None) is direct


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.8.8.8", "::1"])
def test_this_machine_is_reached_directly(host: str) -> None:
    assert is_loopback(host)
    assert way(routes_of(SecretStr(PROXY), {}), host) is None


@pytest.mark.parametrize("host", ["localhost.evil.test", "10.0.0.1", "fd00::1", "api.test"])
def test_another_machine_is_none_of_these(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize("url", ["ftp://p:1", "http://", "http://p:x", "http://p:0", "://"])
def test_a_variable_that_holds_no_proxy_is_named_without_its_value(url: str) -> None:
    with pytest.raises(ConfigError, match="HTTPS_PROXY holds no proxy") as caught:
        routes_of(AUTO, {"https": f"{url}?pass-word"})
    assert "pass-word" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "seen", "secret"),
    [
        (PROXY, PROXY, False),
        ("http://me:pass-word@proxy.example:3128", PROXY, True),
        ("http://me@proxy.example", "http://proxy.example", True),
        ("socks5://me:pass-word@[fd00::1]:1080", "socks5://[fd00::1]:1080", True),
    ],
)
def test_a_proxy_is_shown_without_its_password(url: str, seen: str, *, secret: bool) -> None:
    assert shown(SecretStr(url)) == seen
    assert has_password(SecretStr(url)) is secret


def test_routes_do_not_show_a_password() -> None:
    assert "pass-word" not in repr(routes_of(AUTO, {"https": "http://me:pass-word@p.test:1"}))


def test_the_passwords_of_proxies_are_known_as_they_are_sent() -> None:
    found = routes_of(AUTO, {"https": "http://me:pass%2Fword@p.test:1", "http": "http://p.test"})
    assert [each.get_secret_value() for each in found.passwords] == ["pass/word"]
