"""What orders, searches and deliveries consist of.

Rules:
    * Requests are frozen. Fields that they do not define are sent as they are given, for what the
      service adds after us.
    * Whatever is wrong with one, its constructor raises InputError, with the name of the field.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetPydanticSchema,
    ModelWrapValidatorHandler,
    StringConstraints,
    ValidationError,
    model_validator,
)

from ..errors import InputError
from ..policy import reason_of

Name = Annotated[str, StringConstraints(min_length=1)]
Names = Annotated[
    Sequence[str], GetPydanticSchema(lambda _, handler: handler.generate_schema(tuple[Name, ...]))
]
"""Given as any sequence of ids, stored as a tuple."""
MAX_NAME_CHARS = 100
PERCENT = 100


class RequestModel(BaseModel, frozen=True):
    """The base class of requests."""

    model_config = ConfigDict(extra="allow", hide_input_in_errors=True)

    @model_validator(mode="wrap")
    @classmethod
    def _raise_input_error(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        place, reason = cls.__name__, ""
        try:
            made = handler(data)
        except ValidationError as error:
            problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
            place = ".".join([place, *map(str, problem["loc"])])
            reason = reason_of(problem)
        else:
            reason = made._problem()  # noqa: SLF001 - of this class
            if not reason:
                return made
        message = f"{place}: {reason}"
        raise InputError(message)

    def _problem(self) -> str:
        """Return what is wrong with the fields together, or nothing."""
        return ""

    @property
    def more(self) -> dict[str, Any]:
        """The fields that this model does not define, as they were given."""
        return dict(self.__pydantic_extra__ or {})


class ImageSource(RequestModel, frozen=True):
    """A collection of a satellite, for `satellites.search`.

        satellite = await anext(client.satellites.list())
        source = ImageSource(
            satellite_id=satellite.id, collection_id=satellite.collections[0].id
        )

    Attributes:
        satellite_id: The satellite.
        collection_id: The collection.

    Raises:
        InputError: An id is empty.
    """

    satellite_id: Name
    collection_id: Name


class PropertyRange(RequestModel, frozen=True):
    """A range of a property, for `satellites.search`.

        PropertyRange(id="eo:cloud_cover", min=0, max=20)

    Attributes:
        id: The property; `Satellite.collections` has those that can be searched.
        min: The least value.
        max: The greatest value.

    Raises:
        InputError: A value is not an integer, or `min` is greater than `max`.
    """

    id: Name
    min: int
    max: int

    def _problem(self) -> str:
        if self.min > self.max:
            return f"min is {self.min}, and max {self.max}; swap them"
        return ""


class DeliveryRequest(RequestModel, frozen=True):
    """A delivery to a store of yours, for `catalogs.create_deliveries`.

        DeliveryRequest(store_id="store-1", catalog_ids=["catalog-1"], path="2026/")

    Attributes:
        store_id: The store; `client.stores.list` lists them.
        path: A prefix within the store.
        catalog_ids: The images; give these or `order_item_ids`, not both.
        order_item_ids: Order items, with all their images.

    Raises:
        InputError: An id is empty, or both lists are given, or neither.
    """

    store_id: Name
    path: str | None = None
    catalog_ids: Names = ()
    order_item_ids: Names = ()

    def _problem(self) -> str:
        if bool(self.catalog_ids) == bool(self.order_item_ids):
            return "give either catalog_ids or order_item_ids"
        return ""


class OrderItemRequest(RequestModel, frozen=True):
    """A part of an order: images of the archive, or a tasking.

        area = {
            "type": "Polygon",
            "coordinates": [[[77, 12], [78, 12], [78, 13], [77, 13], [77, 12]]],
        }
        OrderItemRequest(
            project_id="project-1", usecase="agriculture", geometry=area, item_ids=["item-1"]
        )
        OrderItemRequest(
            project_id="project-1",
            usecase="agriculture",
            geometry=area,
            recurrence="ONCE",
            start_date=date(2026, 6, 1),
            end_date=date(2026, 7, 1),
            bandset_id="bandset-1",
        )

    Attributes:
        project_id: The project.
        usecase: What it is for, such as `agriculture`.
        geometry: Polygons in degrees: GeoJSON, an object with `__geo_interface__`, or the path of
            a GeoJSON file. `orders.create` checks it.
        name: A name of at most 100 characters.
        item_ids: The images of the archive; without them the item is a tasking, which needs
            `recurrence`, `start_date`, `bandset_id`, and one of `end_date` and `no_of_occurrences`.
        recurrence: How often: `ONCE`, `MONTHLY`, `BIMONTHLY`, `QUARTERLY` or `NOT_APPLICABLE`.
        start_date: The first day, in UTC.
        end_date: The day after the last one, in UTC.
        no_of_occurrences: How often a recurring tasking recurs.
        cloud_cover: The most clouds, in percent; the service's default is 20.
        off_nadir: The greatest angle, in degrees; the service's default is 20.
        bandset_id: The bandset; `client.bandsets.list` lists them.
        delivery_speed: `STANDARD` or `NOT_APPLICABLE`.
        store_id: Deliver to this store of yours.
        store_path: The path within that store.

    Raises:
        InputError: A field is missing or invalid.
    """

    project_id: Name
    usecase: Name
    geometry: Any
    name: Annotated[str, StringConstraints(max_length=MAX_NAME_CHARS)] | None = None
    item_ids: Names = ()
    recurrence: Literal["ONCE", "MONTHLY", "BIMONTHLY", "QUARTERLY", "NOT_APPLICABLE"] | None = None
    start_date: str | datetime | date | None = None
    end_date: str | datetime | date | None = None
    no_of_occurrences: Annotated[int, Field(ge=0)] | None = None
    cloud_cover: Annotated[int, Field(ge=0, le=PERCENT)] | None = None
    off_nadir: Annotated[int, Field(ge=0, le=90)] | None = None
    bandset_id: Name | None = None
    delivery_speed: Literal["STANDARD", "NOT_APPLICABLE"] | None = None
    store_id: Name | None = None
    store_path: str | None = None

    def _problem(self) -> str:
        if self.store_path is not None and self.store_id is None:
            return "store_path needs store_id"
        if self.item_ids:
            return ""
        missing = [
            field
            for field in ("recurrence", "start_date", "bandset_id")
            if getattr(self, field) is None
        ]
        if self.end_date is None and not self.no_of_occurrences:
            missing.append("end_date or no_of_occurrences")
        if not missing:
            return ""
        return f"give item_ids for an archive order; a tasking lacks {', '.join(missing)}"
