"""The service's calls as data: a download becomes a call, an answer becomes a package.

Rules:
    * Insight, job and task packages have no status call. Their PUT is repeated: the first one
      asks for the package, the later ones report on it (operations `downloadInsights`,
      `downloadJob`, `downloadTask`).
    * AOI and catalog packages are created by POST and asked about by GET, with the id of the
      answer: `download_id` for an AOI, `id` for a catalog.
    * Job and task calls have no body and no content type, since none is defined.
    * Insight paths say `/v0/aoi/`, the other AOI paths `/v0/aois/`; both are right.
    * Any 2xx is success: the guides say 200 where the OpenAPI document says 201.
    * Ready is a non-empty signed URL without a word of failure. A word of success without a URL
      is "not yet", and so is any word that is not known.
    * A word that says the package is gone (expired, deleted) is a word of failure where the status
      call takes an id. Elsewhere the same PUT requests the package again, so it means "not yet".
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import BinaryIO, assert_never

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from ...downloads import Download, JobDownload, TaskDownload
from ...errors import InputError, ResponseError
from ...models import Package, PackageStatus
from ..redact import redact
from ..resilience.retry_rules import CallKind
from .error_form import status_error
from .json_body import check_values
from .urls import segment

FAILED_WORDS = frozenset({"failed", "failure", "error", "errored", "cancelled", "canceled"})
GONE_WORDS = frozenset(
    {"expired", "deleted", "removed", "purged", "gone", "not_found", "missing", "unavailable"}
)
"""Words of a package that was ready once; none of them is documented."""
WORKING_WORDS = frozenset({"created", "in_progress", "pending", "queued", "processing", "running"})
"""Words that say that the service is packaging."""
PENDING_WORDS = WORKING_WORDS | {"", "success", "ready", "completed", "succeeded"}
_KNOWN_WORDS = FAILED_WORDS | PENDING_WORDS | GONE_WORDS
_HAVE_ID = frozenset({"aoi", "catalog"})
_PACKAGE_OPERATIONS = frozenset(
    {"downloadInsights", "downloadJob", "downloadTask"}
    | {"AOICreateDownload", "GetDownloadStatus", "CreateDownload", "GetDownloadById"}
)
MAX_ANSWER_VALUES = 50_000
"""JSON values in an answer about one package, of which four are used."""
_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)
"""Made once: `json.dumps` makes one for each call that does not take its defaults."""
JSON = "application/json"
_JSON = {"Content-Type": JSON}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of the service.

    Attributes:
        operation: The operation id in the service's OpenAPI document.
        method: The HTTP method.
        path: The path, percent-encoded, without the server.
        body: JSON in UTF-8, or None for no body and no content type.
        kind: What sending it twice would mean.
        accept: The media types of a success.
        sink: Takes the body of a success, from its place 0, as it arrives; None holds it in memory.
    """

    operation: str
    method: str
    path: str
    kind: CallKind
    body: bytes | None = field(default=None, repr=False)
    accept: str = JSON
    sink: BinaryIO | None = field(default=None, repr=False, compare=False)

    @property
    def sent_on(self) -> str:
        """The field of the answer that goes out again as it came: the signed URL."""
        return "signed_url" if self.operation in _PACKAGE_OPERATIONS else ""

    @property
    def headers(self) -> dict[str, str]:
        """Headers that belong to the body."""
        return _JSON if self.body is not None else {}

    @property
    def accepted(self) -> str:
        """The media types of all answers: an error is JSON in any case."""
        return JSON if self.accept == JSON else f"{self.accept}, {JSON}"


PING = Call(operation="ping", method="GET", path="/ping", kind=CallKind.READ)
KEY_CHECK = Call(
    operation="ListAOIs", method="GET", path="/v0/aois?offset=0&limit=1", kind=CallKind.READ
)
"""The cheapest documented call that needs the key and no id."""


