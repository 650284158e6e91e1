"""Which addresses a storage may have, in every spelling and wrapping."""

from __future__ import annotations

import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.sansio.storage.address_policy import (
    AddressPolicy,
    Scope,
    literal,
    scope_of,
    scope_of_host,
)

PUBLIC_SERVICE = AddressPolicy.of("https://api.pixxel.space", allow_private_storage=False)

HOSTS = {
    Scope.LOOPBACK: (
        *("127.0.0.1", "127.255.255.254", "127.1", "0x7f.1", "0x7f000001", "2130706433"),
        *("017700000001", "0177.0.0.1", "127.0.0.1.", "0.0.0.0", "0", "0x0"),  # noqa: S104 - binds nothing
        *("::1", "[::1]", "::", "::ffff:127.0.0.1", "::ffff:7f00:1", "::127.0.0.1"),
        *("::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b:1::127.0.0.1"),
        *("2002:7f00:1::", "2001:0:4136:e378:8000:63bf:80ff:fffe", "2001:db9::5efe:127.0.0.1"),
        *("localhost", "LOCALHOST.", "a.b.localhost", "localhost.localdomain", "ip6-localhost"),
    ),
    Scope.LINK_LOCAL: ("169.254.0.1", "169.254.1.1", "fe80::1", "fe80::1%eth0", "fe80::1%25lo"),
    Scope.PRIVATE: (
        *("10.0.0.1", "10.1", "172.16.0.1", "172.31.255.255", "192.168.0.1", "0xc0a80001"),
        *("100.64.0.1", "100.127.255.255", "192.0.0.8", "198.18.0.1", "203.0.113.1"),
        *("fc00::1", "fd12:3456::1", "fec0::1", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1"),
        *("64:ff9b:1::808:808", "2002:c0a8:1::", "2001:db8::1", "2001:2::1", "3fff::1"),
    ),
    Scope.METADATA: (
        *("169.254.169.254", "0xa9fea9fe", "2852039166", "0251.0376.0251.0376"),
        *("::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "169.254.170.2", "168.63.129.16"),
        *("100.100.100.200", "fd00:ec2::254", "fd00:ec2:0:0:0:0:0:254", "fd20:ce::254"),
        *("metadata.google.internal", "Metadata.Google.Internal.", "metadata", "instance-data"),
    ),
    Scope.RESERVED: (
        *("0.1.2.3", "224.0.0.1", "240.0.0.1", "255.255.255.255", "ff02::1", "100::1", "4000::1"),
        "::8.8.8.8",
    ),
    Scope.PUBLIC: (
        *("8.8.8.8", "172.32.0.1", "100.128.0.1", "11.0.0.1", "134744072", "0x8080808"),
        *("2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::"),
        "2001:0:808:808::f7f7:f7f7",
    ),
    None: (
        *("storage.test", "127.0.0.1.example.com", "localhost.evil.test", "", "1.2.3.4.5"),
        *("256.1.1.1", "1.256.1.1", "127.0.0.09", "127..1", "4294967296", "0xg", "1.2.65536"),
        *("127.0.0.1x", "::g", "9" * 5000),
    ),
}


@pytest.mark.fault(66)
@pytest.mark.parametrize(
    ("scope", "host"),
    [(scope, host) for scope, hosts in HOSTS.items() for host in hosts],
    ids=lambda value: str(value)[:40],
)
def test_a_host_tells_who_has_it(scope: Scope | None, host: str) -> None:
    assert scope_of_host(host) is scope


@pytest.mark.fault(66)
@given(st.integers(0, 2**32 - 1))
def test_an_ipv4_address_is_judged_alike_in_every_wrapping(number: int) -> None:
    address = IPv4Address(number)
    scope = scope_of(address)
    for network in ("::ffff:0:0", "64:ff9b::", "::ffff:0:0:0"):
        assert scope_of(IPv6Address(int(IPv6Address(network)) | number)) is scope
    assert scope_of(IPv6Address(0x2002 << 112 | number << 80)) is scope
    teredo = 0x20010000 << 96 | 0x08080808 << 64 | (number ^ 0xFFFFFFFF)
    assert scope_of(IPv6Address(teredo)) is scope


@pytest.mark.fault(66)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.data())
def test_every_spelling_of_the_system_resolver_is_read(
    number: int, parts: int, data: st.DataObject
) -> None:
    heads = [number >> (24 - 8 * place) & 0xFF for place in range(parts - 1)]
    tail = number & (1 << 8 * (5 - parts)) - 1
    spell = st.sampled_from(["{}".format, "0x{:x}".format, "0X{:X}".format, "0{:o}".format])
    text = ".".join(data.draw(spell)(value) for value in (*heads, tail))
    assert socket.inet_aton(text) == IPv4Address(number).packed
    assert literal(text) == IPv4Address(number)


@given(st.integers(0, 2**128 - 1))
def test_every_ipv6_address_has_an_owner(number: int) -> None:
    assert scope_of(IPv6Address(number)) in Scope


@given(st.text())
def test_any_text_is_judged(host: str) -> None:
    scope_of_host(host)


@pytest.mark.fault(66)
@pytest.mark.parametrize(
    ("base_url", "allowed"),
    [
        ("https://api.pixxel.space", {Scope.PUBLIC}),
        ("https://8.8.8.8", {Scope.PUBLIC}),
        ("https://localhost.evil.test", {Scope.PUBLIC}),
        ("http://127.0.0.1:8080", {Scope.PUBLIC, Scope.LOOPBACK}),
        ("https://localhost", {Scope.PUBLIC, Scope.LOOPBACK}),
        ("http://[::1]:1/api", {Scope.PUBLIC, Scope.LOOPBACK}),
        ("https://10.1.2.3", {Scope.PUBLIC, Scope.PRIVATE}),
        ("https://[fd00::1]:8443", {Scope.PUBLIC, Scope.PRIVATE}),
        ("https://169.254.7.7", {Scope.PUBLIC, Scope.LINK_LOCAL}),
        ("https://169.254.169.254", {Scope.PUBLIC}),
    ],
)
def test_a_storage_may_be_where_its_service_is(base_url: str, allowed: set[Scope]) -> None:
    policy = AddressPolicy.of(base_url, allow_private_storage=False)
    assert {scope for scope in Scope if policy.allows(scope)} == allowed
    assert policy.allows_plain_http is (Scope.LOOPBACK in allowed)


@pytest.mark.fault(66)
def test_the_setting_allows_all_but_metadata_services_and_plain_http() -> None:
    policy = AddressPolicy.of("https://api.pixxel.space", allow_private_storage=True)
    refused = {scope for scope in Scope if not policy.allows(scope)}
    assert refused == {Scope.METADATA, Scope.RESERVED}
    assert not policy.allows_plain_http


@pytest.mark.fault(66)
@pytest.mark.parametrize(
    ("host", "address", "words"),
    [
        ("127.0.0.1", None, "at 127.0.0.1, which is an address of this machine"),
        ("127.0.0.1", "127.0.0.1", "at 127.0.0.1, which"),
        ("evil.test", "10.0.0.1", r"at evil.test \(10.0.0.1\), which .* private network"),
        ("0x7f.1", None, "--allow-private-storage .*PIXXEL_ALLOW_PRIVATE_STORAGE"),
        ("evil.test", "fe80::1%2", "a link-local address"),
    ],
)
def test_a_refusal_says_where_and_what_to_do(host: str, address: str | None, words: str) -> None:
    assert re.search(words, PUBLIC_SERVICE.refusal(host, address) or "")


def test_what_may_be_asked_is_not_refused() -> None:
    assert PUBLIC_SERVICE.refusal("storage.test") is None
    assert PUBLIC_SERVICE.refusal("storage.test", "8.8.8.8") is None
    assert PUBLIC_SERVICE.refusal("storage.test", "no address") is None


def test_a_public_address_at_both_ends_is_an_address_of_this_machine() -> None:
    said = PUBLIC_SERVICE.refusal("storage.test", "8.8.8.8", own="8.8.8.8") or ""
    assert "storage.test (8.8.8.8), which is an address of this machine" in said
    assert PUBLIC_SERVICE.refusal("storage.test", "8.8.8.8", own="192.168.0.2") is None
    on_this_machine = AddressPolicy.of("http://127.0.0.1", allow_private_storage=False)
    assert on_this_machine.refusal("storage.test", "8.8.8.8", own="8.8.8.8") is None
    assert "metadata" in (
        on_this_machine.refusal("a", "169.254.169.254", own="169.254.169.254") or ""
    )


def test_with_the_switch_for_tests_a_storage_is_on_this_machine() -> None:
    policy = AddressPolicy.of("http://127.0.0.1:80", allow_private_storage=True, loopback_only=True)
    assert [scope for scope in Scope if policy.allows(scope)] == [Scope.LOOPBACK]
    assert policy.refusal("127.0.0.1") is None
    assert "PIXXEL_LOOPBACK_ONLY is set" in str(policy.refusal("10.0.0.1"))
    assert "s.test: refused" in str(policy.refusal("s.test", "93.184.216.34"))


def test_no_remedy_is_offered_where_none_helps() -> None:
    said = PUBLIC_SERVICE.refusal("169.254.169.254") or ""
    assert said.endswith("the metadata service of a cloud: refused")


def test_a_name_does_not_hide_behind_a_public_address() -> None:
    assert PUBLIC_SERVICE.refusal("rebound.test", "169.254.169.254")
    assert scope_of(ip_address("::ffff:169.254.169.254")) is Scope.METADATA
