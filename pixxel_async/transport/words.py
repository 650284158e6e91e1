"""Errors of httpx in plain words."""

from __future__ import annotations

import httpx

from ..sansio.redact import redact

_WORDS: dict[type[Exception], str] = {
    httpx.ConnectError: "no connection",
    httpx.ConnectTimeout: "no connection in time",
    httpx.PoolTimeout: "no free connection in time",
    httpx.ReadTimeout: "no answer in time",
    httpx.ReadError: "the connection broke while reading",
    httpx.WriteError: "the connection broke while sending",
    httpx.WriteTimeout: "sending took too long",
    httpx.RemoteProtocolError: "the other side broke off",
    httpx.ProxyError: "the proxy refused",
}


def describe(error: Exception) -> str:
    """Name an error of httpx in plain words, without the request that it knows."""
    words = _WORDS.get(type(error), "the connection failed")
    said = redact(str(error))
    return f"{words} ({said})" if said else words
