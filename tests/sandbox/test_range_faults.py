"""What goes wrong with GETs of a part of a package, on the wire."""

from __future__ import annotations

import pytest

from pixxel_async.sandbox.faults import StorageAction
from pixxel_async.sandbox.storage_faults import RANGES_ONLY

from .raw import fetch
from .stand import JOB_ROW
from .struck import FROM_1000, is_zip, struck


@pytest.mark.parametrize("action", sorted(RANGES_ONLY))
async def test_faults_of_ranges_leave_whole_gets_alone(action: StorageAction) -> None:
    async with struck(action) as its:
        assert (await fetch(its.url)).body == its.true
        await fetch(its.url, headers=FROM_1000)
        assert its.actions == ["", action]


async def test_ignore_range_answers_the_whole() -> None:
    async with struck("ignore_range") as its:
        answer = await fetch(its.url, headers=FROM_1000)
        assert (answer.status, answer.body) == (200, its.true)
        assert "content-range" not in answer.headers


async def test_wrong_range_answers_from_another_byte() -> None:
    async with struck("wrong_range") as its:
        answer = await fetch(its.url, headers=FROM_1000)
        assert (answer.status, answer.body) == (206, its.true[1:])
        assert answer.headers["content-range"].startswith("bytes 1-")


async def test_no_content_range_is_a_part_without_its_place() -> None:
    async with struck("no_content_range") as its:
        answer = await fetch(its.url, headers=FROM_1000)
        assert (answer.status, answer.body) == (206, its.true[1000:])
        assert "content-range" not in answer.headers


async def test_multipart_range_wraps_the_part() -> None:
    async with struck("multipart_range") as its:
        answer = await fetch(its.url, headers=FROM_1000)
        kind, _, boundary = answer.headers["content-type"].partition("; boundary=")
        assert (answer.status, kind) == (206, "multipart/byteranges")
        assert "content-range" not in answer.headers
        head, part = answer.body.removesuffix(f"\r\n--{boundary}--\r\n".encode()).split(
            b"\r\n\r\n", 1
        )
        assert part == its.true[1000:]
        assert f"Content-Range: bytes 1000-{len(its.true) - 1}/{len(its.true)}" in head.decode()
        assert answer.is_whole


async def test_change_etag_has_changed_the_object() -> None:
    async with struck("change_etag", nth=1) as its:
        etag = (await fetch(its.url)).headers["etag"]
        part = await fetch(its.url, headers=FROM_1000)
        changed = await fetch(its.url)
        assert part.status == 206
        assert part.headers["etag"] == changed.headers["etag"] != etag
        assert part.body == changed.body[1000:] != its.true[1000:]
        assert is_zip(changed.body)


async def test_aligned_range_begins_with_the_block_of_the_first_byte() -> None:
    async with struck("aligned_range") as its:
        answer = await fetch(its.url, headers={"Range": "bytes=5000-9999"})
        assert (answer.status, answer.body) == (206, its.true[4096:10_000])
        assert answer.headers["content-range"] == f"bytes 4096-9999/{len(its.true)}"
        assert answer.headers["etag"] == (await fetch(its.url)).headers["etag"]


async def test_slice_is_a_part_with_the_status_of_a_whole() -> None:
    async with struck("slice") as its:
        answer = await fetch(its.url, headers=FROM_1000)
        assert (answer.status, answer.body) == (200, its.true[1000:])
        size = len(its.true)
        assert answer.headers["content-range"] == f"bytes 1000-{size - 1}/{size}"


async def test_change_silently_continues_with_another_object_of_the_same_size() -> None:
    async with struck("change_silently", nth=1) as its:
        etag = (await fetch(its.url)).headers["etag"]
        part = await fetch(its.url, headers={**FROM_1000, "If-Range": etag})
        changed = await fetch(its.url)
        assert part.status == 206
        assert "etag" not in part.headers
        assert changed.headers["etag"] != etag
        assert part.body == changed.body[1000:] != its.true[1000:]
        assert len(changed.body) == len(its.true)
        assert is_zip(changed.body)
        (package,) = its.it.sandbox.packages
        assert len(package.served()) == 2
        assert its.it.sandbox.expected_sha256(JOB_ROW) in package.served()


async def test_change_etag_is_seen_by_conditions() -> None:
    for condition, status in (("If-Range", 200), ("If-Match", 412)):
        async with struck("change_etag") as its:
            etag = (await fetch(its.url)).headers["etag"]
            answer = await fetch(its.url, headers={**FROM_1000, condition: etag})
            assert answer.status == status
