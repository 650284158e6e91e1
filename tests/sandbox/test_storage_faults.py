"""What goes wrong with GETs of packages: each fault does on the wire what its name promises."""

from __future__ import annotations

import asyncio
import base64
import gzip
import zlib
from urllib.parse import urljoin

import pytest

from pixxel_async.sandbox import StorageFault
from pixxel_async.sandbox.faults import StorageAction
from pixxel_async.sandbox.scenario import Checksum

from .raw import Answer, fetch, read_head, sent
from .stand import stand
from .struck import FROM_1000, is_zip, struck


def crc_of(answer: Answer) -> bytes:
    return base64.b64decode(answer.headers["x-amz-checksum-crc32"])


def crc(body: bytes) -> bytes:
    return zlib.crc32(body).to_bytes(4, "big")


def test_unless_it_says_otherwise_a_status_is_503() -> None:
    assert StorageFault("status").status == 503


@pytest.mark.parametrize(("status", "code"), [(503, "SlowDown"), (500, "SandboxFault")])
async def test_status_is_an_error_of_the_storage(status: int, code: str) -> None:
    async with struck("status", status=status) as its:
        answer = await fetch(its.url)
        assert answer.status == status
        assert f"<Code>{code}</Code>" in answer.body.decode()
        assert its.actions == ["status"]


async def test_expired_is_said_although_it_is_not() -> None:
    async with struck("expired", times=1) as its:
        first, second = await fetch(its.url), await fetch(its.url)
        assert (first.status, second.status) == (403, 200)
        assert "Request has expired" in first.body.decode()
        assert its.actions == ["expired", ""]


async def test_redirect_leads_to_the_same_object_on_another_host_name() -> None:
    async with struck("redirect") as its:
        first = await fetch(its.url)
        location = first.headers["location"]
        assert first.status == 302
        assert "set-cookie" in first.headers
        assert location.startswith("http://localhost:")
        second = await fetch(location.replace("localhost", "127.0.0.1"))
        assert (second.status, second.body) == (200, its.true)
        assert its.actions == ["redirect", ""]


async def test_redirect_plain_leads_to_another_machine_over_plain_http() -> None:
    async with struck("redirect_plain") as its:
        answer = await fetch(its.url)
    assert answer.status == 302
    assert answer.headers["location"].startswith("http://storage.invalid/")


async def test_redirect_loop_leads_to_itself() -> None:
    async with struck("redirect_loop") as its:
        answer = await fetch(its.url)
        assert answer.status == 302
        assert urljoin(its.url, answer.headers["location"]) == its.url


async def test_no_etag_has_none_and_weak_etag_a_weak_one() -> None:
    async with struck("no_etag") as its:
        answer = await fetch(its.url)
        assert answer.body == its.true
        assert "etag" not in answer.headers
    async with struck("weak_etag") as its:
        answer = await fetch(its.url)
        assert answer.body == its.true
        assert answer.headers["etag"].startswith('W/"')


@pytest.mark.parametrize("at", [0.0, 0.25, 0.5, 0.999])
async def test_truncate_closes_within_the_body(at: float) -> None:
    async with struck("truncate", at=at) as its:
        answer = await fetch(its.url)
        stop_at = int(len(its.true) * at)
        assert int(answer.headers["content-length"]) == len(its.true)
        assert answer.body == its.true[:stop_at]
        assert not answer.was_reset


async def test_at_is_a_share_of_what_is_sent() -> None:
    async with struck("truncate") as its:
        answer = await fetch(its.url, headers=FROM_1000)
        half = (len(its.true) - 1000) // 2
        assert answer.body == its.true[1000 : 1000 + half]


async def test_reset_breaks_the_connection_within_the_body() -> None:
    async with struck("reset") as its:
        answer = await fetch(its.url)
        assert answer.was_reset
        assert len(answer.body) <= len(its.true) // 2
        assert its.true.startswith(answer.body)


