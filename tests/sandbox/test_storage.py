"""The storage: whole and partial GETs, conditions, checksums, and whom it turns away."""

from __future__ import annotations

import base64
import hashlib
import zlib
from datetime import UTC, datetime

import pytest

from pixxel_async.sandbox import Leak, StorageGet
from pixxel_async.sandbox.scenario import Checksum, UrlStyle

from .raw import fetch
from .stand import JOB_ROW, START, Stand, stand

STYLES: tuple[UrlStyle, ...] = ("s3", "gcs", "azure", "cloudfront")
EVERY_STYLE = pytest.mark.parametrize("style", STYLES)
EXPIRED = {
    "s3": (403, "AccessDenied", "Request has expired", "Expires"),
    "gcs": (400, "ExpiredToken", "The provided token has expired.", "Details"),
    "azure": (403, "AuthenticationFailed", "Server failed", "AuthenticationErrorDetail"),
    "cloudfront": (403, "AccessDenied", "Access denied", ""),
}
REWRITES = {
    "%2F as a slash": ("%2F", "/"),
    "%2F in lower case": ("%2F", "%2f"),
    "a plus as %2B": ("a+b", "a%2Bb"),
    "a plus as a blank": ("a+b", "a%20b"),
    "%20 as a plus": ("%20c", "+c"),
    "one slash for two": ("exports//", "exports/"),
    "a tilde escaped": ("~", "%7E"),
}


def code_of(body: bytes) -> str:
    return body.decode().partition("<Code>")[2].partition("</Code>")[0]


@EVERY_STYLE
async def test_a_signed_url_leads_to_the_package(style: UrlStyle) -> None:
    async with stand(url_style=style) as it:
        answer = await fetch(await it.url())
        assert answer.status == 200
        assert answer.is_whole
        assert hashlib.sha256(answer.body).hexdigest() == it.sandbox.expected_sha256(JOB_ROW)
        assert answer.headers["content-type"] == "application/zip"
        assert answer.headers["accept-ranges"] == "bytes"
        identity = it.sandbox.packages[0].identity.text
        assert it.sandbox.gets == [StorageGet(START, identity, "", 200, "")]


@pytest.mark.parametrize(
    ("asked", "first", "stop"),
    [
        ("bytes=0-", 0, None),
        ("bytes=0-0", 0, 1),
        ("bytes=1000-", 1000, None),
        ("bytes=1000-1999", 1000, 2000),
        ("bytes=1000-999999999", 1000, None),
        ("bytes=-100", -100, None),
        ("bytes=-999999999", 0, None),
    ],
)
async def test_a_range_is_answered_with_these_bytes(
    quick: Stand, asked: str, first: int, stop: int | None
) -> None:
    url = await quick.url()
    whole = await fetch(url)
    part = await fetch(url, headers={"Range": asked})
    size = len(whole.body)
    start, end, _ = slice(first, stop).indices(size)
    assert part.status == 206
    assert part.body == whole.body[first:stop]
    assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
    assert part.headers["etag"] == whole.headers["etag"]
    assert part.is_whole
    assert quick.sandbox.gets[1].range == asked


@pytest.mark.parametrize("asked", ["bytes=-", "bytes=a-b", "lines=1-2", "bytes=0-1,3-4"])
async def test_a_range_that_is_not_understood_is_ignored(quick: Stand, asked: str) -> None:
    answer = await fetch(await quick.url(), headers={"Range": asked})
    assert (answer.status, answer.is_whole) == (200, True)
    assert "content-range" not in answer.headers


async def test_a_range_behind_the_end_tells_the_size(quick: Stand) -> None:
    url = await quick.url()
    size = len((await fetch(url)).body)
    answer = await fetch(url, headers={"Range": f"bytes={size}-"})
    assert (answer.status, code_of(answer.body)) == (416, "InvalidRange")
    assert answer.headers["content-range"] == f"bytes */{size}"
    last = await fetch(url, headers={"Range": f"bytes={size - 1}-"})
    assert (last.status, len(last.body)) == (206, 1)


async def test_if_range_decides_between_a_part_and_the_whole(quick: Stand) -> None:
    url = await quick.url()
    etag = (await fetch(url)).headers["etag"]
    same = await fetch(url, headers={"Range": "bytes=5-", "If-Range": etag})
    other = await fetch(url, headers={"Range": "bytes=5-", "If-Range": '"another"'})
    weak = await fetch(url, headers={"Range": "bytes=5-", "If-Range": f"W/{etag}"})
    assert [same.status, other.status, weak.status] == [206, 200, 200]
    assert same.body == other.body[5:] == weak.body[5:]


async def test_if_match_holds_or_is_refused(quick: Stand) -> None:
    url = await quick.url()
    etag = (await fetch(url)).headers["etag"]
    for good in (etag, "*"):
        assert (await fetch(url, headers={"If-Match": good})).status == 200
    answer = await fetch(url, headers={"If-Match": '"another"', "Range": "bytes=5-"})
    assert (answer.status, code_of(answer.body)) == (412, "PreconditionFailed")


@EVERY_STYLE
@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE"])
async def test_other_methods_are_refused(style: UrlStyle, method: str) -> None:
    async with stand(url_style=style) as it:
        answer = await fetch(await it.url(), method=method)
    assert answer.status == (403 if method == "HEAD" else 405)
    assert (answer.body == b"") == (method == "HEAD")


