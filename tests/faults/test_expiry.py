"""Cases 15 and 16: signed URLs that expire, by the clock of an nginx."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from pixxel_async import Limits, PixxelClient, Report, UrlRefreshed

from ..support import LOCAL_URL, QUICK_POLL, QUICK_RETRY, quick_fetch
from .scripted import WHOLE, jobs
from .secure_nginx import SecureNginx, needs_nginx, secure_nginx

pytestmark = needs_nginx
LIFETIME_S = 3.5
"""Less than a transfer lasts, and more than it takes to begin on a busy machine."""


async def export(
    nginx: SecureNginx, folder: Path, *lifetimes_s: float, count: int = 1
) -> tuple[Report, int]:
    """Export; the URLs of each package live as said, one after the other, and then for long."""
    asked: dict[str, int] = {}

    def ready(request: httpx.Request) -> httpx.Response:
        job = request.url.path.split("/")[-2]
        number = asked[job] = asked.get(job, -1) + 1
        lifetime_s = lifetimes_s[number] if number < len(lifetimes_s) else 3600
        url = nginx.signed(f"{job}.zip", lifetime_s)
        return httpx.Response(200, json={"id": job, "status": "ready", "signed_url": url})

    refreshed = 0
    async with PixxelClient(
        "key",
        base_url=LOCAL_URL,
        retry=QUICK_RETRY,
        poll=QUICK_POLL,
        limits=Limits(fetches=4, requests_per_second=2000),
        fetch=quick_fetch(attempts=2),
        http_client=httpx.AsyncClient(transport=httpx.MockTransport(ready)),
    ) as client:
        async with client.export(jobs(count), folder) as running:
            async for event in running:
                refreshed += isinstance(event, UrlRefreshed)
    return running.report, refreshed


@pytest.fixture(name="home")
def _home(tmp_path: Path) -> Path:
    files = tmp_path / "nginx" / "files"
    files.mkdir(parents=True)
    for folder in (tmp_path, files.parent, files):
        folder.chmod(0o755)
    for number in range(8):
        (files / f"j{number}.zip").write_bytes(WHOLE)
    return files.parent


@pytest.mark.fault(15)
async def test_a_url_that_has_expired_is_replaced_and_that_is_no_failure(
    home: Path, tmp_path: Path
) -> None:
    with secure_nginx(home, rate=10_000_000) as nginx:
        report, refreshed = await export(nginx, tmp_path / "out", -5, -5, count=8)
    assert sorted(nginx.statuses) == [200] * 8 + [403] * 16
    assert len(report.saved) == 8
    assert refreshed == 16  # with two attempts a failure would have ended it
    assert {saved.path.read_bytes() for saved in report.saved} == {WHOLE}


@pytest.mark.fault(16)
async def test_a_url_that_expires_while_the_body_comes_is_let_run(
    home: Path, tmp_path: Path
) -> None:
    # A connection gets what a second allows at once, and the rest in the seconds after that.
    with secure_nginx(home, rate=len(WHOLE) // 5) as nginx:
        report, refreshed = await export(nginx, tmp_path / "out", LIFETIME_S)
    assert nginx.statuses == [200]
    assert report.transferred_s > LIFETIME_S
    assert (len(report.saved), refreshed) == (1, 0)
    assert report.saved[0].path.read_bytes() == WHOLE
