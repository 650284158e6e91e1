"""What is said when an export has ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ...errors import AuthenticationError
from ...events import Failed
from ...export.summary import Report
from ...sansio.layout import labelled
from ...sansio.units import counted, duration, size


def summary(report: Report, folder: Path, width: int | None = None) -> list[str]:
    """Return the summary of an export as lines with aligned columns, safe for a terminal.

    Args:
        report: Of the export. Its failures have been listed as they occurred.
        folder: The absolute path of the export folder.
        width: The width of the terminal, or None.
    """
    return labelled(_rows(report, folder), width)


def _rows(report: Report, folder: Path) -> Iterator[tuple[str, str]]:
    saved, skipped, failed = len(report.saved), len(report.skipped), len(report.failed)
    if report.created or report.failed_runs:
        runs = len(report.created), len(report.failed_runs)
        yield "runs", f"{runs[0]:,} created or found, {runs[1]:,} failed"
    total = report.settled if report.total is None else report.total
    left = f", {report.left:,} left" if report.left else ""
    done = f"{saved:,} saved, {skipped:,} there already, {failed:,} failed{left}"
    yield "packages", f"{total:,}: {done}"
    if rejected := sum(1 for event in report.failed if _is_reported_once(event, report)):
        yield "", f"{rejected:,} of the failed ones: the service rejected the API key"
    yield "bytes", f"{size(report.bytes)} saved, {size(report.received)} received"
    yield "time", f"{duration(report.elapsed_s)}, {_rate(report)}"
    yield "waiting", f"{duration(report.waited_s)}, summed over the packages"
    yield "transferring", f"{duration(report.transferred_s)}, summed over the packages"
    yield "polls", f"{report.polls:,}"
    retries = f"{counted(report.retries, 'call')}, {counted(report.interrupted, 'transfer')}"
    fresh = counted(report.refreshed, "fresh URL")
    yield "retries", f"{retries}; {report.recreated:,} re-requested, {fresh}"
    if report.held:
        held = f"{counted(report.held, 'time')}, {duration(report.held_s)}"
        yield "throttled", f"{held} for an unreachable host"
    yield "folder", str(folder)


def _rate(report: Report) -> str:
    if not report.elapsed_s:
        return "0 bytes/s"
    return f"{size(int(report.received / report.elapsed_s))}/s"


def _is_reported_once(event: Failed, report: Report) -> bool:
    return report.stopped is not None and isinstance(event.error, AuthenticationError)
