"""The client that a command uses."""

from __future__ import annotations

from typing import Protocol

from pydantic import SecretStr

from ..client import PixxelClient
from ..config import AuthScheme, FetchPolicy, Limits, PollPolicy, RetryPolicy, Timeouts
from ..settings.layers import resolve
from .doctor.descriptors import fitting


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
    def allow_private_storage(self) -> bool | None:
        """Whether a storage may have a private address; None takes the setting."""

    @property
    def profile(self) -> str | None:
        """The profile of the config file; None takes the setting."""

    @property
    def timeouts(self) -> Timeouts:
        """How long one call may take."""

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


def client_of(options: ReachesService, *, api_key: SecretStr | None = None) -> PixxelClient:
    """Make a client from the options, the environment and the config file, in this order.

    Args:
        options: What the command was given.
        api_key: The key to use in place of the configured one.

    Raises:
        ConfigError: There is no key, or a setting is wrong.
    """
    return PixxelClient.from_settings(
        resolve({**given(options), "api_key": api_key}, options.profile),
        timeout=options.timeouts,
        limits=fitting(options.limits),
        retry=options.retry,
        poll=options.poll,
        fetch=options.fetch,
        preflight=True,
    )


def given(options: ReachesService) -> dict[str, object]:
    """Return the options that say how the service is reached; None where one is not given."""
    return {
        "base_url": options.base_url,
        "auth_scheme": options.auth_scheme,
        "proxy": options.proxy,
        "ca_bundle": options.ca_bundle,
        "allow_private_storage": options.allow_private_storage,
    }
