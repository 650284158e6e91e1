"""The storage engine on libcurl: one multi handle on each of a few threads.

Rules:
    * libcurl connects, resolves, encrypts, keeps connections and talks to proxies. What is here, in
      `curl_thread` and in `curl_response` is bookkeeping: who waits for what, and on which thread.
    * Nothing comes from the environment, no cookies are kept, and only http and https are spoken.
"""

from __future__ import annotations

import asyncio

import pycurl

from .._version import USER_AGENT
from ..config import Timeouts
from ..sansio.storage.address_policy import AddressPolicy
from ..waits import wait_for_end
from .curl_errors import closed_error, out_of_descriptors
from .curl_response import CurlResponse
from .curl_thread import CurlThread
from .storage_response import BandwidthLimiter, ChooseWriter, StorageRequest, StorageResponse
from .tls import Certificates

THREADS = 2
"""With two threads a large body and many small ones do not wait for each other."""
SUPPRESS_CONNECT_HEADERS = 265
"""An option of libcurl that pycurl has no name for."""
BUFFER_BYTES = 512 * 1024


class CurlEngine:
    """Sends GETs through libcurl, on threads that it owns; belongs to one event loop."""

    def __init__(
        self,
        *,
        certificates: Certificates,
        timeouts: Timeouts,
        addresses: AddressPolicy,
        threads: int = THREADS,
    ) -> None:
        """Start no thread yet.

        Args:
            certificates: Which ones are trusted, for the storage and for proxies.
            timeouts: How long connecting may take.
            addresses: Where a storage may be.
            threads: How many threads there are at most.
        """
        self._certificates = certificates
        self._connect_ms = max(1, int(timeouts.connect_s * 1000))
        self._addresses = addresses
        self._max_threads = threads
        self._threads: list[CurlThread] = []
        self._is_closed = False

    async def get(
        self,
        request: StorageRequest,
        *,
        choose_writer: ChooseWriter,
        bandwidth: BandwidthLimiter | None,
    ) -> StorageResponse:
        """Send a GET, and return its response when the headers are there.

        Raises:
            PixxelError: No response came.
            Exception: Whatever a writer has raised that was chosen at once.
        """
        response = CurlResponse(
            self._thread(), request, choose_writer, bandwidth, addresses=self._addresses
        )
        try:
            await response.headers_received()
        except BaseException:
            await response.aclose()
            raise
        return response

    def prepare(self) -> None:
        """Start a thread; see `StorageEngine.prepare`."""
        self._thread()

    async def aclose(self) -> None:
        """End the threads, and every transfer on them; may be called twice."""
        self._is_closed = True
        threads, self._threads = self._threads, []
        if threads:
            await wait_for_end(asyncio.gather(*(thread.aclose() for thread in threads)))

    def abandon(self) -> None:
        """End the threads of an event loop that is over."""
        self._is_closed = True
        for thread in self._threads:
            thread.stop()

    def _thread(self) -> CurlThread:
        if self._is_closed:
            raise closed_error()
        self._threads = [thread for thread in self._threads if not thread.is_over]
        if len(self._threads) < self._max_threads and all(t.responses for t in self._threads):
            try:
                self._threads.append(CurlThread(self._configure))
            except (OSError, pycurl.error) as error:
                if not self._threads:
                    reason = error.strerror if isinstance(error, OSError) else str(error)
                    raise out_of_descriptors(reason or str(error)) from None
        return min(self._threads, key=lambda thread: len(thread.responses))

    def _configure(self, curl: pycurl.Curl) -> None:
        """Set what all requests share."""
        for option, value in (
            (pycurl.NOSIGNAL, 1),
            (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
            (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),
            (pycurl.HTTPPROXYTUNNEL, 1),
            (SUPPRESS_CONNECT_HEADERS, 1),
            (pycurl.CONNECTTIMEOUT_MS, self._connect_ms),
            (pycurl.BUFFERSIZE, BUFFER_BYTES),
            (pycurl.USERAGENT, USER_AGENT),
            (pycurl.NOPROXY, ""),
        ):
            curl.setopt(option, value)
        self._certificates.set_on(curl)
