"""Memory that the connections of an event loop share."""

from __future__ import annotations

PLAIN_BYTES = 128 * 1024
SEALED_BYTES = 256 * 1024


class Scratch:
    """Memory that all connections of an event loop share.

    Attributes:
        plain: For heads, and for bodies that nobody has asked for yet.
        sealed: For what is encrypted.
    """

    def __init__(self) -> None:
        """Take the memory."""
        self.plain = memoryview(bytearray(PLAIN_BYTES))
        self.sealed = memoryview(bytearray(SEALED_BYTES))
