"""What goes wrong with calls of the service, as the client sees it on the wire."""

from __future__ import annotations

import asyncio

import pytest

from pixxel_async.sandbox import ApiFault, PackageFault, PackagingTime

from .raw import Answer, fetch
from .stand import CREATIONS, START, Stand, stand

JOB = "/v0/workflows/w1/jobs/j1/download"
AOI = "/v0/aois/a1/downloads"


async def ask_raw(it: Stand, method: str = "PUT", path: str = JOB) -> Answer:
    headers = {"Authorization": it.sandbox.api_key}
    return await fetch(it.sandbox.api_url + path, method=method, headers=headers)


@pytest.mark.parametrize("status", [400, 403, 404, 409, 429, 500, 503])
async def test_a_status_is_answered_as_an_error_document(status: int) -> None:
    async with stand(faults=(ApiFault("status", status=status),)) as it:
        answer = await it.ask(*CREATIONS["job"])
        assert answer.status_code == status
        assert answer.json()["error"]["code"] == "SANDBOX_FAULT"
        assert "retry-after" not in answer.headers
        assert it.sandbox.packages == []
        assert [call.status for call in it.sandbox.calls] == [status]


@pytest.mark.parametrize("text", ["3", "Fri, 31 Dec 1999 23:59:59 GMT", "-1", "soon", ""])
async def test_a_status_has_the_retry_after_that_was_asked_for(text: str) -> None:
    async with stand(faults=(ApiFault("status", status=429, retry_after=text),)) as it:
        answer = await it.ask(*CREATIONS["job"])
    assert (answer.status_code, answer.headers["retry-after"]) == (429, text)


@pytest.mark.parametrize(("action", "packages"), [("reset", 0), ("lost", 1)])
async def test_a_connection_breaks_before_the_effect_or_after_it(
    action: str, packages: int
) -> None:
    fault = ApiFault("reset") if action == "reset" else ApiFault("lost")
    async with stand(faults=(fault,)) as it:
        answer = await ask_raw(it)
        assert (answer.status, answer.was_reset) == (0, True)
        assert len(it.sandbox.packages) == packages
        assert [call.status for call in it.sandbox.calls] == [0]
        assert it.sandbox.calls[0].operation == "downloadJob"


async def test_a_lost_post_has_made_a_package_and_the_next_one_makes_another() -> None:
    async with stand(faults=(ApiFault("lost", on="AOICreateDownload", times=1),)) as it:
        headers = {"Authorization": it.sandbox.api_key, "Content-Type": "application/json"}
        url, body = it.sandbox.api_url + AOI, b'{"asset_ids": ["x"]}'
        first = await fetch(url, method="POST", headers=headers, body=body)
        second = await fetch(url, method="POST", headers=headers, body=body)
        assert (first.was_reset, second.status) == (True, 201)
        assert len(it.sandbox.packages) == 2


async def test_html_is_the_page_of_a_broken_gateway() -> None:
    async with stand(faults=(ApiFault("html", status=502),)) as it:
        answer = await it.ask(*CREATIONS["job"])
    assert answer.status_code == 502
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.text.startswith("<html>")


async def test_not_json_is_text_with_200() -> None:
    async with stand(faults=(ApiFault("not_json"),)) as it:
        answer = await it.ask(*CREATIONS["job"])
    assert answer.status_code == 200
    with pytest.raises(ValueError, match="Expecting value"):
        answer.json()


async def test_huge_is_more_than_32_mib_of_json() -> None:
    async with stand(faults=(ApiFault("huge"),)) as it:
        answer = await it.ask(*CREATIONS["job"])
    assert answer.status_code == 200
    assert len(answer.content) > 32 * 1024 * 1024
    assert answer.json().keys() == {"status"}


async def test_close_answers_and_then_closes_without_saying_so() -> None:
    async with stand(faults=(ApiFault("close"),)) as it:
        host, _, port = it.sandbox.api_url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        lines = (f"PUT {JOB} HTTP/1.1", "Host: x", f"Authorization: {it.sandbox.api_key}", "", "")
        writer.write("\r\n".join(lines).encode())
        told = await reader.read()  # until the other side ends it
        writer.close()
        assert told.startswith(b"HTTP/1.1 200 ")
        assert b"connection: close" not in told.lower()
        assert b"signed_url" in told


