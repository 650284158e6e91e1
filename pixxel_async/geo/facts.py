"""What a package says of itself: its scenes with bands, position, time and flags, and its files.

Rules:
    * What is broken or unknown becomes a warning with the name of the file; the rest counts.
    * The position comes from the footprint, or else from the image, or else from the mask.
    * Wavelengths come from the ENVI header, or else from the image's own metadata.
    * The time of acquisition comes from the header; the day, else, from the name.
    * A header that does not fit its image is not used.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time
from typing import Any

from .contents import Contents
from .envi import Band, EnviHeader, parse_header
from .footprint import parse_footprint
from .mask_flags import flags_of, names_of
from .names import Role
from .quantity import Quantity, quantity
from .raster import Raster, count_values, read_raster
from .scenes import Scene, group

CLOUD = "cloud"


@dataclass(slots=True, kw_only=True)
class SceneFacts:
    """What is known of a scene; None for what is not.

    Attributes:
        scene: Its files.
        image: The frame of its image.
        mask: The frame of its mask.
        bands: The bands of the image, in order; empty if unknown.
        shows: What the image's numbers are.
        geometry: The outline, in degrees.
        begins: The time of acquisition, or the first moment of its day.
        ends: The same time, or the last second of that day.
        flags: The bit of the mask for each name.
        cloud_percent: How much of the mask's data is cloud.
    """

    scene: Scene
    image: Raster | None = None
    mask: Raster | None = None
    bands: tuple[Band, ...] = ()
    shows: Quantity | None = None
    geometry: dict[str, Any] | None = None
    begins: datetime | None = None
    ends: datetime | None = None
    flags: Mapping[str, int] = field(default_factory=dict)
    cloud_percent: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageFacts:
    """What is known of a package.

    Attributes:
        scenes: Its scenes.
        others: The members that are in no scene.
        warnings: What is broken or unknown.
    """

    scenes: tuple[SceneFacts, ...]
    others: tuple[str, ...]
    warnings: tuple[str, ...]


def facts_of(contents: Contents, *, counts: bool = True) -> PackageFacts:
    """Read what a package says of itself.

    Args:
        contents: Its members.
        counts: Whether to read the pixels of masks, for the cloud cover.
    """
    scenes, others = group(contents.sizes)
    reader = _Reader(contents)
    found = tuple(reader.read(scene, counts=counts) for scene in scenes)
    if not found:
        reader.warnings.append("it has no image")
    return PackageFacts(scenes=found, others=tuple(others), warnings=tuple(reader.warnings))


class _Reader:
    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self.warnings: list[str] = []

    def read(self, scene: Scene, *, counts: bool) -> SceneFacts:
        facts = SceneFacts(scene=scene)
        facts.image = self._raster(scene, Role.IMAGE)
        facts.mask = self._raster(scene, Role.MASK)
        header = self._header(scene, facts.image)
        self._read_bands(facts, header)
        self._read_position(facts)
        self._read_time(facts, header)
        self._read_flags(facts, counts=counts)
        return facts

    def _warn(self, member: str, problem: str) -> None:
        self.warnings.append(f"{member}: {problem}")

    def _raster(self, scene: Scene, role: Role) -> Raster | None:
        if (member := scene.files.get(role)) is None:
            return None
        try:
            return read_raster(self._contents.href(member))
        except ValueError as error:
            self._warn(member, str(error))
            return None

    def _header(self, scene: Scene, image: Raster | None) -> EnviHeader | None:
        if (member := scene.files.get(Role.HEADER)) is None:
            return None
        try:
            header = parse_header(self._contents.text(member))
        except ValueError as error:
            self._warn(member, f"not used, since {error}")
            return None
        if image is not None and len(header.bands) != image.count:
            problem = f"it has {len(header.bands)} bands, and the image {image.count}"
            self._warn(member, f"not used, since {problem}")
            return None
        for problem in header.problems:
            self._warn(member, problem)
        return header

    def _read_bands(self, facts: SceneFacts, header: EnviHeader | None) -> None:
        if facts.image is None:
            return
        member = facts.scene.files[Role.IMAGE]
        parts = facts.scene.parts
        facts.shows = quantity(parts.level if parts else None, header.factor if header else None)
        if facts.shows.problem:
            self._warn(member, facts.shows.problem)
        if header and facts.image.nodata is None:
            facts.image = replace(facts.image, nodata=header.nodata)
        facts.bands = header.bands if header else facts.image.bands
        if not any(band.wavelength_nm for band in facts.bands):
            facts.bands = facts.image.bands or facts.bands
            if not facts.image.bands:
                self._warn(member, "the wavelengths of its bands are unknown")
        if parts and parts.bands not in {None, facts.image.count}:
            self._warn(member, f"it has {facts.image.count} bands, and its name says {parts.bands}")

    def _read_position(self, facts: SceneFacts) -> None:
        if (member := facts.scene.files.get(Role.FOOTPRINT)) is not None:
            try:
                facts.geometry = parse_footprint(self._contents.text(member))
            except ValueError as error:
                self._warn(member, f"not used, since {error}")
            else:
                return
        for role, raster in ((Role.IMAGE, facts.image), (Role.MASK, facts.mask)):
            if raster is not None:
                facts.geometry = raster.geometry
                if raster.geometry is not None:
                    return
                self._warn(facts.scene.files[role], raster.problem)

    def _read_time(self, facts: SceneFacts, header: EnviHeader | None) -> None:
        parts = facts.scene.parts
        if parts is None:
            self._warn(facts.scene.name, "its name is not of the documented form")
        if header and header.acquired:
            facts.begins = facts.ends = header.acquired
        elif parts:
            facts.begins = datetime.combine(parts.acquired, time(), UTC)
            facts.ends = datetime.combine(parts.acquired, time(23, 59, 59), UTC)
        else:
            self._warn(facts.scene.name, "the time of its acquisition is unknown")

    def _read_flags(self, facts: SceneFacts, *, counts: bool) -> None:
        if facts.mask is None:
            return
        member = facts.scene.files[Role.MASK]
        try:
            facts.flags = flags_of(facts.mask.tags)
            values = count_values(self._contents.href(member)) if counts else Counter[int]()
        except ValueError as error:
            self._warn(member, str(error))
            return
        unnamed = {
            name
            for value in values
            if value > 0
            for name in names_of(value, facts.flags)
            if name not in facts.flags
        }
        if unnamed:
            self._warn(member, f"it does not say what these mean: {', '.join(sorted(unnamed))}")
        facts.cloud_percent = cloud_percent(values, facts.flags)


def cloud_percent(values: Mapping[int, int], flags: Mapping[str, int]) -> float | None:
    """Return the share of cloud among counted values, or None if it cannot be told."""
    total = sum(values.values())
    if CLOUD not in flags or not total:
        return None
    cloudy = sum(count for value, count in values.items() if value & flags[CLOUD])
    return round(100 * cloudy / total, 4)
