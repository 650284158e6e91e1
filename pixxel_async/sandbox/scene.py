"""An image product as the vendor delivers it: its files, by name.

Rules:
    * Names follow the documented pattern `XXnn_imageID_YYYYMMDD_LnX_YYYYMMDD_aaabbccc.TYPE`:
      satellite, image, day of acquisition, level, day of processing, resolution in metres, version
      of the product, number of bands.
    * The level is L2A: pixels are reflectance x 50000.
    * The mask has one bit for each flag. The document does not say which bit is which: these are
      made up, and named in the mask's metadata.
    * Tiling and compression are not documented; the scenario chooses them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from .content import Content, reflectance
from .geotiff import Place, Raster, geotiff

REFLECTANCE_SCALE = 50_000
WAVELENGTHS_NM = (470, 510, 550, 590, 640, 680, 740, 840)
WIDTH_NM = 5
BANDS = len(WAVELENGTHS_NM)
SAMPLE_BYTES = 2
PIXEL_BYTES = BANDS * SAMPLE_BYTES + 1
"""Of the image and its mask."""

CLOUD, CLOUD_SHADOW, WATER = 1, 2, 4
FLAGS = {"cloud": CLOUD, "cloud_shadow": CLOUD_SHADOW, "water": WATER}
ASPECT = 4
"""The most rows for each column."""

_LARGEST_TILE = 256
_BLOCK = 64 * 1024
_FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
_QUICKLOOK = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABALDA4MChAODQ4SERATGCgaGBYWGDEjJR0oOjM9PDkzODdASFxOQERXRTc4"
    "UG1RV19iZ2hnPk1xeXBkeFxlZ2P/2wBDARESEhgVGC8aGi9jQjhCY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2Nj"
    "Y2NjY2NjY2NjY2NjY2NjY2NjY2NjY2P/wAARCAAIAAgDASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAT/xAAU"
    "EAEAAAAAAAAAAAAAAAAAAAAA/8QAFQEBAQAAAAAAAAAAAAAAAAAAAwT/xAAUEQEAAAAAAAAAAAAAAAAAAAAA/9oADAMB"
    "AAIRAxEAPwCMBMJ//9k="
)
"""A JPEG of 8 by 8 green pixels, the same for all scenes."""


def shape(size: int) -> tuple[int, int]:
    """Return columns and rows of an image of `size` bytes with its mask; at least 16 and 1."""
    columns = 16
    while size // (columns * PIXEL_BYTES) > ASPECT * columns:
        columns *= 2
    return columns, max(1, size // (columns * PIXEL_BYTES))


@dataclass(frozen=True, kw_only=True)
class Scene:
    """An image product.

    Attributes:
        name: The stem of its files.
        place: Its position.
        columns: Its width.
        rows: Its height.
        taken: When it was acquired.
        cloud_rows: Rows whose left half is cloud, from the top.
    """

    name: str
    place: Place
    columns: int
    rows: int
    taken: datetime
    cloud_rows: int

    @classmethod
    def draw(cls, chance: Random, size: int) -> Scene:
        """Draw a scene whose image and mask have about `size` bytes."""
        columns, rows = shape(size)
        west, north = round(chance.uniform(-179, 178), 4), round(chance.uniform(-59, 60), 4)
        taken = _FIRST_DAY + timedelta(minutes=chance.randrange(300 * 24 * 60))
        made = taken + timedelta(days=1)
        satellite, image = chance.randrange(1, 7), chance.randrange(10**6)
        days = f"{taken:%Y%m%d}_L2A_{made:%Y%m%d}"
        return cls(
            name=f"FF{satellite:02}_{image:06}_{days}_00501{BANDS:03}",
            place=Place(west=west, north=north, pixel=0.00005),
            columns=columns,
            rows=rows,
            taken=taken,
            cloud_rows=round(rows * max(0.0, chance.uniform(-0.5, 1))),
        )

    @property
    def cloud_percent(self) -> float:
        """The share of cloud, in percent."""
        return round(50 * self.cloud_rows / self.rows, 2)

    @property
    def bbox(self) -> tuple[float, float, float, float]:
        """West, south, east and north, in degrees."""
        west, north, pixel = self.place.west, self.place.north, self.place.pixel
        return west, north - self.rows * pixel, west + self.columns * pixel, north

    def image(self, chance: Random, *, tiled: bool, deflate: bool) -> Content:
        """Make the image: reflectance x 50000 of every band."""
        raster = Raster(
            columns=self.columns,
            rows=self.rows,
            bands=BANDS,
            sample_bytes=SAMPLE_BYTES,
            place=self.place,
            tile=min(_LARGEST_TILE, self.columns) if tiled else 0,
            deflate=deflate,
            band_metadata=tuple({"wavelength": str(nm)} for nm in WAVELENGTHS_NM),
            metadata={"wavelength_units": "nm"},
        )
        segments = (
            Content(reflectance(chance, raster.segment_bytes)) for _ in range(raster.segments)
        )
        return geotiff(raster, segments)

    def mask(self, *, deflate: bool) -> Content:
        """Make the mask: cloud above on the left, its shadow on the right, water below."""
        raster = Raster(
            columns=self.columns,
            rows=self.rows,
            bands=1,
            sample_bytes=1,
            place=self.place,
            deflate=deflate,
            metadata={f"bit_{bit.bit_length() - 1}": name for name, bit in FLAGS.items()},
        )
        return geotiff(raster, [Content(self._mask_rows())])

    def _mask_rows(self) -> Iterator[memoryview]:
        half = self.columns // 2
        water = (self.rows - self.cloud_rows) // 4
        clear = self.rows - self.cloud_rows - water
        yield from _repeated(bytes([CLOUD] * half + [CLOUD_SHADOW] * half), self.cloud_rows)
        yield from _repeated(bytes(self.columns), clear)
        yield from _repeated(bytes([WATER]) * self.columns, water)

    def envi_header(self) -> Content:
        """Make the ENVI header, which has the wavelengths."""
        lines = {
            "samples": self.columns,
            "lines": self.rows,
            "bands": BANDS,
            "header offset": 0,
            "file type": "TIFF",
            "data type": 12,
            "interleave": "bsq",
            "byte order": 0,
            "wavelength units": "Nanometers",
            "wavelength": _listed(WAVELENGTHS_NM),
            "fwhm": _listed([WIDTH_NM] * BANDS),
            "reflectance scale factor": REFLECTANCE_SCALE,
            "acquisition time": f"{self.taken:%Y-%m-%dT%H:%M:%SZ}",
        }
        return text("ENVI\n" + "".join(f"{name} = {value}\n" for name, value in lines.items()))

    def metadata(self, kind: str, request: Mapping[str, Any]) -> Content:
        """Make the XML file: what the scene is, and what was requested."""
        ids = (
            f"<id name={quoteattr(name)}>{escape(str(one))}</id>"
            for name, value in request.items()
            for one in (value if isinstance(value, list) else [value])
        )
        return text(
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<product><name>{self.name}</name>"
            f"<acquired>{self.taken:%Y-%m-%dT%H:%M:%SZ}</acquired><level>L2A</level>"
            f"<scale>{REFLECTANCE_SCALE}</scale><cloud>{self.cloud_percent:g}</cloud>"
            f"<request kind={quoteattr(kind)}>{''.join(ids)}</request></product>\n"
        )

    def footprint(self) -> Content:
        """Make the GeoJSON feature of its outline."""
        return text(
            json.dumps(
                {
                    "type": "Feature",
                    "properties": {"name": self.name},
                    "geometry": {"type": "Polygon", "coordinates": [_ring(*self.bbox)]},
                }
            )
        )

    def files(
        self, image: Content, kind: str, request: Mapping[str, Any], *, deflate: bool
    ) -> dict[str, Content]:
        """Return the files of the product by name."""
        return {
            f"{self.name}.tif": image,
            f"{self.name}.mask.tif": self.mask(deflate=deflate),
            f"{self.name}.hdr": self.envi_header(),
            f"{self.name}.xml": self.metadata(kind, request),
            f"{self.name}.geojson": self.footprint(),
            f"{self.name}.jpeg": Content([_QUICKLOOK]),
        }

    def outputs(self) -> dict[str, Content]:
        """Return the vector and the tabular output of an analysis: the scene in two fields."""
        west, south, east, north = self.bbox
        middle = (west + east) / 2
        boxes = [(west, south, middle, north), (middle, south, east, north)]
        features = [
            {
                "type": "Feature",
                "properties": {"field": number},
                "geometry": {"type": "Polygon", "coordinates": [_ring(*box)]},
            }
            for number, box in enumerate(boxes)
        ]
        table = "field,date,cloud\n" + "".join(
            f"{number},{self.taken:%Y-%m-%d},{share:.2f}\n"
            for number, share in enumerate((self.cloud_percent * 2, 0.0))
        )
        return {
            "outputs/fields.geojson": text(
                json.dumps({"type": "FeatureCollection", "features": features})
            ),
            "outputs/fields.csv": text(table),
        }


def text(value: str) -> Content:
    """Return the content of an ASCII file."""
    return Content([value.encode("ascii", "xmlcharrefreplace")])


def _listed(numbers: Any) -> str:
    return "{" + ", ".join(str(number) for number in numbers) + "}"


def _ring(west: float, south: float, east: float, north: float) -> list[list[float]]:
    corners = [(west, south), (east, south), (east, north), (west, north), (west, south)]
    return [[round(x, 5), round(y, 5)] for x, y in corners]


def _repeated(row: bytes, count: int) -> Iterator[memoryview]:
    """Yield equal rows in pieces that share their memory."""
    at_once = max(1, _BLOCK // len(row))
    block = memoryview(row * min(at_once, count))
    while count > 0:
        rows = min(at_once, count)
        yield block[: rows * len(row)]
        count -= rows
