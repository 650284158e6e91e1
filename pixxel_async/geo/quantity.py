"""What the numbers of an image are.

Rules, from the vendor's support article 18372948930716:
    * L2A and L1C are reflectance, of the surface and at the top of the atmosphere: divide by 50000.
    * L1B is radiance, as it is.
    * A factor in the ENVI header is of this very file, so it precedes that of the level.
    * Without level and factor, numbers stay numbers: nothing is divided.
"""

from __future__ import annotations

from dataclasses import dataclass

REFLECTANCE_FACTOR = 50_000.0
_REFLECTANCE = {
    "L2A": "bottom-of-atmosphere reflectance",
    "L1C": "top-of-atmosphere reflectance",
}
_RADIANCE = {"L1B": "top-of-atmosphere radiance"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """What an image shows.

    Attributes:
        name: `reflectance`, `radiance` or `digital_number`.
        long_name: The same, more exactly.
        unit: Its unit, or None if unknown.
        factor: What its numbers are divided by, or None for nothing.
        source: Where the factor comes from; empty without one.
        problem: What contradicts it, or an empty text.
    """

    name: str
    long_name: str
    unit: str | None
    factor: float | None = None
    source: str = ""
    problem: str = ""


def quantity(level: str | None, factor: float | None) -> Quantity:
    """Return what an image shows, by its level and the factor of its header."""
    if level in _RADIANCE:
        return Quantity(
            name="radiance",
            long_name=_RADIANCE[level],
            unit="W m-2 sr-1 um-1",
            problem="its header has a reflectance scale factor, but L1B is radiance"
            if factor is not None
            else "",
        )
    if level not in _REFLECTANCE and factor is None:
        return Quantity(
            name="digital_number",
            long_name="digital number",
            unit=None,
            problem="its level is unknown, and it states no factor: numbers are left as they are",
        )
    documented = REFLECTANCE_FACTOR if level in _REFLECTANCE else None
    problem = ""
    if factor and documented and factor != documented:
        problem = f"its header divides by {factor:g}, where {level} has {documented:g}"
    return Quantity(
        name="reflectance",
        long_name=_REFLECTANCE.get(level or "", "reflectance"),
        unit="1",
        factor=factor or documented,
        source="reflectance scale factor of the ENVI header" if factor else f"level {level}",
        problem=problem,
    )
