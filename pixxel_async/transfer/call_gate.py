"""A gate for API calls, which can close while calls run.

Rules:
    * Once the service rejects the key, every running and new call ends with that rejection. A
      transfer that needs no call continues.
    * When the export is interrupted, running creations get a moment to finish: an aborted one
      would have to be sent again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import anyio
import anyio.lowlevel

from ..errors import AuthenticationError

T = TypeVar("T")


class CallGate:
    """Lets calls through until it is shut.

    Attributes:
        rejected: The error of the service about the key, or None.
    """

    def __init__(self) -> None:
        """Begin open."""
        self.rejected: AuthenticationError | None = None
        self._scopes: set[anyio.CancelScope] = set()
        self._creations: set[anyio.CancelScope] = set()

    async def ask(self, call: Coroutine[Any, Any, T]) -> T:
        """Await a call to the service; raise `AuthenticationError` when the gate is shut."""
        if self.rejected is not None:
            call.close()  # it has not started
            raise self.rejection()
        with anyio.CancelScope() as scope:
            self._scopes.add(scope)
            try:
                return await call
            finally:
                self._scopes.discard(scope)
        raise self.rejection()

    async def create(self, call: Coroutine[Any, Any, T]) -> T:
        """Await a call that should not be aborted; otherwise like `ask`."""
        with anyio.CancelScope() as scope:
            self._creations.add(scope)
            try:
                return await self.ask(call)
            finally:
                self._creations.discard(scope)
        await anyio.lowlevel.checkpoint()  # the grace period is over, and the caller is cancelled
        raise self.rejection()

    def let_finish(self, time_s: float) -> None:
        """Give running creations some seconds after a cancellation."""
        for scope in self._creations:
            scope.shield = True
            # anyio's clock needs a task, and signal handlers run outside of tasks.
            scope.deadline = asyncio.get_running_loop().time() + time_s

    def shut(self, error: AuthenticationError) -> None:
        """Cancel all running calls, and refuse new ones."""
        self.rejected = error
        for scope in self._scopes:
            scope.cancel()

    def check(self) -> None:
        """Raise `AuthenticationError` if the gate is shut."""
        if self.rejected is not None:
            raise self.rejection()

    def rejection(self) -> AuthenticationError:
        """Return a new copy of the rejection, since many tasks raise it."""
        if self.rejected is None:
            message = "only a rejected key shuts the gate"
            raise AssertionError(message)
        said = self.rejected
        return AuthenticationError(
            said.message,
            status=said.status,
            operation=said.operation,
            code=said.code,
            details=said.details,
        )
