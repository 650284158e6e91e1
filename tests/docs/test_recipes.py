"""The programs of the recipes do what their pages say, against a sandbox."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
import yaml

from pixxel_async.sandbox import PackageFault, Sandbox, Scenario, World, sandbox_in_thread
from pixxel_async.sandbox.world import Aoi, Insight

from ..support import PROCESS_S, when
from .recipes import environment, file_of

PENDING = Scenario(faults=(PackageFault("never", only="pending"),))
JOBS = [{"kind": "job", "workflow_id": "w", "job_id": f"j{number}"} for number in range(3)]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the recipes are for POSIX")


@contextmanager
def running(words: list[str], folder: Path, env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Run a program until the context ends; its output goes into `log`."""
    with (
        (folder / "log").open("w", encoding="utf-8") as log,
        subprocess.Popen(words, cwd=folder, env=env, stdout=log, stderr=log, text=True) as process,  # noqa: S603
    ):
        try:
            yield process
        finally:
            process.kill()


def end(process: subprocess.Popen[str]) -> int:
    """Send SIGTERM, and return the exit code."""
    process.send_signal(signal.SIGTERM)
    return process.wait(PROCESS_S)


def a_world() -> World:
    """Return four areas, each with an old and a new insight."""
    now = datetime.now(UTC)
    times = {"old": now - timedelta(days=90), "new": now - timedelta(days=3)}
    return World(
        aois=tuple(
            Aoi(
                f"aoi-{number}",
                name="",
                insights=tuple(
                    Insight(f"{name}-{number}", status="completed", created_at=time)
                    for name, time in times.items()
                ),
            )
            for number in range(4)
        )
    )


def test_the_nightly_script_saves_what_is_new_and_nothing_twice(tmp_path: Path) -> None:
    script = tmp_path / "pixxel-nightly"
    script.write_text(file_of("nightly.md", script.name), encoding="utf-8")
    out = tmp_path / "out"
    with sandbox_in_thread(Scenario(world=a_world())) as sandbox:
        for _night in range(2):
            ended = subprocess.run(  # noqa: S603 - our own script
                ["/bin/sh", script, out, "aoi-0", "aoi-1", "aoi-2"],
                env=environment(sandbox),
                capture_output=True,
                text=True,
                check=False,
                timeout=PROCESS_S,
            )
            assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
            requests = [each for each in sandbox.calls if each.operation == "downloadInsights"]
            assert {each.path.split("/insights/")[1].split("/")[0] for each in requests} == {
                "new-0", "new-1", "new-2",
            }  # fmt: skip
        assert len(sandbox.gets) == len(list(out.glob("*.zip"))) == 3


UNITS = {
    "pixxel-nightly.service": "nightly.md",
    "pixxel-nightly.timer": "nightly.md",
    "pixxel-watch.service": "watch.md",
}


def test_the_unit_of_a_watch_has_a_command_that_saves_and_codes_that_are_right(
    tmp_path: Path,
) -> None:
    unit = file_of("watch.md", "pixxel-watch.service")
    (command,) = re.findall(r"^ExecStart=\S+/(pixxel-async .*)$", unit, re.MULTILINE)
    words = command.replace("AOI_", "aoi-").replace("/srv/pixxel", str(tmp_path)).split()
    with sandbox_in_thread(Scenario(world=a_world())) as sandbox:
        env = environment(sandbox)
        with running(words, tmp_path, env) as process:
            when(lambda: len(list(tmp_path.glob("*.zip"))) == 4)
            code = end(process)
        assert f"SuccessExitStatus={code}" in unit.splitlines()
        env["PIXXEL_API_KEY"] = "wrong"
        with running(words, tmp_path, env) as process:
            code = process.wait(PROCESS_S)
        assert f"RestartPreventExitStatus={code}" in unit.splitlines()


def test_the_units_are_valid(tmp_path: Path) -> None:
    if (analyze := shutil.which("systemd-analyze")) is None:
        pytest.skip("install systemd to check the units")
    for name, page in UNITS.items():
        text = file_of(page, name)
        # The check wants a program that exists.
        text = re.sub(r"/usr/local/bin/pixxel-\w+", sys.executable, text)
        (tmp_path / name).write_text(text, encoding="utf-8")
    ended = subprocess.run(  # noqa: S603 - our own files
        [analyze, "verify", *tmp_path.iterdir()],
        capture_output=True, text=True, check=False, timeout=PROCESS_S,
    )  # fmt: skip
    about_ours = [line for line in ended.stderr.splitlines() if "pixxel" in line]
    assert about_ours == []
    assert ended.returncode == 0, ended.stderr


def test_the_settings_of_a_proxy_are_stored(tmp_path: Path) -> None:
    script = file_of("corporate-proxy.md", "settings")
    with sandbox_in_thread() as sandbox:
        env = environment(sandbox, PIXXEL_CONFIG=str(tmp_path / "config.toml"))
        ended = subprocess.run(  # noqa: S603 - our own commands
            ["/bin/sh", "-e", "-c", f"{script}\npixxel-async config show"],
            cwd=tmp_path, env=env, capture_output=True, text=True, check=True, timeout=PROCESS_S,
        )  # fmt: skip
    assert re.search(r"proxy +http://proxy\.example:3128", ended.stdout)
    assert re.search(rf"ca_bundle +{re.escape(str(tmp_path))}/bundle\.pem", ended.stdout)