async def test_cut_chunked_ends_without_the_last_chunk() -> None:
    async with struck("cut_chunked") as its:
        answer = await fetch(its.url)
        assert answer.headers["transfer-encoding"] == "chunked"
        assert "content-length" not in answer.headers
        assert unchunked(answer.body) == (its.true[: len(its.true) // 2], False)
    async with struck("cut_chunked", nth=2) as its:
        answer = await fetch(its.url)
        assert answer.body == its.true


@pytest.mark.parametrize(("action", "share"), [("until_close", 1.0), ("cut_until_close", 0.5)])
async def test_a_body_without_a_length_ends_with_its_connection(
    action: StorageAction, share: float
) -> None:
    async with struck(action, nth=1) as its:
        answer = await fetch(its.url)
        assert not {"content-length", "transfer-encoding"} & set(answer.headers)
        assert answer.headers["connection"] == "close"
        assert answer.body == its.true[: int(len(its.true) * share)]
        assert not answer.was_reset
        assert (await fetch(its.url)).body == its.true
        assert its.it.sandbox.sent_bytes == len(answer.body) + len(its.true)


@pytest.mark.parametrize("status", [200, 503, 530])
async def test_page_is_a_web_page_with_a_status(status: int) -> None:
    async with struck("page", status=status) as its:
        answer = await fetch(its.url)
    assert (answer.status, answer.is_whole) == (status, True)
    assert answer.headers["content-type"] == "text/html"
    assert answer.body.startswith(b"<!DOCTYPE html>")


@pytest.mark.parametrize("status", [403, 509])
async def test_no_more_bodies_at_once_than_the_scenario_allows(status: int) -> None:
    faults = (StorageFault("stall", nth=1),)
    async with stand(faults=faults, bodies_at_once=1, crowded_status=status) as it:
        url = await it.url()
        async with sent(url) as reader:
            await read_head(reader)
            assert (await fetch(url)).status == status
        while (answer := await fetch(url)).status == status:
            pass  # the storage has not noticed yet that the first client has gone
        assert answer.is_whole
        assert [got.action for got in it.sandbox.gets][:2] == ["stall", "crowded"]


async def test_stall_sends_nothing_more_and_keeps_the_connection() -> None:
    async with struck("stall") as its:
        async with sent(its.url) as reader:
            await read_head(reader)
            half = len(its.true) // 2
            assert await reader.readexactly(half) == its.true[:half]
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(1), 0.1)


async def test_drip_sends_the_right_bytes_one_by_one() -> None:
    async with struck("drip") as its:
        async with sent(its.url) as reader:
            await read_head(reader)
            half = len(its.true) // 2
            assert await reader.readexactly(half) == its.true[:half]
            drops = [await reader.read(1000) for _ in range(3)]
            assert drops == [its.true[at : at + 1] for at in range(half, half + 3)]


async def test_excess_sends_more_than_was_announced() -> None:
    async with struck("excess") as its:
        answer = await fetch(its.url)
        size = int(answer.headers["content-length"])
        assert answer.body[:size] == its.true
        assert len(answer.body) > size


@pytest.mark.parametrize("action", ["html", "empty"])
async def test_html_and_empty_are_200_without_a_zip(action: StorageAction) -> None:
    async with struck(action) as its:
        answer = await fetch(its.url, headers=FROM_1000)
    assert (answer.status, answer.is_whole) == (200, True)
    assert answer.headers["content-type"] == (
        "text/html" if action == "html" else "application/zip"
    )
    assert answer.body.startswith(b"<!DOCTYPE html>") == (action == "html")
    assert bool(answer.body) == (action == "html")


async def test_gzip_is_sent_although_identity_was_asked_for() -> None:
    async with struck("gzip") as its:
        answer = await fetch(its.url, headers={"Accept-Encoding": "identity"})
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.is_whole
        assert gzip.decompress(answer.body) == its.true


@pytest.mark.parametrize("at", [0.0, 0.5, 0.999])
async def test_corrupt_has_one_wrong_byte_and_the_right_checksum(at: float) -> None:
    async with struck("corrupt", at=at) as its:
        answer = await fetch(its.url)
        wrong = [
            n for n, pair in enumerate(zip(answer.body, its.true, strict=True)) if differ(pair)
        ]
        assert wrong == [int(len(its.true) * at)]
        assert crc_of(answer) == crc(its.true) != crc(answer.body)


@pytest.mark.parametrize("checksum", ["crc32", "sha256", "md5"])
async def test_wrong_checksum_has_the_right_bytes(checksum: Checksum) -> None:
    async with struck("wrong_checksum", checksum=checksum, nth=1) as its:
        wrong, right = await fetch(its.url), await fetch(its.url)
        assert wrong.body == right.body == its.true
        assert wrong.headers.keys() == right.headers.keys()
        differing = [name for name in right.headers if wrong.headers[name] != right.headers[name]]
        assert len(set(differing) - {"date"}) == 1


async def test_bad_zip_has_no_end_record_and_no_checksum() -> None:
    async with struck("bad_zip") as its:
        answer = await fetch(its.url)
        assert (answer.status, len(answer.body)) == (200, len(its.true))
        assert not any("checksum" in name for name in answer.headers)
        assert is_zip(its.true)
        assert not is_zip(answer.body)
        assert answer.body[:-22] == its.true[:-22]


async def test_only_is_looked_for_in_the_identity_and_times_bounds_it() -> None:
    fault = StorageFault("empty", only='"job_id": "bad"', times=2)
    async with stand(faults=(fault,)) as it:
        good, bad = await it.url("good"), await it.url("bad")
        sizes = [len((await fetch(url)).body) for url in (good, bad, good, bad, bad)]
    assert [size == 0 for size in sizes] == [False, True, False, True, False]


def differ(pair: tuple[int, int]) -> bool:
    return pair[0] != pair[1]


def unchunked(body: bytes) -> tuple[bytes, bool]:
    """Return what a chunked body holds, and whether its last chunk is there."""
    found = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size, 16)
        if length == 0:
            return found, True
        found, body = found + rest[:length], rest[length + 2 :]
    return found, False
