"""The client that a command uses."""

from __future__ import annotations

from typing import Protocol

from ..client import PixxelClient
from ..config import AuthScheme, FetchPolicy, Limits, PollPolicy, RetryPolicy, read_settings


class ReachesService(Protocol):
    """What a client is made of: `ServiceOptions`, and whatever has the same names."""

    @property
    def base_url(self) -> str | None:
        """Where the service is; None takes the setting."""

    @property
    def auth_scheme(self) -> AuthScheme | None:
        """How the key is sent; None takes the setting."""

    @property
    def proxy(self) -> str | None:
        """The proxy; None takes the setting."""

    @property
    def ca_bundle(self) -> str | None:
        """Certificates to trust; None takes the setting."""

    @property
    def profile(self) -> str | None:
        """The profile of the config file; None takes the setting."""

    @property
    def limits(self) -> Limits:
        """How much is under way at once."""

    @property
    def retry(self) -> RetryPolicy:
        """How often a failed call is tried again."""

    @property
    def poll(self) -> PollPolicy:
        """When packages are asked about."""

    @property
    def fetch(self) -> FetchPolicy:
        """How packages are transferred."""


def client_of(options: ReachesService) -> PixxelClient:
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
