"""What libcurl's error codes mean for a transfer.

Rules:
    * A certificate that is not trusted, or a proxy that refuses, stays so until a setting is
      changed: `StorageHostError`, with the remedy.
    * A process that is out of file descriptors needs fewer transfers, not another try.
    * Everything else is a broken connection, and another attempt may succeed.

Codes and their meaning: https://curl.se/libcurl/c/libcurl-errors.html
"""

from __future__ import annotations

import errno

import pycurl

from ..errors import (
    ConnectionBrokenError,
    OutOfDescriptorsError,
    PixxelError,
    StorageHostError,
    TransferError,
)
from ..sansio.redact import redact
from .error_messages import certificate_problem, named, proxy_problem
from .storage_response import StorageRequest

NOT_HTTP = "the response is not valid HTTP"
_WEIRD_REPLY = 8
_PROXY = 97
_TEXT = {
    pycurl.E_COULDNT_RESOLVE_HOST: "no address for the host",
    pycurl.E_COULDNT_RESOLVE_PROXY: "no address for the proxy",
    pycurl.E_COULDNT_CONNECT: "no connection",
    pycurl.E_OPERATION_TIMEDOUT: "no connection in time",
    pycurl.E_PARTIAL_FILE: "the connection closed before the body was complete",
    pycurl.E_GOT_NOTHING: "the connection closed without a response",
    pycurl.E_RECV_ERROR: "the connection broke while receiving",
    pycurl.E_SEND_ERROR: "the connection broke while sending",
    pycurl.E_SSL_CONNECT_ERROR: "no TLS connection",
    pycurl.E_HTTP2: "HTTP/2 framing error",
    # Only http and https URLs reach libcurl: it says this of a response without a status line.
    pycurl.E_UNSUPPORTED_PROTOCOL: NOT_HTTP,
    _WEIRD_REPLY: NOT_HTTP,
    _PROXY: "the proxy refused",
}
_OF_THE_PROXY = frozenset(
    {
        pycurl.E_COULDNT_CONNECT,
        pycurl.E_COULDNT_RESOLVE_PROXY,
        pycurl.E_OPERATION_TIMEDOUT,
        _PROXY,
    }
)
"""Errors to which a proxy may be to blame."""
_SHORTAGE = frozenset({errno.EMFILE, errno.ENFILE})
_FIRST_ERROR = 400


def closed_error() -> ConnectionBrokenError:
    """Return the error of a transfer whose client was closed."""
    return ConnectionBrokenError("the client is closed")


def out_of_descriptors(reason: str) -> OutOfDescriptorsError:
    """Return the error of a process that may open no more files."""
    return OutOfDescriptorsError(f"no connection ({redact(reason)})")


def error_of(code: int, message: str, curl: pycurl.Curl, request: StorageRequest) -> PixxelError:
    """Return the error of a failed transfer.

    Args:
        code: A CURLE code.
        message: What libcurl adds to it.
        curl: The handle, which knows more.
        request: What was requested.
    """
    if code == pycurl.E_PEER_FAILED_VERIFICATION:
        code = curl.getinfo(pycurl.SSL_VERIFYRESULT)
        return StorageHostError(certificate_problem(request.host, code, message))
    connect_status = curl.getinfo(pycurl.HTTP_CONNECTCODE)
    if connect_status >= _FIRST_ERROR:
        refused = proxy_problem(request.host, connect_status, request.proxy)
        if refused is not None:
            return StorageHostError(refused)
        code, message = _PROXY, str(connect_status)
    if curl.getinfo(pycurl.OS_ERRNO) in _SHORTAGE:
        return out_of_descriptors(message)
    if code == pycurl.E_URL_MALFORMAT:
        return TransferError("the signed URL is not a URL that can be requested")
    text = _TEXT.get(code, "the connection failed")
    detail = redact(message)
    if request.proxy is not None and code in _OF_THE_PROXY:
        detail = f"{detail}; {named(request.proxy)}"
    sent = curl.getinfo(pycurl.PRETRANSFER_TIME) > 0  # the connection stood, TLS included
    return ConnectionBrokenError(f"{text} ({detail})" if detail else text, sent=sent)
