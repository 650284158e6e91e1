"""Which addresses a storage may have.

Rules:
    * A public storage has an address that is globally reachable (IANA special-purpose address
      registries, RFC 6890). Every other address means this machine, one of its networks, or
      nothing, and is refused.
    * A service that is itself at a loopback, private or link-local address may have its storage at
      an address of the same kind. The setting `allow_private_storage` allows all three kinds.
    * The metadata services of clouds hand out credentials: no setting allows them.
    * An IPv6 address that carries an IPv4 address is judged by both (mapped, translated, NAT64,
      6to4, Teredo, ISATAP).
    * The system resolver takes more spellings of an IPv4 address than `ipaddress` does: `127.1`,
      `0x7f.1`, `017700000001`, `2130706433`. They are read here as it reads them.
    * The networks stand here as tables, since `ipaddress` changed its mind about `is_private` and
      `is_global` between patch releases of Python 3.11 and 3.12.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TypeAlias
from urllib.parse import urlsplit

from ..redact import redact

Address: TypeAlias = IPv4Address | IPv6Address


class Scope(Enum):
    """Who has an address; the values complete "…, which is"."""

    PUBLIC = "a public address"
    LOOPBACK = "an address of this machine"
    PRIVATE = "an address of a private network"
    LINK_LOCAL = "a link-local address"
    METADATA = "the metadata service of a cloud"
    RESERVED = "an address that no storage has"


_METADATA = frozenset(
    ip_address(text)
    for text in (
        "169.254.169.254",  # most clouds
        "169.254.170.2",  # credentials of containers
        "169.254.170.23",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
    )
)
_V4: tuple[tuple[IPv4Network, Scope], ...] = tuple(
    (IPv4Network(text), scope)
    for scope, texts in (
        (Scope.LOOPBACK, ("127.0.0.0/8", "0.0.0.0/32")),
        (Scope.LINK_LOCAL, ("169.254.0.0/16",)),
        (
            Scope.PRIVATE,
            (
                "10.0.0.0/8",
                "172.16.0.0/12",
                "192.168.0.0/16",
                "100.64.0.0/10",  # behind the NAT of a carrier
                "192.0.0.0/24",
                "192.0.2.0/24",
                "198.18.0.0/15",
                "198.51.100.0/24",
                "203.0.113.0/24",
            ),
        ),
        (Scope.RESERVED, ("0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4")),
    )
    for text in texts
)
"""The first network that has an address counts; an address that none has is public."""

_V6: tuple[tuple[IPv6Network, Scope], ...] = tuple(
    (IPv6Network(text), scope)
    for scope, texts in (
        (Scope.LOOPBACK, ("::1/128", "::/128")),
        (Scope.LINK_LOCAL, ("fe80::/10",)),
        (
            Scope.PRIVATE,
            (
                "fc00::/7",
                "fec0::/10",
                "64:ff9b:1::/48",  # NAT64 of one's own network
                "2001:2::/48",
                "2001:10::/28",
                "2001:db8::/32",
                "3fff::/20",
            ),
        ),
        (
            Scope.PUBLIC,
            (
                "2000::/3",
                "64:ff9b::/96",
                "::ffff:0:0/96",
                "::ffff:0:0:0/96",
            ),
        ),
        (Scope.RESERVED, ("::/0",)),
    )
    for text in texts
)
"""The first network that has an address counts."""

_V4_AT_THE_END = tuple(
    IPv6Network(text)
    for text in (
        "::/96",
        "::ffff:0:0/96",
        "::ffff:0:0:0/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
    )
)
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})
_LOOPBACK_NAMES = frozenset(
    {"localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback", "loopback"}
)
_METADATA_NAMES = frozenset(
    {
        "metadata",
        "metadata.google.internal",
        "metadata.goog",
        "instance-data",
        "instance-data.ec2.internal",
    }
)
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]*|[0-9]+")
_MOST_PARTS = 4
_BYTE = 0xFF

SETTABLE = frozenset({Scope.LOOPBACK, Scope.PRIVATE, Scope.LINK_LOCAL})
"""What `allow_private_storage` allows."""

LOOPBACK_ONLY = "PIXXEL_LOOPBACK_ONLY"
"""For tests. Unset, empty, `0` and `false` allow other hosts than those of this machine."""

REMEDY = (
    "if your storage is there, allow it with --allow-private-storage "
    "(allow_private_storage, PIXXEL_ALLOW_PRIVATE_STORAGE)"
)


def scope_of(address: Address) -> Scope:
    """Return who has an address."""
    if isinstance(address, IPv6Address):
        address = IPv6Address(int(address))  # without a zone
        for inner in _carried(address):
            if (scope := scope_of(inner)) is not Scope.PUBLIC:
                return scope
    if address in _METADATA:
        return Scope.METADATA
    if isinstance(address, IPv4Address):
        return next((scope for network, scope in _V4 if address in network), Scope.PUBLIC)
    return next(scope for network, scope in _V6 if address in network)


def _carried(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """Return the IPv4 addresses that an IPv6 address carries."""
    number = int(address)
    last = IPv4Address(number & 0xFFFFFFFF)
    if any(address in network for network in _V4_AT_THE_END):
        return () if number in {0, 1} else (last,)
    if (number >> 32) & 0xFFFFFFFF in _ISATAP:
        return (last,)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    return address.teredo or ()


def literal(host: str) -> Address | None:
    """Read a host that is an address, in any spelling that the system resolver takes."""
    text = host.strip("[]").partition("%")[0].rstrip(".")
    try:
        return IPv6Address(text)
    except ValueError:
        return _inet_aton(text)


def _inet_aton(text: str) -> IPv4Address | None:
    """Read an IPv4 address of one to four numbers: decimal, octal (`0…`) or hexadecimal (`0x…`)."""
    parts = text.split(".")
    if len(parts) > _MOST_PARTS or not all(_NUMBER.fullmatch(part) for part in parts):
        return None
    try:
        *heads, tail = (_number(part) for part in parts)
    except ValueError:  # 8 or 9 in an octal number, or too many digits
        return None
    free_bits = 8 * (_MOST_PARTS - len(heads))
    if any(head > _BYTE for head in heads) or tail >> free_bits:
        return None
    number = 0
    for head in heads:
        number = number << 8 | head
    return IPv4Address(number << free_bits | tail)


def _number(text: str) -> int:
    if text[:2].lower() == "0x":
        return int(text[2:] or "0", 16)
    return int(text, 8 if text.startswith("0") else 10)


def scope_of_host(host: str) -> Scope | None:
    """Return who has a host, as far as its name tells; None for a name that has to be resolved."""
    address = literal(host)
    if address is not None:
        return scope_of(address)
    name = host.lower().rstrip(".")
    if name in _LOOPBACK_NAMES or name.endswith(".localhost"):
        return Scope.LOOPBACK
    return Scope.METADATA if name in _METADATA_NAMES else None


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """Where a storage may be.

    Attributes:
        service: Who has the host of the service, as far as its name tells.
        allow_private_storage: The setting.
        loopback_only: Whether tests forbid every other address.
    """

    service: Scope | None = None
    allow_private_storage: bool = False
    loopback_only: bool = False

    @classmethod
    def of(
        cls, base_url: str, *, allow_private_storage: bool, loopback_only: bool = False
    ) -> AddressPolicy:
        """Return the policy of a client."""
        host = urlsplit(base_url).hostname or ""
        return cls(scope_of_host(host), allow_private_storage, loopback_only)

    def allows(self, scope: Scope) -> bool:
        """Return whether a storage may be there."""
        if self.loopback_only:
            return scope is Scope.LOOPBACK
        if scope is Scope.PUBLIC:
            return True
        return scope in SETTABLE and (self.allow_private_storage or scope is self.service)

    @property
    def allows_plain_http(self) -> bool:
        """Whether a loopback address may be asked without TLS: only if the service is at one."""
        return self.service is Scope.LOOPBACK

    def refusal(
        self, host: str, address: str | None = None, *, own: str | None = None
    ) -> str | None:
        """Return why a storage is not asked, or None if it may be.

        Args:
            host: Its host, as the URL has it.
            address: The address that the host has been resolved to; None judges the host alone.
            own: The address of our end of a connection to it, if there is one. Where both are the
                same public address, it is this machine's.
        """
        return _refusal(self, host, address, is_own=address is not None and address == own)


@lru_cache(maxsize=256)
def _refusal(policy: AddressPolicy, host: str, address: str | None, *, is_own: bool) -> str | None:
    found = None if address is None else literal(address)
    scope = scope_of_host(host) if found is None else scope_of(found)
    if is_own and scope is Scope.PUBLIC:
        scope = Scope.LOOPBACK
    if scope is None or policy.allows(scope):
        return None
    if policy.loopback_only:
        return f"the storage is at {redact(host)}: refused, since {LOOPBACK_ONLY} is set"
    return refused(host, scope, "" if found is None or literal(host) == found else str(found))


def refused(host: str, scope: Scope, address: str = "") -> str:
    """Say that a storage is not asked, since it is at such an address; and what to do."""
    where = f"{redact(host)} ({address})" if address else redact(host)
    remedy = f"; {REMEDY}" if scope in SETTABLE else ""
    return f"the storage is at {where}, which is {scope.value}: refused{remedy}"
