"""Records of the workspace."""

from __future__ import annotations

from .base import Number, Record, Text, Time


class Project(Record):
    """A project of the workspace (operations `ListProjects`, `GetProjectById`).

    Attributes:
        name: Its short name, as in URLs.
        title: Its name for people.
        org_id: The workspace.
        members_count: How many people work on it; lists have it, a single project has not.
    """

    name: Text = ""
    title: Text = ""
    org_id: Text = ""
    members_count: Number = None
    updated_at: Time = None
