"""How our contenders save."""

from __future__ import annotations

from pixxel_async.config import Checksum, FetchPolicy, FolderPolicy, Sync


def like_curl() -> tuple[FetchPolicy, FolderPolicy]:
    """Return the policies that save as curl does: no hash, no sync."""
    return FetchPolicy(checksum=Checksum.NONE, sync=Sync.NONE), FolderPolicy()
