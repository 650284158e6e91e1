"""Cases 98 to 103: members of packages that are broken, hostile or large, and kills."""

from __future__ import annotations

import dataclasses
import io
import signal
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from pydantic import SecretStr

from pixxel_async import (
    ArchiveError,
    Failed,
    FolderPolicy,
    IntegrityError,
    Member,
    MemberFilter,
    PackageStatus,
    PixxelError,
    Report,
)
from pixxel_async.models import Package
from pixxel_async.sandbox import PackagingTime, Sandbox, Scenario, sandbox_in_thread
from pixxel_async.sandbox.identity import Identity
from pixxel_async.sandbox.package_content import package_content

from ..cli.commands import env_of, start
from ..cli.test_kills import Pauses, is_run_of
from ..support import PROCESS_S, client_of, partials, when
from .odd_zips import Part, archive, end
from .ranged import RangedStorage
from .scripted import export
from .secure_nginx import needs_nginx, secure_nginx

HEADERS = FolderPolicy(members=MemberFilter(only=["*.hdr"]))
HDR = Part(b"a.hdr", b"wavelength = {470, 510}\n" * 9)
TIF = Part(b"a.tif", bytes(100_000), method=0)


def stored(folder: Path, data: bytes) -> RangedStorage:
    """Return a storage of one archive."""
    path = folder / "package"
    path.write_bytes(data)
    return RangedStorage(path)


async def taken(storage: RangedStorage, folder: Path) -> Report:
    """Export the chosen member of the package."""
    async with storage:
        return await export(storage.url, folder, folder_policy=HEADERS)


def failure_of(report: Report) -> PixxelError:
    (failed,) = report.failed
    assert isinstance(failed, Failed)
    return failed.error


@pytest.mark.fault(98)
@pytest.mark.parametrize("method", [0, 8], ids=["stored", "deflated"])
async def test_a_wrong_crc_fails_the_package(tmp_path: Path, method: int) -> None:
    wrong = dataclasses.replace(HDR, method=method, crc=7)
    storage = stored(tmp_path, archive(wrong, TIF))
    report = await taken(storage, tmp_path / "out")
    error = failure_of(report)
    assert isinstance(error, IntegrityError)
    assert "a.hdr" in str(error)
    assert "CRC-32" in str(error)
    assert storage.sent < 10 * len(HDR.data) + 6 * 4096, "the image was never fetched"
    assert not list((tmp_path / "out").glob("job-*"))


@pytest.mark.fault(99)
@pytest.mark.parametrize("offset", [1, 40, 90_000], ids=str)
async def test_a_directory_that_lies_about_an_offset_fails_the_package(
    tmp_path: Path, offset: int
) -> None:
    shifted = archive(TIF, dataclasses.replace(HDR, offset=offset))
    report = await taken(stored(tmp_path, shifted), tmp_path / "out")
    error = failure_of(report)
    assert isinstance(error, (ArchiveError, IntegrityError))
    assert 'its member "a.' in str(error)
    assert not list((tmp_path / "out").glob("job-*"))


@pytest.mark.fault(99)
async def test_swapped_offsets_are_noticed(tmp_path: Path) -> None:
    one, other = Part(b"a.hdr", b"one" * 20, method=0), Part(b"b.hdr", b"two" * 20, method=0)
    size = len(one.local() + one.packed)
    swapped = archive(one, other)
    at = swapped.index(b"PK\1\2")
    lying = one.central(size) + other.central(0)
    data = swapped[:at] + lying + end(2, len(lying), at)
    report = await taken(stored(tmp_path, data), tmp_path / "out")
    assert isinstance(failure_of(report), IntegrityError)
    assert "has another name in its local header" in str(failure_of(report))


@pytest.mark.fault(100)
async def test_overlapping_members_are_refused_before_a_byte_of_them(tmp_path: Path) -> None:
    size = len(TIF.local() + TIF.packed)
    overlapping = archive(TIF, dataclasses.replace(HDR, offset=size - 50))
    storage = stored(tmp_path, overlapping)
    error = failure_of(await taken(storage, tmp_path / "out"))
    assert isinstance(error, ArchiveError)
    assert "overlaps" in str(error)
    assert storage.sent <= 4096


