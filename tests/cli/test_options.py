"""Options: what `--help` shows, what is refused, and what the client gets."""

from __future__ import annotations

from pathlib import Path

import pytest

import pixxel_async
from pixxel_async import config
from pixxel_async.cli.client_factory import client_of
from pixxel_async.cli.options.export import RunOptions
from pixxel_async.config import NO_KEY, AuthScheme
from pixxel_async.display.base import Verbosity
from pixxel_async.errors import ConfigError

from .commands import run

SHARED = (
    "--out",
    "--directory",
    "--fetches",
    "--requests-per-second",
    "--wait-timeout",
    "--stall-timeout",
    "--poll-initial",
    "--poll-max",
    "--json",
    "--quiet",
    "--verbose",
    "--checksum",
    "--no-fsync",
    "--base-url",
    "--auth-scheme",
)
JOB = ("download", "job", "w", "j", "--out", "packages")


@pytest.mark.parametrize(
    "command",
    [
        ("export",),
        ("download", "insight"),
        ("download", "aoi"),
        ("download", "job"),
        ("download", "task"),
        ("download", "catalog"),
    ],
)
def test_the_shared_options_are_in_the_help_with_their_defaults(command: tuple[str, ...]) -> None:
    told = run(*command, "--help")
    assert told.exit_code == 0
    for option in SHARED:
        assert option in told.stdout
    for default in (
        config.FETCHES,
        config.REQUESTS_PER_SECOND,
        config.WAIT_TIMEOUT_S,
        config.STALL_TIMEOUT_S,
        config.POLL_INITIAL_S,
        config.POLL_MAX_S,
    ):
        assert f"[default: {default}]" in told.stdout
    assert config.BASE_URL in told.stdout
    assert f"Example: pixxel-async {' '.join(command)}" in told.stdout


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ((), ("export", "download", "demo", "sandbox", "PIXXEL_API_KEY")),
        (("download",), ("insight", "aoi", "job", "task", "catalog", "manifest")),
        (("download", "insight"), ("AOI_ID", "INSIGHT_ID", "--input", "--output")),
        (("download", "catalog"), ("--order-items",)),
        (("export",), ("MANIFEST", '"kind": "insight"', '"outputs": ["..."]')),
        (("demo",), ("--packages", "300", "demo-export", "--quiet", "Example: ")),
        (
            ("sandbox",),
            (
                "--api-port",
                "8080",
                "--storage-port",
                "8081",
                "--packaging-min",
                "--packaging-max",
                "--package-bytes",
                "--url-lifetime",
                "--seed",
                "--faults",
                "Example: ",
            ),
        ),
    ],
)
def test_the_help_tells_what_there_is(command: tuple[str, ...], words: tuple[str, ...]) -> None:
    told = run(*command, "--help")
    assert told.exit_code == 0
    for word in words:
        assert word in told.stdout


