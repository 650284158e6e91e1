"""Sockets of libcurl, looked at from outside."""

from __future__ import annotations

import os
import socket

SCRATCH_BYTES = 512 * 1024
_DONT_WAIT = getattr(socket, "MSG_DONTWAIT", 0)
_PEEK = _DONT_WAIT | socket.MSG_PEEK


def find_shortage() -> OSError | None:
    """Return why no descriptor can be had, or None; looking up a name hides the reason."""
    try:
        socket.socket().close()
    except OSError as error:
        return error
    return None


class DuplicatedSocket:
    """A socket that pycurl duplicates; the original is closed with this object."""

    def __init__(self, fd: int) -> None:
        """Take over a descriptor."""
        self._fd = fd

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._fd

    def __del__(self) -> None:
        """Close it."""
        os.close(self._fd)


def has_input(fd: int) -> bool:
    """Tell whether something came over a connection, or its end."""
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, fileno=fd)
    try:
        connection.recv(1, _PEEK)
    except BlockingIOError:
        return False
    except OSError:
        pass
    finally:
        connection.detach()
    return True


def spoil(fd: int) -> None:
    """Make a connection unusable: libcurl finds it dead, and opens another one."""
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, fileno=fd)
    try:
        connection.shutdown(socket.SHUT_RDWR)
        while connection.recv(SCRATCH_BYTES, _DONT_WAIT):
            pass
    except OSError:  # such as BlockingIOError: nothing is left
        pass
    finally:
        connection.detach()
