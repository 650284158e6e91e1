"""Cases 49, 50, 69 and 70: what an answer to a Range request proves, and what it is good for."""

from __future__ import annotations

import asyncio
import io
import zipfile
from pathlib import Path

import pytest

from pixxel_async import Report
from pixxel_async.config import Checksum

from ..support import final_files, partials
from .scripted import (
    BROKEN_HALF,
    ETAG,
    HALF,
    WHOLE,
    WHOLE_ANSWER,
    ScriptedStorage,
    a_zip,
    answer,
    export,
    part,
)

RANGE = f"bytes={HALF}-"
TOTAL = len(WHOLE)
OTHER = a_zip(7)
OTHER_ANSWER = answer("200 OK", 'ETag: "v2"', body=OTHER)
FITS = f"Content-Range: bytes {HALF}-{TOTAL - 1}/{TOTAL}"
BUSY = answer("503 Slow Down")


def chunked(status: str, *headers: str, body: bytes) -> bytes:
    """Return an answer without a length that is whole all the same."""
    chunks = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
    return answer(status, *headers, "Transfer-Encoding: chunked", body=chunks, length=-1)


def sliced(
    data: bytes,
    first: int,
    end: int,
    *headers: str,
    status: str = "206 Partial Content",
    total: int | str = TOTAL,
) -> bytes:
    """Return an answer with the bytes from `first` to before `end`, and its range."""
    told = f"Content-Range: bytes {first}-{end - 1}/{total}"
    return answer(status, *(headers or (ETAG,)), told, body=data[first:end])


def check_saved(report: Report, folder: Path, package: bytes) -> None:
    assert [str(item.error) for item in report.failed] == []
    (saved,) = report.saved
    assert saved.path.read_bytes() == package
    assert list(final_files(folder)) == [saved.path.name]
    assert partials(folder) == []


UNPROVEN = {
    "no ETag": answer("206 Partial Content", FITS, body=OTHER[HALF:]),
    "empty ETag": answer("206 Partial Content", "ETag:", FITS, body=OTHER[HALF:]),
    "weak ETag": answer("206 Partial Content", 'ETag: W/"v1"', FITS, body=OTHER[HALF:]),
    "ETag without quotes": answer("206 Partial Content", "ETag: v1", FITS, body=OTHER[HALF:]),
    "two ETags": answer("206 Partial Content", ETAG, 'ETag: "v2"', FITS, body=OTHER[HALF:]),
    "another ETag": answer("206 Partial Content", 'ETag: "v2"', FITS, body=OTHER[HALF:]),
    "Last-Modified alone": answer(
        "206 Partial Content",
        "Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT",
        FITS,
        body=OTHER[HALF:],
    ),
    "no ETag, unknown total": answer(
        "206 Partial Content", f"Content-Range: bytes {HALF}-{TOTAL - 1}/*", body=OTHER[HALF:]
    ),
    "no ETag, chunked": chunked("206 Partial Content", FITS, body=OTHER[HALF:]),
    "no ETag, from an earlier byte": answer(
        "206 Partial Content",
        f"Content-Range: bytes {HALF - 1000}-{TOTAL - 1}/{TOTAL}",
        body=OTHER[HALF - 1000 :],
    ),
    "200, no ETag": answer("200 OK", FITS, body=OTHER[HALF:]),
    "200, another ETag": answer("200 OK", 'ETag: "v2"', FITS, body=OTHER[HALF:]),
    "no Content-Range": answer("206 Partial Content", ETAG, body=OTHER[HALF:]),
    "two ranges": answer(
        "206 Partial Content", ETAG, f"{FITS}, bytes 0-1/{TOTAL}", body=OTHER[HALF:]
    ),
    "another unit": answer(
        "206 Partial Content",
        ETAG,
        f"Content-Range: items {HALF}-{TOTAL - 1}/{TOTAL}",
        body=OTHER[HALF:],
    ),
    "another total": sliced(OTHER + b"x", HALF, TOTAL + 1, total=TOTAL + 1),
    "an end beyond the total": sliced(OTHER + b"x", HALF, TOTAL + 1, total="*"),
    "an end before its first byte": answer(
        "206 Partial Content", ETAG, f"Content-Range: bytes {HALF}-{HALF - 1}/{TOTAL}"
    ),
    "a body longer than its range": answer(
        "206 Partial Content",
        ETAG,
        f"Content-Range: bytes {HALF}-{HALF + 99}/{TOTAL}",
        body=OTHER[HALF:],
    ),
    "a body shorter than its range": answer(
        "206 Partial Content", ETAG, FITS, body=OTHER[HALF : HALF + 100]
    ),
}


