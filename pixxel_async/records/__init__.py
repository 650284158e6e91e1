"""The records in the lists of the service, and what its requests consist of."""

from .analysis import Aoi, Asset, Block, Estimate, Insight, Job, Task, Workflow
from .base import Record, ServiceModel
from .delivery import Delivery, Store
from .imagery import Catalog, Order, OrderItem, Project
from .observation import (
    Band,
    Bandset,
    Index,
    Satellite,
    SatelliteCollection,
    Visualization,
    VisualizationMetadata,
    VisualizationStyles,
)
from .requests import DeliveryRequest, ImageSource, OrderItemRequest, PropertyRange
from .stac import StacCollection, StacItem

__all__ = [
    "Aoi",
    "Asset",
    "Band",
    "Bandset",
    "Block",
    "Catalog",
    "Delivery",
    "DeliveryRequest",
    "Estimate",
    "ImageSource",
    "Index",
    "Insight",
    "Job",
    "Order",
    "OrderItem",
    "OrderItemRequest",
    "Project",
    "PropertyRange",
    "Record",
    "Satellite",
    "SatelliteCollection",
    "ServiceModel",
    "StacCollection",
    "StacItem",
    "Store",
    "Task",
    "Visualization",
    "VisualizationMetadata",
    "VisualizationStyles",
    "Workflow",
]
