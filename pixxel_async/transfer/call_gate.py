"""The way to the service, which can be shut while calls are under way.

Rules:
    * Once the key is rejected, no call goes on and none begins: each ends with what the service
      said. A transfer that needs no call is not concerned.
    * When the export is interrupted, creations that are under way may finish within a moment:
      one that is cut off would have to be sent again.
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
        rejected: What the service said of the key, or None.
    """

    def __init__(self) -> None:
        """Begin open."""
        self.rejected: AuthenticationError | None = None
        self._scopes: set[anyio.CancelScope] = set()
        self._creations: set[anyio.CancelScope] = set()

    async def ask(self, call: Coroutine[Any, Any, T]) -> T:
        """Wait for a call of the service.

        Raises:
            AuthenticationError: The gate is shut, or was meanwhile.
        """
        if self.rejected is not None:
            call.close()  # it has not begun, and will not
            raise self.rejection()
        with anyio.CancelScope() as scope:
            self._scopes.add(scope)
            try:
                return await call
            finally:
                self._scopes.discard(scope)
        raise self.rejection()

    async def create(self, call: Coroutine[Any, Any, T]) -> T:
        """Wait for a call that must not be cut off without need.

        Raises:
            AuthenticationError: The gate is shut, or was meanwhile.
        """
        with anyio.CancelScope() as scope:
            self._creations.add(scope)
            try:
                return await self.ask(call)
            finally:
                self._creations.discard(scope)
        await anyio.lowlevel.checkpoint()  # the time to finish is over, and the caller is cancelled
        raise self.rejection()

    def let_finish(self, time_s: float) -> None:
        """Let creations that are under way outlive a cancellation for some seconds."""
        for scope in self._creations:
            scope.shield = True
            # anyio's clock needs a task, and a handler of signals is none.
            scope.deadline = asyncio.get_running_loop().time() + time_s

    def shut(self, error: AuthenticationError) -> None:
        """End all calls, now and from now on."""
        self.rejected = error
        for scope in self._scopes:
            scope.cancel()

    def check(self) -> None:
        """Return if the gate is open.

        Raises:
            AuthenticationError: It is shut.
        """
        if self.rejected is not None:
            raise self.rejection()

    def rejection(self) -> AuthenticationError:
        """Return the rejection as an error of its own: many tasks raise it, each its own."""
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
