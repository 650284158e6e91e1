"""The client that a command uses."""

from __future__ import annotations

from ..client import PixxelClient
from ..config import read_settings
from .options import RunOptions


def client_of(options: RunOptions) -> PixxelClient:
    """Make a client from the options and the environment; an option wins over its variable.

    Raises:
        ConfigError: There is no key, or a setting is wrong.
    """
    given = {"base_url": options.base_url, "auth_scheme": options.auth_scheme}
    settings = read_settings(**{name: value for name, value in given.items() if value is not None})
    return PixxelClient(
        settings.api_key,
        base_url=settings.base_url,
        auth_scheme=settings.auth_scheme,
        limits=options.limits,
        retry=options.retry,
        poll=options.poll,
        fetch=options.fetch,
    )
