"""Options: what `--help` shows, what is refused, and what the client gets."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import pixxel_async
from pixxel_async import config
from pixxel_async.cli.app import LISTED, Listed, load
from pixxel_async.cli.client_factory import client_of
from pixxel_async.cli.commands import download
from pixxel_async.cli.options import types
from pixxel_async.cli.options.export import RunOptions
from pixxel_async.config import NO_KEY, AuthScheme
from pixxel_async.display.base import Verbosity
from pixxel_async.errors import ConfigError
from pixxel_async.sandbox import demo_rows

from .commands import run, write_manifest

DAY = timedelta(days=1)

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
    for default in (config.FETCHES, "(20/s)", "(6h)", "(30s)", "(2s)", "(256MiB)"):
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


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version(option: str) -> None:
    told = run(option)
    assert (told.exit_code, told.stdout) == (0, f"pixxel-async {pixxel_async.__version__}\n")


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("--fetches", "0"), ("--fetches", "from 1 up")),
        (("--fetches", "many"), ("--fetches",)),
        (("--requests-per-second", "0"), ("--requests-per-second", "above 0")),
        (("--wait-timeout", "-1"), ("--wait-timeout", "'-1' is not a valid duration: it is neg")),
        (("--stall-timeout", "nan"), ("--stall-timeout", "'nan' is not a valid duration")),
        (("--poll-max", "inf"), ("--poll-max", "'inf' is not a valid duration")),
        (("--poll-initial", "0"), ("--poll-initial", "above 0")),
        (("--wait-timeout", "9" * 30 + "d"), ("--wait-timeout", "the maximum is 36500d")),
        (("--min-free", "9EiB"), ("--min-free", "must be below 8EiB")),
        (("--min-free", "lots"), ("--min-free", "'lots' is not a valid size")),
        (("--bwlimit", "1000"), ("--bwlimit", "at least 1KiB/s")),
        (("--requests-per-second", "5/x"), ("--requests-per-second", "not a valid rate")),
        (("--poll-initial", "31"), ("--poll-initial", "31s is more than --poll-max 30s")),
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
        (("--url-lifetime", "0"), ("--url-lifetime", "above 0")),
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


def commands_below(command: Any, *words: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, below in getattr(command, "commands", {}).items():
        yield from commands_below(below, *words, name)
    if not hasattr(command, "commands"):
        yield words, command


OPTIONS = [
    pytest.param(words, option, id=" ".join((*words, option.opts[0])))
    for listed in LISTED
    for words, command in commands_below(load(listed), listed.name)
    for option in command.params
    if option.param_type_name == "option" and not (option.is_flag or option.count)
]


@pytest.mark.parametrize(("words", "option"), OPTIONS)
def test_no_option_drops_a_value(words: tuple[str, ...], option: Any) -> None:
    name = option.opts[0]
    empty = run(*words, f"{name}=")
    assert empty.exit_code == 2
    assert f"'{name}': the value is empty" in empty.stderr
    if not option.multiple:
        twice = run(*words, *(word for alias in option.opts for word in (alias, "x")), name, "x")
        assert twice.exit_code == 2
        assert f"'{name}': given more than once, but it takes one value" in twice.stderr


def test_a_repeated_secret_is_not_printed() -> None:
    proxy = "http://me:canary@p.test"
    told = run(*JOB, "--proxy", proxy, f"--proxy={proxy}")
    assert told.exit_code == 2
    assert "'--proxy': given more than once" in told.stderr
    assert "canary" not in told.stderr


def test_a_repeated_flag_and_a_request_for_help_are_harmless() -> None:
    assert run(*JOB, "-q", "--quiet", "-q").stderr == NO_KEY + "\n"
    assert run(*JOB, "--fetches", "1", "--fetches", "2", "--help").exit_code == 0


SHORT = {"--out": "-o", "--dry-run": "-n", "--quiet": "-q", "--verbose": "-v", "--fetches": "-f"}


@pytest.mark.parametrize("listed", LISTED, ids=lambda listed: listed.name)
def test_the_same_options_have_short_forms_in_every_command(listed: Listed) -> None:
    for _, command in commands_below(load(listed), listed.name):
        for option in command.params:
            for long, short in SHORT.items():
                assert (long in option.opts) == (short in option.opts)


def test_short_options_are_understood(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.jsonl", demo_rows(3))
    told = run("export", manifest, "-o", tmp_path / "out", "-nqf", "4", env={"PIXXEL_API_KEY": "k"})
    assert (told.exit_code, told.stderr) == (0, "")
    assert not (tmp_path / "out").exists()
    assert "conflicts with --verbose" in run(*JOB, "-qv").stderr


def test_values_have_units(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[RunOptions] = []
    monkeypatch.setattr(download, "save", lambda _, options: seen.append(options))
    words = (
        *("--wait-timeout", "6h", "--stall-timeout", "45", "--poll-max", "1m30s"),
        *("--bwlimit", "10MB/s", "--min-free", "1GiB", "--requests-per-second", "300/min"),
    )
    assert run(*JOB, *words, env={"PIXXEL_ANSWER_TIMEOUT": "2m"}).exit_code == 0
    (options,) = seen
    assert options.poll.wait_timeout_s == 21_600
    assert options.poll.max_s == 90
    assert options.fetch.stall_timeout_s == 45
    assert options.timeouts.answer_s == 120
    assert options.limits.bytes_per_second == 10_000_000
    assert options.limits.requests_per_second == 5
    assert options.folder.least_free_bytes == 2**30


ZONE = "XXX-05:30"  # in POSIX notation: 5 h 30 min east of UTC


@pytest.fixture
def _zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if not hasattr(time, "tzset"):
        pytest.skip("Windows cannot change the time zone of a process")
    monkeypatch.setenv("TZ", ZONE)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_zone")
def test_times_are_absolute_or_relative_to_now() -> None:
    assert types.moment("2025-04-14") == datetime(2025, 4, 14, tzinfo=UTC)
    assert types.moment("20250414") == datetime(2025, 4, 14, tzinfo=UTC)
    for text, ago in (("30d", timedelta(days=30)), ("12h", timedelta(hours=12)), ("2w", 14 * DAY)):
        earliest = datetime.now(UTC) - ago
        assert earliest <= types.moment(text) <= datetime.now(UTC) - ago
    before = datetime.now().astimezone()
    today, yesterday = types.moment("today"), types.moment("yesterday")
    assert today - yesterday == DAY
    assert timedelta(0) <= before - today < DAY or today > before  # midnight may be in between
    assert (today.hour, today.minute, today.utcoffset()) == (0, 0, timedelta(hours=5, minutes=30))
    assert types.interval("yesterday") == f"{yesterday.isoformat()}/{today.isoformat()}"
    assert types.interval("today/..") == f"{today.isoformat()}/.."
    for text in ("2024-01-01T00:00:00Z/..", "../2024-01-01", "2024-01-01"):
        assert types.interval(text) == text


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
