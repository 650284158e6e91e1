"""A canary: the key and the signatures appear nowhere that somebody may read."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path

import httpx
import pytest

from pixxel_async import Failed, JobDownload, Limits, Package, PixxelClient, events
from pixxel_async.sandbox import (
    ApiFault,
    PackagingTime,
    Sandbox,
    Scenario,
    StorageFault,
    demo_rows,
    sandbox_in_thread,
)

from .cli.commands import env_of, run, write_manifest
from .support import QUICK_LIMITS, QUICK_POLL, QUICK_RETRY, quick_fetch, some_downloads

CANARY = "canary-5f1c9a-key"
MARKS = ("X-Amz-Signature=", "X-Goog-Signature=", "&sig=", "&Signature=", "X-Amz-Credential=")
SCENARIO = Scenario(
    api_key=CANARY,
    packaging=PackagingTime.uniform(0, 0.05),
    package_bytes=200_000,
    faults=(
        ApiFault("status", status=500, rate=0.1),
        ApiFault("lost", rate=0.05),
        ApiFault("status", status=403, rate=0.05, only="download", times=6),
        StorageFault("truncate", rate=0.1),
        StorageFault("expired", rate=0.1),
        StorageFault("html", rate=0.2),
        StorageFault("status", status=404, rate=0.1),
        StorageFault("redirect", rate=0.1),
        StorageFault("redirect_plain", rate=0.1),
        StorageFault("redirect_loop", rate=0.1),
        StorageFault("wrong_checksum", rate=0.1),
    ),
)


def told_of(error: BaseException) -> str:
    """Return all that a tool which reports errors may show, local variables included."""
    full = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "".join(full.format()) + repr(error) + repr(vars(error))


@pytest.mark.fault(45)
@pytest.mark.parametrize("engine", ["libcurl", "httpx"])
async def test_secrets_are_told_to_nobody(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    engine: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    if engine == "httpx":  # httpcore logs response headers, a redirect's Location among them
        caplog.set_level(logging.INFO, "httpcore")
    heard: list[str] = []
    failed = 0
    async with Sandbox(SCENARIO) as sandbox:
        async with PixxelClient(
            CANARY,
            base_url=sandbox.api_url,
            poll=QUICK_POLL,
            retry=QUICK_RETRY,
            limits=QUICK_LIMITS,
            fetch=quick_fetch(attempts=2),
            engine=engine,
        ) as client:
            heard += [repr(client), repr(vars(client))]
            async with client.export(some_downloads(80), tmp_path) as export:
                async for event in export:
                    heard += [repr(event), str(event)]
                    if isinstance(event, Failed):
                        failed += 1
                        heard.append(told_of(event.error))
            heard += [repr(export.report), repr(export)]
            package = await client.wait(export.report.saved[0].download)
            assert isinstance(package, Package)
            assert package.signed_url is not None
            heard += [repr(package), str(package)]
        assert sandbox.leaks == []
    assert failed > 3
    assert len([event for event in heard if events.UrlRefreshed.__name__ in event]) > 0
    heard += [record.getMessage() + str(record.args) for record in caplog.records]
    heard += list(capfd.readouterr())
    heard += [
        path.read_bytes().decode("latin-1")
        for path in tmp_path.rglob("*")
        if path.is_file() and path.suffix != ".zip"
    ]
    check(heard)


URL = "https://storage.test/a.zip?X-Amz-Signature=canary-signature"


@pytest.mark.fault(45)
@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, {"id": 5, "status": ["odd"], "signed_url": URL}),
        (200, [URL]),
        (200, {"id": "j", "signed_url": URL, "more": "x" * 2000}),
        (400, {"error": {"code": "odd", "message": f"not {URL}", "details": {"url": URL}}}),
        (404, URL),
    ],
    ids=["odd fields", "no object", "too large", "repeated in an error", "text"],
)
async def test_an_answer_that_is_refused_shows_no_url(
    tmp_path: Path, status: int, answer: object
) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(status, json=answer))
    async with PixxelClient(
        CANARY,
        http_client=httpx.AsyncClient(transport=transport),
        poll=QUICK_POLL,
        retry=QUICK_RETRY,
        limits=Limits(requests_per_second=2000, max_answer_bytes=1024),
    ) as client:
        async with client.export([JobDownload(workflow_id="w", job_id="j")], tmp_path) as export:
            report = await export.finish()
    (failed,) = report.failed
    told = told_of(failed.error)
    assert "canary-signature" not in told
    check([told])


@pytest.mark.fault(45)
def test_no_command_tells_a_secret(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.jsonl", demo_rows(60, seed=2))
    out = tmp_path / "out"
    quick = ("--poll-initial", "0.02", "--poll-max", "0.1", "--requests-per-second", "1000")
    heard = []
    with sandbox_in_thread(SCENARIO) as sandbox:
        env = env_of(sandbox)
        for words in (
            ("export", manifest, "--out", out, "--verbose", *quick),
            ("export", manifest, "--out", out, "--json", "--retry-failed", *quick),
            ("status", out),
            ("status", out, "--json"),
            ("report", out, "--out", tmp_path / "report"),
            ("verify", out, "--json"),
            ("request", manifest, "--state", tmp_path / "state", "--requests-per-second", "1000"),
            ("fetch", tmp_path / "state", "--out", tmp_path / "fetched", "--verbose", *quick),
            ("doctor",),
            ("auth", "status"),
        ):
            ended = run(*words, env=env)
            assert "no such option" not in ended.stderr.lower()
            heard += [ended.stdout, ended.stderr]
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".zip"]
    assert len(files) >= 5
    check([*heard, *(path.read_bytes().decode("latin-1") for path in files)])


def check(heard: list[str]) -> None:
    for text in heard:
        assert CANARY not in text
        assert not any(mark in text for mark in MARKS), text[:500]
