"""The vendor's OpenAPI document as a judge: it says what is wrong with a request.

Nothing of the library or of the sandbox is used here; openapi-core reads the document.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from openapi_core import Config, OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockResponse
from werkzeug.datastructures import Headers, ImmutableMultiDict

DOCUMENT = Path(__file__).parents[2].parent / "shared" / "reference" / "pixxel-openapi.json"
PING = "ping"
"""The document gives `GET /ping` no operation id."""


@dataclass
class Request:
    """A request as it came over the wire, in the form that openapi-core takes."""

    host_url: str
    method: str
    path: str
    query: str
    headers: Headers
    body: bytes | None
    parameters: RequestParameters = field(init=False)

    def __post_init__(self) -> None:
        self.method = self.method.lower()
        self.parameters = RequestParameters(
            path={},
            query=ImmutableMultiDict(parse_qsl(self.query, keep_blank_values=True)),
            header=self.headers,
            cookie=ImmutableMultiDict(),
        )

    @property
    def content_type(self) -> str:
        return str(self.headers.get("content-type", "")).lower()


@dataclass(frozen=True)
class Operation:
    """What the document says of one method at one path."""

    id: str
    method: str
    path: str
    spec: dict[str, Any]

    def ids(self, path: str) -> dict[str, str] | None:
        """Return the decoded ids of a path, or None if it is not this operation's path."""
        pattern, segments = self.path.split("/"), path.split("/")
        if len(pattern) != len(segments):
            return None
        found = {}
        for part, segment in zip(pattern, segments, strict=True):
            if part.startswith("{"):
                found[part[1:-1]] = unquote(segment, errors="strict")
            elif part != segment:
                return None
        return found

    @property
    def query(self) -> set[str]:
        """The names that the document has for its query."""
        parameters = self.spec.get("parameters", [])
        return {one["name"] for one in parameters if one["in"] == "query"}

    @property
    def success(self) -> int:
        """The only 2xx that the document has for it."""
        (status,) = (int(status) for status in self.spec["responses"] if status.startswith("2"))
        return status

    @property
    def errors(self) -> list[int]:
        """The errors that the document has for it."""
        return sorted(int(status) for status in self.spec["responses"] if int(status) >= 400)


class Contract:
    """The document, read."""

    def __init__(self, path: Path = DOCUMENT) -> None:
        self.document: dict[str, Any] = json.loads(path.read_bytes())
        self.host_url: str = self.document["servers"][0]["url"]
        # The document contradicts itself: it marks both lists as required, while its prose says
        # that only one of them may be given. The prose holds.
        request = self.document["components"]["schemas"]["clerk.DownloadRequest"]
        assert set(request.pop("required")) == {"catalog_ids", "order_item_ids"}
        request |= {"minProperties": 1, "maxProperties": 1}
        self.operations = [
            Operation(spec.get("operationId", PING if path == "/ping" else ""), method, path, spec)
            for path, item in self.document["paths"].items()
            for method, spec in item.items()
        ]
        # Fields that the document does not name are refused, in requests and in answers.
        strict = Config(additional_properties_default_policy="forbid")
        self._openapi = OpenAPI.from_dict(self.document, config=strict)

    def operation(self, operation_id: str) -> Operation:
        (found,) = (one for one in self.operations if one.id == operation_id)
        return found

    def find(self, request: Request) -> tuple[Operation | None, dict[str, str]]:
        """Find the operation that a request is for, and its ids."""
        for operation in self.operations:
            ids = operation.ids(request.path)
            if ids is not None and operation.method == request.method:
                return operation, ids
        return None, {}

    def problem(self, request: Request) -> str:
        """Return what is wrong with a request, or nothing."""
        operation, ids = self.find(request)
        try:
            self._openapi.validate_request(request)
        except OpenAPIError as error:
            return f"{error}: {error.__cause__}"
        if operation is None:
            return "openapi-core found an operation, and we did not"
        if not all(ids.values()):
            return "an id in the path is empty"
        for name in request.parameters.query:
            if name not in operation.query:
                return f"the query names {name}, which is not defined"
        if "requestBody" not in operation.spec and (request.body or request.content_type):
            return "a body or a content type where none is defined"
        return ""

    def check_answer(self, request: Request, status: int, body: bytes) -> None:
        """Raise OpenAPIError if an answer is not as documented."""
        answer = MockResponse(body, status_code=status, content_type="application/json")
        self._openapi.validate_response(request, answer)

    def example(self, operation: Operation, status: int) -> Any:
        """Make an answer from the document's own schema and examples."""
        content = operation.spec["responses"][str(status)]["content"]
        return self._example(content["application/json"]["schema"], "pong")

    def _example(self, schema: Mapping[str, Any], name: str) -> Any:  # noqa: PLR0911 - one a type
        if "$ref" in schema:
            found = self.document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
            return self._example(found, name)
        if "example" in schema:
            return schema["example"]
        match schema.get("type"):
            case "object":
                fields = schema.get("properties", {}).items()
                return {name: self._example(field, name) for name, field in fields}
            case "array":
                return [self._example(schema["items"], name)]
            case "integer" | "number":
                return 1
            case "string":
                return f"some {name}" if name != "signed_url" else "https://storage.test/a?sig=b"
            case None if "allOf" in schema:
                return self._example(schema["allOf"][0], name)
            case _:  # `details` of an error has no type
                return {"any": ["thing", 1, None]}