@pytest.mark.fault(49)
@pytest.mark.parametrize("unproven", UNPROVEN.values(), ids=UNPROVEN.keys())
async def test_an_answer_without_proof_continues_nothing(tmp_path: Path, unproven: bytes) -> None:
    async with ScriptedStorage(BROKEN_HALF, unproven, OTHER_ANSWER) as storage:
        # With two attempts, the broken body leaves one: the answer without proof costs none.
        report = await export(storage.url, tmp_path, attempts=2)
    assert storage.ranges == ["", RANGE, ""]
    check_saved(report, tmp_path, OTHER)


@pytest.mark.fault(49)
@pytest.mark.parametrize("unproven", UNPROVEN.values(), ids=UNPROVEN.keys())
async def test_an_answer_without_proof_continues_nothing_of_an_earlier_run(
    tmp_path: Path, unproven: bytes
) -> None:
    async with ScriptedStorage(BROKEN_HALF, BUSY) as storage:
        report = await export(storage.url, tmp_path)
    assert not report.saved
    assert len(partials(tmp_path)) == 1
    async with ScriptedStorage(unproven, OTHER_ANSWER) as storage:
        report = await export(storage.url, tmp_path, attempts=1)
    assert storage.ranges == [RANGE, ""]
    check_saved(report, tmp_path, OTHER)


@pytest.mark.fault(49)
async def test_what_is_there_stays_until_the_whole_comes(tmp_path: Path) -> None:
    unproven = answer("206 Partial Content", FITS, body=OTHER[HALF:])
    async with ScriptedStorage(BROKEN_HALF, unproven, BUSY) as storage:
        report = await export(storage.url, tmp_path)
    assert not report.saved
    assert set(storage.ranges[2:]) == {""}
    async with ScriptedStorage(part(WHOLE[HALF:])) as storage:  # it has proof again
        report = await export(storage.url, tmp_path)
    assert storage.ranges == [RANGE]
    check_saved(report, tmp_path, WHOLE)


@pytest.mark.fault(49)
@pytest.mark.parametrize(
    "told",
    ["Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT", 'ETag: W/"v1"', "ETag: v1"],
    ids=["Last-Modified alone", "weak ETag", "ETag without quotes"],
)
async def test_without_a_strong_validator_no_range_is_requested(tmp_path: Path, told: str) -> None:
    broken = answer("200 OK", told, body=WHOLE[:HALF], length=TOTAL)
    async with ScriptedStorage(broken, OTHER_ANSWER) as storage:
        report = await export(storage.url, tmp_path)
    assert storage.ranges == ["", ""]
    check_saved(report, tmp_path, OTHER)


@pytest.mark.fault(49)
async def test_416_of_another_object_completes_nothing(tmp_path: Path) -> None:
    cut = answer("200 OK", ETAG, body=WHOLE, length=TOTAL + 1)
    told = answer(
        "416 Range Not Satisfiable", 'ETag: "v2"', f"Content-Range: bytes */{TOTAL}", body=b"no"
    )
    async with ScriptedStorage(cut, told, OTHER_ANSWER) as storage:
        report = await export(storage.url, tmp_path)
    assert storage.ranges == ["", f"bytes={TOTAL}-", ""]
    check_saved(report, tmp_path, OTHER)


