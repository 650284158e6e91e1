"""Which scene of a package is opened, and what is said of it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

from ..destinations.paths import absolute_path
from ..errors import UsageError
from ..models import SavedPackage
from .contents import Contents
from .extra import ContentWarning
from .facts import SceneFacts, facts_of
from .raster import gdal


def path_of(package: SavedPackage | str | Path) -> Path:
    """Return the ZIP of a package, or the directory it was extracted into if there is none."""
    if not isinstance(package, SavedPackage):
        return absolute_path(package)
    if package.extracted is not None and not package.path.exists():
        return package.extracted
    return package.path


def scenes_of(contents: Contents) -> Iterator[SceneFacts]:
    """Return the scenes of a package that GDAL can read, and warn of what is unknown or broken."""
    with gdal():
        facts = facts_of(contents, counts=False)
    for warning in facts.warnings:
        warnings.warn(f"{contents.path}: {warning}", ContentWarning, stacklevel=4)
    return (each for each in facts.scenes if each.image is not None or each.mask is not None)


def the_scene(contents: Contents, name: str | None) -> SceneFacts:
    """Return the scene of this name, or the only one.

    Raises:
        UsageError: There is no such scene, or several of them.
    """
    scenes = list(scenes_of(contents))
    found = [each for each in scenes if name in {None, each.scene.name}]
    if len(found) == 1:
        return found[0]
    names = ", ".join(each.scene.name for each in scenes)
    if not scenes:
        message = f"{contents.path}: it has no image"
    elif name is not None:
        message = f"{contents.path}: it has no scene {name}, but {names}"
    else:
        message = f"{contents.path}: it has several scenes; choose one with scene=: {names}"
    raise UsageError(message)
