"""ENVI headers: the bands of an image, with their wavelengths.

Rules:
    * A header begins with `ENVI`; each field is `name = value`, and a value in braces may span
      lines. Names of fields are compared without case.
    * Wavelengths are in nanometers whatever the unit of the header. Without a unit that is a
      length, there are none.
    * A list that is not as long as there are bands is not used.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

_FIELD = re.compile(r"^[ \t]*([^=;{}\n]+?)[ \t]*=[ \t]*(\{[^}]*\}|[^\n]*)", re.MULTILINE)
_NANOMETERS = {
    "nanometers": 1.0,
    "nanometer": 1.0,
    "nm": 1.0,
    "micrometers": 1000.0,
    "micrometer": 1000.0,
    "microns": 1000.0,
    "um": 1000.0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A spectral band.

    Attributes:
        name: Its name; unique in its header.
        wavelength_nm: The center, in nanometers, or None if unknown.
        fwhm_nm: The full width at half maximum, in nanometers, or None if unknown.
    """

    name: str
    wavelength_nm: float | None = None
    fwhm_nm: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnviHeader:
    """What a header says of its image.

    Attributes:
        bands: The bands, in order.
        factor: What a reflectance of 1 is in the numbers of the image, or None if not said.
        nodata: The number that stands for no data, or None.
        acquired: The time of acquisition, or None.
        problems: What could not be used, one sentence each.
    """

    bands: tuple[Band, ...]
    factor: float | None = None
    nodata: float | None = None
    acquired: datetime | None = None
    problems: tuple[str, ...] = ()


def parse_header(text: str) -> EnviHeader:
    """Read an ENVI header.

    Raises:
        ValueError: It is none, or the number of its bands is missing.
    """
    if not text.lstrip("\ufeff").startswith("ENVI"):
        message = "it does not begin with ENVI"
        raise ValueError(message)
    fields = {name.strip().lower(): value.strip() for name, value in _FIELD.findall(text)}
    count = number(fields.get("bands", ""))
    if count is None or count < 1 or count != int(count):
        message = "it has no valid number of bands"
        raise ValueError(message)
    problems: list[str] = []
    return EnviHeader(
        bands=_bands(fields, int(count), problems),
        factor=_positive(fields, "reflectance scale factor", problems),
        nodata=_stated(fields, "data ignore value", problems),
        acquired=_time(fields, problems),
        problems=tuple(problems),
    )


def _bands(fields: Mapping[str, str], count: int, problems: list[str]) -> tuple[Band, ...]:
    names = _names(fields, count, problems)
    wavelengths = _lengths(fields, "wavelength", count, problems)
    widths = _lengths(fields, "fwhm", count, problems)
    return tuple(
        Band(name=name, wavelength_nm=wavelength, fwhm_nm=width)
        for name, wavelength, width in zip(names, wavelengths, widths, strict=True)
    )


def _names(fields: Mapping[str, str], count: int, problems: list[str]) -> list[str]:
    numbered = [band_name(at) for at in range(1, count + 1)]
    if "band names" not in fields:
        return numbered
    names = _items(fields["band names"])
    if len(names) == count == len({name for name in names if name}):
        return names
    problems.append(f"'band names' does not hold {count} distinct names")
    return numbered


def _lengths(
    fields: Mapping[str, str], name: str, count: int, problems: list[str]
) -> list[float | None]:
    missing: list[float | None] = [None] * count
    if name not in fields:
        return missing
    if (factor := length_nm(fields.get("wavelength units", ""))) is None:
        problems.append(f"'{name}' has no unit of length")
        return missing
    values = [number(item) for item in _items(fields[name])]
    if len(values) != count or any(value is None or value <= 0 for value in values):
        problems.append(f"'{name}' does not hold {count} positive numbers")
        return missing
    return [round(value * factor, 6) for value in values if value is not None]


def _items(value: str) -> list[str]:
    return [item.strip() for item in value.strip("{}").split(",")]


def band_name(number: int) -> str:
    """Return the name of a band that has none, by its number."""
    return f"B{number:03}"


def length_nm(unit: str) -> float | None:
    """Return the nanometers of a unit of wavelength, or None if it is none."""
    return _NANOMETERS.get(unit.strip().lower())


def number(text: str) -> float | None:
    """Return a finite number, or None if a text is none."""
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _stated(fields: Mapping[str, str], name: str, problems: list[str]) -> float | None:
    if name not in fields:
        return None
    found = number(fields[name])
    if found is None:
        problems.append(f"'{name}' is not a number")
    return found


def _positive(fields: Mapping[str, str], name: str, problems: list[str]) -> float | None:
    found = _stated(fields, name, problems)
    if found is not None and found <= 0:
        problems.append(f"'{name}' is not positive")
        return None
    return found


def _time(fields: Mapping[str, str], problems: list[str]) -> datetime | None:
    text = fields.get("acquisition time")
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        problems.append("'acquisition time' is not a time in ISO 8601")
        return None
    return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