LYING = {
    "the rest": part(OTHER[HALF:]),
    "the rest, with an overlap": sliced(OTHER, HALF - 1000, TOTAL),
    "all of it, as a part": sliced(OTHER, 0, TOTAL),
    "the rest, chunked": chunked("206 Partial Content", ETAG, FITS, body=OTHER[HALF:]),
    "the rest, as a 200": sliced(OTHER, HALF, TOTAL, status="200 OK"),
}
"""Another object under the same strong entity tag."""


@pytest.mark.fault(50)
@pytest.mark.parametrize("checksum", list(Checksum))
@pytest.mark.parametrize("lying", LYING.values(), ids=LYING.keys())
async def test_a_mixture_under_one_etag_is_found_by_the_crcs(
    tmp_path: Path, lying: bytes, checksum: Checksum
) -> None:
    async with ScriptedStorage(BROKEN_HALF, lying, OTHER_ANSWER) as storage:
        report = await export(storage.url, tmp_path, checksum=checksum)
    assert storage.ranges == ["", RANGE, ""]
    check_saved(report, tmp_path, OTHER)


@pytest.mark.fault(50)
async def test_a_mixture_of_two_runs_is_found_by_the_crcs(tmp_path: Path) -> None:
    async with ScriptedStorage(BROKEN_HALF, BUSY) as storage:
        report = await export(storage.url, tmp_path)
    assert not report.saved
    async with ScriptedStorage(part(OTHER[HALF:]), OTHER_ANSWER) as storage:
        report = await export(storage.url, tmp_path)
    assert storage.ranges == [RANGE, ""]
    check_saved(report, tmp_path, OTHER)


@pytest.mark.fault(50)
async def test_after_a_mixture_no_range_is_requested_any_more(tmp_path: Path) -> None:
    async with ScriptedStorage(
        BROKEN_HALF, part(OTHER[HALF:]), BROKEN_HALF, WHOLE_ANSWER
    ) as storage:
        report = await export(storage.url, tmp_path)
    assert storage.ranges == ["", RANGE, "", ""]
    check_saved(report, tmp_path, WHOLE)


@pytest.mark.fault(50)
async def test_a_mixture_is_found_by_the_checksum_of_the_storage(tmp_path: Path) -> None:
    md5 = "x-goog-hash: md5=AAAAAAAAAAAAAAAAAAAAAA=="
    mixed = answer("206 Partial Content", ETAG, FITS, md5, body=WHOLE[HALF:])
    async with ScriptedStorage(BROKEN_HALF, mixed, OTHER_ANSWER) as storage:
        report = await export(storage.url, tmp_path)
    assert storage.ranges == ["", RANGE, ""]
    check_saved(report, tmp_path, OTHER)


