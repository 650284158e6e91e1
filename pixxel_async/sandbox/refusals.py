"""Error responses of the service."""

from __future__ import annotations

from starlette.responses import JSONResponse

from .answers import error

BAD_REQUEST, UNAUTHORIZED, NOT_FOUND, NOT_ALLOWED = 400, 401, 404, 405
CONFLICT, GONE, TOO_MANY = 409, 410, 429
BAD_PARAMETER = (BAD_REQUEST, "INVALID_PARAMETER")
BAD_BODY = (BAD_REQUEST, "INVALID_BODY")
NOT_THERE = (NOT_FOUND, "NOT_FOUND")


class ServiceError(Exception):
    """The service refuses a call."""

    def __init__(self, status: int, code: str, message: str) -> None:
        """Build the response."""
        super().__init__(message)
        self.response = JSONResponse(error(code, message), status)