@pytest.mark.fault(101)
@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (dataclasses.replace(HDR, flags=1), "is encrypted"),
        (dataclasses.replace(HDR, name=b"../a.hdr"), "leaves its folder"),
        (dataclasses.replace(HDR, name=b"/a.hdr"), "leaves its folder"),
        (dataclasses.replace(HDR, name=b"c:\\a.hdr"), "backslash or a colon"),
        (dataclasses.replace(HDR, name=b"a\x1b.hdr"), "control character"),
        (dataclasses.replace(HDR, method=12), "method 12"),
        (dataclasses.replace(HDR, name=b"\xff.hdr", flags=0x800), "not the UTF-8"),
    ],
    ids=["encrypted", "above", "absolute", "drive", "control", "method", "no UTF-8"],
)
async def test_a_hostile_member_is_refused_before_a_byte_of_it(
    tmp_path: Path, bad: Part, said: str
) -> None:
    storage = stored(tmp_path, archive(TIF, bad))
    error = failure_of(await taken(storage, tmp_path / "out"))
    assert isinstance(error, ArchiveError)
    assert said in str(error)
    assert storage.sent <= 4096


@pytest.mark.fault(101)
async def test_a_hostile_member_that_is_not_chosen_does_not_matter(tmp_path: Path) -> None:
    hostile = dataclasses.replace(TIF, name=b"../a.tif", flags=1)
    report = await taken(stored(tmp_path, archive(hostile, HDR)), tmp_path / "out")
    (saved,) = report.saved
    assert saved.extracted is not None
    assert [path.name for path in saved.extracted.iterdir()] == ["a.hdr"]
    assert (saved.extracted / "a.hdr").read_bytes() == HDR.data


async def peeked(storage: RangedStorage) -> list[Member]:
    """Look into the package of a storage."""
    async with Sandbox() as sandbox, client_of(sandbox) as client, storage:
        package = Package(
            download=None,
            status=PackageStatus.READY,
            status_word="",
            download_id=None,
            signed_url=SecretStr(f"{storage.url}/p.zip?X-Amz-Signature=0"),
        )
        return await client.peek(client.packages.adopt(package))


@pytest.mark.fault(101)
async def test_a_look_tells_which_members_are_encrypted(tmp_path: Path) -> None:
    members = await peeked(stored(tmp_path, archive(TIF, dataclasses.replace(HDR, flags=1))))
    assert [(one.name, one.is_encrypted) for one in members] == [("a.tif", False), ("a.hdr", True)]


async def test_a_storage_without_ranges_from_the_end_is_looked_into(tmp_path: Path) -> None:
    storage = stored(tmp_path, archive(TIF, HDR))
    storage.has_suffixes = False
    assert [one.name for one in await peeked(storage)] == ["a.tif", "a.hdr"]
    size = storage.path.stat().st_size
    assert storage.ranges[1:] == [(0, 1), (size - 4096, size)]


@pytest.mark.parametrize(
    ("parts", "comment", "reads"),
    [(1, b"", 1), (200, b"", 2), (1, b"a comment" * 1000, 2), (400, b"a comment" * 7000, 3)],
    ids=["small", "large", "long comment", "large and long comment"],
)
async def test_a_look_takes_few_requests(
    tmp_path: Path, parts: int, comment: bytes, reads: int
) -> None:
    many = [dataclasses.replace(HDR, name=b"member-%04d.hdr" % number) for number in range(parts)]
    storage = stored(tmp_path, archive(TIF, *many, comment=comment))
    assert len(await peeked(storage)) == parts + 1
    assert len(storage.ranges) == reads
    assert len({at for first, end in storage.ranges for at in (first, end)}) == reads + 1


LARGE_BYTES = 5 * 1024**3


def write_large(path: Path) -> None:
    """Write a sparse archive: a header, an image of 5 GiB, and a header behind it."""
    last = dataclasses.replace(HDR, name=b"z.hdr")
    wide = struct.pack("<2H2Q", 1, 16, LARGE_BYTES, LARGE_BYTES)
    image = Part(b"a.tif", b"", method=0, size=2**32 - 1, packed_size=2**32 - 1, extra=wide)
    at = len(HDR.local() + HDR.packed)
    behind = at + len(image.local()) + LARGE_BYTES
    far = dataclasses.replace(last, offset=2**32 - 1, extra=struct.pack("<2HQ", 1, 8, behind))
    listed = HDR.central(0) + image.central(at) + far.central(0)
    start = behind + len(last.local() + last.packed)
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 3, 3, len(listed), start)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, start + len(listed), 1)
    with path.open("wb") as file:
        file.write(HDR.local() + HDR.packed + image.local())
        file.seek(behind)
        file.write(last.local() + last.packed + listed + record + locator)
        file.write(end(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF))


