"""The records in the lists of the service."""

from .analysis import Aoi, Asset, Insight, Job, Task, Workflow
from .base import Record
from .imagery import Catalog, Order, OrderItem, Project

__all__ = [
    "Aoi",
    "Asset",
    "Catalog",
    "Insight",
    "Job",
    "Order",
    "OrderItem",
    "Project",
    "Record",
    "Task",
    "Workflow",
]
