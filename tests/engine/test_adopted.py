"""Packages that a client takes over instead of requesting them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from pixxel_async import (
    AoiDownload,
    InputError,
    JobDownload,
    NotFoundError,
    Package,
    PackageGoneError,
    PackageStatus,
    Skipped,
)
from pixxel_async.export.adopted import UrlDownload, parse_target
from pixxel_async.sandbox import PackagingTime, Sandbox, Scenario, StorageFault

from ..support import client_of, final_files

SMALL = Scenario(package_bytes=20_000)
AOI = AoiDownload(aoi_id="a", asset_ids=["s"])
JOB = JobDownload(workflow_id="w", job_id="j")


async def test_a_package_of_another_client_is_waited_for_and_saved(tmp_path: Path) -> None:
    calls = []

    async def before() -> None:
        calls.append(len(sandbox.calls))

    async with Sandbox(SMALL) as sandbox:
        async with client_of(sandbox) as client:
            requested = await client.packages.request(AOI, before=before)
        assert (requested.status, calls) == (PackageStatus.PENDING, [0])
        async with client_of(sandbox) as client:
            ready = await client.wait(client.packages.adopt(requested))
            assert ready.download_id == requested.download_id
            saved = await client.download(client.packages.adopt(ready), tmp_path)
        assert sandbox.counts["AOICreateDownload"] == 1
        assert saved.sha256 == sandbox.expected_sha256(AOI.row())


async def test_an_adopted_package_replaces_what_an_earlier_run_has_noted(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        gone = Package(
            download=AOI,
            status=PackageStatus.PENDING,
            status_word="",
            download_id="gone",
            signed_url=None,
        )
        with pytest.raises(NotFoundError):
            await client.download(client.packages.adopt(gone), tmp_path)
        adopted = client.packages.adopt(await client.packages.request(AOI))
        async with client.export([adopted], tmp_path) as export:
            report = await export.finish()
        assert report.is_complete
        assert sandbox.counts["AOICreateDownload"] == 1
        # What is saved is skipped, whatever is adopted for it.
        async with client.export([client.packages.adopt(gone)], tmp_path) as export:
            assert any([isinstance(event, Skipped) async for event in export])


async def test_a_url_is_enough_as_long_as_it_is_valid(tmp_path: Path) -> None:
    scenario = replace(SMALL, faults=(StorageFault("expired", nth=2),))
    async with Sandbox(scenario) as sandbox, client_of(sandbox) as client:
        ready = await client.wait(AOI)
        calls = len(sandbox.calls)
        bare = replace(ready, download=None, download_id=None)
        saved = await client.download(client.packages.adopt(bare), tmp_path / "a")
        assert saved.sha256 == sandbox.expected_sha256(AOI.row())
        with pytest.raises(PackageGoneError, match="no ids came with it"):
            await client.download(client.packages.adopt(bare), tmp_path / "b")
        with pytest.raises(PackageGoneError, match="no ids came with it"):
            await client.wait(client.packages.adopt(bare).model_copy(update={"digest": "other"}))
        assert len(sandbox.calls) == calls
        assert final_files(tmp_path / "b") == {}


async def test_polls_of_an_adopted_package_go_on_while_it_is_pending() -> None:
    scenario = replace(SMALL, packaging=PackagingTime.constant(2.0))
    async with Sandbox(scenario) as sandbox, client_of(sandbox) as client:
        adopted = client.packages.adopt(await client.packages.request(AOI))
        assert (await client.wait(adopted)).status is PackageStatus.READY
        assert sandbox.counts["AOICreateDownload"] == 1
        assert sandbox.counts["GetDownloadStatus"] > 1


async def test_a_package_that_nobody_could_find_is_refused() -> None:
    package = Package(
        download=AOI,
        status=PackageStatus.PENDING,
        status_word="",
        download_id=None,
        signed_url=None,
    )
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        for each in (package, replace(package, download=None)):
            with pytest.raises(InputError, match="needs its download, and its download_id"):
                client.packages.adopt(each)
        assert client.packages.adopt(replace(package, download=JOB)) == JOB


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://s.example/a/order%201.zip?sig=canary", "order 1"),
        ("https://s.example/a/order%201.zip?sig=other#x", "order 1"),
        ("https://s.example?sig=canary", "package"),
        ("https://s.example/" + "x" * 64 + "?sig=canary", "…"),
    ],
)
def test_a_url_is_named_without_its_secrets(url: str, name: str) -> None:
    download = UrlDownload.of(SecretStr(url))
    assert download.name == name
    assert "canary" not in download.key
    assert parse_target(download.row()).key == download.key
    assert download == UrlDownload.of(SecretStr(url.partition("?")[0] + "?sig=new"))


def test_a_row_of_a_journal_is_one_of_a_manifest_or_of_a_url() -> None:
    assert parse_target(AOI.row()) == AOI
    for row in ('{"kind": "no"}', "[]", '{"kind": "url"}'):
        with pytest.raises((ValueError, InputError)):
            parse_target(json.loads(row))
