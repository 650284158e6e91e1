"""The documented calls: method and path, as the service's OpenAPI document has them.

Paths are split before they are decoded, so that an escaped slash stays within its id.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote


@dataclass(frozen=True)
class Route:
    """One documented call.

    Attributes:
        operation: The operation id.
        method: The HTTP method.
        path: The path; `{name}` stands for an id.
        kind: The kind of package; empty for ping, lists and gets.
    """

    operation: str
    method: str
    path: str
    kind: str = ""

    def ids(self, segments: list[str]) -> dict[str, str] | None:
        """Return the ids in a path, or None if the path does not match."""
        pattern = self.path.split("/")
        if len(pattern) != len(segments):
            return None
        found = {}
        for part, segment in zip(pattern, segments, strict=True):
            if part.startswith("{") and segment:
                found[part[1:-1]] = unquote(segment)
            elif part != segment:
                return None
        return found


PING = "ping"
ROUTES = (
    Route(PING, "GET", "/ping"),
    Route("downloadInsights", "PUT", "/v0/aoi/{aoi_id}/insights/{insight_id}/download", "insight"),
    Route("AOICreateDownload", "POST", "/v0/aois/{aoi_id}/downloads", "aoi"),
    Route("GetDownloadStatus", "GET", "/v0/aois/{aoi_id}/downloads/{download_id}", "aoi"),
    Route("downloadJob", "PUT", "/v0/workflows/{workflow_id}/jobs/{job_id}/download", "job"),
    Route(
        "downloadTask",
        "PUT",
        "/v0/workflows/{workflow_id}/jobs/{job_id}/tasks/{task_id}/download",
        "task",
    ),
    Route("CreateDownload", "POST", "/v0/catalogs/download", "catalog"),
    Route("GetDownloadById", "GET", "/v0/catalogs/download/{download_id}", "catalog"),
    Route("ListProjects", "GET", "/v0/projects"),
    Route("GetProjectById", "GET", "/v0/projects/{id}"),
    Route("ListAOIs", "GET", "/v0/aois"),
    Route("GetAoiById", "GET", "/v0/aoi/{aoi_id}"),
    Route("ListAssets", "GET", "/v0/aois/{aoi_id}/assets"),
    Route("createInsights", "POST", "/v0/aoi/{aoi_id}/insights"),
    Route("deleteInsights", "DELETE", "/v0/aoi/{aoi_id}/insights/{insight_id}"),
    Route("listInsights", "GET", "/v0/aoi/{aoiId}/insights"),
    Route("listWorkflows", "GET", "/v0/workflows"),
    Route("getWorkflowsById", "GET", "/v0/workflows/{workflow_id}"),
    Route("getWorkflowCostEstimate", "GET", "/v0/workflows/{workflow_id}/estimate"),
    Route("createJob", "POST", "/v0/workflows/{workflow_id}/jobs"),
    Route("listJobs", "GET", "/v0/workflows/{workflow_id}/jobs"),
    Route("getJobById", "GET", "/v0/workflows/{workflow_id}/jobs/{job_id}"),
    Route("SearchCatalogs", "POST", "/v0/catalogs/search"),
    Route("GetCatalogById", "GET", "/v0/catalogs/{id}"),
    Route("ListOrders", "GET", "/v0/orders"),
    Route("GetOrderById", "GET", "/v0/orders/{id}"),
    Route("ListOrderItems", "GET", "/v0/order-items"),
    Route("GetOrderItemById", "GET", "/v0/order-items/{id}"),
)


def find(method: str, raw_path: str) -> tuple[Route | None, dict[str, str], bool]:
    """Find the documented call for a request.

    Returns:
        The call, the ids in its path, and whether the path is documented for any method.
    """
    segments = raw_path.split("/")
    known_path = False
    for route in ROUTES:
        ids = route.ids(segments)
        if ids is None:
            continue
        known_path = True
        if route.method == method:
            return route, ids, True
    return None, {}, known_path
