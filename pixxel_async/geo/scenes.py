"""Which members of a package belong together.

Rules:
    * Files of a scene have the same name up to the suffix, in the same folder.
    * A scene has an image, a mask, or both. Everything else is a file of its own.
    * Of two files with the same role, the first one counts; the others stay files of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from .names import DeliveredName, Role, parse_name, split_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The files of one image.

    Attributes:
        name: Their common name.
        parts: Its parts, or None if the name has another form.
        files: The member for each role.
    """

    name: str
    parts: DeliveredName | None
    files: Mapping[Role, str] = field(default_factory=dict)


def group(members: Iterable[str]) -> tuple[list[Scene], list[str]]:
    """Return the scenes among the members of a package, and the members that are in none."""
    files: dict[tuple[str, str], dict[Role, str]] = {}
    others = []
    for member in sorted(members):
        stem, role = split_name(member)
        roles = files.setdefault((str(PurePosixPath(member).parent), stem), {})
        if role is Role.OTHER or role in roles:
            others.append(member)
        else:
            roles[role] = member
    scenes = []
    for (_, stem), roles in files.items():
        if roles.keys() & {Role.IMAGE, Role.MASK}:
            scenes.append(Scene(name=stem, parts=parse_name(stem), files=roles))
        else:
            others.extend(roles.values())
    return scenes, sorted(others)
