"""The bodies of the service's responses about packages.

Status words differ by kind, as in the OpenAPI document. Before there is a URL, the field is empty,
null or absent.
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
"""Actions of packages that the service has deleted."""
_ABSENT: tuple[dict[str, Any], ...] = ({"signed_url": ""}, {"signed_url": None}, {})


def has_url(package: Package, now: float) -> bool:
    """Return whether a response about a package has a URL, and count the response."""
    if now < package.ready_at or package.action in {"failed", "never", *ENDED}:
        return False
    package.answers += 1
    return package.action != "url_late" or package.answers > URL_LATE_ANSWERS


def document(package: Package, now: float, url: str | None) -> dict[str, Any]:
    """Return the body of a response about a package.

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
    """Return the body of an error."""
    return {"error": {"code": code, "message": message, "details": {"sandbox": True}}}


def _word(package: Package, now: float) -> str:
    pending, success, failed = _WORDS[package.identity.kind]
    if now < package.ready_at or package.action == "never":
        return UNKNOWN_WORD if package.action == "unknown_word" else pending
    if package.action == "expired":
        return EXPIRED_WORD
    return failed if package.action == "failed" else success