@pytest.mark.fault(102)
async def test_small_members_of_a_zip64_of_5_gib_cost_some_kilobytes(tmp_path: Path) -> None:
    path = tmp_path / "package"
    write_large(path)
    if path.stat().st_blocks * 512 > LARGE_BYTES:
        pytest.skip("this file system has no sparse files")
    storage = RangedStorage(path)
    members = await peeked(storage)
    assert [one.name for one in members] == ["a.hdr", "a.tif", "z.hdr"]
    assert members[1].size == members[1].packed_size == LARGE_BYTES
    assert members[2].offset > LARGE_BYTES
    assert storage.sent == 4096
    report = await taken(storage, tmp_path / "out")
    (saved,) = report.saved
    assert saved.extracted is not None
    found = {one.name: one.read_bytes() for one in saved.extracted.iterdir()}
    assert found == {"a.hdr": HDR.data, "z.hdr": HDR.data}
    assert storage.sent < 16 * 1024


IMAGES = "*[0-9].tif"


@needs_nginx
@pytest.mark.parametrize("method", ["stored", "deflated"])
async def test_over_nginx_only_the_members_are_sent(tmp_path: Path, method: str) -> None:
    scenario = Scenario(package_bytes=2_000_000, size_spread=0, zip_method=method)  # type: ignore[arg-type]  # one of its words
    identity = Identity.of({"kind": "job", "workflow_id": "w", "job_id": "j0"})
    files = tmp_path / "nginx" / "files"
    files.mkdir(parents=True)
    for folder in (tmp_path, files.parent, files):
        folder.chmod(0o755)
    path = files / "j0.zip"
    path.write_bytes(b"".join(package_content(scenario, identity, 1)))
    wanted = MemberFilter(only=["*.mask.tif", "*.geojson"] if method == "stored" else [IMAGES])
    with secure_nginx(files.parent, rate=100_000_000) as nginx:
        base, _, query = nginx.signed("j0.zip", 3600).rpartition("/")
        policy = FolderPolicy(members=wanted)
        report = await export(
            base, tmp_path / "out", query=f"?{query.partition('?')[2]}", folder_policy=policy
        )
    (saved,) = report.saved
    assert saved.extracted is not None
    with zipfile.ZipFile(path) as package:
        chosen = [one for one in package.infolist() if wanted.wants(one.filename)]
        for one in chosen:
            assert (saved.extracted / one.filename).read_bytes() == package.read(one)
        directory = path.stat().st_size - package.start_dir
    members = sum(one.compress_size + 30 + len(one.filename) for one in chosen)
    assert set(nginx.statuses) == {206}
    assert nginx.sent <= 1.05 * (members + directory)


@pytest.mark.fault(103)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_killed_five_times_the_members_are_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = Scenario(
        packaging=PackagingTime.constant(0.1),
        package_bytes=12_000_000,
        size_spread=0,
        zip_method="deflated",
    )
    out, kills = tmp_path / "out", 5
    words = ("download", "job", "w", "j", "--out", out, "--only", IMAGES, "--only", "*.mask.tif")
    quick = ("--quiet", "--poll-initial", "0.2", "--poll-max", "0.6")
    pauses = Pauses(monkeypatch, bytes_per_s=6_000_000, paused_bytes_per_s=20_000)
    row = {"kind": "job", "workflow_id": "w", "job_id": "j"}
    data = b"".join(package_content(scenario, Identity.of(row), 1))
    with sandbox_in_thread(scenario) as sandbox:
        for number in range(kills):
            moment = len(data) * (number + 0.5) / (kills + 1)
            with start(*words, *quick, env=env_of(sandbox), stdout=subprocess.DEVNULL) as process:
                when(lambda: is_run_of(process, out), every_s=0.1)
                when(lambda: sandbox.sent_bytes >= moment)  # noqa: B023 - called here
                pauses.wait(sandbox, out, 1)
                process.send_signal(signal.SIGKILL)
                assert process.wait() == -signal.SIGKILL
                pauses.are_on.clear()
        with start(*words, *quick, env=env_of(sandbox)) as process:
            _, stderr = process.communicate(timeout=PROCESS_S)
        assert process.returncode == 0, stderr
        sent = sandbox.sent_bytes
    policy = MemberFilter(only=[IMAGES, "*.mask.tif"])
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        chosen = [one for one in package.infolist() if policy.wants(one.filename)]
        (folder,) = [path for path in out.iterdir() if path.name.startswith("job-")]
        found = {path.name: path.read_bytes() for path in folder.iterdir()}
        assert found == {one.filename: package.read(one) for one in chosen}
    assert partials(out) == []
    directories = (kills + 1) * 4096
    assert sent <= 1.05 * (sum(one.compress_size for one in chosen) + directories)
