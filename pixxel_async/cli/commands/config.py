"""`pixxel-async config`: the config file and its profiles."""

from __future__ import annotations

from typing import Annotated

import typer
from pydantic import SecretStr

from ...addresses import PROXY
from ...config import NO_KEY, Settings
from ...errors import ConfigError
from ...sansio.api.proxy_rules import has_password, shown
from ...sansio.redact import printable
from ...settings.config_file import DEFAULT_PROFILE, config_file, profile_wanted
from ...settings.layers import Layers, from_everywhere
from ...settings.values import API_KEY, KEY_STORE, KEYS, fingerprint, shown_value, unknown
from ..options.service import ProfileName
from ..output.exit_codes import complain, ended

app = typer.Typer(
    no_args_is_help=True,
    help="Show the settings and edit the config file.",
    epilog="Settings: " + ", ".join(KEYS) + ".",
)

Key = Annotated[str, typer.Argument(metavar="KEY", help="A setting, such as base_url or fetches.")]


@app.command(epilog="Example: pixxel-async config path")
def path() -> None:
    """Show the path of the config file; PIXXEL_CONFIG overrides it."""
    typer.echo(config_file().path)


@app.command(epilog="Example: pixxel-async config show --profile work")
def show(profile: ProfileName = None) -> None:
    """Show the effective settings and where each comes from; the key is masked."""
    with ended():
        layers = from_everywhere({}, profile)
        rows = [(key, *_row(layers, key)) for key in KEYS if key != KEY_STORE]
    wide = max(len(key) for key, _, _ in rows)
    broad = max(len(value) for _, value, _ in rows)
    for key, value, origin in rows:
        typer.echo(printable(f"{key:<{wide}}  {value:<{broad}}  {origin}").rstrip())


@app.command("set", epilog="Example: pixxel-async config set fetches 16 --profile work")
def set_(
    key: Key,
    value: Annotated[str, typer.Argument(metavar="VALUE", help="The new value.")],
    profile: ProfileName = None,
) -> None:
    """Write a setting to the config file, which only you can read."""
    with ended():
        if key == API_KEY:
            message = (
                "a key given here stays in the history of the shell; use: pixxel-async auth login"
            )
            raise ConfigError(message)
        config_file().set(profile_wanted(profile) or DEFAULT_PROFILE, key, value)


@app.command(epilog="Example: pixxel-async config unset proxy")
def unset(key: Key, profile: ProfileName = None) -> None:
    """Remove a setting from the config file."""
    name = profile_wanted(profile) or DEFAULT_PROFILE
    with ended():
        if not config_file().unset(name, key):
            hint = "" if key in KEYS else f": {unknown(key)}"
            message = f"{config_file().path}: [{name}] has no {key}{hint}"
            raise ConfigError(message)


@app.command(epilog="Example: pixxel-async config profiles")
def profiles() -> None:
    """List the profiles of the config file; an asterisk marks the one in use."""
    with ended():
        file = config_file()
        names = file.profiles()
        in_use = profile_wanted(None) or DEFAULT_PROFILE
        for name in names:
            typer.echo(printable(f"{'*' if name == in_use else ' '} {name}"))
        if not names:
            complain(
                f"{file.path} has no profiles; add one with: pixxel-async config set KEY VALUE"
            )


def _row(layers: Layers, key: str) -> tuple[str, str]:
    value = layers.value(key)
    if value is None:
        return _default(layers, key)
    if isinstance(value, SecretStr):
        text = fingerprint(value) if key == API_KEY else _proxy(value)
    else:
        text = shown_value(key, value)
    return text, layers.origins[key]


def _default(layers: Layers, key: str) -> tuple[str, str]:
    if key == API_KEY:
        if layers.values.get(KEY_STORE):
            return "-", f"in the {layers.values[KEY_STORE]}: {layers.origins[KEY_STORE]}"
        return "-", NO_KEY
    if key == "proxy":
        return PROXY, "default"
    return shown_value(key, Settings.model_fields[key].default), "default"


def _proxy(value: SecretStr) -> str:
    url = value.get_secret_value()
    if "://" not in url:
        return url
    return shown(value) + (" (with a password)" if has_password(value) else "")
