"""The service's own records: what its lists hold."""

from .account import Project
from .analysis import Aoi, Asset, Insight, Job, Task, Workflow
from .base import Record
from .imagery import Catalog, Order, OrderItem

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
