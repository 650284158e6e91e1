"""Made-up workflows, jobs and tasks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from .maker import Maker, duration, later, nth, raw_json
from .processing import Job, Task, Workflow

AIMS = ("Crop stress", "Methane", "Shoreline", "Burn scars", "Mine tailings", "Snow cover")
BLOCKS = ("atmospheric-correction", "band-math", "segmentation", "zonal-statistics")
JOB_STATUS = ("completed", "running", "completed", "failed", "completed", "pending")
MONTH = timedelta(days=30)


def made_workflows(
    maker: Maker, count: int, project_ids: Sequence[str], *, jobs: int, tasks: int
) -> tuple[Workflow, ...]:
    """Make up workflows, shared out among projects, each with jobs and their tasks."""
    return tuple(_workflow(maker, number, project_ids, jobs, tasks) for number in range(count))


def _workflow(
    maker: Maker, number: int, project_ids: Sequence[str], jobs: int, tasks: int
) -> Workflow:
    aim = nth(AIMS, number)
    made = maker.day("workflow", number)
    return Workflow(
        maker.id("workflow", number),
        name=f"{aim} {number + 1}",
        description=f"{aim}, step by step",
        project_id=nth(project_ids, number) if project_ids else "",
        legacy_project_id=f"legacy-{number % 7}",
        created_by=maker.user(number),
        estimated_cost=10 + number % 40,
        spec=raw_json({"blocks": BLOCKS[:tasks]}),
        created_at=made,
        updated_at=made + MONTH / 10,
        jobs=tuple(_job(maker, (number, n), tasks) for n in range(jobs)),
    )


def _job(maker: Maker, numbers: tuple[int, int], tasks: int) -> Job:
    chance = maker.chance("job", *numbers)
    status = nth(JOB_STATUS, *numbers)
    made = later(maker.day("workflow", numbers[0]), chance, MONTH)
    taken_s = chance.randrange(30, 3600)
    is_over = status in {"completed", "failed"}
    end = made + timedelta(seconds=taken_s)
    return Job(
        maker.id("job", *numbers),
        status=status,
        progress={"completed": "100", "pending": "0"}.get(status, str(chance.randrange(10, 90))),
        created_by=maker.user(sum(numbers)),
        cost=chance.randrange(1, 50),
        estimated_duration=taken_s + 60,
        time_taken=duration(taken_s) if is_over else "",
        finished_at=end if is_over else None,
        spec=raw_json({"blocks": BLOCKS[:tasks]}),
        created_at=made,
        updated_at=end if is_over else made,
        tasks=tuple(_task(maker, (*numbers, n), tasks, status) for n in range(tasks)),
    )


def _task(maker: Maker, numbers: tuple[int, int, int], tasks: int, job_status: str) -> Task:
    number = numbers[-1]
    chance = maker.chance("task", *numbers)
    status = _task_status(job_status, is_last=number == tasks - 1)
    taken_s = chance.randrange(5, 600)
    made = later(maker.day("workflow", numbers[0]), maker.chance("job", *numbers[:2]), MONTH)
    end = made + timedelta(seconds=taken_s)
    is_over = status in {"completed", "failed"}
    block = nth(BLOCKS, number)
    return Task(
        maker.id("task", *numbers),
        name=f"{block}-{number + 1}",
        status=status,
        progress=100 if status == "completed" else 0,
        err_msg="the block ended with an error" if status == "failed" else "",
        failure_type="model" if status == "failed" else "",
        estimated_time_duration=taken_s,
        time_taken=duration(taken_s) if is_over else "",
        finished_at=end if is_over else None,
        depends_on=[f"{nth(BLOCKS, number - 1)}-{number}"] if number else [],
        block_info={"id": maker.id("block", block), "name": block, "version": "1.0.0"},
        inputs=raw_json({}),
        result=raw_json({"ok": status == "completed"}),
        created_at=made,
        updated_at=end if is_over else made,
    )


def _task_status(job_status: str, *, is_last: bool) -> str:
    """Return a status that goes with that of the job: the last task is what holds it up."""
    return job_status if is_last or job_status == "pending" else "completed"
