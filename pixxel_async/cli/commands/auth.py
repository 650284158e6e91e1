"""`pixxel-async auth`: store the API key, check it, delete it."""

from __future__ import annotations

import asyncio
import getpass
import sys
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer
from pydantic import SecretStr

from ...client import PixxelClient
from ...config import AuthScheme, RetryPolicy, variable
from ...errors import ApiError, AuthenticationError, ConfigError, PixxelError, RouteError
from ...http.auth import KeyAuth
from ...sansio.layout import wrapped
from ...settings.config_file import DEFAULT_PROFILE, ConfigFile, config_file, profile_wanted
from ...settings.keyring import forget_key, store_key
from ...settings.layers import KEYRING, from_everywhere, key_of
from ...settings.values import API_KEY, KEY_STORE, KeyStore, fingerprint
from ..client_factory import client_of, given
from ..options.dataclass_options import takes_options
from ..options.service import ProfileName, ServiceOptions
from ..output.exit_codes import SOME_FAILED, complain, ended, terminal_width

app = typer.Typer(
    no_args_is_help=True,
    help="Store, check or delete the API key.",
    epilog="PIXXEL_API_KEY wins over a key that is stored.",
)

REACH_S = 5.0
"""How long to try to reach the service, in seconds."""

MAX_PIPED_CHARS = 10_000
"""No key is that long."""


@dataclass(frozen=True, kw_only=True)
class StatusOptions(ServiceOptions):
    """How the service is asked."""

    @property
    def retry(self) -> RetryPolicy:
        """Two attempts, and a short wait for the network: somebody waits for the answer."""
        return RetryPolicy(attempts=2, reach_s=REACH_S)


class Store(StrEnum):
    """Where a key is to be stored."""

    KEYRING = "keyring"
    FILE = "file"


@app.command(
    epilog="Example: pixxel-async auth login\n\nExample: pass show pixxel | pixxel-async auth login"
)
def login(
    *,
    profile: ProfileName = None,
    store: Annotated[
        Store | None,
        typer.Option(
            "--store",
            show_default="keyring if there is one, else file",
            help="The system keyring, or the config file.",
        ),
    ] = None,
) -> None:
    """Store the key: typed without echo, or read from standard input."""
    name = profile_wanted(profile) or DEFAULT_PROFILE
    with ended(interrupted="nothing is stored"):
        file = config_file()
        key = _read_key()
        KeyAuth(key, AuthScheme.RAW)  # a key that no header can hold is refused here
        place = _keep(file, name, key, store)
        complain(f"the key {fingerprint(key)} of profile {name} is stored in {place}")
        if from_everywhere({}, profile).origins.get(API_KEY, "").endswith(f"({variable(API_KEY)})"):
            complain(f"{variable(API_KEY)} is set and wins over it: unset {variable(API_KEY)}")


@app.command(epilog="Example: pixxel-async auth status --profile work")
@takes_options
def status(options: StatusOptions) -> None:
    """Show which key is in use, and check that the service accepts it.

    The exit code is 0 if it does, and 1 if not, or if something else answers or nothing does.
    """
    with ended():
        try:
            key, origin = key_of(from_everywhere(given(options), options.profile))
            client = client_of(options)
        except ConfigError as error:
            complain(str(error))
            raise typer.Exit(SOME_FAILED) from None
        typer.echo(f"key      {fingerprint(key)} from {origin}")
        is_good, verdict = asyncio.run(_ask(client))
        typer.echo("\n".join(wrapped("service  ", verdict, terminal_width(sys.stdout))))
        raise typer.Exit(0 if is_good else SOME_FAILED)


@app.command(epilog="Example: pixxel-async auth logout")
def logout(profile: ProfileName = None) -> None:
    """Delete the stored key of a profile."""
    name = profile_wanted(profile) or DEFAULT_PROFILE
    with ended():
        file = config_file()
        places = []
        if _keeps_in_keyring(file, name):
            if forget_key(name):
                places.append(KEYRING)
            file.unset(name, KEY_STORE)
        if file.unset(name, API_KEY):
            places.append(str(file.path))
        complain(
            f"the key of profile {name} is deleted from {' and '.join(places)}"
            if places
            else f"profile {name} has no stored key"
        )


def _read_key() -> SecretStr:
    if sys.stdin.isatty():
        try:
            text = getpass.getpass("API key: ")
        except EOFError:
            text = ""
    else:
        try:
            text = sys.stdin.read(MAX_PIPED_CHARS + 1)
        except OSError as error:  # it is open for writing alone, or a terminal that has gone
            message = f"standard input cannot be read: {error.strerror}"
            raise ConfigError(message) from None
    if len(text) > MAX_PIPED_CHARS:
        message = "standard input is too long for a key"
        raise ConfigError(message)
    if not text.strip():
        message = "no key was given: copy it from the API tab of your Pixxel workspace settings"
        raise ConfigError(message)
    return SecretStr(text.strip())


def _keep(file: ConfigFile, profile: str, key: SecretStr, store: Store | None) -> str:
    """Store a key, remove it from the other place, and return where it is now."""
    if store is not Store.FILE:
        try:
            store_key(profile, key)
        except ConfigError:
            if store is Store.KEYRING:
                raise
        else:
            file.set(profile, KEY_STORE, KeyStore.KEYRING)
            file.unset(profile, API_KEY)
            return KEYRING
    if _keeps_in_keyring(file, profile):
        forget_key(profile)
        file.unset(profile, KEY_STORE)
    file.set(profile, API_KEY, key)
    return f"{file.path}, which only you may read"


def _keeps_in_keyring(file: ConfigFile, profile: str) -> bool:
    if profile not in file.profiles():
        return False
    return file.profile(profile).values.get(KEY_STORE) is KeyStore.KEYRING


async def _ask(client: PixxelClient) -> tuple[bool, str]:
    async with client:
        try:
            await client.check_key()
        except AuthenticationError as error:
            remedy = "log in with another key, or try the other --auth-scheme"
            return False, f"the key is rejected ({error}); {remedy}"
        except ApiError as error:
            return False, f"the key could not be checked: {error}; try again later"
        except RouteError as error:
            return False, str(error)
        except PixxelError as error:
            return False, f"the key could not be checked: {error}; run pixxel-async doctor"
    return True, "the key is good"
