"""The client that a command uses."""

from __future__ import annotations

from pydantic import ValidationError

from ..client import NO_KEY, PixxelClient
from ..config import Settings
from ..errors import ConfigError
from .options import RunOptions


def client_of(options: RunOptions) -> PixxelClient:
    """Make a client from the options and the environment; an option wins over its variable.

    Raises:
        ConfigError: There is no key, or a setting is wrong.
    """
    given = {"base_url": options.base_url, "auth_scheme": options.auth_scheme}
    try:
        settings = Settings.model_validate(
            {name: value for name, value in given.items() if value is not None}
        )
    except ValidationError as error:
        raise _config_error(error) from None
    if settings.api_key is None:
        raise ConfigError(NO_KEY)
    return PixxelClient(
        settings.api_key,
        base_url=settings.base_url,
        auth_scheme=settings.auth_scheme,
        limits=options.limits,
        poll=options.poll,
        fetch=options.fetch,
    )


def _config_error(error: ValidationError) -> ConfigError:
    """Name the option and the variable, but not the value, which may be a key."""
    problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = str(problem["loc"][0]) if problem["loc"] else "settings"
    option, variable = field.replace("_", "-"), field.upper()
    reason = problem["msg"].removeprefix("Value error, ")
    return ConfigError(f"--{option} or PIXXEL_{variable}: {reason}")
