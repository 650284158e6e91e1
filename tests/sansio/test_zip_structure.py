"""Is a file a complete ZIP that every reader reads alike."""

from __future__ import annotations

import dataclasses
import io
import struct
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async import ArchiveError
from pixxel_async.sansio.files import zip_structure
from pixxel_async.sansio.files.zip_structure import TAIL_BYTES, Directory, find_directory

from ..faults.odd_zips import AMBIGUOUS, EMPTY, LARGE, A, B, archive, unicode_path


def a_zip(size: int = 2000, comment: bytes = b"") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.bin", b"\7" * size)
        archive.writestr("b.txt", "words")
        archive.comment = comment
    return file.getvalue()


def found(data: bytes) -> str | None:
    """Return the problem of an archive."""
    try:
        directory = find_directory(data[:4], data[-TAIL_BYTES:], len(data))
        listed = data[directory.start : directory.start + directory.size]
        for span in zip_structure.spans_of(zip_structure.members_of(listed, directory), directory):
            at = span.member.offset
            descriptor_bytes = zip_structure.check_local_header(span, data[at : at + span.overhead])
            end = at + span.overhead + span.member.packed_size
            if descriptor_bytes:
                zip_structure.check_descriptor(span.member, data[end - descriptor_bytes : end])
    except ArchiveError as error:
        return str(error)
    return None


def where(data: bytes, size: int | None = None) -> Directory | str:
    """Return where the directory of an archive is, or its problem."""
    try:
        return find_directory(data[:4], data[-TAIL_BYTES:], size or len(data))
    except ArchiveError as error:
        return str(error)


@given(
    st.integers(0, 200_000),
    st.binary(max_size=400).filter(lambda comment: zip_structure.END_RECORD not in comment),
)
def test_a_whole_archive_has_no_problem(size: int, comment: bytes) -> None:
    assert found(a_zip(size, comment)) is None


@pytest.mark.fault(85)
def test_an_empty_archive_has_a_problem() -> None:
    file = io.BytesIO()
    zipfile.ZipFile(file, "w").close()
    assert "it is empty" in (found(file.getvalue()) or "")


@pytest.mark.fault(85)
@pytest.mark.parametrize(
    "data", [*EMPTY.values(), *AMBIGUOUS.values()], ids=[*EMPTY.keys(), *AMBIGUOUS.keys()]
)
def test_an_archive_without_a_file_or_with_two_readings_has_a_problem(data: bytes) -> None:
    assert found(data)


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


@pytest.mark.fault(85)
@pytest.mark.parametrize("more", [b"", b"\0", b"."])
def test_an_end_record_within_a_comment_is_found(more: bytes) -> None:
    data = a_zip(comment=b"PK\5\6" + bytes(18) + more)
    assert "end record" in (found(data) or "")
    assert "end record" in (found(data[:-1]) or "")


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
    problem = found(file.getvalue())
    assert problem is None if names else "it is empty" in (problem or "")


def test_a_directory_whose_headers_do_not_fill_it_is_found() -> None:
    data = bytearray(a_zip())
    begin = struct.unpack_from("<L", data, len(data) - 22 + 16)[0]
    for at in (begin, begin + 28, begin + 30, begin + 32):  # signature, and the three lengths
        spoilt = bytearray(data)
        spoilt[at] ^= 3
        assert "directory is broken" in (found(bytes(spoilt)) or "")
        with pytest.raises(zipfile.BadZipFile):
            zipfile.ZipFile(io.BytesIO(spoilt))


def test_a_large_archive_needs_its_locator() -> None:
    for said in ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0), (0, 0xFFFFFFFF)):
        data = archive(A)[:-10] + struct.pack("<2LH", *said, 0)
        assert "ZIP64 locator" in (found(data) or "")
    assert "ZIP64 locator" in str(where(data, 6 * 1024**3))


def test_a_locator_within_a_comment_does_not_count() -> None:
    data = archive(A, comment=b"PK\6\7" + bytes(16))
    assert found(data) is None
    assert "ZIP64 locator" in (
        found(data[:-30] + struct.pack("<2LH", 0, 0xFFFFFFFF, 20) + data[-20:]) or ""
    )


