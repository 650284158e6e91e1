"""Events as lines of text."""

from __future__ import annotations

from dataclasses import dataclass

from .. import events
from ..downloads import ManifestRow
from ..errors import AuthenticationError
from ..export.summary import Report
from ..sansio.layout import short, wrapped
from ..sansio.redact import printable
from ..sansio.units import duration, per_second, size
from .base import Verbosity


@dataclass(frozen=True, slots=True)
class EventText:
    """An event as a line of text.

    Attributes:
        loudness: The lowest verbosity that prints it.
        label: A short label for the first column.
        text: The rest, without control characters.
    """

    loudness: Verbosity
    label: str
    text: str

    def __str__(self) -> str:
        """Return the line."""
        return "".join(self.lines(None))

    def lines(self, width: int | None) -> list[str]:
        """Return the lines for a terminal of this width."""
        return wrapped(f"{self.label:<11} ", self.text, width)


def event_text(event: events.Event, report: Report) -> EventText | None:
    """Return an event as a line, or None for events that are not printed.

    After a rejected key all remaining packages fail with the same error, which is printed once.
    """
    match event:
        case events.Failed(error=error) | events.RunFailed(error=error) if (
            isinstance(error, AuthenticationError) and report.stopped is not None
        ):
            return None
        case (
            events.Failed(download=wanted, error=error) | events.RunFailed(run=wanted, error=error)
        ):
            parts = Verbosity.ERRORS, "failed", f"{name_of(wanted)}: {error}"
        case events.Stopped(error=AuthenticationError() as error):
            parts = Verbosity.ERRORS, "stopped", rejected(error)
        case events.Stopped(error=error):
            parts = Verbosity.ERRORS, "stopped", str(error)
        case events.Paused(free_bytes=free, needed_bytes=needed):
            label = "disk full"
            text = (
                f"{size(free)} free, {size(needed)} needed; transfers pause until there is "
                "more (Ctrl-C ends the export, a rerun resumes it)"
            )
            parts = Verbosity.ERRORS, label, text
        case events.Resumed():
            parts = Verbosity.ERRORS, "disk", "there is free space again; transfers resume"
        case events.Saved(saved=saved):
            parts = Verbosity.DETAILS, "saved", f"{saved.path.name}, {size(saved.bytes)}"
        case events.Skipped(saved=saved):
            parts = Verbosity.DEBUG, "skipped", f"{saved.path.name}, it exists already"
        case events.RowDamaged(key=key, field=field, reason=reason):
            text = f"{short(key)}: the journal's {field} {reason}; its row is rewritten"
            parts = Verbosity.NORMAL, "damaged", text
        case _:
            return _of_host(event) or _detail(event)
    return _safe(*parts)


def _of_host(event: events.Event) -> EventText | None:
    match event:
        case events.HostFailed(host=host, reason=reason):
            text = f"{host} is unreachable ({reason}); requests wait until it recovers"
            return _safe(Verbosity.NORMAL, "host down", text)
        case events.HostRecovered(host=host, held_s=held_s):
            text = f"{host} recovered after {duration(held_s)}; requests resume"
            return _safe(Verbosity.NORMAL, "host up", text)
        case events.HostOverloaded(host=host, reason=reason):
            text = f"{host} refuses transfers while others run ({reason}); fewer run from now on"
            return _safe(Verbosity.NORMAL, "host busy", text)
    return _of_run(event)


def _of_run(event: events.Event) -> EventText | None:
    match event:
        case events.RunSearched(key=key, reason=reason):
            text = f"{short(key)}: {reason}; the service is searched before it is sent again"
            return _safe(Verbosity.NORMAL, "searching", text)
        case events.RunCreated(run=run, created_id=created_id, is_new=is_new):
            label = "created" if is_new else "found"
            return _safe(Verbosity.DETAILS, label, f"{created_id}: {name_of(run)}")
        case events.RunFinished(download=download):
            return _safe(Verbosity.DETAILS, "finished", name_of(download))
    return None


def _detail(event: events.Event) -> EventText | None:
    match event:
        case events.Retried(key=key, reason=reason):
            label, text = "retried", f"{short(key)}: {reason}; {_again(event.delay_s)}"
        case events.Recreated(key=key, reason=reason):
            label = "new package"
            text = f"{short(key)}: {reason}; {_again(event.delay_s)}"
        case events.FetchInterrupted(key=key, reason=reason, offset=offset):
            label = "interrupted"
            at = f"at {size(offset)}" if offset else "from the start"
            text = f"{short(key)}: {reason}; {_again(event.delay_s)}, {at}"
        case events.UrlRefreshed(key=key):
            label, text = "fresh URL", short(key)
        case events.RateLimited(pause_s=pause_s, requests_per_second=rate):
            label = "rate limit"
            pause = f"{duration(pause_s)} pause, then {per_second(rate)}"
            text = f"the service throttles calls: {pause}"
        case events.RetryThrottled(key=key):
            label, text = "throttled", f"{short(key)}: retries have used up their share of calls"
        case events.ConcurrencyChanged(fetches=fetches):
            label, text = "transfers", f"up to {fetches} at once from now on"
        case _:
            return None
    return _safe(Verbosity.DETAILS, label, text)


def _safe(loudness: Verbosity, label: str, text: str) -> EventText:
    return EventText(loudness, label, printable(text))


def _again(delay_s: float) -> str:
    return f"retrying in {duration(delay_s)}"


def rejected(error: Exception) -> str:
    """Return the message about a rejected key, with what to check."""
    return (
        f"the service rejected the API key: {error}. Check PIXXEL_API_KEY, that it belongs to "
        "this --base-url, and that --auth-scheme (raw or bearer) is right."
    )


def name_of(download: ManifestRow) -> str:
    """Return a download in the form of the `download` command, with shortened lists.

    The key is not readable enough: it replaces lists of ids by a digest.
    """
    parts = []
    for value in download.row().values():
        first = value[0] if isinstance(value, list) else value
        more = len(value) - 1 if isinstance(value, list) else 0
        parts.append(f"{first} (+{more})" if more else f"{first}")
    return short(" ".join(parts))
