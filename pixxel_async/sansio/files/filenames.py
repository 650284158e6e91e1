"""Safe, distinct file names.

Rules:
    * A name is made of the kind, a readable part of the last id, and a digest of the key. The
      digest alone makes it distinct, also where file systems fold case or Unicode forms, and
      stable from run to run.
    * Only ASCII letters, digits, `-`, `_` and `.` stand in a name; no separator, no leading dot,
      no trailing dot, nothing that Windows reserves (the kind stands first).
    * Nothing that a storage sends (`Content-Disposition`) has a part in it.
    * A path template may put files into folders and name them otherwise. Its last part always
      holds the digest: where the template does not, it is added before `.zip`.
    * Each part of such a path is made as safe as a name; ids cannot add folders.
"""

from __future__ import annotations

import hashlib
import re
import string
from collections.abc import Callable
from functools import partial
from operator import attrgetter

from ...config import PATH_TEMPLATE
from ...downloads import Download
from ...errors import ConfigError

READABLE_CHARS = 40
DIGEST_CHARS = 16
MAX_PART_CHARS = 240
"""File systems take 255 bytes, and a partial's name is longer than the final one."""
MAX_PARTS = 8
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_SUFFIX = ".zip"
_PLAIN = re.compile(r"[A-Za-z0-9_./ -]*")
_NAME = re.compile(r"[A-Za-z0-9_. -]*")
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])")

_LONGEST = {"name": READABLE_CHARS + DIGEST_CHARS + 10, "": 0}

_IDS = ("aoi_id", "insight_id", "workflow_id", "job_id", "task_id")
_TELLING = {
    "insight": "insight_id",
    "job": "job_id",
    "aoi": "aoi_id",
    "task": "task_id",
    "catalog": "catalog_ids",
    "url": "name",
}


def folder_name(name: str) -> str:
    """Return the name of the folder that a package's file is extracted into."""
    return name.removesuffix(_SUFFIX)


def is_reserved(part: str) -> bool:
    """Return whether Windows takes a name for a device, whatever its suffix."""
    return _RESERVED.fullmatch(part.split(".", maxsplit=1)[0].strip()) is not None


def name_problem(name: str) -> str | None:  # noqa: PLR0911 - one for each reason
    """Tell why a name is none that `path_namer` gives, or `folder_name` of one; None if it is."""
    parts = name.split("/")
    if len(parts) > MAX_PARTS:
        return f"it has more than {MAX_PARTS} parts"
    for part in parts:
        if not part:
            return "it is absolute, or a part of it is empty"
        if part in {".", ".."}:
            return f'a part of it is "{part}"'
        if not _NAME.fullmatch(part):
            return "it has a character other than letters, digits, - _ . and spaces"
        if part.strip(". ") != part:
            return "a part of it begins or ends with a dot or a space"
        if is_reserved(part):
            return f'"{part}" is a device on Windows'
    return None


def file_name(download: Download) -> str:
    """Return the final name of a package's file, at most 80 characters long."""
    return _name(download) + _SUFFIX


def path_namer(template: str) -> Callable[[Download], str]:
    """Return what turns a download into the path of its file, with `/` between the parts.

    Args:
        template: Such as `{kind}/{aoi_id}/{name}.zip`; see `FIELDS`.

    Raises:
        ConfigError: It names an unknown field, leaves the folder, or has odd characters.
    """
    if template == PATH_TEMPLATE:
        return file_name
    stem = template.removesuffix(_SUFFIX)
    parts = [_read_part(part, template) for part in stem.split("/")]
    if len(parts) > MAX_PARTS:
        raise _wrong(template, f"more than {MAX_PARTS} parts")
    if not {"name", "digest"} & {field for _, field in parts[-1]}:
        parts[-1] = [*parts[-1], ("-", "digest")]

    def path(download: Download) -> str:
        *folders, last = (_filled(part, download) for part in parts)
        return "/".join([*folders, last + _SUFFIX])

    return path


def _read_part(part: str, template: str) -> list[tuple[str, str]]:
    """Split a part into pairs of plain text and the field after it, which may be empty."""
    try:
        pieces = [
            (text, field or "", spec, conversion)
            for text, field, spec, conversion in string.Formatter().parse(part)
        ]
    except ValueError as error:
        raise _wrong(template, str(error)) from None
    if not pieces:
        raise _wrong(template, "a part is empty: it may neither begin nor end with /, nor hold //")
    for text, field, spec, conversion in pieces:
        if not _PLAIN.fullmatch(text):
            raise _wrong(template, f'"{text}" has a character other than letters, digits, - _ .')
        if field not in FIELDS and (field or spec is not None):
            known = ", ".join(f"{{{name}}}" for name in FIELDS)
            raise _wrong(template, f"{{{field}}} is unknown; there are {known}")
        if spec or conversion:
            raise _wrong(template, f"{{{field}}} takes no format")
    if all(not field for _, field, _, _ in pieces) and set(part) <= {".", " "}:
        raise _wrong(template, f'a part is "{part}"')
    longest = sum(len(text) + _LONGEST.get(field, READABLE_CHARS) for text, field, *_ in pieces)
    if longest > MAX_PART_CHARS:
        raise _wrong(template, f"a part may get longer than {MAX_PART_CHARS} characters")
    return [(text, field) for text, field, _, _ in pieces]


def _filled(part: list[tuple[str, str]], download: Download) -> str:
    filled = "".join(
        text + (FIELDS[field](download) if field == "name" else _safe(FIELDS[field](download)))
        if field
        else text
        for text, field in part
    )
    # Neither Windows nor a person tells trailing dots and spaces apart; a leading dot hides.
    safe = filled.strip(". ")
    return f"_{safe}" if is_reserved(safe) else safe or "none"


def _safe(text: str) -> str:
    return _UNSAFE.sub("-", text).strip("-")[:READABLE_CHARS].strip("-") or "none"


def _name(download: Download) -> str:
    readable = _UNSAFE.sub("-", _telling_id(download)).strip("-")[:READABLE_CHARS].strip("-")
    return "-".join(part for part in (download.kind, readable, _digest(download)) if part)


def _digest(download: Download) -> str:
    return hashlib.sha256(download.key.encode()).hexdigest()[:DIGEST_CHARS]


def _telling_id(download: Download) -> str:
    if download.kind == "catalog":
        return (download.catalog_ids or download.order_item_ids)[0]
    return _field(_TELLING[download.kind], download)


def _field(field: str, download: Download) -> str:
    return str(getattr(download, field, "none"))


def _wrong(template: str, reason: str) -> ConfigError:
    return ConfigError(f"path template {template!r}: {reason}")


FIELDS: dict[str, Callable[[Download], str]] = {
    "name": _name,
    "kind": attrgetter("kind"),
    "id": _telling_id,
    **{field: partial(_field, field) for field in _IDS},
    "digest": _digest,
}
"""What a path template may hold in braces. An id that a kind does not have leaves `none`."""
