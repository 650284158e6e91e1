"""An OpenAPI document as a judge: it says what is wrong with a request.

`calls.json` beside this file describes the calls that the client makes and the sandbox answers. The
vendor's own document, where it is at hand, judges them too, and a test compares the two.

Nothing of the library or of the sandbox is used here; openapi-core reads the document.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from openapi_core import Config, OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockResponse
from werkzeug.datastructures import Headers, ImmutableMultiDict

OURS = Path(__file__).with_name("calls.json")
VENDORS = Path(
    os.environ.get(
        "OPENAPI_DOCUMENT",
        Path(__file__).parents[2].parent / "shared" / "reference" / "pixxel-openapi.json",
    )
)
"""Where the vendor's document may be."""
DOCUMENTS = [OURS, *([VENDORS] if VENDORS.is_file() else [])]
PING = "ping"
UNNAMED = {
    "/ping": PING,
    "/v0/blocks": "listBlocks",
    "/v0/blocks/{name}": "listBlockVersions",
    "/v0/blocks/{name}/versions/{version}": "getBlockVersion",
}
"""Our names of the operations that the document gives no id."""

KEYWORDS = frozenset(
    {
        *("type", "format", "enum", "default", "nullable", "minimum", "maximum", "pattern"),
        *("items", "uniqueItems", "minItems", "maxItems", "minLength", "maxLength"),
        *("properties", "required", "additionalProperties", "minProperties", "maxProperties"),
        *("allOf", "anyOf", "oneOf", "not"),
    }
)
"""The words of a schema that say what a value may be; the others are for its readers."""


PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
"""The example of an image: the document has none."""


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
        """The 2xx that the document has for it; of two, 201, since 200 is that of an estimate."""
        return max(int(status) for status in self.spec["responses"] if status.startswith("2"))

    @property
    def errors(self) -> list[int]:
        """The errors that the document has for it."""
        return sorted(int(status) for status in self.spec["responses"] if int(status) >= 400)


class Contract:
    """One of the documents, read."""

    def __init__(self, path: Path) -> None:
        self.document: dict[str, Any] = json.loads(path.read_bytes())
        self.host_url: str = self.document["servers"][0]["url"]
        request = self.document["components"]["schemas"].get("clerk.DownloadRequest")
        if request is not None:
            # The vendor's document contradicts itself: it marks both lists as required, while its
            # prose says that only one of them may be given. The prose holds.
            assert set(request.pop("required")) == {"catalog_ids", "order_item_ids"}
            request |= {"minProperties": 1, "maxProperties": 1}
            self._correct_orders()
        self.operations = [
            Operation(spec.get("operationId") or UNNAMED[path], method, path, spec)
            for path, item in self.document["paths"].items()
            for method, spec in item.items()
        ]
        # Fields that the document does not name are refused, in requests and in answers.
        strict = Config(additional_properties_default_policy="forbid")
        self._openapi = OpenAPI.from_dict(self.document, config=strict)

    def _correct_orders(self) -> None:
        """Likewise: one list of a delivery, and the `properties` that each feature has (RFC 7946).

        The document's own example of an order has them.
        """
        schemas = self.document["components"]["schemas"]
        delivery = schemas["clerk.DeliveryRequest"]
        delivery["required"].remove("catalog_ids")
        delivery["required"].remove("order_item_ids")
        delivery |= {"minProperties": 2, "maxProperties": 2}
        area = schemas["clerk.docOriginalOrderItem"]["properties"]["geometry"]
        feature = area["properties"]["features"]["items"]["properties"]
        assert "properties" not in feature
        feature["properties"] = {"type": "object"}

    def operation(self, operation_id: str) -> Operation:
        (found,) = (one for one in self.operations if one.id == operation_id)
        return found

    def find(self, request: Request) -> tuple[Operation | None, dict[str, str]]:
        """Find the operation that a request is for, and its ids; names come before ids."""
        for operation in sorted(self.operations, key=lambda one: one.path.count("{")):
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
        content = self.resolved(operation.spec["responses"][str(status)]).get("content")
        if not content:
            return None
        kind, described = next(iter(content.items()))
        if status < 400 and kind == "image/png":
            return PNG
        return self._example(described["schema"], "pong")

    def body_fields(self, operation: Operation) -> dict[str, Any]:
        """Return the schemas of the fields of a request's body."""
        schema = operation.spec["requestBody"]["content"]["application/json"]["schema"]
        fields: dict[str, Any] = self.resolved(schema)["properties"]
        return fields

    def facts(self, operation: Operation) -> dict[str, Any]:
        """Return what the document says of an operation, without its words and names of schemas."""
        spec = operation.spec
        body = self.resolved(spec.get("requestBody", {}))
        return {
            "call": (operation.method, operation.path),
            "needs key": bool(spec.get("security", self.document.get("security"))),
            "parameters": {
                (one["in"], one["name"]): (one.get("required", False), self._facts(one["schema"]))
                for one in spec.get("parameters", [])
            },
            "body": (body.get("required", False), self._contents(body)),
            "answers": {
                status: self._contents(self.resolved(answer))
                for status, answer in spec["responses"].items()
            },
        }

    def _contents(self, holder: dict[str, Any]) -> dict[str, Any]:
        content = holder.get("content", {})
        return {kind: self._facts(one["schema"]) for kind, one in content.items()}

    def _facts(self, schema: dict[str, Any]) -> dict[str, Any]:
        schema = self.resolved(schema)
        kept = {name: value for name, value in schema.items() if name in KEYWORDS}
        if "required" in kept:
            kept["required"] = sorted(kept["required"])
        if "properties" in kept:
            fields = kept["properties"].items()
            kept["properties"] = {name: self._facts(field) for name, field in fields}
        for name in ("items", "additionalProperties"):
            if isinstance(kept.get(name), dict):
                kept[name] = self._facts(kept[name])
        if "allOf" in kept:
            kept["allOf"] = [self._facts(one) for one in kept["allOf"]]
            if list(kept) == ["allOf"] and len(kept["allOf"]) == 1:
                (kept,) = kept["allOf"]  # how a `$ref` gets words of its own
        return kept

    def resolved(self, value: dict[str, Any]) -> dict[str, Any]:
        """Return what a `$ref` refers to, or the value itself."""
        if "$ref" not in value:
            return value
        found = self.document
        for part in value["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return self.resolved(found)

    def _example(self, schema: dict[str, Any], name: str) -> Any:  # noqa: PLR0911 - one a type
        schema = self.resolved(schema)
        if "example" in schema:
            return schema["example"]
        if "enum" in schema:
            return schema["enum"][0]
        match schema.get("type"):
            case "object":
                others = schema.get("additionalProperties")
                fields = dict(schema.get("properties", {}))
                fields |= {f"a {name}": others} if isinstance(others, dict) else {}
                return {name: self._example(field, name) for name, field in fields.items()}
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