async def test_slow_answers_late_and_has_its_effect() -> None:
    async with stand(faults=(ApiFault("slow", delay_s=0.1),)) as it:
        answer = await it.ask(*CREATIONS["job"])
        assert answer.status_code == 200
        assert answer.elapsed.total_seconds() >= 0.1
        assert len(it.sandbox.packages) == 1


async def test_empty_and_redirect_are_no_answers_of_the_service() -> None:
    faults = (ApiFault("empty", nth=1), ApiFault("redirect"))
    async with stand(faults=faults) as it:
        first, second = [await it.ask(*CREATIONS["job"]) for _ in range(2)]
        assert (first.status_code, first.content) == (200, b"")
        assert second.status_code == 302
        assert second.headers["location"].startswith("https://login.invalid/")
        assert it.sandbox.packages == []


async def test_repeat_key_holds_the_key_in_other_forms() -> None:
    faults = (ApiFault("repeat_key", status=403),)
    async with stand(faults=faults, api_key="Some-Key") as it:
        answer = await it.ask(*CREATIONS["job"])
    assert answer.status_code == 403
    assert answer.json()["error"]["message"] == "no access for SOME-KEY, sOME-kEY"
    assert "Some-Key" not in answer.text
    assert "sOME" not in answer.text


async def test_on_names_the_only_operation_that_is_struck() -> None:
    async with stand(faults=(ApiFault("status", on="GetDownloadById"),)) as it:
        for kind in CREATIONS:
            await it.create(kind)
        made = (await it.create("catalog"))["id"]
        assert (await it.ask("GET", f"/v0/catalogs/download/{made}")).status_code == 500
        assert (await it.ask("GET", "/ping")).status_code == 200


async def test_nth_strikes_only_that_request() -> None:
    async with stand(faults=(ApiFault("status", nth=3),)) as it:
        statuses = [(await it.ask(*CREATIONS["job"])).status_code for _ in range(6)]
    assert statuses == [200, 200, 500, 200, 200, 200]


async def test_nth_counts_only_what_it_looks_at() -> None:
    faults = (ApiFault("status", nth=2, on="downloadTask", only="/tasks/t1/"),)
    async with stand(faults=faults) as it:
        assert (await it.ask(*CREATIONS["task"])).status_code == 200
        assert (await it.ask(*CREATIONS["job"])).status_code == 200
        other = CREATIONS["task"][1].replace("t1", "t2")
        assert (await it.ask("PUT", other)).status_code == 200
        assert (await it.ask(*CREATIONS["task"])).status_code == 500


async def test_times_is_how_often_it_strikes_at_most() -> None:
    async with stand(faults=(ApiFault("status", times=2),)) as it:
        statuses = [(await it.ask(*CREATIONS["job"])).status_code for _ in range(4)]
    assert statuses == [500, 500, 200, 200]


async def test_only_is_looked_for_in_the_path() -> None:
    async with stand(faults=(ApiFault("status", only="/jobs/bad"),)) as it:
        paths = [f"/v0/workflows/w/jobs/{job}/download" for job in ("good", "bad-1", "bad-2")]
        statuses = [(await it.ask("PUT", path)).status_code for path in paths]
    assert statuses == [200, 500, 500]


async def struck(rate: float, seed: int, times: int | None = None) -> list[bool]:
    async with stand(faults=(ApiFault("status", rate=rate, times=times),), seed=seed) as it:
        return [(await it.ask("GET", "/ping")).status_code == 500 for _ in range(200)]


async def test_rate_strikes_that_share_the_same_way_for_the_same_seed() -> None:
    first = await struck(0.25, seed=1)
    assert 25 <= sum(first) <= 75
    assert await struck(0.25, seed=1) == first
    assert await struck(0.25, seed=2) != first


async def test_rate_may_be_nothing_or_all_and_times_bounds_it() -> None:
    assert sum(await struck(0.0, seed=1)) == 0
    assert sum(await struck(1.0, seed=1)) == 200
    assert sum(await struck(0.5, seed=1, times=3)) == 3


async def test_the_first_fault_that_strikes_is_taken_and_the_others_do_not_see_the_request() -> (
    None
):
    faults = (ApiFault("status", status=503, nth=1), ApiFault("status", status=500, nth=1))
    async with stand(faults=faults) as it:
        statuses = [(await it.ask(*CREATIONS["job"])).status_code for _ in range(3)]
    assert statuses == [503, 500, 200]


