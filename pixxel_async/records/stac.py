"""Records of the archive and of searches: STAC items and collections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import AliasChoices, AliasPath, Field

from ..errors import UsageError
from .base import Number, Numbers, Object, Record, Text, Time

if TYPE_CHECKING:
    from pystac import Collection as PystacCollection
    from pystac import Item as PystacItem
else:  # the methods have types where pystac is not installed, too
    PystacCollection = PystacItem = Any

NO_PYSTAC = 'to_pystac needs pystac: pip install "pixxel-async[stac]"'
ITEM_VERSION = "1.0.0"


class StacItem(Record, frozen=True):
    """An image as a STAC item.

    Operations `SearchItemInArchive`, `ListItemInCollection`, `GetCollectionItemById` and
    `SearchSatelliteImages`.

        async for item in client.archives.search():
            print(item.id, item.datetime, item.cloud_cover)

    Its assets and links are in `raw`, because their URLs may be signed.

    Attributes:
        collection: The id of its collection.
        datetime: When it was acquired.
        geometry: Its footprint as GeoJSON, in degrees.
        bbox: West, south, east and north edges, in degrees.
        properties: All of its properties.
        platform: The satellite.
        cloud_cover: Percent.
        gsd: The ground sample distance, in metres.
        off_nadir: The angle from the vertical, in degrees.
    """

    created_at: Time = Field(
        None, validation_alias=AliasChoices(AliasPath("properties", "created"), "created_at")
    )
    collection: Text = ""
    datetime: Time = Field(
        None, validation_alias=AliasChoices(AliasPath("properties", "datetime"), "datetime")
    )
    geometry: Object = Field(default_factory=dict)
    bbox: Numbers = ()
    properties: Object = Field(default_factory=dict)
    platform: Text = Field("", validation_alias=AliasPath("properties", "platform"))
    cloud_cover: Number = Field(None, validation_alias=AliasPath("properties", "eo:cloud_cover"))
    gsd: Number = Field(None, validation_alias=AliasPath("properties", "gsd"))
    off_nadir: Number = Field(None, validation_alias=AliasPath("properties", "view:off_nadir"))

    def to_pystac(self) -> PystacItem:
        """Return it as a `pystac.Item`; needs the extra `stac`.

            item = await anext(client.archives.search())
            print(item.to_pystac().assets)

        Raises:
            UsageError: pystac is not installed.
            pystac.STACError: The item is not valid STAC, for example because it has no time.
        """
        stac = _pystac()
        bbox = list(self.bbox) or None
        item: PystacItem = stac.Item.from_dict(
            {
                **_known(self.raw),
                "type": "Feature",
                "stac_version": self.raw.get("stac_version") or ITEM_VERSION,
                "geometry": self.geometry or None,
                "bbox": bbox,
                "properties": {"datetime": None, **self.properties},
                "links": _links(self.raw),
                "assets": self.raw.get("assets") or {},
            }
        )
        return item


class StacCollection(Record, frozen=True):
    """A collection of the archive (operations `ListCollections`, `GetCollectionById`).

        async for collection in client.archives.list_collections():
            print(collection.id, collection.title, collection.license)

    Attributes:
        title: The display name.
        license: The licence of its items.
        extent: Its extents in space and time, as STAC defines them.
    """

    title: Text = ""
    description: Text = ""
    license: Text = ""
    extent: Object = Field(default_factory=dict)
    updated_at: Time = None

    def to_pystac(self) -> PystacCollection:
        """Return it as a `pystac.Collection`; needs the extra `stac`.

            collection = await anext(client.archives.list_collections())
            print(collection.to_pystac().extent)

        Raises:
            UsageError: pystac is not installed.
        """
        stac = _pystac()
        extent = {
            "spatial": {"bbox": [[]]},
            "temporal": {"interval": [[None, None]]},
            **{name: part for name, part in self.extent.items() if part},
        }
        collection: PystacCollection = stac.Collection.from_dict(
            {
                **_known(self.raw),
                "type": "Collection",
                "stac_version": self.raw.get("stac_version") or ITEM_VERSION,
                "description": self.description,
                "license": self.license,
                "extent": extent,
                "links": _links(self.raw),
            }
        )
        return collection


def _known(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an object has, without what is null."""
    extensions = raw.get("stac_extensions")
    known = {name: value for name, value in raw.items() if value is not None}
    return {**known, "stac_extensions": extensions if isinstance(extensions, list) else []}


def _links(raw: Mapping[str, Any]) -> list[Any]:
    links = raw.get("links")
    listed = links if isinstance(links, list) else []
    return [one for one in listed if isinstance(one, Mapping) and {"rel", "href"} <= one.keys()]


def _pystac() -> Any:
    try:
        import pystac  # noqa: PLC0415 - of an extra
    except ImportError:
        raise UsageError(NO_PYSTAC) from None
    return pystac
