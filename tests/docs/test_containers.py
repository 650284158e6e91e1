"""The command as PID 1, the files of containers, and the recipe for conda."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

import pixxel_async
from pixxel_async.sandbox import PackageFault, Scenario, World, sandbox_in_thread
from pixxel_async.sandbox.world import Job, Workflow

from ..cli.commands import COMMAND, QUICK, write_manifest
from ..support import PROCESS_S, when
from .pages import ROOT
from .recipes import environment, file_of
from .test_commands import assert_options_exist

ROWS = [{"kind": "job", "workflow_id": "w", "job_id": name} for name in ("fine", "pending")]
PENDING = Scenario(faults=(PackageFault("never", only="pending"),))


def own_pid_namespace() -> list[str]:
    """Return the words that start a command as PID 1, or skip the test."""
    unshare = shutil.which("unshare")
    words = [unshare or "", "--user", "--map-root-user", "--pid", "--fork", "--kill-child"]
    if unshare is None or subprocess.run([*words, "true"], check=False).returncode != 0:  # noqa: S603
        pytest.skip("the system allows no namespaces: run it where unshare --pid works")
    return words


def child_of(process: subprocess.Popen[bytes]) -> int:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    when(lambda: children.read_text(encoding="ascii").split())
    return int(children.read_text(encoding="ascii").split()[0])


@pytest.mark.skipif(sys.platform != "linux", reason="PID namespaces are of Linux")
def test_as_pid_1_it_ends_at_sigterm_and_the_next_run_resumes(tmp_path: Path) -> None:
    namespace = own_pid_namespace()
    manifest = write_manifest(tmp_path / "m.jsonl", ROWS)
    words = [*COMMAND, "export", str(manifest), "--out", str(tmp_path / "out"), *QUICK]
    with sandbox_in_thread(PENDING) as sandbox:
        env = environment(sandbox)
        with subprocess.Popen([*namespace, *words], env=env, stderr=subprocess.PIPE) as process:  # noqa: S603
            try:
                when(lambda: list((tmp_path / "out").glob("*.zip")))
                (Path("/proc") / str(child_of(process))).stat()
                send(child_of(process))
                _, said = process.communicate(timeout=PROCESS_S)
            finally:
                process.kill()
        assert process.returncode == 128 + signal.SIGTERM
        assert b"1 saved" in said
    with sandbox_in_thread() as sandbox:
        ended = subprocess.run(  # noqa: S603 - our own command
            [*namespace, *words], env=environment(sandbox), check=False, timeout=PROCESS_S
        )
    assert ended.returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="PID namespaces are of Linux")
def test_a_watch_as_pid_1_saves_and_ends_at_sigterm(tmp_path: Path) -> None:
    out = tmp_path / "out"
    world = World(workflows=(Workflow("w", jobs=(Job("fine"), Job("pending"))),))
    words = (*COMMAND, "watch", "jobs", "--workflow", "w", "--out", str(out), *QUICK)
    with sandbox_in_thread(Scenario(world=world, faults=PENDING.faults)) as sandbox:
        env = environment(sandbox)
        with subprocess.Popen(  # noqa: S603 - our own command
            [*own_pid_namespace(), *words], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            try:
                when(lambda: list(out.glob("*.zip")))
                send(child_of(process))
                lines, said = process.communicate(timeout=PROCESS_S)
            finally:
                process.kill()
    assert process.returncode == 128 + signal.SIGTERM
    assert lines.count(b"saved ") == 1, said
    assert b"interrupted: 1 package saved, 0 failed, 1 left" in said


def send(pid: int) -> None:
    subprocess.run(["kill", "-TERM", str(pid)], check=True)  # noqa: S603, S607 - as `docker stop` does


def test_the_image_is_built_from_files_that_it_may_see() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = [
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", dockerfile, re.MULTILINE)
        for source in line.split()[:-1]
    ]
    assert copied
    for source in copied:
        assert (ROOT / source).exists()
        assert f"!{source}" in ignored, ".dockerignore leaves it out"


@pytest.mark.parametrize(
    ("page", "name"), [("containers.md", "job.yaml"), ("watch.md", "watch.yaml")]
)
def test_what_runs_in_kubernetes_has_options_that_exist(page: str, name: str) -> None:
    job = yaml.safe_load(file_of(page, name))
    pod: Any = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert_options_exist(["pixxel-async", *container["args"]])
    assert {each["name"] for each in container["volumeMounts"]} == {
        each["name"] for each in pod["volumes"]
    }
    assert container["image"].endswith(f":{pixxel_async.__version__}")


def test_the_recipe_of_conda_has_the_dependencies_of_the_package() -> None:
    recipe = yaml.safe_load((ROOT / "recipe" / "recipe.yaml").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    run = {line.replace(" ", "") for line in recipe["requirements"]["run"]}
    assert run == {*project["dependencies"], "python>=${{python_min}}"}
    assert recipe["context"]["version"] == project["version"] == pixxel_async.__version__
    assert project["requires-python"] == f">={recipe['context']['python_min']}"
    (entry,) = recipe["build"]["python"]["entry_points"]
    name, _, target = entry.partition(" = ")
    assert project["scripts"] == {name: target}


def test_the_citation_names_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == pixxel_async.__version__
    assert citation["license"] == "Apache-2.0"
