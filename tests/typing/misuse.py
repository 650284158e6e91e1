"""Slips that both checkers find: each `type: ignore` here hides an error, or is one itself."""

from __future__ import annotations

from pixxel_async import (
    AoiDownload,
    CatalogDownload,
    FolderPolicy,
    InsightDownload,
    JobDownload,
    Limits,
    PixxelClient,
    PollPolicy,
    RetryPolicy,
    Saved,
    TaskDownload,
    Timeouts,
    download_sync,
    export_sync,
)
from pixxel_async.events import Event, Failed, Started

# A typo in the name of an argument.
Limits(request_per_second=5)  # type: ignore[call-arg]
Timeouts(answer=5)  # type: ignore[call-arg]
RetryPolicy(attempt=5)  # type: ignore[call-arg]
PollPolicy(initial=5)  # type: ignore[call-arg]
FolderPolicy(extract=True)  # type: ignore[call-arg]
InsightDownload(aoi_id="a", insight="i")  # type: ignore[call-arg]
PixxelClient("key", base="http://localhost")  # type: ignore[call-arg]
PixxelClient.from_env(limit=Limits())  # type: ignore[call-arg]
export_sync([], "packages", timeouts=5)  # type: ignore[call-arg]

# A missing argument.
PixxelClient()  # type: ignore[call-arg]
JobDownload(workflow_id="w")  # type: ignore[call-arg]
TaskDownload(workflow_id="w", job_id="j")  # type: ignore[call-arg]
AoiDownload(aoi_id="a")  # type: ignore[call-arg]

# A value of another type.
Limits(requests="many")  # type: ignore[arg-type]
Limits(fetches="all")  # type: ignore[arg-type]
FolderPolicy(previous_failures="again")  # type: ignore[arg-type]
CatalogDownload(catalog_ids=[1, 2])  # type: ignore[list-item]
CatalogDownload(catalog_ids=5)  # type: ignore[arg-type]
JobDownload(workflow_id="w", job_id=5)  # type: ignore[arg-type]
PixxelClient("key", timeout="5")  # type: ignore[arg-type]
PixxelClient("key", limits={"fetches": 4})  # type: ignore[arg-type]
download_sync("job", "packages")  # type: ignore[arg-type]
export_sync(["job"], "packages")  # type: ignore[list-item]


def events(event: Event, client: PixxelClient) -> None:
    job = JobDownload(workflow_id="w", job_id="j")
    client.export(job, "packages")  # type: ignore[arg-type]
    client.export([{"kind": "job"}], "packages")  # type: ignore[list-item]
    job.job_id = "other"  # type: ignore[misc]
    Limits().requests = 5  # type: ignore[misc]
    event.key  # type: ignore[union-attr]  # noqa: B018 - not every event has one
    if isinstance(event, Saved):
        event.path  # type: ignore[attr-defined]  # noqa: B018 - it is `event.saved.path`
    if isinstance(event, Failed):
        event.download.job_id  # type: ignore[union-attr]  # noqa: B018 - it has five kinds
    if isinstance(event, Started):
        event.total + 1  # type: ignore[operator]
