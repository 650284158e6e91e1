"""Requests of which most is the same in all, and is written once."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import SecretBytes

from .heads import RawHeaders, header_lines, request_line

_HAVE_LENGTH = frozenset({"POST", "PUT", "PATCH"})
"""They say so if they have no body (RFC 9110 section 8.6)."""


class RequestWriter:
    """Writes the requests of one client to one host."""

    def __init__(self, headers: RawHeaders) -> None:
        """Take the headers that all of them have.

        Raises:
            LocalProtocolError: One of them cannot be sent.
        """
        self._shared = SecretBytes(_lines(headers))

    def write(
        self, method: str, target: bytes, headers: Mapping[str, str], body: bytes | None
    ) -> SecretBytes:
        """Return a request, in a wrapping that shows nothing of it: the key is in there.

        Args:
            method: The method.
            target: What is asked for.
            headers: Those that this one has beside the others.
            body: All of it, or None if there is none.

        Raises:
            LocalProtocolError: A part of it cannot be sent.
        """
        own, length = b"", b""
        if headers:
            own = _lines(
                [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]
            )
        if body is not None or method in _HAVE_LENGTH:
            length = b"Content-Length: %d\r\n" % len(body or b"")
        return SecretBytes(
            b"".join(
                (
                    request_line(method.encode("ascii"), target),
                    self._shared.get_secret_value(),
                    own,
                    length,
                    b"\r\n",
                    body or b"",
                )
            )
        )


def _lines(headers: RawHeaders) -> bytes:
    """Return headers without the empty line after them."""
    return header_lines(headers).removesuffix(b"\r\n")
