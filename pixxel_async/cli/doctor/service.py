"""What `doctor` checks of the service: name, connection, TLS, answer, clock, key."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

from ...client import PixxelClient
from ...config import RetryPolicy, Settings, Timeouts
from ...errors import ApiError, AuthenticationError, PixxelError
from ...http.clients import check_urls, make_client
from ...http.probe import ANSWER, DNS, TCP, TLS, Probe, probe
from ...settings.network import certificates, routes
from .checks import SLOW_STEP_S, Finding, judge_clock, ok, problem, warning

FIRST_ERROR = 400
TOO_MANY_REQUESTS = 429
FIRST_SERVER_ERROR = 500
RETRY = RetryPolicy(attempts=2, reach_s=0)
"""The steps before show what fails: a second attempt, and no wait for the network."""
NAMES = {DNS: "name", TCP: "connection", TLS: "TLS", ANSWER: "service"}
REMEDIES = {
    DNS: "check the network and --base-url; if there is a proxy, name it with --proxy",
    TCP: "check the network and --base-url; if there is a proxy, name it with --proxy",
    TLS: "check the scheme of --base-url, and --ca-bundle",
    ANSWER: "try again later, or check the proxy",
}


async def way(settings: Settings, timeouts: Timeouts) -> AsyncIterator[Finding]:
    """Check each step of the connection to the service, and its clock.

    Raises:
        ConfigError: The base URL, the proxy or the certificates cannot be used.
    """
    check_urls(settings.base_url, settings.proxy)
    ways, url = routes(settings.proxy), urlsplit(settings.base_url)
    proxy = ways.proxy_for(url.scheme, url.hostname or "", url.port)
    context = certificates(settings.ca_bundle).context()
    async with make_client(context, proxy, max_connections=1) as client:
        seen = await probe(settings.base_url, ways, client, timeouts)
    for finding in findings_of(seen, settings.base_url):
        yield finding


def findings_of(seen: Probe, base_url: str) -> Iterator[Finding]:
    """Judge the result of a probe."""
    yield ok("proxy", seen.proxy or "none in between")
    for part, name in NAMES.items():
        whose = seen.host if part in {DNS, TCP} else base_url
        if part == seen.failed_at:
            yield problem(name, f"{whose}: {seen.reason}", REMEDIES[part])
            return
        if part not in seen.seconds:  # no TLS to a sandbox
            continue
        took = seen.seconds[part]
        text = f"{whose}: {took * 1000:.0f} ms"
        if part == ANSWER and seen.problem is not None:
            yield problem(name, seen.problem.reason, seen.problem.remedy)
        elif part == ANSWER and seen.status is not None and seen.status >= FIRST_ERROR:
            is_refusal = seen.status < FIRST_SERVER_ERROR and seen.status != TOO_MANY_REQUESTS
            remedy = "check --base-url" if is_refusal else REMEDIES[ANSWER]
            yield problem(name, f"{base_url} answers {seen.status}", remedy)
        elif took > SLOW_STEP_S:
            yield warning(name, text, "check the network and the proxy for what slows them")
        else:
            yield ok(name, text)
    yield judge_clock(seen.now, seen.date)


async def key(settings: Settings, timeouts: Timeouts) -> Finding:
    """Check that the service accepts the key."""
    client = PixxelClient.from_settings(settings, timeout=timeouts, retry=RETRY)
    async with client:
        try:
            await client.check_key()
        except AuthenticationError as error:
            remedy = "pixxel-async auth login with another key, or try the other --auth-scheme"
            return problem("key accepted", str(error), remedy)
        except ApiError as error:
            return warning("key accepted", f"not checked: {error}", "try again later")
        except PixxelError as error:
            return problem("key accepted", f"not checked: {error}", "")
    return ok("key accepted", "yes")