def creation(download: Download) -> Call:
    """Return the call that asks for a package."""
    # By `kind`, since asking a model of pydantic for its class goes through `abc`, several times
    # for each call.
    if download.kind == "insight":
        aoi, insight = segment(download.aoi_id), segment(download.insight_id)
        return Call(
            operation="downloadInsights",
            method="PUT",
            path=f"/v0/aoi/{aoi}/insights/{insight}/download",
            kind=CallKind.REPEATABLE,
            body=_json({"inputs": download.inputs, "outputs": download.outputs}),
        )
    if download.kind == "aoi":
        return Call(
            operation="AOICreateDownload",
            method="POST",
            path=f"/v0/aois/{segment(download.aoi_id)}/downloads",
            kind=CallKind.CREATION,
            body=_json({"asset_ids": download.asset_ids}),
        )
    if download.kind == "job":
        return Call(
            operation="downloadJob",
            method="PUT",
            path=f"{_job(download)}/download",
            kind=CallKind.REPEATABLE,
        )
    if download.kind == "task":
        return Call(
            operation="downloadTask",
            method="PUT",
            path=f"{_job(download)}/tasks/{segment(download.task_id)}/download",
            kind=CallKind.REPEATABLE,
        )
    if download.kind == "catalog":
        catalogs, items = download.catalog_ids, download.order_item_ids
        return Call(
            operation="CreateDownload",
            method="POST",
            path="/v0/catalogs/download",
            kind=CallKind.CREATION,
            body=_json({"catalog_ids": catalogs} if catalogs else {"order_item_ids": items}),
        )
    assert_never(download)


def _job(download: JobDownload | TaskDownload) -> str:
    return f"/v0/workflows/{segment(download.workflow_id)}/jobs/{segment(download.job_id)}"


def _check_ids(operation: str, *ids: str) -> None:
    if not all(ids):
        message = f"{operation}: an id is empty"
        raise InputError(message)


def aoi_status(aoi_id: str, download_id: str) -> Call:
    """Return the status call of an AOI package.

    Raises:
        InputError: An id is empty.
    """
    _check_ids("GetDownloadStatus", aoi_id, download_id)
    return Call(
        operation="GetDownloadStatus",
        method="GET",
        path=f"/v0/aois/{segment(aoi_id)}/downloads/{segment(download_id)}",
        kind=CallKind.READ,
    )


def catalog_status(download_id: str) -> Call:
    """Return the status call of a catalog package.

    Raises:
        InputError: The id is empty.
    """
    _check_ids("GetDownloadById", download_id)
    return Call(
        operation="GetDownloadById",
        method="GET",
        path=f"/v0/catalogs/download/{segment(download_id)}",
        kind=CallKind.READ,
    )


def status(download: Download, download_id: str | None) -> Call:
    """Return the call that tells how far a package has come.

    Args:
        download: The requested package.
        download_id: The id of the creation's answer; only AOI and catalog packages need it.
    """
    if download_id is not None and download.kind == "aoi":
        return aoi_status(download.aoi_id, download_id)
    if download_id is not None and download.kind == "catalog":
        return catalog_status(download_id)
    return creation(download)


def needs_id(download: Download) -> bool:
    """Return whether the status call takes the id of the creation's answer."""
    return download.kind in _HAVE_ID


class Answer(BaseModel):
    """What all five kinds answer; unknown fields are ignored, known ones may be absent.

    The id stands in `download_id` for an AOI and in `id` for a catalog.
    """

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    download_id: str | None = None
    id: str | None = None
    status: str | None = None
    signed_url: SecretStr | None = None


