"""The five kinds of download, distinguished by `kind`.

    InsightDownload(aoi_id="a-1", insight_id="i-1")
    AoiDownload(aoi_id="a-1", asset_ids=["s-1", "s-2"])
    JobDownload(workflow_id="w-1", job_id="j-1")
    TaskDownload(workflow_id="w-1", job_id="j-1", task_id="t-1")
    CatalogDownload(catalog_ids=["c-1", "c-2"])

Rules:
    * Downloads are frozen, and equal downloads have equal keys.
    * The key is stable across versions and runs: the journal and file names depend on it.
    * The service treats lists of ids as sets (`uniqueItems`): duplicates are dropped, and the
      order does not change the key.
    * Whatever is wrong with a download, its constructor and `parse_download` raise InputError.
    * Exactly one of `catalog_ids` and `order_item_ids` is required, although the service's OpenAPI
      document marks both as required: its prose and its guide say that one excludes the other.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal, Self, TypeAlias, TypeGuard
from urllib.parse import quote

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    GetPydanticSchema,
    ModelWrapValidatorHandler,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from .errors import InputError

MAX_ID_CHARS = 2048
"""Longer ids are refused: servers limit the length of the request line."""

DIGEST_CHARS = 16
"""Hexadecimal digits of the SHA-256 that represents lists of ids in a key."""

_UNRESERVED = re.compile(r"[A-Za-z0-9_.~-]+")
"""Needs no escaping; `quote` takes several times as long to find out."""

Id: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=MAX_ID_CHARS)]


def as_tuple(value: object) -> object:
    """Accept any iterable of ids except a single string."""
    if isinstance(value, str):
        reason = "is a single string; give a list of ids"
        raise ValueError(reason)  # noqa: TRY004 - pydantic turns a ValueError into its own
    if isinstance(value, Iterable) and not isinstance(value, (bytes, dict)):
        return tuple(value)
    return value


def _without_duplicates(ids: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ids))


Ids: TypeAlias = Annotated[
    Sequence[str],
    GetPydanticSchema(lambda _, handler: handler.generate_schema(tuple[Id, ...])),
    BeforeValidator(as_tuple),
    AfterValidator(_without_duplicates),
]
"""Given as any sequence of ids, stored as a tuple."""
SomeIds: TypeAlias = Annotated[Ids, Field(min_length=1)]


class ManifestRow(BaseModel, frozen=True, extra="forbid"):
    """What a line of a manifest names: frozen, without unknown fields, with a key."""

    kind: str

    @model_validator(mode="wrap")
    @classmethod
    def _raise_input_error(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(data)
        except ValidationError as error:
            raise InputError("; ".join(_reasons(error, cls.model_fields["kind"].default))) from None

    @property
    def key(self) -> str:
        """Its stable name: its kind, its ids and a digest of what is not a text."""
        ids, others = [], {}
        for field, value in self:
            if not isinstance(value, str):
                if value:
                    others[field] = self._comparable(value)
            elif field != "kind":
                ids.append(value if _UNRESERVED.fullmatch(value) else quote(value, safe=""))
        key = f"{self.kind}:{'/'.join(ids).rstrip('/')}"
        return f"{key}#{_digest(others)}" if others else key

    def _comparable(self, value: Any) -> Any:
        """Return what a field that is not a text is compared by."""
        return value

    def row(self) -> dict[str, Any]:
        """Return the manifest row as JSON types, without empty fields."""
        row = self.model_dump(mode="json")
        return {field: value for field, value in row.items() if value}


class BaseDownload(ManifestRow, frozen=True):
    """The base class of the five kinds.

    `Download` is their union. What takes several downloads takes this class, since a list of
    different kinds is one of their base class for some type checkers.
    """

    def _comparable(self, value: Any) -> Any:
        """Return the ids of a list in an order of their own: the service takes them as a set."""
        return sorted(value)


def _digest(fields: dict[str, Any]) -> str:
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_CHARS]


class InsightDownload(BaseDownload, frozen=True):
    """The inputs and outputs of an insight (operation `downloadInsights`).

        InsightDownload(aoi_id="a-1", insight_id="i-1")

    Attributes:
        aoi_id: The area of interest of the insight.
        insight_id: The insight.
        inputs: Asset ids of inputs to include; empty leaves the choice to the service.
        outputs: Asset ids of outputs to include; likewise.

    Raises:
        InputError: An id is empty, or longer than 2,048 characters, or not a string.
    """

    kind: Literal["insight"] = "insight"
    aoi_id: Id
    insight_id: Id
    inputs: Ids = ()
    outputs: Ids = ()


class AoiDownload(BaseDownload, frozen=True):
    """Assets of an area of interest (operation `AOICreateDownload`).

        AoiDownload(aoi_id="a-1", asset_ids=["s-1", "s-2"])

    Attributes:
        aoi_id: The area of interest.
        asset_ids: At least one of its assets; duplicates are dropped.

    Raises:
        InputError: There is no asset, or an id is empty, too long or not a string.
    """

    kind: Literal["aoi"] = "aoi"
    aoi_id: Id
    asset_ids: SomeIds


class JobDownload(BaseDownload, frozen=True):
    """All inputs and outputs of a job of a workflow (operation `downloadJob`).

        JobDownload(workflow_id="w-1", job_id="j-1")

    Attributes:
        workflow_id: The workflow.
        job_id: The job, which is a run of the workflow.

    Raises:
        InputError: An id is empty, too long or not a string.
    """

    kind: Literal["job"] = "job"
    workflow_id: Id
    job_id: Id


class TaskDownload(BaseDownload, frozen=True):
    """The assets of one task of a job (operation `downloadTask`).

        TaskDownload(workflow_id="w-1", job_id="j-1", task_id="t-1")

    Attributes:
        workflow_id: The workflow.
        job_id: The job.
        task_id: The task, which is a step of the job.

    Raises:
        InputError: An id is empty, too long or not a string.
    """

    kind: Literal["task"] = "task"
    workflow_id: Id
    job_id: Id
    task_id: Id


class CatalogDownload(BaseDownload, frozen=True):
    """Owned imagery, by catalog ids or by order items (operation `CreateDownload`).

        CatalogDownload(catalog_ids=["c-1", "c-2"])
        CatalogDownload(order_item_ids=["o-1"])

    Attributes:
        catalog_ids: The images; give these or `order_item_ids`, not both. Duplicates are dropped.
        order_item_ids: The order items.

    Raises:
        InputError: Neither or both lists have ids, or an id is empty, too long or not a string.
    """

    kind: Literal["catalog"] = "catalog"
    catalog_ids: Ids = ()
    order_item_ids: Ids = ()

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if bool(self.catalog_ids) == bool(self.order_item_ids):
            message = "give exactly one of catalog_ids and order_item_ids, and not as an empty list"
            raise InputError(message)
        return self


Download: TypeAlias = Annotated[
    InsightDownload | AoiDownload | JobDownload | TaskDownload | CatalogDownload,
    Field(discriminator="kind"),
]

KINDS: tuple[str, ...] = ("insight", "aoi", "job", "task", "catalog")

_ADAPTER: TypeAdapter[Download] = TypeAdapter(Download)


def is_download(value: object) -> TypeGuard[Download]:
    """Return whether a value is a download."""
    return isinstance(value, BaseDownload)


def parse_download(row: object) -> Download:
    """Parse one manifest row.

        parse_download({"kind": "job", "workflow_id": "w-1", "job_id": "j-1"})

    Args:
        row: The decoded JSON of the row, an object with a known `kind`.

    Returns:
        The download. `download.row()` is the opposite.

    Raises:
        InputError: The row is invalid; the message names the field and the reason.
    """
    try:
        return _ADAPTER.validate_python(row)
    except ValidationError as error:  # of `kind`; the other fields raise InputError themselves
        raise InputError("; ".join(_reasons(error))) from None


SHOWN_CHARS = 40
_MESSAGES = {
    "string_type": "is not a string",
    "string_unicode": "is not valid Unicode",
    "string_too_short": "is empty",
    "too_short": "is empty; give at least one id",
    "tuple_type": "is not a list of ids",
}
"""Shorter messages for pydantic's error types."""


def _reasons(error: ValidationError, of_kind: str = "") -> list[str]:
    reasons = []
    for problem in error.errors(include_url=False, include_context=False):
        kind = problem["type"]
        field = ".".join(str(part) for part in problem["loc"])
        if kind == "union_tag_not_found":
            reasons.append(f'field "kind" is missing; it is one of {", ".join(KINDS)}')
        elif kind == "union_tag_invalid":
            given = str(problem["input"]["kind"])[:SHOWN_CHARS]
            reasons.append(f'unknown kind "{given}"; "kind" is one of {", ".join(KINDS)}')
        elif kind in {"model_attributes_type", "model_type", "dict_type"}:
            reasons.append('a row is a JSON object, such as {"kind": "job", …}')
        elif kind == "missing":
            reasons.append(f'field "{field}" is missing')
        elif kind == "extra_forbidden":
            reasons.append(f'unknown field "{field}" for kind "{of_kind}"')
        else:
            text = _MESSAGES.get(kind, problem["msg"].removeprefix("Value error, "))
            reasons.append(f'field "{field}": {text}' if field else text)
    return reasons
