"""Case 71: the service has let go of a package whose id an earlier run has noted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pixxel_async import (
    FolderPolicy,
    NotFoundError,
    PackageFailedError,
    PackageGoneError,
    PackageTimeoutError,
    PollPolicy,
    PreviousFailures,
    Recreated,
    RetryPolicy,
    StorageError,
)
from pixxel_async.journal.reader import read_record

from ..cli.commands import QUICK, start, write_manifest
from ..support import QUICK_RETRY, final_files, partials, quick_fetch
from .letting_go import (
    CATALOG,
    Ask,
    Fault,
    Letting,
    catalogs,
    denied,
    export,
    page,
    refused,
    told,
)
from .scripted import ETAG, WHOLE, answer, jobs

pytestmark = pytest.mark.fault(71)

BROKEN_ZIP = WHOLE[:-22] + bytes(22)
RETRY_FAILED = FolderPolicy(previous_failures=PreviousFailures.RETRY)
NO_RECREATE = QUICK_RETRY.model_copy(update={"recreate": 0})


def status_says(said: bytes) -> Fault:
    return lambda ask: said if ask.is_status else None


def storage_says(said: bytes) -> Fault:
    return lambda ask: said if ask.is_of_storage else None


def word(status: str | None, url: str | None = None) -> Fault:
    return status_says(told({"id": "id1", "status": status, "signed_url": url}))


DEAD: dict[str, Fault] = {
    "404": status_says(refused("404 Not Found")),
    "410": status_says(refused("410 Gone")),
    "400 expired": status_says(refused("400 Bad Request", "expired")),
    "403": status_says(refused("403 Forbidden")),
    "409": status_says(refused("409 Conflict")),
    "404 as a page": status_says(page("404 Not Found")),
    "410 as text": status_says(answer("410 Gone", body=b"gone")),
    "400 in another form": status_says(told({"message": "expired"}, "400 Bad Request")),
    "no URL": word("success"),
    "an empty URL": word("success", ""),
    "neither word nor URL": word(None),
    "expired": word("expired"),
    "EXPIRED, with a URL": word("EXPIRED", "https://storage.invalid/x"),
    "deleted": word("Deleted"),
    "failed": word("failed"),
    "an unknown word": word("mislaid"),
    "storage 404": storage_says(denied("404 Not Found", "NoSuchKey")),
    "storage 404 as a page": storage_says(page("404 Not Found")),
    "storage 410": storage_says(answer("410 Gone")),
    "storage 403": storage_says(denied("403 Forbidden", "AccessDenied")),
    "storage 403 of an archive": storage_says(denied("403 Forbidden", "InvalidObjectState")),
    "storage 403 without a word": storage_says(answer("403 Forbidden")),
    "storage 403 signature": storage_says(denied("403 Forbidden", "SignatureDoesNotMatch")),
    "a broken ZIP": storage_says(answer("200 OK", ETAG, body=BROKEN_ZIP)),
    "no ZIP": storage_says(answer("200 OK", ETAG, body=b"not a ZIP")),
    "nothing": storage_says(answer("200 OK", ETAG)),
    "a wrong checksum": storage_says(
        answer("200 OK", "Content-MD5: AAAAAAAAAAAAAAAAAAAAAA==", body=WHOLE)
    ),
}
FAULTS = pytest.mark.parametrize("dead", DEAD.values(), ids=DEAD.keys())


def about(ids: set[str], dead: Fault) -> Fault:
    """Strike requests about some packages only."""
    return lambda ask: dead(ask) if ask.id in ids else None


async def save_and_lose(server: Letting, folder: Path) -> None:
    """Save a package, and lose its file."""
    report, _ = await export(server, folder)
    assert report.is_complete
    report.saved[0].path.unlink()


@FAULTS
async def test_a_plain_run_requests_a_new_package(tmp_path: Path, dead: Fault) -> None:
    async with Letting() as server:
        await save_and_lose(server, tmp_path)
        server.fault = about({"id1"}, dead)
        report, seen = await export(server, tmp_path, fetch=quick_fetch(attempts=4))
        assert server.created == ["id1", "id2"]
    assert report.is_complete
    assert report.recreated == 1
    (event,) = [event for event in seen if isinstance(event, Recreated)]
    assert event.reason.startswith("the service no longer has the earlier package (")
    assert len(final_files(tmp_path)) == 1
    assert partials(tmp_path) == []


@FAULTS
async def test_no_recreate_is_respected_and_the_next_run_recovers(
    tmp_path: Path, dead: Fault
) -> None:
    async with Letting() as server:
        await save_and_lose(server, tmp_path)
        server.fault = about({"id1"}, dead)
        quick = quick_fetch(attempts=4)
        report, _ = await export(server, tmp_path, retry=NO_RECREATE, fetch=quick)
        assert server.created == ["id1"]
        (failed,) = report.failed
        assert isinstance(failed.error, PackageGoneError)
        assert "run again without --no-recreate" in str(failed.error)
        again, _ = await export(server, tmp_path, fetch=quick)
        assert server.created == ["id1", "id2"]
    assert again.is_complete


@pytest.mark.parametrize(
    ("status", "said"), [("purged", "purged"), ("mislaid", "mislaid"), ("failed", "failed")]
)
async def test_the_message_names_the_status_word(tmp_path: Path, status: str, said: str) -> None:
    async with Letting() as server:
        await save_and_lose(server, tmp_path)
        server.fault = about({"id1"}, word(status))
        report, _ = await export(server, tmp_path, retry=NO_RECREATE)
    assert f'its status is "{said}"' in str(report.failed[0].error)


async def test_a_timeout_names_the_status_word(tmp_path: Path) -> None:
    poll = PollPolicy(initial_s=0.02, max_s=0.1, wait_timeout_s=0.3)
    async with Letting(word("mustering")) as server:
        report, _ = await export(server, tmp_path, poll=poll)
    (failed,) = report.failed
    assert isinstance(failed.error, PackageTimeoutError)
    assert '(its status is "mustering")' in str(failed.error)


async def test_it_is_requested_again_a_bounded_number_of_times(tmp_path: Path) -> None:
    """Each new package is dead by the next run, and no file is ever saved."""
    gone = storage_says(denied("404 Not Found", "NoSuchKey"))
    async with Letting() as server:
        await save_and_lose(server, tmp_path)
        server.fault = gone
        recreated, last = 0, None
        for _ in range(6):
            report, _ = await export(server, tmp_path, fetch=quick_fetch(attempts=2))
            recreated += report.recreated
            (failed,) = report.failed
            last = failed.error
        assert recreated == QUICK_RETRY.recreate == 2
        assert server.creations == 3
        assert isinstance(last, PackageGoneError)
        assert "--retry-failed requests it once more" in str(last)
        server.fault = about({"id1", "id2", "id3"}, gone)
        report, _ = await export(
            server, tmp_path, policy=RETRY_FAILED, fetch=quick_fetch(attempts=2)
        )
        assert server.creations == 4
    assert report.is_complete


async def test_a_package_that_was_saved_again_has_its_bounds_again(tmp_path: Path) -> None:
    async with Letting() as server:
        await save_and_lose(server, tmp_path)
        for _ in range(4):
            server.fault = about(set(server.created), status_says(refused("404 Not Found")))
            await save_and_lose(server, tmp_path)
        assert len(server.created) == 5


@pytest.mark.parametrize("policy", [FolderPolicy(), RETRY_FAILED], ids=["plain", "retry-failed"])
async def test_a_package_whose_object_is_gone_in_its_first_run_recovers_in_the_next(
    tmp_path: Path, policy: FolderPolicy
) -> None:
    async with Letting(
        about({"id1"}, storage_says(denied("404 Not Found", "NoSuchKey")))
    ) as server:
        first, _ = await export(server, tmp_path, fetch=quick_fetch(attempts=2))
        assert isinstance(first.failed[0].error, StorageError)
        second, _ = await export(server, tmp_path, policy=policy, fetch=quick_fetch(attempts=2))
    assert second.is_complete
    assert second.recreated == 1


async def test_retry_failed_replaces_a_zip_that_is_broken_each_time(tmp_path: Path) -> None:
    broken = about({"id1"}, storage_says(answer("200 OK", ETAG, body=BROKEN_ZIP)))
    async with Letting(broken) as server:
        first, _ = await export(server, tmp_path)
        assert len(first.failed) == 1
        second, _ = await export(server, tmp_path, policy=RETRY_FAILED)
    assert second.is_complete
    assert server.created == ["id1", "id2"]


OUT_OF_REACH: dict[str, Fault] = {
    "a relative URL": word("success", "/objects/id1.zip"),
    "a word for a URL": word("success", "gone"),
    "a host that is gone": word("success", "https://storage.invalid/id1.zip"),
    "a host of this machine's network": word("success", "https://169.254.169.254/id1.zip"),
    "416": storage_says(answer("416 Range Not Satisfiable")),
    "520": storage_says(answer("520 Unknown Error")),
    "another coding": storage_says(answer("200 OK", "Content-Encoding: gzip", body=b"x")),
    "a redirect over http": storage_says(answer("302 Found", "Location: http://a.example/")),
    "packaging for ever": word("created"),
    "500 for ever": status_says(refused("500 Internal Server Error", "record not found")),
    "null for ever": status_says(told(None)),
    "204 for ever": status_says(answer("204 No Content", length=-1)),
}


@pytest.mark.parametrize("dead", OUT_OF_REACH.values(), ids=OUT_OF_REACH.keys())
async def test_retry_failed_is_the_last_chance_of_an_id(tmp_path: Path, dead: Fault) -> None:
    quick: dict[str, Any] = {
        "poll": PollPolicy(initial_s=0.02, max_s=0.1, wait_timeout_s=1.0),
        "fetch": quick_fetch(attempts=2),
    }
    async with Letting() as server:
        await save_and_lose(server, tmp_path)
        server.fault = about({"id1"}, dead)
        first, _ = await export(server, tmp_path, **quick)
        assert len(first.failed) == 1
        assert server.created == ["id1"]
        second, _ = await export(server, tmp_path, policy=RETRY_FAILED, **quick)
        assert server.created == ["id1", "id2"]
    assert second.is_complete
    assert second.recreated == 1


async def test_no_recreate_holds_for_the_last_chance_too(tmp_path: Path) -> None:
    async with Letting() as server:
        await save_and_lose(server, tmp_path)
        server.fault = about({"id1"}, OUT_OF_REACH["416"])
        quick: dict[str, Any] = {
            "fetch": quick_fetch(attempts=2),
            "retry": NO_RECREATE,
            "policy": RETRY_FAILED,
        }
        report, _ = await export(server, tmp_path, **quick)
        assert server.created == ["id1"]
    assert len(report.failed) == 1


async def test_one_that_is_still_packaging_is_waited_for(tmp_path: Path) -> None:
    polls = 0

    def packaging(ask: Ask) -> bytes | None:
        nonlocal polls
        polls += ask.is_status
        return told({"id": "id1", "status": "in_progress"}) if polls < 20 else None

    async with Letting() as server:
        await save_and_lose(server, tmp_path)
        server.fault = packaging
        report, _ = await export(server, tmp_path)
        assert server.created == ["id1"]
    assert report.is_complete
    assert report.recreated == 0


async def test_trouble_of_the_whole_service_costs_no_id(tmp_path: Path) -> None:
    """What is saved already, and lost, is polled through an outage of any kind."""
    pages = [
        page("403 Forbidden"),
        page("520 Unknown"),
        page("302 Found", "Location: https://login.example/"),
        page("200 OK"),
        answer("204 No Content", length=-1),
    ]

    def outage(ask: Ask) -> bytes | None:
        return pages[ask.number % len(pages)] if ask.is_status and ask.number < 40 else None

    async with Letting() as server:
        await save_and_lose(server, tmp_path)
        server.fault = outage
        report, _ = await export(server, tmp_path)
        assert server.created == ["id1"]
    assert report.is_complete


@pytest.mark.parametrize("recreate", [0, 2])
async def test_a_new_package_that_the_service_refuses_fails_as_itself(
    tmp_path: Path, recreate: int
) -> None:
    def gone(ask: Ask) -> bytes | None:
        is_other = ask.is_of_storage or ask.path == "/v0/aois"
        return None if is_other else refused("404 Not Found", "no such catalog")

    async with Letting() as server:
        await save_and_lose(server, tmp_path)
        server.fault = gone
        retry = RetryPolicy(initial_s=0.01, max_s=0.05, recreate=recreate)
        report, _ = await export(server, tmp_path, retry=retry)
        assert server.creations == (2 if recreate else 1)
    assert isinstance(report.failed[0].error, NotFoundError if recreate else PackageGoneError)


async def test_a_word_of_the_end_in_the_same_run_requests_a_new_one_too(tmp_path: Path) -> None:
    async with Letting(about({"id1"}, word("expired"))) as server:
        report, _ = await export(server, tmp_path)
        assert server.created == ["id1", "id2"]
    assert report.is_complete
    assert report.recreated == 1
    async with Letting(word("expired")) as server:
        report, _ = await export(server, tmp_path / "other")
        assert server.creations == 3
    assert isinstance(report.failed[0].error, PackageGoneError | PackageFailedError)


async def test_each_of_many_is_replaced_once(tmp_path: Path) -> None:
    async with Letting() as server:
        first, _ = await export(server, tmp_path, catalogs(12))
        for saved in first.saved:
            saved.path.unlink()
        dead = list(DEAD.values())
        old = list(server.created)

        def fault(ask: Ask) -> bytes | None:
            return dead[old.index(ask.id)](ask) if ask.id in old else None

        server.fault = fault
        report, _ = await export(server, tmp_path, catalogs(12))
    assert report.is_complete
    assert (report.recreated, len(server.created)) == (12, 24)


JOB_FAULTS: dict[str, Callable[[int], bytes | None]] = {
    "expired": lambda n: told({"id": "j0", "status": "expired"}) if n < 4 else None,
    "no URL": lambda n: (
        told({"id": "j0", "status": "success", "signed_url": ""}) if n < 9 else None
    ),
    "409": lambda n: refused("409 Conflict") if n < 4 else None,
}


@pytest.mark.parametrize("fault", JOB_FAULTS.values(), ids=JOB_FAULTS.keys())
async def test_the_put_of_a_job_is_repeated_until_it_leads_somewhere(
    tmp_path: Path, fault: Callable[[int], bytes | None]
) -> None:
    async with Letting() as server:
        first, _ = await export(server, tmp_path, jobs(1))
        first.saved[0].path.unlink()
        before = len(server.asked)
        server.fault = lambda ask: fault(ask.number - before) if ask.is_status else None
        report, _ = await export(server, tmp_path, jobs(1))
    assert report.is_complete
    assert report.recreated == 0


@pytest.mark.parametrize(
    "said", [denied("404 Not Found", "NoSuchKey"), answer("200 OK", body=b"no ZIP")]
)
async def test_a_job_whose_object_is_gone_recovers_in_the_next_run(
    tmp_path: Path, said: bytes
) -> None:
    async with Letting(storage_says(said)) as server:
        first, _ = await export(server, tmp_path, jobs(1), fetch=quick_fetch(attempts=2))
        assert len(first.failed) == 1
        server.fault = lambda _: None
        second, _ = await export(server, tmp_path, jobs(1))
    assert second.is_complete


def command(server: Letting, *words: str | Path) -> tuple[int, str]:
    """Run a command as a process of its own; return its exit code and what it said."""
    env = {"PIXXEL_BASE_URL": server.url, "PIXXEL_API_KEY": "key"}
    with start(*words, *QUICK, env=env) as process:
        stdout, stderr = process.communicate(timeout=60)
    return process.returncode, stdout + stderr


@pytest.mark.parametrize("name", ["404", "storage 403", "expired", "no URL", "a broken ZIP"])
@pytest.mark.parametrize("again", ["repair", "export", "retry-failed"])
async def test_the_command_line_repairs_what_the_service_has_let_go(
    tmp_path: Path, name: str, again: str
) -> None:
    row = {"kind": "catalog", "catalog_ids": list(CATALOG.catalog_ids or ())}
    manifest, out = write_manifest(tmp_path / "m.jsonl", [row]), tmp_path / "out"
    exported = ("export", manifest, "--out", out)
    words = {
        "repair": ("verify", out, "--repair"),
        "export": exported,
        "retry-failed": (*exported, "--retry-failed"),
    }[again]
    async with Letting() as server:
        code, said = await asyncio.to_thread(command, server, *exported)
        assert code == 0, said
        (saved,) = out.glob("*.zip")
        saved.unlink()
        server.fault = about({"id1"}, DEAD[name])
        code, said = await asyncio.to_thread(command, server, *words)
        assert code == 0, said
        assert server.created == ["id1", "id2"]
    assert saved.read_bytes() == WHOLE
    (noted,) = read_record(out).rows
    assert (noted.recreated, json.loads(noted.target)["kind"]) == (1, "catalog")


async def test_repair_is_the_last_chance_of_an_id_too(tmp_path: Path) -> None:
    row = {"kind": "catalog", "catalog_ids": list(CATALOG.catalog_ids or ())}
    manifest, out = write_manifest(tmp_path / "m.jsonl", [row]), tmp_path / "out"
    async with Letting() as server:
        code, said = await asyncio.to_thread(command, server, "export", manifest, "--out", out)
        assert code == 0, said
        (saved,) = out.glob("*.zip")
        saved.unlink()
        server.fault = about({"id1"}, OUT_OF_REACH["a word for a URL"])
        code, said = await asyncio.to_thread(command, server, "verify", out, "--repair")
        assert code == 0, said
        assert server.created == ["id1", "id2"]
    assert saved.read_bytes() == WHOLE


async def test_a_repair_that_failed_names_a_command_that_exists(tmp_path: Path) -> None:
    row = {"kind": "job", "workflow_id": "w", "job_id": "j"}
    manifest, out = write_manifest(tmp_path / "m.jsonl", [row]), tmp_path / "out"
    async with Letting() as server:
        code, said = await asyncio.to_thread(command, server, "export", manifest, "--out", out)
        assert code == 0, said
        (saved,) = out.glob("*.zip")
        saved.unlink()
        server.fault = DEAD["storage 403 signature"]
        code, said = await asyncio.to_thread(command, server, "verify", out, "--repair")
    assert code == 1
    assert f"pixxel-async verify {out} --repair" in said
    assert "--retry-failed" not in said
