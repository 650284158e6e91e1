"""Memory that is filled and read on the spot, by whoever's turn it is."""

from __future__ import annotations

PLAIN_BYTES = 256 * 1024
SEALED_BYTES = 256 * 1024


class Scratch:
    """Memory that all connections of a thread share.

    Attributes:
        buffer: For heads and bodies.
        plain: A view of all of it.
        sealed: For what is encrypted.
    """

    def __init__(self) -> None:
        """Take the memory."""
        self.buffer = bytearray(PLAIN_BYTES)
        self.plain = memoryview(self.buffer)
        self.sealed = memoryview(bytearray(SEALED_BYTES))