def test_the_variables_of_a_proxy_are_those_that_count(tmp_path: Path) -> None:
    script = file_of("corporate-proxy.md", "variables")
    script = script.replace("proxy.example:3128", "127.0.0.1:9")  # where nothing listens
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "bundle.pem"))
    with sandbox_in_thread() as sandbox:
        env = environment(sandbox, PIXXEL_BASE_URL="https://api.example")
        ended = subprocess.run(  # noqa: S603 - our own commands
            ["/bin/sh", "-e", "-c", f"{script}\npixxel-async doctor --json || true"],
            cwd=tmp_path, env=env, capture_output=True, text=True, check=True, timeout=PROCESS_S,
        )  # fmt: skip
    checks = {each["name"]: each["text"] for each in json.loads(ended.stdout)["checks"]}
    assert "127.0.0.1:9" in checks["proxy"]


def test_the_application_exports_tells_cancels_and_ends(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(file_of("fastapi.md", "app.py"), encoding="utf-8")
    words = [sys.executable, "-m", "uvicorn", "app:app", "--port", "0"]
    pending = {"kind": "job", "workflow_id": "w", "job_id": "pending"}
    with sandbox_in_thread(PENDING) as sandbox:
        with running(words, tmp_path, environment(sandbox)) as process:
            with httpx.Client(base_url=address(tmp_path / "log"), trust_env=False) as http:
                assert http.put("/exports/fine", json=JOBS).status_code == 202
                when(lambda: http.get("/exports/fine").json()["complete"])
                assert http.get("/exports/fine").json()["saved"] == len(JOBS)

                http.put("/exports/slow", json=[*JOBS, pending])
                when(lambda: http.get("/exports/slow").json()["saved"] == len(JOBS))
                assert http.put("/exports/slow", json=JOBS).status_code == 409
                told = http.delete("/exports/slow").json()
                assert (told["running"], told["complete"], told["left"]) == (False, False, 1)

                http.put("/exports/slow", json=[*JOBS, pending])
                when(lambda: http.get("/exports/slow").json()["skipped"] == len(JOBS))
                assert http.get("/exports/none").status_code == 404
                assert http.put("/exports/bad", json=[{"kind": "job"}]).status_code == 422
                assert http.put("/exports/..", json=JOBS).status_code >= 400
            end(process)
        log = (tmp_path / "log").read_text(encoding="utf-8")
    assert "Application shutdown complete" in log
    assert "Traceback" not in log
    assert len(list((tmp_path / "exports" / "slow").glob("*.zip"))) == len(JOBS)


def address(log: Path) -> str:
    """Wait for the line that says where uvicorn listens, and return the address."""
    pattern = re.compile(r"running on (http://\S+)")
    when(lambda: pattern.search(log.read_text(encoding="utf-8")))
    found = pattern.search(log.read_text(encoding="utf-8"))
    assert found is not None
    return found[1]


def test_the_worker_settles_requests_and_resumes_after_a_signal(tmp_path: Path) -> None:
    (tmp_path / "worker.py").write_text(file_of("worker-queue.md", "worker.py"), encoding="utf-8")
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    rows: dict[str, Any] = {
        "one": JOBS[0],
        "two": JOBS[1],
        "wrong": {"kind": "job"},
        "slow": {"kind": "job", "workflow_id": "w", "job_id": "pending"},
    }
    for name, row in rows.items():
        (inbox / f"{name}.json").write_text(json.dumps(row), encoding="utf-8")
    words = [sys.executable, "worker.py"]
    with sandbox_in_thread(PENDING) as sandbox:
        with running(words, tmp_path, environment(sandbox)) as process:
            when(lambda: sorted(each.stem for each in inbox.iterdir()) == ["slow"])
            assert end(process) == 0
    assert {each.stem for each in (tmp_path / "done").glob("*.json")} == {"one", "two"}
    assert {each.stem for each in (tmp_path / "failed").glob("*.json")} == {"wrong"}
    assert "missing" in (tmp_path / "failed" / "wrong.txt").read_text(encoding="utf-8")
    with sandbox_in_thread() as sandbox:  # where nothing is pending for ever
        with running(words, tmp_path, environment(sandbox)) as process:
            when(lambda: not list(inbox.iterdir()))
            assert end(process) == 0
    assert (tmp_path / "done" / "slow.json").exists()


def test_the_workflow_of_ci_is_valid_yaml() -> None:
    workflow = yaml.safe_load(file_of("ci.md", ".github/workflows/packages.yml"))
    commands = [step["run"] for step in workflow["jobs"]["export"]["steps"] if "run" in step]
    assert any(command.startswith("pixxel-async export") for command in commands)


AIRFLOW = """
import asyncio, sys
from airflow.sdk.exceptions import TaskDeferred
from pixxel_airflow import PixxelPackageOperator

row = {"kind": "job", "workflow_id": "w", "job_id": "j"}
operator = PixxelPackageOperator(task_id="t", row=row, folder="packages")
try:
    operator.execute({})
except TaskDeferred as deferred:
    trigger = deferred.trigger
name, arguments = trigger.serialize()
assert name == "pixxel_airflow.PackageTrigger"

async def first():
    async for event in type(trigger)(**arguments).run():
        return event.payload

print(operator.save({}, asyncio.run(first())))
"""


def test_the_operator_of_airflow_defers_and_saves(tmp_path: Path) -> None:
    pytest.importorskip("airflow", reason="install apache-airflow to run this recipe")
    (tmp_path / "pixxel_airflow.py").write_text(
        file_of("airflow.md", "pixxel_airflow.py"), encoding="utf-8"
    )
    with sandbox_in_thread() as sandbox:
        ended = run_airflow(tmp_path, sandbox, sys.executable)
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / ended.stdout.splitlines()[-1]).is_file()


def run_airflow(folder: Path, sandbox: Sandbox, python: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own program
        [python, "-c", AIRFLOW],
        cwd=folder,
        env=environment(sandbox, AIRFLOW_HOME=str(folder), PYTHONPATH=str(folder)),
        capture_output=True,
        text=True,
        check=False,
        timeout=PROCESS_S,
    )
