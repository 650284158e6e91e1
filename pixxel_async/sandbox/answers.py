"""What the service says: its documents, in its own words.

The words differ from kind to kind, as its OpenAPI document has them, and before there is a URL
the field is empty, null or absent.
"""

from __future__ import annotations

from typing import Any

from .packages import URL_LATE_ANSWERS, Package

_WORDS = {
    "insight": ("pending", "ready", "failed"),
    "job": ("pending", "ready", "failed"),
    "task": ("pending", "ready", "failed"),
    "aoi": ("IN_PROGRESS", "SUCCESS", "FAILED"),
    "catalog": ("in_progress", "success", "failed"),
}
UNKNOWN_WORD = "mustering"
EXPIRED_WORD = "expired"
ENDED = frozenset({"expired", "gone"})
"""The actions of packages that the service lets go of."""
_ABSENT: tuple[dict[str, Any], ...] = ({"signed_url": ""}, {"signed_url": None}, {})


def has_url(package: Package, now: float) -> bool:
    """Tell whether an answer about a package holds a URL, and count the answer."""
    if now < package.ready_at or package.action in {"failed", "never", *ENDED}:
        return False
    package.answers += 1
    return package.action != "url_late" or package.answers > URL_LATE_ANSWERS


def document(package: Package, now: float, url: str | None) -> dict[str, Any]:
    """Return the answer about a package.

    Args:
        package: The package.
        now: Seconds since 1970.
        url: The signed URL, if there is one.
    """
    identity = package.identity
    request = identity.request
    signed = {"signed_url": url} if url else _ABSENT[int(identity.digest, 16) % len(_ABSENT)]
    answer = {"status": _word(package, now), **signed}
    match identity.kind:
        case "insight":
            return {"id": request["insight_id"], **answer}
        case "job":
            return {"id": request["job_id"], "workflowId": request["workflow_id"], **answer}
        case "task":
            ids = {"job_id": request["job_id"], "workflow_id": request["workflow_id"]}
            return {"id": request["task_id"], **ids, **answer}
        case "aoi":
            return {"download_id": package.id, **answer}
        case _:
            return {"id": package.id, **answer}


def error(code: str, message: str) -> dict[str, Any]:
    """Return an error answer."""
    return {"error": {"code": code, "message": message, "details": {"sandbox": True}}}


def _word(package: Package, now: float) -> str:
    pending, success, failed = _WORDS[package.identity.kind]
    if now < package.ready_at or package.action == "never":
        return UNKNOWN_WORD if package.action == "unknown_word" else pending
    if package.action == "expired":
        return EXPIRED_WORD
    return failed if package.action == "failed" else success
