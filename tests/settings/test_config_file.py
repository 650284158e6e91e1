"""The config file: what is read, what is refused and how, and that it is written whole."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from pixxel_async import AuthScheme, ConfigError
from pixxel_async.settings.config_file import ConfigFile, config_file

SECRET = "canary-key-4b1d"
MODES = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")


def written(folder: Path, text: str, mode: int = 0o600) -> ConfigFile:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return ConfigFile(path)


def test_a_profile_has_its_values_in_their_types(tmp_path: Path) -> None:
    text = f"""
    [default]
    fetches = 3
    [work]
    api_key = "{SECRET}"
    auth_scheme = "bearer"
    requests_per_second = 4
    proxy = "proxy.example:3128"
    """
    file = written(tmp_path, text)
    assert file.profiles() == ["default", "work"]
    assert file.profile().values == {"fetches": 3}
    assert file.profile("work").values == {
        "api_key": SecretStr(SECRET),
        "auth_scheme": AuthScheme.BEARER,
        "requests_per_second": 4.0,
        "proxy": SecretStr("http://proxy.example:3128"),
    }
    assert file.profile("work").origins["auth_scheme"] == f"{file.path}:6: [work] auth_scheme"
    assert SECRET not in repr(file.profile("work"))


def test_a_file_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    file = ConfigFile(tmp_path / "none.toml")
    assert file.profiles() == []
    assert file.profile().values == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[default]\n\nfetchs = 3\n", ":3: [default] fetchs: unknown key; did you mean f"),
        ("[default]\ncolour = 3\n", ":2: [default] colour: unknown key; valid keys: api"),
        ("[default]\nfetches = 0\n", ":2: [default] fetches: give a whole number from 1"),
        ('[default]\nfetches = "many"\n', ":2: [default] fetches: give a whole number from 1"),
        ("[default]\nfetches = true\n", ":2: [default] fetches: true and false are not val"),
        (
            '[default]\nwait_timeout = "6 hrs"\n',
            ":2: [default] wait_timeout: not a valid duration: ",
        ),
        ('[default]\nrequests_per_second = "-1/s"\n', ":2: [default] requests_per_second: not a v"),
        ("[default]\nwait_timeout = inf\n", ":2: [default] wait_timeout: not a valid duration: "),
        (
            "[default]\nwait_timeout = 1e300\n",
            ":2: [default] wait_timeout: not a valid duration: the ",
        ),
        ("[default]\npoll_max = -1\n", ":2: [default] poll_max: not a valid duration: it is neg"),
        ('[default]\nbase_url = "http://a.test"\n', ":2: [default] base_url: use https"),
        ('[default]\nproxy = "ftp://p"\n', ":2: [default] proxy: give a proxy such as"),
        ('[default]\nkey_store = "pocket"\n', ":2: [default] key_store: Input should be 'file'"),
        ("# a comment\nfetches = 3\n", ":2: fetches is outside a profile; put it below [def"),
        ("[default\n", ": invalid TOML: "),
        ("[default]\nfetches = 3\nfetches = 4\n", ": invalid TOML: "),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        file.profile()
    assert str(caught.value).startswith(f"{file.path}{words}")


def test_a_slip_in_another_profile_is_in_nobodys_way(tmp_path: Path) -> None:
    file = written(tmp_path, "[default]\nfetches = 3\n[other]\nfetchs = 3\n")
    assert file.profile().values == {"fetches": 3}


def test_a_profile_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    file = written(tmp_path, "[a]\n[b]\n")
    with pytest.raises(
        ConfigError, match=r"no profile 'c'; existing profiles: a, b; create it with: "
    ):
        file.profile("c")
    assert file.profile().values == {}


@MODES
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o606, 0o620, 0o601])
@pytest.mark.parametrize("line", [f'api_key = "{SECRET}"', f'proxy = "http://me:{SECRET}@p.test"'])
def test_a_secret_is_not_taken_from_a_file_that_others_may_read(
    tmp_path: Path, line: str, mode: int
) -> None:
    file = written(tmp_path, f"[default]\n{line}\n[plain]\nfetches = 3\n", mode)
    with pytest.raises(ConfigError) as caught:
        file.profile()
    assert f"(mode {mode:04o}): chmod 600 '{file.path}'" in str(caught.value)
    assert SECRET not in str(caught.value)
    assert file.profile("plain").values == {"fetches": 3}
    file.path.chmod(0o600)
    assert file.profile().values


def test_no_error_repeats_a_value(tmp_path: Path) -> None:
    text = f'[default]\napi_key = ["{SECRET}"]\nfetches = "{SECRET}"\nproxy = "x://{SECRET}"\n'
    for line in range(1, 4):
        lines = text.splitlines()
        file = written(tmp_path, "\n".join([lines[0], lines[line]]))
        with pytest.raises(ConfigError) as caught:
            file.profile()
        assert SECRET not in str(caught.value)


@MODES
def test_it_is_written_for_its_owner_alone_and_keeps_comments(tmp_path: Path) -> None:
    before = '# mine\n[default]\nfetches = 3  # few\n\n[work]\nbase_url = "https://a.test"\n'
    file = written(tmp_path, before, 0o644)
    file.set("default", "fetches", "4")
    file.set("work", "ca_bundle", "/ca.pem")
    file.set("new-one", "auth_scheme", "bearer")
    file.set("work", "allow_private_storage", "true")
    text = file.path.read_text("utf-8")
    assert text.startswith("# mine\n[default]\nfetches = 4  # few\n")
    assert 'ca_bundle = "/ca.pem"' in text
    assert file.profile("work").values["allow_private_storage"] is True
    assert "allow_private_storage = true\n" in text
    assert file.profile("new-one").values == {"auth_scheme": AuthScheme.BEARER}
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["config.toml"]


@MODES
def test_a_new_file_and_its_folder_are_for_the_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        file = ConfigFile(tmp_path / "folder" / "config.toml")
        file.set("default", "api_key", SECRET)
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.path.parent.stat().st_mode) == 0o700
    assert file.profile().values == {"api_key": SecretStr(SECRET)}


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real = written(tmp_path, "[default]\n")
    link = tmp_path / "link.toml"
    link.symlink_to(real.path)
    ConfigFile(link).set("default", "fetches", "4")
    assert link.is_symlink()
    assert real.profile().values == {"fetches": 4}


def test_a_failed_write_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path, "[default]\nfetches = 3\n")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigError, match=r"cannot be written: No space left"):
        file.set("default", "fetches", "4")
    assert file.path.read_text("utf-8") == "[default]\nfetches = 3\n"
    assert [path.name for path in tmp_path.iterdir()] == ["config.toml"]


@pytest.mark.parametrize(
    ("profile", "key", "value", "words"),
    [
        ("default", "fetchs", "3", "did you mean fetches"),
        ("default", "fetches", SECRET, "fetches: give a whole number from 1"),
        ("a.b", "fetches", "3", "letters, digits"),
        ("", "fetches", "3", "letters, digits"),
    ],
)
def test_what_cannot_be_is_not_written(
    tmp_path: Path, profile: str, key: str, value: str, words: str
) -> None:
    file = ConfigFile(tmp_path / "config.toml")
    with pytest.raises(ConfigError, match=words) as caught:
        file.set(profile, key, value)
    assert SECRET not in str(caught.value)
    assert not file.path.exists()


def test_a_value_is_removed_once(tmp_path: Path) -> None:
    file = written(tmp_path, "[default]\nfetches = 3\n")
    assert file.unset("default", "fetches")
    assert not file.unset("default", "fetches")
    assert not file.unset("other", "fetches")
    assert file.profile().values == {}


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        ConfigFile(tmp_path).profile()
    (tmp_path / "config.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="it is not UTF-8"):
        ConfigFile(tmp_path / "config.toml").profile()


def test_the_file_is_where_the_variable_or_the_platform_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIXXEL_CONFIG", str(tmp_path / "mine.toml"))
    assert config_file().path == tmp_path / "mine.toml"
    monkeypatch.setenv("PIXXEL_CONFIG", "")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert config_file().path.parts[-2:] == ("pixxel-async", "config.toml")
