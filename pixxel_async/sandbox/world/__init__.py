"""The records that the sandbox lists, made up or given by the user of the sandbox."""

from .orders import Catalog, Order, OrderItem, OrderTask
from .places import Aoi, Asset, Insight, Project
from .processing import Job, Task, Workflow
from .record import Record
from .world import World

__all__ = [
    "Aoi",
    "Asset",
    "Catalog",
    "Insight",
    "Job",
    "Order",
    "OrderItem",
    "OrderTask",
    "Project",
    "Record",
    "Task",
    "Workflow",
    "World",
]
