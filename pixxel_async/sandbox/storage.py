"""The storage of the sandbox: ZIPs behind signed URLs that expire."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from xml.sax.saxutils import escape

from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from . import storage_faults
from .connections import Connections
from .content import Content
from .faults import FaultPlan, StorageFault
from .packages import Package, Packages
from .recording import Leak, StorageGet
from .reply import Reply, Sender
from .scenario import Checksum, Scenario
from .signing import Signer, expiry

BAD_REQUEST, FORBIDDEN, NOT_FOUND, NOT_ALLOWED = 400, 403, 404, 405
REQUEST_ID = "5A4D0B0C5A4D0B0C"


def error_reply(status: int, code: str, message: str, *, more: str = "") -> Reply:
    """Return an error as XML, in the form of S3; the other storages differ little."""
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message>{more}"
        f"<RequestId>{REQUEST_ID}</RequestId></Error>"
    )
    return Reply.of(status, text.encode(), {"content-type": "application/xml"})


def expired(style: str, *, end: float, now: float) -> Reply:
    """Return the response to an expired URL."""
    match style:
        case "s3":
            more = f"<Expires>{_iso(end)}</Expires><ServerTime>{_iso(now)}</ServerTime>"
            return error_reply(FORBIDDEN, "AccessDenied", "Request has expired", more=more)
        case "gcs":
            more = f"<Details>Request signature expired at: {_iso(end)}</Details>"
            message = "The provided token has expired."
            return error_reply(BAD_REQUEST, "ExpiredToken", message, more=more)
        case "azure":
            more = f"<AuthenticationErrorDetail>Signed expiry time [{_iso(end)}] has passed</AuthenticationErrorDetail>"  # noqa: E501 - one element
            message = "Server failed to authenticate the request."
            return error_reply(FORBIDDEN, "AuthenticationFailed", message, more=more)
        case _:
            return error_reply(FORBIDDEN, "AccessDenied", "Access denied")


def signature_mismatch() -> Reply:
    """Return the response to a URL that the storage has not signed."""
    message = "The request signature we calculated does not match the signature you provided."
    return error_reply(FORBIDDEN, "SignatureDoesNotMatch", message)


def no_such_key() -> Reply:
    """Return the response to a path without an object."""
    return error_reply(NOT_FOUND, "NoSuchKey", "The specified key does not exist.")


def not_allowed(method: str) -> Reply:
    """Return the response to a method that the URL is not signed for."""
    if method == "HEAD":
        return signature_mismatch()
    return error_reply(NOT_ALLOWED, "MethodNotAllowed", "The method is not allowed.")


def _iso(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}"


_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class PreconditionFailedError(Exception):
    """If-Match names another version: 412."""


class UnsatisfiableError(Exception):
    """The range starts after the end: 416."""


def requested_range(headers: Mapping[str, str], *, size: int, etag: str) -> tuple[int, int] | None:
    """Return the requested range as first byte and stop, or None for all.

    Args:
        headers: Of the request.
        size: Of the object, in bytes.
        etag: The object's strong ETag.

    Raises:
        PreconditionFailedError: If-Match does not hold.
        UnsatisfiableError: There is no such byte.
    """
    if headers.get("if-match", etag) not in {etag, "*"}:
        raise PreconditionFailedError
    found = _RANGE.fullmatch(headers.get("range", ""))
    if found is None or headers.get("if-range", etag) != etag:
        return None
    first, last = found[1], found[2]
    if not first:
        if not last:
            return None
        return max(0, size - int(last)), size
    if int(first) >= size:
        raise UnsatisfiableError
    return int(first), min(int(last) + 1, size) if last else size


REDIRECTED = "/moved"
"""The path prefix of redirected requests."""

CROWDED = "crowded"
"""The recorded action of a request that exceeds `bodies_at_once`."""

SECRET_HEADERS = ("authorization", "cookie", "x-api-key")
OK, FOUND, PARTIAL, PRECONDITION_FAILED, UNSATISFIABLE, TOO_SLOW = 200, 302, 206, 412, 416, 503


class Storage:
    """An ASGI application that serves packages.

    Attributes:
        gets: All requests so far, in the order of their responses.
        leaks: Headers that a client should not have sent here.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        packages: Packages,
        connections: Connections,
        signer: Signer,
        clock: Callable[[], float],
    ) -> None:
        """Share packages with the service.

        Args:
            scenario: Throughput and faults.
            packages: All packages.
            connections: Resets and closes connections.
            signer: Checks URLs.
            clock: Seconds since 1970.
        """
        faults = tuple(fault for fault in scenario.faults if isinstance(fault, StorageFault))
        self.gets: list[StorageGet] = []
        self.leaks: list[Leak] = []
        self._scenario = scenario
        self._packages = packages
        self._signer = signer
        self._clock = clock
        self._faults = FaultPlan(faults, f"{scenario.seed}:storage")
        self._sender = Sender(connections, scenario.bytes_per_s)
        self._sending = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers = Headers(scope=scope)
        target = (scope["raw_path"] + b"?" + scope["query_string"]).decode("latin-1")
        was_redirected = target.startswith(f"{REDIRECTED}/")
        target = target.removeprefix(REDIRECTED) if was_redirected else target
        package = self._packages.by_path.get(target.partition("?")[0])
        identity = package.identity.text if package else ""
        self.leaks += [Leak(name, identity) for name in SECRET_HEADERS if name in headers]
        fault = None
        if package is None or package.action == "gone":
            reply = no_such_key()
        elif scope["method"] != "GET":
            reply = not_allowed(scope["method"])
        elif not self._signer.is_genuine(target, package.style):
            reply = signature_mismatch()
        elif expiry(target) <= self._clock():
            reply = self._expired(package, target)
        else:
            fault = None if was_redirected else self._next_fault(identity, "range" in headers)
            reply = await self._reply(package, target, headers, scope, fault)
        action: str = fault.action if fault else ""
        has_body = reply.status in {OK, PARTIAL}
        if has_body and self._is_crowded:
            reply, has_body, action = self._crowded(), False, CROWDED
        got = StorageGet(self._clock(), identity, headers.get("range", ""), reply.status, action)
        self.gets.append(got)
        self._sending += has_body
        try:
            await self._sender.send(reply, scope, receive, send)
        finally:
            self._sending -= has_body

    @property
    def _is_crowded(self) -> bool:
        limit = self._scenario.bodies_at_once
        return limit is not None and self._sending >= limit

    def _crowded(self) -> Reply:
        return error_reply(self._scenario.crowded_status, "AccessDenied", "Access Denied")

    @property
    def body_bytes(self) -> int:
        """The bytes of all bodies so far."""
        return self._sender.body_bytes

    def _next_fault(self, identity: str, is_range: bool) -> StorageFault | None:  # noqa: FBT001 - a plain fact
        return self._faults.next_fault(
            identity, lambda fault: storage_faults.applies(fault, is_range=is_range)
        )

    async def _reply(  # noqa: C901, PLR0911 - one case a fault
        self,
        package: Package,
        target: str,
        headers: Headers,
        scope: Scope,
        fault: StorageFault | None,
    ) -> Reply:
        if fault is None:
            return await self._serve(package, headers)
        match fault.action:
            case "status":
                code = "SlowDown" if fault.status == TOO_SLOW else "SandboxFault"
                return error_reply(fault.status, code, "a scripted fault")
            case "expired":
                return self._expired(package, target)
            case "redirect":
                port = scope["server"][1]
                return _redirect(f"http://localhost:{port}{REDIRECTED}{target}")
            case "redirect_plain":
                return _redirect(f"http://storage.invalid{target}")
            case "redirect_loop":
                return _redirect(target)
            case "change_etag":
                package.version += 1
            case "change_silently":
                package.edits += 1
                headers = Headers({"range": headers["range"]})
            case "aligned_range":
                headers = storage_faults.aligned(headers)
            case "ignore_range":
                headers = Headers({})
            case "wrong_range":
                headers = Headers({"range": "bytes=1-"})
        return storage_faults.changed(await self._serve(package, headers), fault)

    async def _serve(self, package: Package, headers: Headers) -> Reply:
        """Return the correct response."""
        content = await asyncio.to_thread(package.content)
        common = {"etag": package.etag, "accept-ranges": "bytes", "content-type": "application/zip"}
        try:
            part = requested_range(headers, size=content.size, etag=package.etag)
        except PreconditionFailedError:
            message = "The object is another one by now."
            return error_reply(PRECONDITION_FAILED, "PreconditionFailed", message)
        except UnsatisfiableError:
            reply = error_reply(UNSATISFIABLE, "InvalidRange", "There is no such byte.")
            return Reply.of(
                UNSATISFIABLE,
                b"".join(reply.body),
                {**reply.headers, "content-range": f"bytes */{content.size}"},
            )
        first, stop = part or (0, content.size)
        common |= await asyncio.to_thread(
            _checksums, content, self._scenario.checksum, package.style, whole=part is None
        )
        if part is not None:
            common["content-range"] = f"bytes {first}-{stop - 1}/{content.size}"
        return Reply(
            status=PARTIAL if part else OK,
            headers=common,
            body=tuple(content.slice(first, stop)),
            length=stop - first,
        )

    def _expired(self, package: Package, target: str) -> Reply:
        return expired(package.style, end=expiry(target), now=self._clock())


def _redirect(location: str) -> Reply:
    return Reply(status=FOUND, headers={"location": location, "set-cookie": "sandbox=1; Path=/"})


def _checksums(content: Content, wish: Checksum, style: str, *, whole: bool) -> dict[str, str]:
    """Return the checksum header of a storage."""
    match wish:
        case "crc32":
            return {"x-amz-checksum-crc32": _base64(content.crc32.to_bytes(4, "big"))}
        case "sha256":
            return {"x-amz-checksum-sha256": _base64(content.sha256)}
        case "md5" if style == "gcs":
            return {"x-goog-hash": f"md5={_base64(content.md5)}"}
        case "md5" if whole:
            return {"content-md5": _base64(content.md5)}
        case _:
            return {}


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode("ascii")