def test_the_version() -> None:
    told = run("--version")
    assert (told.exit_code, told.stdout) == (0, f"pixxel-async {pixxel_async.__version__}\n")


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("--fetches", "0"), ("--fetches", "from 1 up")),
        (("--fetches", "many"), ("--fetches",)),
        (("--requests-per-second", "0"), ("--requests-per-second", "above 0")),
        (("--wait-timeout", "-1"), ("--wait-timeout", "above 0")),
        (("--stall-timeout", "nan"), ("--stall-timeout", "above 0")),
        (("--poll-max", "inf"), ("--poll-max", "above 0")),
        (("--poll-initial", "0"), ("--poll-initial", "above 0")),
        (("--poll-initial", "31"), ("--poll-initial", "raise --poll-max")),
        (("--poll-max", "1"), ("--poll-initial", "raise --poll-max")),
        (("--quiet", "--verbose"), ("--quiet", "leave one out")),
        (("--auth-scheme", "basic"), ("--auth-scheme", "bearer")),
        (("--api-key", "x"), ("--api-key",)),
    ],
)
def test_a_value_that_cannot_be_is_refused(words: tuple[str, ...], parts: tuple[str, ...]) -> None:
    told = run(*JOB, *words)
    assert told.exit_code == 2
    assert told.stdout == ""
    for part in parts:
        assert part in told.stderr


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("--packaging-min", "11"), ("--packaging-min", "raise --packaging-max")),
        (("--packaging-max", "0"), ("--packaging-max", "above 0")),
        (("--package-bytes", "9000000000"), ("--package-bytes", "choose another")),
        (("--url-lifetime", "0"), ("--url-lifetime", "from 1 up")),
        (("--api-port", "65536"), ("--api-port",)),
    ],
)
def test_a_sandbox_that_cannot_be_is_refused(
    words: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    told = run("sandbox", *words)
    assert told.exit_code == 2
    for part in parts:
        assert part in told.stderr


def test_the_folder_is_needed_and_has_two_names() -> None:
    told = run("download", "job", "w", "j")
    assert told.exit_code == 2
    assert "--out" in told.stderr
    told = run("download", "job", "w", "j", "--directory", "x")
    assert told.stderr == NO_KEY + "\n"


def test_a_missing_key_is_one_line() -> None:
    told = run(*JOB)
    assert (told.exit_code, told.stdout, told.stderr) == (2, "", NO_KEY + "\n")


@pytest.mark.parametrize(
    ("words", "variables", "message"),
    [
        (("--base-url", "http://example.com"), {}, "base_url (PIXXEL_BASE_URL): use https"),
        ((), {"PIXXEL_BASE_URL": "example.com"}, "base_url (PIXXEL_BASE_URL): give scheme"),
        ((), {"PIXXEL_AUTH_SCHEME": "basic"}, "auth_scheme (PIXXEL_AUTH_SCHEME): "),
        ((), {"PIXXEL_API_KEY": "secret\x01key"}, "the API key (PIXXEL_API_KEY) has"),
    ],
)
def test_a_wrong_setting_is_one_line(
    words: tuple[str, ...], variables: dict[str, str], message: str
) -> None:
    told = run(*JOB, *words, env={"PIXXEL_API_KEY": "secret-key", **variables})
    assert told.exit_code == 2
    assert told.stderr.startswith(message)
    assert told.stderr.count("\n") == 1
    assert "secret" not in told.stderr


def test_options_become_the_policies_of_the_client() -> None:
    options = RunOptions(
        out=Path(),
        fetches=3,
        requests_per_second=4.5,
        wait_timeout=60,
        stall_timeout=7,
        poll_initial=1,
        poll_max=9,
        checksum=config.Checksum.NONE,
        no_fsync=True,
    )
    assert options.limits == config.Limits(fetches=3, requests_per_second=4.5)
    assert options.poll == config.PollPolicy(initial_s=1, max_s=9, wait_timeout_s=60)
    assert options.fetch == config.FetchPolicy(
        stall_timeout_s=7, checksum=config.Checksum.NONE, sync=config.Sync.NONE
    )


def test_without_options_the_policies_are_those_of_the_library() -> None:
    options = RunOptions(out=Path())
    assert options.limits == config.Limits()
    assert options.poll == config.PollPolicy()
    assert options.fetch == config.FetchPolicy()


def test_how_much_is_told() -> None:
    assert RunOptions(out=Path()).loudness is Verbosity.NORMAL
    assert RunOptions(out=Path(), quiet=True).loudness is Verbosity.ERRORS
    assert RunOptions(out=Path(), verbose=True).loudness is Verbosity.DETAILS


async def test_an_option_wins_over_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIXXEL_API_KEY", "key")
    monkeypatch.setenv("PIXXEL_BASE_URL", "https://variable.example")
    monkeypatch.setenv("PIXXEL_AUTH_SCHEME", "bearer")
    async with client_of(RunOptions(out=Path())) as client:
        assert client._service.base_url.host == "variable.example"
        assert client._service._auth._prefix == "Bearer "
    options = RunOptions(out=Path(), base_url="https://option.example", auth_scheme=AuthScheme.RAW)
    async with client_of(options) as client:
        assert client._service.base_url.host == "option.example"
        assert client._service._auth._prefix == ""


async def test_without_a_key_there_is_no_client() -> None:
    with pytest.raises(ConfigError, match="PIXXEL_API_KEY"):
        client_of(RunOptions(out=Path()))
