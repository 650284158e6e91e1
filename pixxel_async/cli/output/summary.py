"""What is said when an export has ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ...display.event_text import name_of
from ...errors import AuthenticationError
from ...events import Failed
from ...export.summary import Report
from ...sansio.redact import printable
from ...sansio.units import duration, size

SHOWN_FAILURES = 20


def summary(report: Report, folder: Path) -> str:
    """Return the summary of an export as lines with aligned columns, safe for a terminal."""
    rows = list(_rows(report, folder))
    width = max(len(label) for label, _ in rows)
    lines = [f"{label:<{width}}  {text}" for label, text in rows]
    return "\n".join([*map(printable, lines), *map(printable, _failures(report))])


def _rows(report: Report, folder: Path) -> Iterator[tuple[str, str]]:
    saved, skipped, failed = len(report.saved), len(report.skipped), len(report.failed)
    total = report.settled if report.total is None else report.total
    left = f", {report.left} left" if report.left else ""
    yield "packages", f"{total}: {saved} saved, {skipped} there already, {failed} failed{left}"
    yield "bytes", f"{size(report.bytes)} saved, {size(report.received)} received"
    yield "time", f"{duration(report.elapsed_s)}, {_rate(report)}"
    yield "waiting", f"{duration(report.waited_s)}, summed over the packages"
    yield "transferring", f"{duration(report.transferred_s)}, summed over the packages"
    yield "polls", f"{report.polls}"
    retries = f"{report.retries} calls, {report.interrupted} transfers"
    yield "retries", f"{retries}; {report.recreated} re-requested, {report.refreshed} fresh URLs"
    if report.held:
        yield "throttled", f"{report.held} times, {duration(report.held_s)} for a host that failed"
    yield "folder", str(folder)


def _rate(report: Report) -> str:
    if not report.elapsed_s:
        return "0 bytes/s"
    return f"{size(int(report.received / report.elapsed_s))}/s"


def _failures(report: Report) -> Iterator[str]:
    failed = [event for event in report.failed if not _is_told_once(event, report)]
    for event in failed[:SHOWN_FAILURES]:
        yield f"failed  {name_of(event.download)}: {event.error}"
    if len(failed) > SHOWN_FAILURES:
        yield f"and {len(failed) - SHOWN_FAILURES} more"
    if not_begun := len(report.failed) - len(failed):
        yield f"{not_begun} were not finished, because the service rejected the API key"


def _is_told_once(event: Failed, report: Report) -> bool:
    return report.stopped is not None and isinstance(event.error, AuthenticationError)
