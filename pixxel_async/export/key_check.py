"""A 403 of the service: is it about one package, or about the key.

Some services answer 403 to a key that was revoked. Before a package is called forbidden, the key is
checked once, by the call that `auth status` makes.
"""

from __future__ import annotations

import anyio

from ..errors import ApiError, AuthenticationError, PermissionDeniedError, PixxelError
from ..http.service_calls import Api

GOOD_S = 60.0
"""A key that was found to be good is not checked again for this long."""

AGAIN_S = 1.0
"""A list call that is refused is repeated after this, before the key is called rejected."""

FORBIDDEN = 403


class KeyCheck:
    """Checks the key of one export when packages are forbidden."""

    def __init__(self, api: Api) -> None:
        """Send nothing yet."""
        self._api = api
        self._checking = anyio.Lock()
        self._good_until = float("-inf")

    async def judge(self, error: PermissionDeniedError) -> PixxelError:
        """Return the error itself, or an AuthenticationError if the key is to blame for it."""
        async with self._checking:
            if anyio.current_time() < self._good_until:
                return error
            for last in (False, True):  # a service may refuse one call for no reason
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
                    return error  # nothing is known of the key
                break
            self._good_until = anyio.current_time() + GOOD_S
        return error


def _rejected(refused: ApiError) -> AuthenticationError:
    return AuthenticationError(
        f"the key may list nothing and download nothing; it may have been revoked: "
        f"{refused.message}",
        status=refused.status,
        operation=refused.operation,
        code=refused.code,
        details=refused.details,
    )
