"""Manifest rows for demos, tests and benchmarks."""

from __future__ import annotations

from random import Random
from typing import Any
from uuid import UUID


def demo_rows(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Return rows of all five kinds, mixed; no two request the same package.

        downloads = [parse_download(row) for row in demo_rows(300, seed=0)]

    Args:
        count: The number of rows.
        seed: The same seed gives the same rows, and the first ones of a longer list.
    """
    chance = Random(seed)  # noqa: S311 - repeatable, not for secrets
    return [_row(number, chance) for number in range(count)]


def _row(number: int, chance: Random) -> dict[str, Any]:
    ids = [str(UUID(int=chance.getrandbits(128), version=4)) for _ in range(3)]
    lists = [str(UUID(int=chance.getrandbits(128), version=4)) for _ in range(1 + number % 3)]
    match number % 6:
        case 0:
            return {"kind": "insight", "aoi_id": ids[0], "insight_id": ids[1], "outputs": lists}
        case 1:
            return {"kind": "aoi", "aoi_id": ids[0], "asset_ids": lists}
        case 2:
            return {"kind": "job", "workflow_id": ids[0], "job_id": ids[1]}
        case 3:
            row = {"kind": "task", "workflow_id": ids[0], "job_id": ids[1]}
            return {**row, "task_id": ids[2]}
        case 4:
            return {"kind": "catalog", "catalog_ids": lists}
        case _:
            return {"kind": "catalog", "order_item_ids": lists}