@pytest.mark.fault(50)
async def test_what_cannot_be_checked_has_to_come_in_one_answer(tmp_path: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.bin", bytes(256_000))
        archive.infolist()[0].compress_type = 97  # WavPack, of which the CRC cannot be read here
    odd = file.getvalue()
    half = len(odd) // 2
    broken = answer("200 OK", ETAG, body=odd[:half], length=len(odd))
    rest = sliced(odd, half, len(odd), total=len(odd))
    async with ScriptedStorage(broken, rest, answer("200 OK", ETAG, body=odd)) as storage:
        report = await export(storage.url, tmp_path)
    assert storage.ranges == ["", f"bytes={half}-", ""]
    check_saved(report, tmp_path, odd)


USABLE = {
    "aligned to a block": sliced(WHOLE, HALF // 4096 * 4096, TOTAL),
    "aligned to a block, unknown total": sliced(WHOLE, HALF // 4096 * 4096, TOTAL, total="*"),
    "aligned to a block, chunked": chunked(
        "206 Partial Content",
        ETAG,
        f"Content-Range: bytes {HALF - 5}-{TOTAL - 1}/{TOTAL}",
        body=WHOLE[HALF - 5 :],
    ),
    "one byte earlier": sliced(WHOLE, HALF - 1, TOTAL),
    "from the first byte": sliced(WHOLE, 0, TOTAL),
    "all of it under another ETag": sliced(WHOLE, 0, TOTAL, 'ETag: "v2"'),
    "all of it without an ETag": sliced(WHOLE, 0, TOTAL, "Server: x"),
    "200 with the slice": sliced(WHOLE, HALF, TOTAL, status="200 OK"),
    "200 with an earlier slice": sliced(WHOLE, HALF - 999, TOTAL, status="200 OK"),
    "200 with the range, but all of it": answer("200 OK", ETAG, FITS, body=WHOLE),
    "200 with the range of all of it": sliced(WHOLE, 0, TOTAL, status="200 OK"),
}


@pytest.mark.fault(69)
@pytest.mark.parametrize("usable", USABLE.values(), ids=USABLE.keys())
async def test_a_part_is_used_from_where_it_fits(tmp_path: Path, usable: bytes) -> None:
    async with ScriptedStorage(BROKEN_HALF, usable, BUSY) as storage:
        report = await export(storage.url, tmp_path)
    assert storage.ranges == ["", RANGE]
    check_saved(report, tmp_path, WHOLE)


@pytest.mark.fault(69)
@pytest.mark.parametrize("usable", USABLE.values(), ids=USABLE.keys())
async def test_a_part_is_used_from_where_an_earlier_run_ended(
    tmp_path: Path, usable: bytes
) -> None:
    async with ScriptedStorage(BROKEN_HALF, BUSY) as storage:
        await export(storage.url, tmp_path)
    async with ScriptedStorage(usable, BUSY) as storage:
        report = await export(storage.url, tmp_path)
    assert storage.ranges == [RANGE]
    check_saved(report, tmp_path, WHOLE)


@pytest.mark.fault(69)
async def test_a_body_that_breaks_within_the_overlap_takes_nothing_back(tmp_path: Path) -> None:
    told = f"Content-Range: bytes 0-{TOTAL - 1}/{TOTAL}"
    broken = answer("206 Partial Content", ETAG, told, body=WHOLE[:1000], length=TOTAL)
    async with ScriptedStorage(BROKEN_HALF, broken, part(WHOLE[HALF:])) as storage:
        report = await export(storage.url, tmp_path)
    assert storage.ranges == ["", RANGE, RANGE]
    check_saved(report, tmp_path, WHOLE)


@pytest.mark.fault(69)
@pytest.mark.parametrize("status", ["206 Partial Content", "200 OK"])
async def test_a_storage_that_never_sends_more_than_a_piece_costs_no_attempts(
    tmp_path: Path, status: str
) -> None:
    size = 16_000
    pieces = [
        sliced(WHOLE, at, min(at + size, TOTAL), status=status) for at in range(0, TOTAL, size)
    ]
    async with ScriptedStorage(*pieces) as storage:
        report = await export(storage.url, tmp_path, attempts=1)
    assert storage.ranges == ["", *(f"bytes={at}-" for at in range(size, TOTAL, size))]
    assert report.received == TOTAL
    check_saved(report, tmp_path, WHOLE)


UNUSABLE = {
    "a later byte": sliced(WHOLE, HALF + 1, TOTAL),
    "nothing new": sliced(WHOLE, 0, HALF),
    "the last byte that is there": sliced(WHOLE, HALF - 1, HALF),
    "several parts": answer(
        "206 Partial Content",
        ETAG,
        FITS,
        "Content-Type: multipart/byteranges; boundary=x",
        body=b"--x\r\n\r\n" + WHOLE[HALF:] + b"\r\n--x--",
    ),
    "a coding": answer("206 Partial Content", ETAG, FITS, "Content-Encoding: gzip", body=b"?"),
    "200 with the slice, without a length": chunked("200 OK", ETAG, FITS, body=WHOLE[HALF:]),
    "200 with the slice, until the end": answer("200 OK", ETAG, FITS, body=WHOLE[HALF:], length=-1),
    "200 with the slice, without its range": answer("200 OK", ETAG, body=WHOLE[HALF:]),
    "200 with the slice, without its range and ETag": answer("200 OK", body=WHOLE[HALF:]),
    "200 with a range that is not valid": answer(
        "200 OK", ETAG, "Content-Range: bytes=1-2", body=WHOLE
    ),
    "200 with the slice, without its range, ETag and length": chunked("200 OK", body=WHOLE[HALF:]),
}


@pytest.mark.fault(70)
@pytest.mark.parametrize("unusable", UNUSABLE.values(), ids=UNUSABLE.keys())
async def test_what_cannot_be_used_costs_one_request(tmp_path: Path, unusable: bytes) -> None:
    async with ScriptedStorage(BROKEN_HALF, unusable, WHOLE_ANSWER) as storage:
        report = await export(storage.url, tmp_path, attempts=2)
    assert storage.ranges == ["", RANGE, ""]
    check_saved(report, tmp_path, WHOLE)


@pytest.mark.fault(70)
@pytest.mark.parametrize("unusable", UNUSABLE.values(), ids=UNUSABLE.keys())
async def test_no_range_is_requested_again_after_an_answer_that_was_no_use(
    tmp_path: Path, unusable: bytes
) -> None:
    async with ScriptedStorage(BROKEN_HALF, unusable, BROKEN_HALF, WHOLE_ANSWER) as storage:
        report = await export(storage.url, tmp_path)
    assert storage.ranges == ["", RANGE, "", ""]
    check_saved(report, tmp_path, WHOLE)


SIGNATURE = answer("403 Forbidden", body=b"<Error><Code>SignatureDoesNotMatch</Code></Error>")
DENIED = answer("403 Forbidden", body=b"<Error><Code>AccessDenied</Code></Error>")


@pytest.mark.fault(70)
@pytest.mark.parametrize(
    ("refusal", "times"),
    [
        (answer("304 Not Modified", length=-1), 1),
        (answer("405 Method Not Allowed"), 1),
        (answer("501 Not Implemented"), 1),
        (SIGNATURE, 1),
        (answer("400 Bad Request", body=b"no ranges"), 3),
        (answer("403 Forbidden"), 3),
        (DENIED, 3),
        (answer("404 Not Found"), 3),
        (answer("418 Teapot"), 3),
        (answer("500 Internal Server Error", body=bytes(range(256))), 3),
    ],
    ids=["304", "405", "501", "signature", "400", "403", "denied", "404", "418", "500"],
)
async def test_the_whole_is_requested_of_a_storage_that_refuses_ranges(
    tmp_path: Path, refusal: bytes, times: int
) -> None:
    answers = [BROKEN_HALF, *[refusal] * times, WHOLE_ANSWER]
    async with ScriptedStorage(*answers) as storage:
        report = await export(storage.url, tmp_path, attempts=5)
    assert storage.ranges == ["", *[RANGE] * times, ""]
    check_saved(report, tmp_path, WHOLE)


@pytest.mark.fault(70)
@pytest.mark.parametrize("status", ["503 Slow Down", "429 Too Many", "502 Bad Gateway", "520 X"])
async def test_an_error_of_the_host_costs_no_partial(tmp_path: Path, status: str) -> None:
    answers = [BROKEN_HALF, *[answer(status)] * 6, part(WHOLE[HALF:])]
    async with ScriptedStorage(*answers) as storage:
        report = await export(storage.url, tmp_path, attempts=8)
    assert storage.ranges == ["", *[RANGE] * 7]
    check_saved(report, tmp_path, WHOLE)


STALLED = part(WHOLE[HALF:])[: -(TOTAL - HALF)]


class Silent(ScriptedStorage):
    """Sends no byte of a range; `holds` keeps the connection open."""

    def __init__(self, said: bytes, *, holds: bool) -> None:
        super().__init__(BROKEN_HALF, WHOLE_ANSWER)
        self.said, self.holds = said, holds

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.heads:
            await super().serve(reader, writer)
            return
        try:
            self.heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(self.said if self.ranges[-1] else WHOLE_ANSWER)
            if self.holds or not self.ranges[-1]:
                await reader.read()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@pytest.mark.fault(70)
@pytest.mark.parametrize("engine", ["libcurl", "httpx"])
@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 206 P\r\nET", STALLED])
@pytest.mark.parametrize("holds", [False, True], ids=["closes", "stalls"])
async def test_the_last_attempt_is_for_the_whole_where_ranges_bring_no_byte(
    tmp_path: Path, engine: str, said: bytes, *, holds: bool
) -> None:
    async with Silent(said, holds=holds) as storage:
        report = await export(storage.url, tmp_path, engine=engine, attempts=4, stall_timeout_s=1.0)
    assert storage.ranges == ["", RANGE, RANGE, ""]
    check_saved(report, tmp_path, WHOLE)


@pytest.mark.fault(70)
async def test_what_is_final_for_the_whole_too_fails_the_package(tmp_path: Path) -> None:
    async with ScriptedStorage(BROKEN_HALF, SIGNATURE) as storage:
        report = await export(storage.url, tmp_path, attempts=5)
    assert storage.ranges == ["", RANGE, ""]
    assert "SignatureDoesNotMatch" in str(report.failed[0].error)


@pytest.mark.fault(69)
@pytest.mark.parametrize("total", [TOTAL, "*"])
async def test_a_part_of_all_is_taken_although_no_range_was_requested(
    tmp_path: Path, total: int | str
) -> None:
    async with ScriptedStorage(sliced(WHOLE, 0, TOTAL, total=total), BUSY) as storage:
        report = await export(storage.url, tmp_path, attempts=1)
    assert storage.ranges == [""]
    check_saved(report, tmp_path, WHOLE)


@pytest.mark.fault(70)
@pytest.mark.parametrize(
    "unusable",
    [
        answer("412 Precondition Failed"),
        answer("416 Range Not Satisfiable"),
        answer("206 Partial Content", ETAG, FITS, body=WHOLE[HALF:]),
    ],
    ids=["412", "416", "a part"],
)
async def test_what_is_no_use_as_the_whole_either_ends_with_the_attempts(
    tmp_path: Path, unusable: bytes
) -> None:
    async with ScriptedStorage(unusable) as storage:
        report = await export(storage.url, tmp_path, attempts=3)
    assert storage.ranges == [""] * 3
    assert len(report.failed) == 1
    assert final_files(tmp_path) == {}


@pytest.mark.fault(70)
@pytest.mark.parametrize(
    "rubbish",
    [WHOLE[HALF:], b"\xff\xfe\x00\x01" * 64, bytes(range(128, 256)) * 4, b"\x1f\x8b\x08" + WHOLE],
    ids=["a slice", "control characters", "no control characters", "gzip"],
)
@pytest.mark.parametrize("status", ["200 OK", "403 Forbidden", "404 Not Found"])
async def test_messages_hold_no_binary(tmp_path: Path, rubbish: bytes, status: str) -> None:
    async with ScriptedStorage(answer(status, body=rubbish)) as storage:
        report = await export(storage.url, tmp_path, attempts=1)
    (failed,) = report.failed
    message = str(failed.error)
    assert message.isascii() or message.replace("…", "").isascii()
    assert message.isprintable()
    assert "\\x00" not in message
