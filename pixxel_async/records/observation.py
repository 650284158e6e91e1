"""Records of what can be observed: satellites, bandsets, indices and visualizations."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .base import (
    Id,
    Number,
    Numbers,
    Object,
    Objects,
    OneObject,
    Record,
    ServiceModel,
    Text,
    Texts,
    Time,
)


class Band(ServiceModel, frozen=True):
    """A band of a satellite or of a bandset.

        satellite = await anext(client.satellites.list())
        print([band.name for band in satellite.bands])

    Attributes:
        name: Such as `B001`.
        wavelength: The wavelength; nanometres in a bandset.
        spatial_resolution: The service's value; its documentation names no unit.
        scale: What values are multiplied by.
        offset: What is added to them.
    """

    name: Text = ""
    wavelength: Number = None
    spatial_resolution: Number = None
    scale: Number = None
    offset: Number = None


class SatelliteCollection(ServiceModel, frozen=True):
    """A collection of a satellite's images.

        satellite = await anext(client.satellites.list())
        for collection in satellite.collections:
            print(collection.id, collection.provider, collection.queryables)

    Attributes:
        id: The id, for `ImageSource`.
        provider: Who provides it, such as `pixxel`.
        queryables: The properties that searches can filter by.
        rescale: The range of values for display.
    """

    id: Text = ""
    name: Text = ""
    provider: Text = ""
    queryables: Texts = ()
    rescale: Numbers = ()


class Satellite(Record, frozen=True):
    """A satellite (operation `List Satellites`).

        async for satellite in client.satellites.list():
            print(satellite.name, [one.id for one in satellite.collections])

    Attributes:
        bands: Its bands.
        collections: The collections of its images.
        rgb_composite: The bands for `red`, `green` and `blue`.
    """

    name: Text = ""
    bands: Annotated[tuple[Band, ...], Objects] = ()
    collections: Annotated[tuple[SatelliteCollection, ...], Objects] = ()
    rgb_composite: Object = Field(default_factory=dict)


class Bandset(Record, frozen=True):
    """A set of bands that a tasking order can name (operation `ListBandsets`).

        async for bandset in client.bandsets.list():
            print(bandset.name, bandset.captures)

    Attributes:
        captures: The captures that an order with it requires; the cost depends on them.
        bands: Its bands.
    """

    name: Text = ""
    description: Text = ""
    captures: Number = None
    bands: Annotated[tuple[Band, ...], Objects] = ()


class Index(Record, frozen=True):
    """A formula over bands (operations `ListIndices`, `CreateIndex`).

        async for index in client.indices.list(index_type="preset"):
            print(index.name, index.expression)

    Attributes:
        satellite_id: The satellite whose bands it uses.
        type: `custom` or `preset`.
        expression: The formula, such as `(B04-B08)/(B04+B08)`.
        expression_type: `composite`, `index` or `grayscale`.
        colormap: The name of its colours.
        rescale: The range of values for display.
        bands: The bands that it uses.
    """

    name: Text = ""
    description: Text = ""
    satellite_id: Text = ""
    type: Text = ""
    expression: Text = ""
    expression_type: Text = ""
    colormap: Text = ""
    rescale: Numbers = ()
    bands: Texts = ()
    updated_at: Time = None


class VisualizationMetadata(ServiceModel, frozen=True):
    """The legend of a visualization (operation `UpdateVisualizationMetadata`).

        aoi = await anext(client.aois.list())
        index = await anext(client.indices.list())
        created = await client.visualizations.create(aoi.id, index.id)
        for date, modes in created.metadata.legend.items():
            print(date, modes.get("dynamic"))

    Attributes:
        legend: By date, such as `2024_05_06`: the steps of the modes `dynamic` and `theoretical`.
    """

    legend: Object = Field(default_factory=dict)


class VisualizationStyles(ServiceModel, frozen=True):
    """Styled Layer Descriptors of a visualization (operation `GenerateVisualizationSLD`).

        aoi = await anext(client.aois.list())
        async for shown in client.visualizations.list(aoi.id):
            if shown.status == "success":
                styles = await client.visualizations.sld(
                    aoi.id, shown.id, dates=["2024_05_06"], visualization_modes=["dynamic"]
                )
                print(styles.sld["dynamic"]["2024_05_06"])

    Attributes:
        sld: XML by mode and date.
    """

    sld: Object = Field(default_factory=dict)


class Visualization(Record, frozen=True):
    """An index, computed for an area of interest.

    Operations `ListVisualizations`, `CreateVisualization` and `RollbackVisualizationMetadata`.

        aoi = await anext(client.aois.list())
        async for visualization in client.visualizations.list(aoi.id):
            print(visualization.index_id, visualization.status, visualization.progress)

    Its assets are in `raw` only, because their URLs may be signed.

    Attributes:
        aoi_id: The area of interest.
        index_id: The index.
        status: `creating`, `success`, `failed` or `partial_success`.
        progress: Percent.
        metadata: Its legend; empty in lists.
    """

    aoi_id: Id
    index_id: Text = ""
    index_name: Text = ""
    type: Text = ""
    status: Text = ""
    progress: Number = None
    expression: Text = ""
    expression_type: Text = ""
    rescale: Numbers = ()
    user_id: Text = ""
    metadata: Annotated[VisualizationMetadata, OneObject] = VisualizationMetadata()
    updated_at: Time = None