def test_a_directory_that_is_too_large_for_memory_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_structure, "MAX_DIRECTORY_BYTES", 100)
    assert "at most 100" in (found(archive(A, B)) or "")
    assert found(archive(A)) is None


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        (b"", None),
        (b"?", None),
        (struct.pack("<2H", 7, 0), None),
        (struct.pack("<2HQ", 1, 8, 9), None),
        (unicode_path(A.name, A.name), None),
        (struct.pack("<2H", 7, 1), "extra field"),
        (struct.pack("<2HQ2HQ", 1, 8, 9, 1, 8, 9), "extra field twice"),
    ],
)
def test_an_extra_field_is_read(extra: bytes, reason: str | None) -> None:
    problem = found(archive(dataclasses.replace(A, extra=extra)))
    assert problem is None if reason is None else reason in (problem or "")


def test_sizes_in_zip64_fields_are_compared() -> None:
    numbers = struct.pack("<2H2Q", 1, 16, len(B.data), len(B.packed))
    wide = dataclasses.replace(B, extra=numbers, size=0xFFFFFFFF, packed_size=0xFFFFFFFF)
    assert found(archive(wide)) is None
    assert found(archive(wide, A)) is None
    other = numbers[:4] + struct.pack("<2Q", 1, len(B.packed))
    assert "another size" in (found(archive(wide, local={"extra": other})) or "")


@pytest.mark.parametrize("is_wide", [False, True])
@pytest.mark.parametrize("signature", [b"", b"PK\7\x08"])
@pytest.mark.parametrize("said", [{}, {"size": 0, "packed_size": 0, "crc": 0}])
def test_a_data_descriptor_of_any_form_is_read(
    signature: bytes, said: dict[str, object], *, is_wide: bool
) -> None:
    numbers = struct.pack("<L2Q" if is_wide else "<3L", *A.numbers)
    part = dataclasses.replace(A, flags=8, descriptor=signature + numbers)
    assert found(archive(part, B, local=said)) is None


def test_members_of_more_than_4_gib_have_wide_descriptors() -> None:
    member = zip_structure.Member(b"a", 8, 0, 1, 5 * 1024**3, 5 * 1024**3, 0)
    zip_structure.check_descriptor(member, struct.pack("<L2Q", 1, 5 * 1024**3, 5 * 1024**3))
    with pytest.raises(ArchiveError, match="data descriptor"):
        zip_structure.check_descriptor(member, struct.pack("<3L", 1, 1024**3, 1024**3))


def test_an_end_record_at_the_start_of_an_archive_with_members_is_found() -> None:
    assert "no member at its start" in (found(b"PK\5\6" + archive(A)[4:]) or "")


def test_a_directory_that_ends_within_a_header_is_found() -> None:
    listed = A.central(0)
    for cut in (1, 50):
        with pytest.raises(ArchiveError, match="directory is broken"):
            zip_structure.members_of(listed[:-cut], Directory(0, len(listed), 1))


def test_a_member_over_which_another_one_lies_is_found() -> None:
    data = archive(LARGE, B, local={})
    short = dataclasses.replace(B, offset=100)
    assert found(data) is None
    assert "overlaps" in (found(archive(LARGE, short)) or "")


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
    directory = where(data, size)
    assert isinstance(directory, Directory)
    assert directory.start > 5 * 1024**3
    listed = data[directory.start - 5 * 1024**3 :][: directory.size]
    (member,) = zip_structure.members_of(listed, directory)
    assert (member.name, member.offset) == (b"a.bin", 0)
    for cut in range(1, 120):
        assert isinstance(where(data[:-cut], size - cut), str)


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
    assert found(data) is None
    assert isinstance(where(data, len(data) - 1), str)


def test_bytes_that_came_twice_are_found() -> None:
    data = a_zip(2000)
    assert "right before its end record" in (found(data[:900] + data[700:]) or "")