@EVERY_STYLE
async def test_a_tampered_url_is_refused(style: UrlStyle) -> None:
    async with stand(url_style=style) as it:
        url = await it.url()
        last = "A" if url[-1] != "A" else "B"
        path, _, query = url.partition("?")
        other = (await it.url("j2")).partition("?")[0]
        tampered = [
            url[:-1] + last,
            f"{url}&more=1",
            f"{path}?x=1&{query}",
            f"{path}?{query.replace('=', '%3D', 1)}",
            f"{other}?{query}",
            path,
            f"{path}?",
        ]
        for wrong in tampered:
            answer = await fetch(wrong)
            assert (answer.status, code_of(answer.body)) == (403, "SignatureDoesNotMatch"), wrong
        assert (await fetch(url)).status == 200


@pytest.mark.parametrize(("was", "now"), REWRITES.values(), ids=REWRITES.keys())
async def test_a_rewritten_path_is_refused(quick: Stand, was: str, now: str) -> None:
    url = await quick.url()
    path, _, query = url.partition("?")
    assert was in path
    answer = await fetch(f"{path.replace(was, now)}?{query}")
    assert (answer.status, code_of(answer.body)) == (404, "NoSuchKey")


@EVERY_STYLE
async def test_a_rewritten_query_is_refused(style: UrlStyle) -> None:
    async with stand(url_style=style) as it:
        url = await it.url()
        path, _, query = url.partition("?")
        assert "%3D" in query
        answer = await fetch(f"{path}?{query.replace('%3D', '=')}")
        assert (answer.status, code_of(answer.body)) == (403, "SignatureDoesNotMatch")


async def test_an_unknown_path_is_no_key(quick: Stand) -> None:
    answer = await fetch(f"{quick.sandbox.storage_url}/exports/none.zip")
    assert (answer.status, code_of(answer.body)) == (404, "NoSuchKey")
    assert quick.sandbox.gets == [StorageGet(START, "", "", 404, "")]


@EVERY_STYLE
async def test_a_url_expires_by_the_clock_in_its_own_words(style: UrlStyle) -> None:
    status, code, message, field = EXPIRED[style]
    async with stand(url_style=style, url_lifetime_s=60) as it:
        url = await it.url()
        it.clock.now = START + 59.9
        assert (await fetch(url)).status == 200
        it.clock.now = START + 60
        answer = await fetch(url)
        assert (answer.status, code_of(answer.body)) == (status, code)
        assert message in answer.body.decode()
        assert f"<{field}>" in answer.body.decode() or not field
        assert answer.headers["content-type"] == "application/xml"
        assert (await fetch(await it.url())).status == 200


@EVERY_STYLE
async def test_a_url_tells_until_when_it_is_good(style: UrlStyle) -> None:
    start, end = (datetime.fromtimestamp(START + later, UTC) for later in (0, 90))
    told = {
        "s3": f"X-Amz-Date={start:%Y%m%dT%H%M%SZ}&X-Amz-Expires=90",
        "gcs": f"X-Goog-Date={start:%Y%m%dT%H%M%SZ}&X-Goog-Expires=90",
        "azure": f"se={end:%Y-%m-%dT%H%%3A%M%%3A%SZ}",
        "cloudfront": f"Expires={end.timestamp():.0f}",
    }
    async with stand(url_style=style, url_lifetime_s=90) as it:
        assert told[style] in await it.url()


async def test_mixed_styles_are_all_four() -> None:
    async with stand(url_style="mixed") as it:
        urls = [await it.url(f"j{number}") for number in range(40)]
    marks = ("X-Amz-Signature=", "X-Goog-Signature=", "&sig=", "&Signature=")
    assert all(any(mark in url for url in urls) for mark in marks)
    assert all(sum(mark in url for mark in marks) == 1 for url in urls)


@pytest.mark.parametrize(
    ("checksum", "style", "header"),
    [
        ("crc32", "s3", "x-amz-checksum-crc32"),
        ("crc32", "azure", "x-amz-checksum-crc32"),
        ("sha256", "s3", "x-amz-checksum-sha256"),
        ("md5", "s3", "content-md5"),
        ("md5", "azure", "content-md5"),
        ("md5", "gcs", "x-goog-hash"),
        ("none", "s3", ""),
        ("none", "gcs", ""),
    ],
)
async def test_the_checksum_is_right(checksum: Checksum, style: UrlStyle, header: str) -> None:
    async with stand(url_style=style, checksum=checksum) as it:
        answer = await fetch(await it.url())
    digest = {
        "crc32": zlib.crc32(answer.body).to_bytes(4, "big"),
        "sha256": hashlib.sha256(answer.body).digest(),
        "md5": hashlib.md5(answer.body, usedforsecurity=False).digest(),
        "none": b"",
    }[checksum]
    expected = base64.b64encode(digest).decode()
    offered = {name: value for name, value in answer.headers.items() if _is_checksum(name)}
    assert offered == ({header: expected.join(_around(header))} if header else {})


@pytest.mark.parametrize("secret", ["Authorization", "Cookie", "X-Api-Key"])
async def test_a_secret_that_reaches_the_storage_is_noted(quick: Stand, secret: str) -> None:
    url = await quick.url()
    await fetch(url)
    assert quick.sandbox.leaks == []
    await fetch(url, headers={secret: "x"})
    await fetch(f"{quick.sandbox.storage_url}/no-such-key", headers={secret: "x"})
    identity = quick.sandbox.packages[0].identity.text
    assert quick.sandbox.leaks == [Leak(secret.lower(), identity), Leak(secret.lower(), "")]


def _is_checksum(name: str) -> bool:
    return name.startswith(("x-amz-checksum", "x-goog-hash", "content-md5"))


def _around(header: str) -> tuple[str, str]:
    return ("md5=", "") if header == "x-goog-hash" else ("", "")
