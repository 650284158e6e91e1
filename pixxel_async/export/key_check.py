"""Decides whether a 403 of the service concerns one package or the key.

Some services answer 403 to a revoked key. Before a package counts as forbidden, one call checks the
key: the call that `auth status` makes.
"""

from __future__ import annotations

import anyio

from ..errors import ApiError, AuthenticationError, PermissionDeniedError, PixxelError
from ..http.service_calls import Api

GOOD_S = 60.0
"""How long a valid key is not checked again, in seconds."""

AGAIN_S = 1.0
"""Delay before a refused list call is repeated; a second refusal means a rejected key."""

FORBIDDEN = 403


class KeyCheck:
    """Checks the key of one export when the service forbids a package."""

    def __init__(self, api: Api) -> None:
        """Prepare; sends nothing."""
        self._api = api
        self._checking = anyio.Lock()
        self._good_until = float("-inf")

    async def judge(self, error: PermissionDeniedError) -> PixxelError:
        """Return `error`, or an AuthenticationError if the key is its cause."""
        async with self._checking:
            if anyio.current_time() < self._good_until:
                return error
            for last in (False, True):  # a service may refuse a single call at random
                try:
                    await self._api.list_something()
                except AuthenticationError as rejected:
                    return rejected
                except ApiError as refused:
                    if refused.status == FORBIDDEN and refused.from_service:
                        if last:
                            return _rejected(refused)
                        await anyio.sleep(AGAIN_S)
                        continue
                except PixxelError:
                    return error  # the key is neither valid nor rejected
                break
            self._good_until = anyio.current_time() + GOOD_S
        return error


def _rejected(refused: ApiError) -> AuthenticationError:
    return AuthenticationError(
        f"the key can neither list nor download anything; it may have been revoked: "
        f"{refused.message}",
        status=refused.status,
        operation=refused.operation,
        code=refused.code,
        details=refused.details,
    )