def read_answer(
    call: Call,
    *,
    status_code: int,
    body: bytes,
    retry_after_s: float | None = None,
    location: str | None = None,
) -> Answer:
    """Read the answer to a creation or a status call.

    Args:
        call: What was sent.
        status_code: The HTTP status.
        body: The whole body.
        retry_after_s: The Retry-After header, read, for the error.
        location: The Location header, for the error.

    Raises:
        ApiError: The status is not 2xx.
        ResponseError: The body is not a JSON object of the documented form.
    """
    error = status_error(
        call.operation, status_code, body, retry_after_s=retry_after_s, location=location
    )
    answer = _answer_or_problem(body) if error is None else ""
    del body  # it may hold a signed URL, and some tools show the variables of an error
    if error is not None:
        raise error
    if isinstance(answer, str):
        message = f"the answer to {call.operation} is not as documented: {answer}"
        raise ResponseError(message)
    return answer


def _answer_or_problem(body: bytes) -> Answer | str:
    try:
        check_values(body, MAX_ANSWER_VALUES)
    except ValueError as error:
        return str(error)
    try:
        return Answer.model_validate_json(body)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in problem["loc"])
        return (f"{where}: " if where else "") + problem["msg"]


def package_of(download: Download, answer: Answer, *, download_id: str | None = None) -> Package:
    """Turn an answer into a package.

    Args:
        download: The requested package.
        answer: The response.
        download_id: The id that is known already, from the creation.

    Raises:
        ResponseError: A creation's answer lacks the id that the status call needs.
    """
    known_id = None
    if needs_id(download):
        known_id = download_id or answer.download_id or answer.id or None
    package = _package(download, answer, known_id)
    if package.status is PackageStatus.PENDING and known_id is None and needs_id(download):
        field = "download_id" if download.kind == "aoi" else "id"
        message = f'the answer to a creation has neither "{field}" nor a signed URL'
        raise ResponseError(message)
    return package


def package_with_id(answer: Answer, download_id: str) -> Package:
    """Turn the answer to a status call into a package of which only the id is known."""
    return _package(None, answer, download_id)


def _package(download: Download | None, answer: Answer, download_id: str | None) -> Package:
    url = answer.signed_url if answer.signed_url and answer.signed_url.get_secret_value() else None
    word = answer.status or ""
    if is_word_of_failure(word, download):
        state = PackageStatus.FAILED
    elif url is not None:
        state = PackageStatus.READY
    else:
        state = PackageStatus.PENDING
    return Package(
        download=download,
        status=state,
        status_word=redact(word),
        download_id=download_id,
        signed_url=url,
    )


def is_word_of_failure(word: str, download: Download | None) -> bool:
    """Return whether a status word says that a package will not become ready.

    Args:
        word: The service's word.
        download: The requested package, or None where only the id is known.
    """
    plain = _plain(word)
    has_id = download is None or needs_id(download)
    return plain in FAILED_WORDS or (has_id and plain in GONE_WORDS)


def is_word_of_work(word: str) -> bool:
    """Return whether a status word says that the service is packaging."""
    return _plain(word) in WORKING_WORDS


def is_gone_word(word: str) -> bool:
    """Return whether a status word says that the package is gone."""
    return _plain(word) in GONE_WORDS


def _plain(word: str) -> str:
    return word.strip().lower().replace("-", "_").replace(" ", "_")


def is_known_word(word: str) -> bool:
    """Return whether a status word is documented, so that others can be logged once."""
    return _plain(word) in _KNOWN_WORDS


def raise_for_status(
    call: Call,
    *,
    status_code: int,
    body: bytes,
    retry_after_s: float | None,
    location: str | None = None,
) -> None:
    """Raise the typed error for a status that is not 2xx.

    Errors are documented as `{"error": {"code", "message", "details"}}`; whatever else comes is
    taken as text. A signed URL that the service repeats in one is cut out.

    Raises:
        ApiError: The class for this status.
    """
    error = status_error(
        call.operation, status_code, body, retry_after_s=retry_after_s, location=location
    )
    del body  # as above
    if error is not None:
        raise error


def _json(value: object) -> bytes:
    return _ENCODER.encode(value).encode()
