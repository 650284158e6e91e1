"""Exports of jobs whose signed URLs the test chooses, one for each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from pixxel_async import JobDownload, Limits, PixxelClient, Report

from ..support import LOCAL_URL, QUICK_POLL, QUICK_RETRY, quick_fetch
from .scripted import Chosen

PUBLIC_URL = "https://api.pixxel.space"
"""The address of a service that is not on this machine; nothing is sent to it."""


def job(name: str) -> JobDownload:
    return JobDownload(workflow_id="w", job_id=name)


def client_of(
    urls: Mapping[str, str], *, fetches: int = 4, pending: int = 0, **parts: Any
) -> PixxelClient:
    """Make a client of a service that has a package for each job.

    Args:
        urls: The signed URLs by the ids of the jobs.
        fetches: Transfers at once.
        pending: So often the service says of each job that it is not ready yet.
        **parts: Other arguments of the client.
    """
    asked: dict[str, int] = {}

    def ready(request: httpx.Request) -> httpx.Response:
        name = request.url.path.split("/")[-2]
        asked[name] = asked.get(name, 0) + 1
        status, url = ("pending", "") if asked[name] <= pending else ("ready", urls[name])
        body = json.dumps({"id": name, "status": status, "signed_url": url})
        return httpx.Response(200, content=body.encode())

    quick: dict[str, Any] = {
        "base_url": LOCAL_URL,
        "proxy": "direct",
        "retry": QUICK_RETRY,
        "poll": QUICK_POLL,
        "limits": Limits(fetches=fetches, requests_per_second=2000),
        "fetch": quick_fetch(attempts=3),
        "http_client": httpx.AsyncClient(transport=httpx.MockTransport(ready)),
        "engine": Chosen.engine,
    }
    return PixxelClient("key", **{**quick, **parts})


async def export_urls(urls: Mapping[str, str], folder: Path, **parts: Any) -> Report:
    """Export each job, in the order of the mapping."""
    async with client_of(urls, **parts) as client:
        async with client.export([job(name) for name in urls], folder) as running:
            return await running.finish()


def errors_of(report: Report) -> dict[str, str]:
    """Return what is said of each package that failed, by its job."""
    return {str(failed.download.row()["job_id"]): str(failed.error) for failed in report.failed}


def saved_of(report: Report) -> set[str]:
    """Return the jobs whose packages were saved."""
    return {str(saved.download.row()["job_id"]) for saved in report.saved}
