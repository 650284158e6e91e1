"""The content of a package: an image product, and the outputs of an analysis."""

from __future__ import annotations

from .content import Content
from .identity import Identity
from .scenario import Scenario
from .scene import Scene
from .zip_archive import zip_archive

WRAPPING = 4096
"""Approximate bytes of the small files and the ZIP's records."""

ANALYSES = frozenset({"insight", "job", "task"})


def package_content(
    scenario: Scenario, identity: Identity, version: int, edits: int = 0
) -> Content:
    """Return the ZIP of a package.

    Args:
        scenario: Chooses the size, before compression, and the forms of image and archive.
        identity: Its kind and ids; they determine the bytes.
        version: Of the object.
        edits: Of the version: other pixels, the same size unless compressed.
    """
    chance = scenario.chance("content", identity.text, version)
    spread = chance.uniform(1 - scenario.size_spread, 1 + scenario.size_spread)
    scene = Scene.draw(chance, int(scenario.package_bytes * spread) - WRAPPING)
    pixels = scenario.chance("edit", identity.text, version, edits) if edits else chance
    deflate = scenario.image_compression == "deflate"
    image = scene.image(pixels, tiled=scenario.image_layout == "tiles", deflate=deflate)
    members = scene.files(image, identity.kind, identity.request, deflate=deflate)
    if identity.kind in ANALYSES:
        members |= scene.outputs()
    return zip_archive(members, deflated=scenario.zip_method == "deflated")
