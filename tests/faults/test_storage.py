"""Cases 1 to 18: what a storage does, each over real sockets and through a whole export."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixxel_async import IntegrityError, Report, StorageError, TransferError

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

pytestmark = pytest.mark.usefixtures("engine")

RANGE = f"bytes={HALF}-"
OTHER = a_zip(7)


def is_saved(report: Report, folder: Path, bytes_: bytes = WHOLE) -> bool:
    (saved,) = report.saved
    return saved.path.read_bytes() == bytes_ and list(final_files(folder)) == [saved.path.name]


def is_lost_to_nobody(report: Report, folder: Path) -> bool:
    return not report.saved and final_files(folder) == {}


@pytest.mark.fault(1)
async def test_a_range_that_is_answered_with_all_is_taken_as_all(tmp_path: Path) -> None:
    async with ScriptedStorage(BROKEN_HALF, WHOLE_ANSWER) as storage:
        report = await export(storage.url, tmp_path)
    assert storage.ranges == ["", RANGE]
    assert is_saved(report, tmp_path)


@pytest.mark.fault(2)
@pytest.mark.parametrize(
    "strange",
    [
        part(WHOLE[HALF + 5 :], at=HALF + 5),
        answer("206 Partial Content", ETAG, body=WHOLE[HALF:]),
        answer(
            "206 Partial Content",
            ETAG,
            "Content-Type: multipart/byteranges; boundary=x",
            body=b"--x\r\n\r\n" + WHOLE[HALF:] + b"\r\n--x--",
        ),
    ],
    ids=["another offset", "no Content-Range", "multipart"],
)
async def test_a_part_that_is_not_what_was_asked_for_is_thrown_away(
    tmp_path: Path, strange: bytes
) -> None:
    async with ScriptedStorage(BROKEN_HALF, strange, WHOLE_ANSWER) as storage:
        report = await export(storage.url, tmp_path)
    assert storage.ranges[:2] == ["", RANGE]
    assert is_saved(report, tmp_path)


@pytest.mark.fault(3)
@pytest.mark.parametrize(
    "changed",
    [
        part(OTHER[HALF:], etag='ETag: "v2"'),
        part(OTHER[HALF:] + b"x", total=len(WHOLE) + 1),
        answer("412 Precondition Failed", body=b"<Error><Code>PreconditionFailed</Code></Error>"),
        answer("200 OK", 'ETag: "v2"', body=OTHER),
    ],
    ids=["another tag", "another total", "412", "If-Range says all"],
)
async def test_two_objects_are_never_mixed(tmp_path: Path, changed: bytes) -> None:
    now = answer("200 OK", 'ETag: "v2"', body=OTHER)
    async with ScriptedStorage(BROKEN_HALF, changed, now) as storage:
        report = await export(storage.url, tmp_path)
    assert storage.ranges[:2] == ["", RANGE]
    assert is_saved(report, tmp_path, OTHER)


@pytest.mark.fault(5)
async def test_416_that_tells_the_local_size_is_the_end_of_a_file_that_verifies(
    tmp_path: Path,
) -> None:
    # All came, but for the end of the last chunk: only the 416 tells that nothing is missing.
    cut = answer("200 OK", ETAG, "Transfer-Encoding: chunked", length=-1)
    cut += f"{len(WHOLE):x}\r\n".encode() + WHOLE + b"\r\n"
    told = answer("416 Range Not Satisfiable", f"Content-Range: bytes */{len(WHOLE)}", body=b"no")
    async with ScriptedStorage(cut, told) as storage:
        report = await export(storage.url, tmp_path)
    assert storage.ranges == ["", f"bytes={len(WHOLE)}-"]
    assert is_saved(report, tmp_path)


@pytest.mark.fault(5)
async def test_416_of_another_size_starts_again_and_its_body_is_never_written(
    tmp_path: Path,
) -> None:
    told = answer("416 Range Not Satisfiable", "Content-Range: bytes */7", body=b"PK never")
    async with ScriptedStorage(BROKEN_HALF, told, WHOLE_ANSWER) as storage:
        report = await export(storage.url, tmp_path)
    assert storage.ranges == ["", RANGE, ""]
    assert is_saved(report, tmp_path)


@pytest.mark.fault(6)
async def test_what_came_before_a_break_is_kept_and_the_rest_is_asked_for(tmp_path: Path) -> None:
    async with ScriptedStorage(BROKEN_HALF, part(WHOLE[HALF:])) as storage:
        report = await export(storage.url, tmp_path)
    assert storage.ranges == ["", RANGE]
    assert report.received == len(WHOLE)
    assert is_saved(report, tmp_path)


@pytest.mark.fault(6)
async def test_a_body_that_ends_with_its_connection_is_never_taken_for_whole_if_cut(
    tmp_path: Path,
) -> None:
    cut = answer("200 OK", ETAG, body=WHOLE[:HALF], length=-1)
    async with ScriptedStorage(cut) as storage:
        report = await export(storage.url, tmp_path)
    assert is_lost_to_nobody(report, tmp_path)
    assert isinstance(report.failed[0].error, TransferError)


@pytest.mark.fault(7)
async def test_bytes_beyond_a_body_end_its_connection_and_no_other_file_gets_them(
    tmp_path: Path,
) -> None:
    more = WHOLE_ANSWER + answer("200 OK", ETAG, body=OTHER)
    async with ScriptedStorage(more, WHOLE_ANSWER, WHOLE_ANSWER) as storage:
        report = await export(storage.url, tmp_path, count=3)
    assert storage.connections == 2  # the one with too many bytes served nobody else
    assert [saved.path.read_bytes() for saved in report.saved] == [WHOLE] * 3


@pytest.mark.fault(8)
async def test_a_coding_that_nobody_asked_for_is_refused_and_never_built_upon(
    tmp_path: Path,
) -> None:
    coded = answer("200 OK", ETAG, "Content-Encoding: gzip", body=WHOLE[:HALF], length=len(WHOLE))
    async with ScriptedStorage(coded, WHOLE_ANSWER) as storage:
        report = await export(storage.url, tmp_path)
    assert storage.ranges == ["", ""]
    assert is_saved(report, tmp_path)


@pytest.mark.fault(9)
@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<!DOCTYPE html><html><title>Please sign in</title></html>", "Please sign in"),
        (b'<?xml version="1.0"?><Error><Code>Oops</Code></Error>', "Oops"),
        (b"", "nothing came"),
    ],
    ids=["HTML", "XML", "nothing"],
)
async def test_what_is_no_zip_fails_with_its_first_line(
    tmp_path: Path, body: bytes, said: str
) -> None:
    async with ScriptedStorage(answer("200 OK", ETAG, body=body)) as storage:
        report = await export(storage.url, tmp_path)
    assert is_lost_to_nobody(report, tmp_path)
    assert partials(tmp_path) == []
    error = report.failed[0].error
    assert isinstance(error, IntegrityError)
    assert said in str(error)


@pytest.mark.fault(11)
@pytest.mark.parametrize("status", ["500 Oops", "502 Bad Gateway", "503 Slow Down"])
async def test_a_storage_that_fails_for_a_moment_is_asked_again(
    tmp_path: Path, status: str
) -> None:
    failing = answer(status, body=b"<Error><Code>SlowDown</Code></Error>")
    async with ScriptedStorage(failing, failing, WHOLE_ANSWER) as storage:
        report = await export(storage.url, tmp_path)
    assert is_saved(report, tmp_path)
    assert report.interrupted == 2


@pytest.mark.fault(11)
async def test_a_storage_that_is_not_there_is_given_up_within_the_attempts(tmp_path: Path) -> None:
    async with ScriptedStorage(WHOLE_ANSWER) as storage:
        url = storage.url  # and its port is free again
    report = await export(url, tmp_path)
    assert is_lost_to_nobody(report, tmp_path)
    assert report.interrupted == 2


@pytest.mark.fault(11)
async def test_a_host_that_has_no_address_is_given_up_within_the_attempts(tmp_path: Path) -> None:
    report = await export("https://storage.invalid", tmp_path)
    assert is_lost_to_nobody(report, tmp_path)
    assert "storage.invalid" not in str(report.failed[0].error.__cause__)


@pytest.mark.fault(12)
async def test_a_checksum_that_does_not_match_starts_again_and_fails_in_the_end(
    tmp_path: Path,
) -> None:
    wrong = answer("200 OK", ETAG, "Content-MD5: AAAAAAAAAAAAAAAAAAAAAA==", body=WHOLE)
    async with ScriptedStorage(wrong) as storage:
        report = await export(storage.url, tmp_path)
    assert storage.ranges == ["", "", ""]
    assert is_lost_to_nobody(report, tmp_path)
    assert "md5" in str(report.failed[0].error)


@pytest.mark.fault(13)
async def test_wrong_bytes_of_the_right_size_are_found_in_the_zip(tmp_path: Path) -> None:
    spoilt = WHOLE[:-22] + bytes(22)
    async with ScriptedStorage(answer("200 OK", body=spoilt)) as storage:
        report = await export(storage.url, tmp_path)
    assert is_lost_to_nobody(report, tmp_path)
    assert "not a whole ZIP" in str(report.failed[0].error)


@pytest.mark.fault(13)
@pytest.mark.parametrize("came", [HALF, len(WHOLE)], ids=["half of it", "all of it"])
async def test_wrong_bytes_of_an_earlier_run_are_found_by_the_crcs_of_the_zip(
    tmp_path: Path, came: int
) -> None:
    spoilt = WHOLE[:1000] + bytes([WHOLE[1000] ^ 1]) + WHOLE[1001:came]
    broken = answer("200 OK", ETAG, body=spoilt, length=len(WHOLE) + (came == len(WHOLE)))
    async with ScriptedStorage(broken, answer("503 Slow Down")) as storage:
        report = await export(storage.url, tmp_path)
        assert is_lost_to_nobody(report, tmp_path)
    rest = part(WHOLE[HALF:])
    if came == len(WHOLE):
        rest = answer("416 Range Not Satisfiable", f"Content-Range: bytes */{len(WHOLE)}")
    async with ScriptedStorage(rest, WHOLE_ANSWER) as storage:
        report = await export(storage.url, tmp_path)
    assert storage.ranges == [f"bytes={came}-", ""]
    assert is_saved(report, tmp_path)


@pytest.mark.fault(17)
async def test_a_signature_that_does_not_match_is_final_and_redacted(tmp_path: Path) -> None:
    said = (
        b"<Error><Code>SignatureDoesNotMatch</Code><Message>The request signature we calculated "
        b"does not match</Message><StringToSign>GET /x?X-Amz-Signature=deadbeef</StringToSign>"
        b"</Error>"
    )
    async with ScriptedStorage(answer("403 Forbidden", body=said)) as storage:
        report = await export(storage.url, tmp_path)
    assert len(storage.heads) == 1
    assert is_lost_to_nobody(report, tmp_path)
    error = report.failed[0].error
    assert isinstance(error, StorageError)
    assert "SignatureDoesNotMatch" in str(error)
    assert "deadbeef" not in str(error)


@pytest.mark.fault(18)
async def test_the_target_of_a_signed_url_goes_out_byte_for_byte(tmp_path: Path) -> None:
    query = "?a=%2F&b=+&c=%20&d=//&e=%e4&X-Amz-Signature=1+2/3=="
    async with ScriptedStorage(WHOLE_ANSWER) as storage:
        report = await export(f"{storage.url}/a%2Fb//c+d%20e", tmp_path, query=query)
    (target,) = [head.split(b" ")[1] for head in storage.heads]
    assert target == f"/a%2Fb//c+d%20e/j0.zip{query}".encode()
    assert is_saved(report, tmp_path)
