"""Which setting counts: what is given, the environment, the profile, the default."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pixxel_async import AuthScheme, ConfigError, PixxelClient
from pixxel_async.settings.config_file import config_file
from pixxel_async.settings.layers import from_everywhere, resolve
from pixxel_async.settings.values import KEYS, check_value, fingerprint, shown_value

from . import made_keyring

KEY = "canary-key-4b1d"
FILE = f"""
[default]
api_key = "{KEY}"
base_url = "https://file.example"
fetches = 3
[work]
api_key = "{KEY}-work"
base_url = "https://work.example"
[ring]
key_store = "keyring"
"""


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(FILE, encoding="utf-8")
    path.chmod(0o600)
    monkeypatch.setenv("PIXXEL_CONFIG", str(path))
    return path


def test_each_layer_wins_over_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve({}).base_url == "https://file.example"
    assert resolve({}).fetches == 3
    assert resolve({}).auth_scheme is AuthScheme.RAW
    monkeypatch.setenv("PIXXEL_BASE_URL", "https://variable.example")
    monkeypatch.setenv("PIXXEL_FETCHES", "5")
    assert (resolve({}).base_url, resolve({}).fetches) == ("https://variable.example", 5)
    given = {"base_url": "https://option.example", "proxy": None}
    assert resolve(given).base_url == "https://option.example"
    monkeypatch.setenv("PIXXEL_BASE_URL", "")
    assert resolve({}).base_url == "https://file.example"


def test_the_profile_is_given_or_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve({}, "work").base_url == "https://work.example"
    assert resolve({}, "work").fetches == "auto"  # a profile stands for itself
    monkeypatch.setenv("PIXXEL_PROFILE", "work")
    assert resolve({}).base_url == "https://work.example"
    assert resolve({}, "default").base_url == "https://file.example"
    monkeypatch.setenv("PIXXEL_PROFILE", "nobody")
    with pytest.raises(ConfigError, match="no profile 'nobody'"):
        resolve({})


async def test_a_client_is_made_of_environment_and_file(monkeypatch: pytest.MonkeyPatch) -> None:
    async with PixxelClient.from_config() as client:
        assert client._service.base_url.host == "file.example"
        assert client._exporter.resources.limits.fetches == 3
    async with PixxelClient.from_config("work") as client:
        assert client._service.base_url.host == "work.example"
    monkeypatch.setenv("PIXXEL_API_KEY", "of-the-variable")
    monkeypatch.setenv("PIXXEL_POLL_MAX", "9")
    async with PixxelClient.from_env() as client:
        assert client._service.base_url.host == "api.pixxel.space"
        assert client._exporter.resources.limits.fetches == "auto"
        assert client._exporter.resources.poll.max_s == 9


def test_the_environment_alone_has_no_key_of_the_file() -> None:
    with pytest.raises(ConfigError, match="no API key"):
        PixxelClient.from_env()


def test_a_keyring_is_asked_only_if_the_profile_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    made_keyring.remove(monkeypatch)
    assert resolve({}).api_key.get_secret_value() == KEY
    with pytest.raises(ConfigError, match=r"needs an extra: pip install 'pixxel-async\[keyring\]'"):
        resolve({}, "ring")
    backend = made_keyring.install(monkeypatch)
    with pytest.raises(ConfigError, match="no key for the profile 'ring'"):
        resolve({}, "ring")
    backend.set_password("pixxel-async", "ring", f"{KEY}-ring")
    assert resolve({}, "ring").api_key.get_secret_value() == f"{KEY}-ring"
    backend.is_locked = True
    monkeypatch.setenv("PIXXEL_API_KEY", "of-the-variable")
    assert resolve({}, "ring").api_key.get_secret_value() == "of-the-variable"
    monkeypatch.delenv("PIXXEL_API_KEY")
    with pytest.raises(ConfigError, match=r"cannot be used \(KeyringError\)") as caught:
        resolve({}, "ring")
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("keyring.backends.fail", "Keyring"),
        ("keyring.backends.null", "Keyring"),
        ("keyrings.alt.file", "PlaintextKeyring"),
    ],
)
@pytest.mark.parametrize("chained", ["alone", "in a chain"])
def test_a_keyring_that_keeps_no_secrets_is_none(
    monkeypatch: pytest.MonkeyPatch, module: str, name: str, chained: str
) -> None:
    made_keyring.install(monkeypatch)
    backend = type(name, (), {"__module__": module})()
    chain = type("ChainerBackend", (), {"backends": [backend]})()
    found = backend if chained == "alone" else chain
    monkeypatch.setattr(sys.modules["keyring"], "get_keyring", lambda: found)
    with pytest.raises(ConfigError, match="no keyring that encrypts secrets"):
        resolve({}, "ring")


def test_layers_do_not_show_a_secret() -> None:
    layers = from_everywhere({})
    assert KEY not in repr(layers) + str(layers) + repr(resolve({}))


def test_a_short_key_has_no_fingerprint() -> None:
    from pydantic import SecretStr  # noqa: PLC0415 - here alone

    assert fingerprint(SecretStr(KEY)) == "…4b1d"
    assert fingerprint(SecretStr("12345678901")) == "…"


@pytest.mark.parametrize("key", KEYS)
def test_each_key_takes_a_text_and_refuses_others(key: str) -> None:
    good = {"base_url": "https://a.test", "auth_scheme": "raw", "proxy": "direct"}
    good |= {"api_key": "k", "ca_bundle": "/ca.pem", "key_store": "file"}
    good |= {"allow_private_storage": "true"}
    check_value(key, good.get(key, "7"))
    with pytest.raises(ValueError):  # noqa: PT011 - the words are pydantic's
        check_value(key, [])


def test_settings_have_units(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = FILE.replace("fetches = 3", 'poll_max = "1m30s"\nrequests_per_second = "300/min"')
    path.write_text(text, encoding="utf-8")
    monkeypatch.setenv("PIXXEL_WAIT_TIMEOUT", "12h")
    settings = resolve({})
    assert (settings.wait_timeout, settings.poll_max) == (43_200, 90)
    assert settings.requests_per_second == 5
    monkeypatch.setenv("PIXXEL_WAIT_TIMEOUT", "canary")
    with pytest.raises(
        ConfigError, match=r"wait_timeout \(PIXXEL_WAIT_TIMEOUT\): not a valid dur"
    ) as e:
        resolve({})
    assert "canary" not in str(e.value)


@pytest.mark.parametrize(
    ("key", "value", "written"),
    [
        ("wait_timeout", "21600", 'wait_timeout = "6h"'),
        ("poll_max", "1m30s", 'poll_max = "1m30s"'),
        ("requests_per_second", "300/min", 'requests_per_second = "5/s"'),
    ],
)
def test_a_setting_is_written_and_shown_with_its_unit(
    path: Path, key: str, value: str, written: str
) -> None:
    config_file().set("default", key, value)
    assert written in path.read_text("utf-8")
    assert from_everywhere({}).value(key) == check_value(key, value)
    assert shown_value(key, check_value(key, value)) in written
