"""The records in the lists of the service."""

from .analysis import Aoi, Asset, Estimate, Insight, Job, Task, Workflow
from .base import Record, ServiceModel
from .imagery import Catalog, Order, OrderItem, Project

__all__ = [
    "Aoi",
    "Asset",
    "Catalog",
    "Estimate",
    "Insight",
    "Job",
    "Order",
    "OrderItem",
    "Project",
    "Record",
    "ServiceModel",
    "Task",
    "Workflow",
]
