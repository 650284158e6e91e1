"""Records become downloads: which package each of them goes into.

Rules:
    * An insight, a job or a task is a package of its own: the service packages them so.
    * Assets, images and order items may share packages. Those of one AOI never share one with
      those of another, since the call names the AOI.
    * By default each of them has a package of its own, too. What is listed later then adds
      packages, and leaves those alone that an earlier run has saved; with more in a package, one
      new asset moves all that follow into other packages, which are requested and fetched again.
      It also means that one asset that cannot be packaged fails alone.
    * The inputs and outputs of an insight are read as far as their form is known: a list of ids,
      or of objects that have an `asset_id` or an `id`, also within an object as its `asset_ids`.
      The service documents bytes of JSON, and not what that says.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from ...downloads import Download, parse_download
from ...records import Asset, Insight, Job, Record, Task

PER_PACKAGE = 1
"""Assets, images or order items in a package: see the rules."""

_ID_FIELDS = ("asset_id", "id")


class Packer:
    """Gathers records into downloads."""

    def __init__(self, row: Callable[[str, list[str]], dict[str, Any]], size: int) -> None:
        """Begin with nothing.

        Args:
            row: Makes a manifest row of a parent's id and ids.
            size: How many ids go into one.
        """
        self._row = row
        self._size = size
        self._parent = ""
        self._ids: list[str] = []

    def add(self, record: Record) -> Iterator[Download]:
        """Add a record; yield the download that it completes, if it does."""
        parent = record.aoi_id if isinstance(record, Asset) else ""
        if parent != self._parent:
            yield from self.rest()
        self._parent = parent
        self._ids.append(record.id)
        if len(self._ids) >= self._size:
            yield from self.rest()

    def rest(self) -> Iterator[Download]:
        """Yield the download of what was gathered and is not yet in one."""
        ids, self._ids = self._ids, []
        if ids:
            yield parse_download(self._row(self._parent, ids))


def asset_packer(size: int) -> Packer:
    """Return a packer of assets."""
    return Packer(lambda aoi, ids: {"kind": "aoi", "aoi_id": aoi, "asset_ids": ids}, size)


def catalog_packer(size: int) -> Packer:
    """Return a packer of images that the account owns."""
    return Packer(lambda _, ids: {"kind": "catalog", "catalog_ids": ids}, size)


def order_item_packer(size: int) -> Packer:
    """Return a packer of order items."""
    return Packer(lambda _, ids: {"kind": "catalog", "order_item_ids": ids}, size)


def job_download(job: Job) -> Download:
    """Return the download of a job."""
    return parse_download({"kind": "job", "workflow_id": job.workflow_id, "job_id": job.id})


def task_download(task: Task) -> Download:
    """Return the download of a task."""
    ids = {"workflow_id": task.workflow_id, "job_id": task.job_id, "task_id": task.id}
    return parse_download({"kind": "task", **ids})


def insight_download(
    insight: Insight, *, inputs: tuple[str, ...] = (), outputs: tuple[str, ...] = ()
) -> Download:
    """Return the download of an insight; without inputs and outputs the service chooses."""
    ids = {"aoi_id": insight.aoi_id, "insight_id": insight.id}
    return parse_download({"kind": "insight", **ids, "inputs": inputs, "outputs": outputs})


def chosen_insight_download(
    insight: Insight, *, inputs: bool, outputs: bool
) -> tuple[Download, bool]:
    """Return the download of an insight with those that it lists, and whether it lists them.

    If it does not, the service chooses.
    """
    wanted = {"inputs": "input"} if inputs else {}
    wanted |= {"outputs": "output"} if outputs else {}
    ids = {name: asset_ids(insight.raw.get(at)) for name, at in wanted.items()}
    is_listed = all(ids.values())
    return insight_download(insight, **(ids if is_listed else {})), is_listed


def asset_ids(listed: Any) -> tuple[str, ...]:
    """Return the ids in an insight's `input` or `output`, empty if their form is not known."""
    found = []
    for one in _unpacked(listed):
        value = (
            next((one[name] for name in _ID_FIELDS if one.get(name)), None)
            if isinstance(one, dict)
            else one
        )
        if not isinstance(value, str) or not value:
            return ()
        found.append(value)
    return tuple(found)


def _unpacked(listed: Any) -> list[Any]:
    """Return the list itself; bytes, or a text, are JSON that holds it."""
    if isinstance(listed, list) and listed and all(type(one) is int for one in listed):
        try:
            listed = bytes(listed).decode()
        except ValueError:
            return []
    if isinstance(listed, str):
        try:
            listed = json.loads(listed)
        except (ValueError, RecursionError):
            return []
    if isinstance(listed, dict):
        listed = listed.get("asset_ids")
    return listed if isinstance(listed, list) else []
