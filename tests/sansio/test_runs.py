"""Runs: their rows and keys, their calls, their states, and how a lost creation is found."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async import InputError, PackageStatus, ResponseError, RunInsight, RunJob, parse_run
from pixxel_async.config import PreviousFailures
from pixxel_async.runs import parse_row
from pixxel_async.sansio.api import run_calls
from pixxel_async.sansio.resilience.retry_rules import CallKind
from pixxel_async.sansio.run_search import NEAR_S, Before, Findings, Listed, Search, find
from pixxel_async.sansio.run_state import CostLedger, RunAction, RunState, first_action

JOB = RunJob(workflow_id="w/1", project_id="p 1")
INSIGHT = RunInsight(
    aoi_id="a", block="ndvi", version="1.0.0", inputs=[{"asset": 1}, "x"], metadata={"mine": "1"}
)


def listed(id_: str, created_s: float | None = 1000.0, token: str = "") -> Listed:
    """Return a record of a list."""
    return Listed(id=id_, created_s=created_s, token=token, has_metadata=bool(token))


# Rows.


def test_rows_come_back_and_keys_are_stable() -> None:
    for run in (JOB, INSIGHT):
        again = parse_run(json.loads(json.dumps(run.row())))
        assert (again, again.key) == (run, run.key)
    assert JOB.key == "run-job:w%2F1/p%201"
    assert JOB.model_copy(update={"label": "b"}).key == "run-job:w%2F1/p%201//b"
    assert INSIGHT.key == "run-insight:a/ndvi/1.0.0#" + INSIGHT.key.partition("#")[2]


def test_the_order_of_inputs_counts() -> None:
    turned = INSIGHT.model_copy(update={"inputs": tuple(reversed(INSIGHT.inputs))})
    assert turned.key != INSIGHT.key


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"kind": "run-job"}, 'field "workflow_id" is missing; field "project_id" is missing'),
        ({**JOB.row(), "job_id": "j"}, 'unknown field "job_id" for kind "run-job"'),
        ({**INSIGHT.row(), "inputs": []}, 'field "inputs": is empty'),
        ({**INSIGHT.row(), "inputs": "x"}, 'field "inputs": is a single string'),
        ({**INSIGHT.row(), "inputs": [float("nan")]}, "a value that JSON does not have"),
        ({"kind": "job"}, 'not a run: "kind" is one of run-job, run-insight'),
        (None, "not a run"),
    ],
)
def test_an_invalid_row_says_why(row: object, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        parse_run(row)


def test_a_manifest_may_hold_both() -> None:
    assert parse_row(JOB.row()) == JOB
    assert parse_row({"kind": "job", "workflow_id": "w", "job_id": "j"}).key == "job:w/j"


# Calls.


def test_the_creation_of_a_job_has_no_body() -> None:
    call = run_calls.creation(JOB, "token")
    assert (call.method, call.kind, call.body) == ("POST", CallKind.CREATION, None)
    assert call.path == "/v0/workflows/w%2F1/jobs?project_id=p%201"


def test_the_creation_of_an_insight_carries_its_token() -> None:
    call = run_calls.creation(INSIGHT, "token")
    assert call.path == "/v0/aoi/a/insights"
    assert json.loads(call.body or b"") == {
        "block": {"name": "ndvi", "version": "1.0.0"},
        "input": [{"asset": 1}, "x"],
        "metadata": {"mine": "1", run_calls.TOKEN: "token"},
    }


def test_an_estimate_creates_nothing() -> None:
    call = run_calls.estimate(INSIGHT)
    assert call.kind is CallKind.READ
    assert json.loads(call.body or b"")["estimate"] is True
    assert run_calls.read_estimate(INSIGHT, b'{"estimate": 7}') == 7
    assert run_calls.read_estimate(JOB, b'{"estimated_cost": 3}') == 3


@pytest.mark.parametrize("body", [b"{}", b"[]", b"no", b'{"estimated_cost": -1}', b"null"])
def test_an_answer_without_a_cost_is_no_estimate(body: bytes) -> None:
    with pytest.raises(ResponseError, match="no cost"):
        run_calls.read_estimate(JOB, body)


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        ({"status": "running"}, PackageStatus.PENDING, ""),
        ({"status": "a new word"}, PackageStatus.PENDING, ""),
        ({"status": "Completed"}, PackageStatus.READY, ""),
        ({"status": "x", "finished_at": "2026-01-01T00:00:00Z"}, PackageStatus.READY, ""),
        (
            {"status": "failed", "tasks": [{"id": "t", "name": "ndvi", "err_msg": "no cloud"}]},
            PackageStatus.FAILED,
            "ndvi: no cloud",
        ),
        (
            {"status": "failed", "val_errors": [{"component_name": "c", "err": "bad"}, "x"]},
            PackageStatus.FAILED,
            "c: bad",
        ),
    ],
)
def test_the_status_of_a_job(answer: dict[str, object], status: object, reason: str) -> None:
    found = run_calls.read_status(JOB, "j", json.dumps({"id": "j", **answer}).encode())
    assert found is not None
    assert (found.status, found.reason) == (status, reason)


def test_the_status_of_an_insight_is_in_the_list() -> None:
    row = {"id": "i", "status": "failed", "err_msg": "no cloud", "cost": 5}
    body = json.dumps({"insights": [{"id": "other"}, row]}).encode()
    found = run_calls.read_status(INSIGHT, "i", body)
    assert found is not None
    assert (found.status, found.reason, found.cost) == (PackageStatus.FAILED, "no cloud", 5)
    assert run_calls.read_status(INSIGHT, "none", body) is None
    deleted = json.dumps({"insights": [{**row, "deleted_at": "2026-01-01T00:00:00Z"}]}).encode()
    found = run_calls.read_status(INSIGHT, "i", deleted)
    assert found is not None
    assert found.reason == "it was deleted"


def test_a_list_tells_tokens_and_times() -> None:
    rows = [
        {"id": "1", "created_at": "1970-01-01T00:00:09Z", "metadata": {run_calls.TOKEN: "t"}},
        {"id": "2", "metadata": None},
    ]
    found = run_calls.read_listing(INSIGHT, json.dumps({"insights": rows}).encode())
    assert found == (
        Listed(id="1", created_s=9.0, token="t", has_metadata=True),
        Listed(id="2"),
    )


# The search.


def test_a_single_new_job_is_the_lost_one() -> None:
    before = Before.of([listed("old")])
    search = Search(before, "", known={"known"})
    assert find(search, [listed("old"), listed("known"), listed("new")]) == Findings(found="new")
    assert find(search, [listed("old"), listed("known")]) == Findings()
    both = find(search, [listed("new"), listed("newer")])
    assert both == Findings(unclear=("new", "newer"))


def test_what_is_older_than_the_newest_by_far_is_not_new() -> None:
    before = Before.of([listed("newest", 10_000.0)])
    late = listed("shown late", 10_000.0 - NEAR_S - 1)
    near = listed("of another clock", 10_000.0 - NEAR_S + 1)
    assert find(Search(before, "", set()), [late]) == Findings()
    assert find(Search(before, "", set()), [late, near]) == Findings(found="of another clock")


def test_an_insight_is_found_by_its_token() -> None:
    search = Search(Before.of([]), "mine", set())
    marked = [listed("1", token="other"), listed("2", token="mine"), listed("3")]
    assert find(search, marked) == Findings(found="2")
    assert find(search, [listed("1", token="other"), listed("3")]) == Findings()
    assert find(search, [listed("3")]) == Findings(unclear=("3",))  # no metadata is shown
    assert find(search, []) == Findings()


@given(
    st.lists(
        st.tuples(st.uuids().map(str), st.none() | st.floats(0, 1e9)), unique_by=lambda one: one[0]
    ),
    st.floats(0, NEAR_S / 2),
)
def test_what_a_list_held_is_never_new_and_what_follows_is(
    rows: list[tuple[str, float | None]], slow_s: float
) -> None:
    old = [listed(id_, at) for id_, at in rows]
    before = Before.from_text(Before.of(old).to_text())
    assert before == Before.of(old)
    newest = max((at for _, at in rows if at is not None), default=0.0)
    new = listed("new", newest - slow_s)  # the clocks of a service differ
    assert find(Search(before, "", set()), [*old, new]) == Findings(found="new")
    assert find(Search(before, "", set()), old) == Findings()


@pytest.mark.parametrize("text", ["{}", "[]", '[1,["a"],2]', '["x",[]]', "[null,[1]]", "no"])
def test_a_damaged_record_of_a_list_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Before.from_text(text)


# States and costs.


def decided(state: RunState | None, failures: str = "leave", **facts: bool) -> RunAction:
    """Decide with facts that are false unless they are given."""
    known = dict.fromkeys(("has_id", "is_unanswered", "takes_up_itself"), False) | facts
    return first_action(state, failures=PreviousFailures(failures), **known)


def test_what_is_done_first() -> None:
    failed = RunState.FAILED
    assert decided(None) is RunAction.CREATE
    assert decided(RunState.SENDING, is_unanswered=True) is RunAction.LOOK
    assert decided(RunState.CREATED, has_id=True) is RunAction.POLL
    assert decided(RunState.FINISHED, has_id=True) is RunAction.EXPORT
    assert decided(failed, has_id=True) is RunAction.LEAVE_FAILED
    assert decided(failed, "auto", has_id=True) is RunAction.LEAVE_FAILED
    assert decided(failed, "retry", has_id=True) is RunAction.CREATE
    assert decided(failed, has_id=True, takes_up_itself=True) is RunAction.POLL
    assert decided(failed, takes_up_itself=True) is RunAction.CREATE
    assert decided(failed, "retry", is_unanswered=True) is RunAction.LOOK


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0, 100))), st.floats(0, 300))
def test_a_ledger_never_exceeds_its_limit(wanted: list[tuple[int, float]], limit: float) -> None:
    ledger = CostLedger()
    fitted = [cost for key, cost in wanted if ledger.reserve(f"{key}", cost, limit)]
    assert ledger.total <= limit
    assert ledger.total == pytest.approx(sum(fitted))
