"""Is a file a whole ZIP, by its two ends."""

from __future__ import annotations

import io
import struct
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.sansio.zips import TAIL_BYTES, Ends, look


def a_zip(size: int = 2000, comment: bytes = b"") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.bin", b"\7" * size)
        archive.writestr("b.txt", "words")
        archive.comment = comment
    return file.getvalue()


def found(data: bytes) -> str | None:
    return look(data[:4], data[-TAIL_BYTES:], len(data)).problem


@given(st.integers(0, 200_000), st.binary(max_size=400))
def test_a_whole_archive_has_no_problem(size: int, comment: bytes) -> None:
    assert found(a_zip(size, comment)) is None


def test_an_empty_archive_has_no_problem() -> None:
    file = io.BytesIO()
    zipfile.ZipFile(file, "w").close()
    assert found(file.getvalue()) is None


def test_the_longest_comment_is_found() -> None:
    assert found(a_zip(comment=b"c" * 65535)) is None


def test_an_archive_that_was_cut_anywhere_is_found() -> None:
    for comment in (b"", b"a comment"):
        data = a_zip(300, comment)
        for end in range(len(data)):
            assert found(data[:end]) is not None, end


def test_bytes_after_the_end_are_found() -> None:
    assert found(a_zip() + b"\0") is not None


def test_bytes_before_the_beginning_are_found() -> None:
    assert "header at its start" in (found(b"\0" + a_zip()) or "")


def test_an_end_record_within_a_comment_does_not_count() -> None:
    data = a_zip(comment=b"PK\5\6" + bytes(18))
    assert found(data) is None
    assert found(data[:-1]) is not None


def test_a_directory_that_lies_outside_is_found() -> None:
    data = bytearray(a_zip())
    struct.pack_into("<L", data, len(data) - 22 + 16, len(data))
    assert "directory does not lie right before" in (found(bytes(data)) or "")


@given(st.lists(st.binary(max_size=30), max_size=8))
def test_a_directory_of_any_members_is_read(names: list[bytes]) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number, name in enumerate(names):
            archive.writestr(f"{number}-{name.hex()}", name)
    whole = file.getvalue()
    assert look(whole[:4], whole, len(whole)) == Ends(None)


def test_a_directory_whose_headers_do_not_fill_it_is_found() -> None:
    data = bytearray(a_zip())
    begin = struct.unpack_from("<L", data, len(data) - 22 + 16)[0]
    for at in (begin, begin + 28, begin + 30, begin + 32):  # signature, and the three lengths
        spoilt = bytearray(data)
        spoilt[at] ^= 3
        assert "directory is broken" in (found(bytes(spoilt)) or "")
        with pytest.raises(zipfile.BadZipFile):
            zipfile.ZipFile(io.BytesIO(spoilt))


def test_a_directory_that_is_not_at_hand_is_left_to_zipfile() -> None:
    data = a_zip()
    assert look(data[:4], data[-60:], len(data)) == Ends(None, is_all=False)
    assert look(data[:4], data, len(data)) == Ends(None, is_all=True)


def zip64(*, locator: bytes) -> bytes:
    member = b"PK\3\4" + bytes(100)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return member + b"PK\6\6" + bytes(52) + locator + end


def test_a_large_archive_needs_its_locator() -> None:
    assert found(zip64(locator=b"PK\6\7" + bytes(16))) is None
    assert "ZIP64 locator" in (found(zip64(locator=b"")) or "")
    short = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, 0xFFFFFFFF, 0, 0)
    assert "ZIP64 locator" in (found(short) or "")
    far = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, 0, 0xFFFFFFFF, 0)
    assert "ZIP64 locator" in (look(far[:4], far, 6 * 1024**3).problem or "")


def test_a_locator_within_a_comment_does_not_count() -> None:
    comment = b"PK\6\7" + bytes(16)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, 0xFFFFFFFF, 0, len(comment))
    assert "ZIP64 locator" in (found(end + comment) or "")


class Far(io.BytesIO):
    """Pretends that a hole lies before what is written from some point on."""

    hole = 0

    def tell(self) -> int:
        return super().tell() + self.hole

    def seek(self, to: int, whence: int = 0, /) -> int:
        return super().seek(to - self.hole if whence == io.SEEK_SET else to, whence)


def a_large_zip(comment: bytes = b"") -> tuple[bytes, int]:
    """Let `zipfile` write what it writes beyond 4 GiB; return that and the size with the hole."""
    file, hole = Far(), 5 * 1024**3
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.bin", b"words")
        archive.comment = comment
        file.hole = hole
        archive.start_dir = hole + len(file.getvalue())
    return file.getvalue(), hole + len(file.getvalue())


@pytest.mark.parametrize("comment", [b"", b"made far away", b"c" * 65535], ids=len)
def test_an_archive_beyond_4_gib_has_no_problem(comment: bytes) -> None:
    data, size = a_large_zip(comment)
    assert b"PK\6\6" in data
    assert look(data[:4], data[-TAIL_BYTES:], size) == Ends(None, is_all=False)
    for cut in range(1, 120):
        assert look(data[:4], data[:-cut][-TAIL_BYTES:], size - cut).problem is not None


@pytest.mark.untraced
def test_an_archive_of_very_many_members_has_no_problem() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(65_536):
            archive.writestr(zipfile.ZipInfo(str(number)), b"")
    assert b"PK\6\6" in file.getvalue()[-200:]
    assert found(file.getvalue()) is None


def test_a_member_in_zip64_form_has_no_problem() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        with archive.open("a.bin", "w", force_zip64=True) as member:
            member.write(b"words")
    assert found(file.getvalue()) is None


@pytest.mark.parametrize("data", [b"", b"PK", b"PK\3\4", b"<html>", b"PK\5\6"])
def test_what_is_no_archive_is_found(data: bytes) -> None:
    assert found(data) is not None


@given(st.binary(max_size=300))
def test_any_bytes_are_judged(data: bytes) -> None:
    assert found(b"PK\3\4" + data) is None or isinstance(found(data), str | None)


@given(st.integers(1, 300))
def test_an_archive_that_lacks_bytes_within_is_found(lost: int) -> None:
    data = a_zip(2000)
    assert "directory does not lie right before" in (found(data[:500] + data[500 + lost :]) or "")


def test_a_tail_is_enough_to_judge_a_file() -> None:
    data = a_zip(300_000, b"c" * 65535)
    assert look(data[:4], data[-TAIL_BYTES:], len(data)).problem is None
    assert look(data[:4], data[-TAIL_BYTES:], len(data) - 1).problem is not None


def test_bytes_that_came_twice_are_found() -> None:
    data = a_zip(2000)
    assert "right before its end record" in (found(data[:900] + data[700:]) or "")
