"""Writes a damaged row of the journal anew, when its package has its turn."""

from __future__ import annotations

import json

from .. import events
from ..journal.export_folder import ExportFolder
from ..journal.models import Corruption
from ..transfer.work_item import WorkItem, target_of
from .event_bus import EventBus


async def repair_row(
    item: WorkItem, folder: ExportFolder, event_bus: EventBus, *, is_lost: bool
) -> None:
    """Replace a row that was found damaged, and tell.

    Args:
        item: A package that was just looked up; its row has what could be believed.
        folder: Its journal has found the damage.
        event_bus: Takes the event.
        is_lost: Whether nothing could be believed. Nobody knows then whose file has its name.
    """
    damage = folder.journal.take_damage(item.key) or _of_another(item)
    if damage is None:
        return
    await event_bus.emit(
        events.RowDamaged(
            at_s=event_bus.clock(), key=item.key, field=damage.field, reason=damage.reason
        )
    )
    item.row = item.row.changed(target=target_of(item.download))
    if is_lost and await folder.sink.size(item.row.name) is not None:
        await folder.sink.set_aside(item.row.name)
    folder.journal.note(item.row)


def _of_another(item: WorkItem) -> Corruption | None:
    """Find out whether the row of a package describes another download."""
    wanted = target_of(item.download)
    if item.row.target == wanted or json.loads(item.row.target) == json.loads(wanted):
        return None
    return Corruption(key=item.key, field="target", reason="describes another download")