@pytest.mark.parametrize("kind", CREATIONS)
async def test_a_package_fails_when_it_should_be_ready(kind: str) -> None:
    packaging = PackagingTime.constant(5)
    async with stand(faults=(PackageFault("failed"),), packaging=packaging) as it:
        made = await it.create(kind)
        assert made["status"].lower() in {"pending", "in_progress"}
        it.clock.now = START + 5
        if kind == "aoi":
            told = (await it.ask("GET", f"{AOI}/{made['download_id']}")).json()
        elif kind == "catalog":
            told = (await it.ask("GET", f"/v0/catalogs/download/{made['id']}")).json()
        else:
            told = await it.create(kind)
        assert told["status"].lower() == "failed"
        assert not told.get("signed_url")


async def test_a_package_that_never_is_ready_stays_pending() -> None:
    async with stand(faults=(PackageFault("never"),)) as it:
        it.clock.now = START + 1e8
        told = [await it.create("job") for _ in range(3)]
    assert [one["status"] for one in told] == ["pending"] * 3
    assert not any(one.get("signed_url") for one in told)


async def test_a_late_url_comes_with_the_third_success() -> None:
    packaging = PackagingTime.constant(5)
    async with stand(faults=(PackageFault("url_late"),), packaging=packaging) as it:
        told = [await it.create("job") for _ in range(2)]
        it.clock.now = START + 5
        told += [await it.create("job") for _ in range(4)]
    words = ["pending"] * 2 + ["ready"] * 4
    assert [one["status"] for one in told] == words
    assert [bool(one.get("signed_url")) for one in told] == [False] * 4 + [True] * 2


async def test_an_unknown_word_is_told_until_it_is_ready() -> None:
    packaging = PackagingTime.constant(5)
    async with stand(faults=(PackageFault("unknown_word"),), packaging=packaging) as it:
        before = await it.create("job")
        it.clock.now = START + 5
        after = await it.create("job")
    assert before["status"] not in {"pending", "ready", "failed", "created", "in_progress"}
    assert (after["status"], bool(after["signed_url"])) == ("ready", True)


@pytest.mark.parametrize("kind", ["aoi", "catalog"])
async def test_a_package_that_is_let_go_stays_so(kind: str) -> None:
    faults = (PackageFault("gone", nth=1), PackageFault("expired", nth=1))
    path = "/v0/catalogs/download" if kind == "catalog" else AOI
    async with stand(faults=faults) as it:
        for _ in range(3):
            assert (await it.ask(*CREATIONS[kind])).status_code == 201
        told = [await it.ask("GET", f"{path}/{package.id}") for package in it.sandbox.packages * 2]
    assert [one.status_code for one in told] == [410, 200, 200] * 2
    assert [one.json().get("status", "").lower() for one in told] == ["", "expired", "success"] * 2
    assert not told[1].json().get("signed_url")


@pytest.mark.parametrize("kind", ["insight", "job", "task"])
async def test_a_put_makes_another_package_once_one_was_let_go(kind: str) -> None:
    faults = (PackageFault("gone", nth=1), PackageFault("expired", nth=1))
    async with stand(faults=faults) as it:
        told = [await it.ask(*CREATIONS[kind]) for _ in range(3)]
    assert [one.status_code for one in told] == [410, 200, 200]
    assert told[1].json()["status"] == "expired"
    assert told[2].json()["signed_url"]


async def test_the_storage_has_no_object_of_a_package_that_is_gone() -> None:
    async with stand() as it:
        url = await it.url()
        it.sandbox.packages[0].action = "gone"
        assert (await fetch(url)).status == 404


async def test_package_faults_look_for_the_identity() -> None:
    faults = (PackageFault("failed", only='"job_id": "bad"'), PackageFault("failed", nth=2))
    async with stand(faults=faults) as it:
        paths = [f"/v0/workflows/w/jobs/{job}/download" for job in ("a", "bad", "b", "c")]
        words = [(await it.ask("PUT", path)).json()["status"] for path in paths]
        assert words == ["ready", "failed", "failed", "ready"]
        assert [package.action for package in it.sandbox.packages] == ["", "failed", "failed", ""]
