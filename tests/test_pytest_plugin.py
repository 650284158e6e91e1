"""The fixtures for users' tests, and the switch that keeps these from real hosts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import respx

from pixxel_async import ConfigError, JobDownload, PixxelClient, StorageHostError

from .support import LOCAL_URL, PROCESS_S

pytest_plugins = ["pixxel_async.pytest_plugin", "pytester"]

USER_TESTS = """
import asyncio

import pytest
from pixxel_async import JobDownload, PixxelClient

JOB = JobDownload(workflow_id="w", job_id="j")


@MARK
async def test_closed(pixxel_client, pixxel_sandbox, tmp_path):
    async with pixxel_client as client:
        saved = await client.download(JOB, tmp_path)
    assert saved.sha256 == pixxel_sandbox.expected_sha256(JOB.row())


def test_without_a_loop(pixxel_client):
    assert isinstance(pixxel_client, PixxelClient)


def test_a_loop_of_its_own(pixxel_client, tmp_path):
    async def main():
        async with pixxel_client:
            await pixxel_client.download(JOB, tmp_path)

    asyncio.run(main())
"""

SETTINGS = r"""
[pytest]
asyncio_default_fixture_loop_scope = function
filterwarnings =
    error
    ignore:There is no current event loop:DeprecationWarning:looptime
    ignore:unclosed event loop:ResourceWarning
    ignore:unclosed <socket\.socket fd=\d+, family=1, type=1, proto=0>:ResourceWarning
"""
"""An unclosed connection is an error. The rest is ignored as in our own tests."""


@pytest.mark.measured
@pytest.mark.parametrize("mark", ["pytest.mark.asyncio", "pytest.mark.anyio"])
def test_a_client_works_with_either_plugin(tmp_path: Path, mark: str) -> None:
    plugin = (
        'import pytest\n\npytest_plugins = ["pixxel_async.pytest_plugin"]\n\n\n'
        "@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n"
    )
    (tmp_path / "pytest.ini").write_text(SETTINGS, encoding="utf-8")
    (tmp_path / "conftest.py").write_text(plugin, encoding="utf-8")
    code = USER_TESTS.replace("MARK", mark)
    (tmp_path / "test_user.py").write_text(code, encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PROCESS_S,
        check=False,
    )
    assert "3 passed" in ended.stdout, ended.stdout + ended.stderr
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.measured
def test_a_client_that_was_not_closed_is_told(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makeconftest('pytest_plugins = ["pixxel_async.pytest_plugin"]')
    pytester.makepyfile(
        """
        import asyncio

        def test_left_open(pixxel_client):
            async def main():
                await pixxel_client.__aenter__()

            asyncio.run(main())
        """
    )
    # In a process of its own: here, the client that is left open would warn within another test.
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*the test did not close pixxel_client*async with*"])


@pytest.mark.usefixtures("pixxel_loopback_only")
def test_a_client_of_a_real_host_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"https://api\.pixxel\.space.*PIXXEL_LOOPBACK_ONLY"):
        PixxelClient("key")
    monkeypatch.setenv("PIXXEL_API_KEY", "key")
    with pytest.raises(ConfigError, match="PIXXEL_LOOPBACK_ONLY"):
        PixxelClient.from_env()
    for url in ("http://127.0.0.1:8080", "http://localhost", "https://[::1]"):
        PixxelClient("key", base_url=url)


@pytest.mark.parametrize("value", ["", "0", "false", "False"])
def test_the_switch_can_be_off(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("PIXXEL_LOOPBACK_ONLY", value)
    PixxelClient("key")


@respx.mock
@pytest.mark.usefixtures("pixxel_loopback_only")
@pytest.mark.parametrize("engine", ["libcurl", "httpx"])
async def test_a_signed_url_of_a_real_host_is_refused(tmp_path: Path, engine: str) -> None:
    respx.put(f"{LOCAL_URL}/v0/workflows/w/jobs/j/download").respond(
        json={"status": "ready", "signed_url": "https://93.184.216.34/package.zip?signature=1"}
    )
    async with PixxelClient("key", base_url=LOCAL_URL, engine=engine) as client:
        with pytest.raises(StorageHostError, match="PIXXEL_LOOPBACK_ONLY is set"):
            await client.download(JobDownload(workflow_id="w", job_id="j"), tmp_path)
