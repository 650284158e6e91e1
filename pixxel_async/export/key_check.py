"""Decides whether a refusal of the service concerns one package, or the key or the base URL.

Rules:
    * Some services answer 403 to a revoked key. Before a package counts as forbidden, one call
      checks the key: the call that `auth status` makes.
    * A service that has refused everything may not be the Pixxel API at all. Before it fails a
      package for good, the same call checks the base URL.
"""

from __future__ import annotations

import anyio

from ..errors import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    NotFoundError,
    PermissionDeniedError,
    PixxelError,
    RouteError,
)
from ..http.service_calls import Api

GOOD_S = 60.0
"""How long a valid key is not checked again, in seconds."""

AGAIN_S = 1.0
"""Delay before a refused list call is repeated; a second refusal means a rejected key."""

FORBIDDEN = 403


JUDGED = (PermissionDeniedError, NotFoundError, BadRequestError)
"""The errors of packages that `KeyCheck` judges."""


class KeyCheck:
    """Checks the key and the base URL of one export when the service refuses a package."""

    def __init__(self, api: Api) -> None:
        """Prepare; sends nothing."""
        self._api = api
        self._checking = anyio.Lock()
        self._good_until = float("-inf")

    async def judge(self, error: ApiError) -> PixxelError:
        """Return `error`, or its cause: an AuthenticationError or a RouteError."""
        async with self._checking:
            if not isinstance(error, PermissionDeniedError):
                return await self._judge_refused(error)
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

    async def _judge_refused(self, error: ApiError) -> PixxelError:
        if self._api.has_succeeded:
            return error
        try:
            await self._api.check_key()
        except (AuthenticationError, RouteError) as cause:
            return cause
        except PixxelError:
            pass  # no verdict
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
