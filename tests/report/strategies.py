"""Records of any shape: what an engine might note, and what it never should."""

from __future__ import annotations

from hypothesis import strategies as st

from pixxel_async.journal.models import Activity, Ending, ExportRecord, Step

from .made import record, row, run, step

KEYS = ("a", "b", "c")
SECONDS = st.floats(0, 500, allow_nan=False).map(lambda value: round(value, 3))


@st.composite
def records(draw: st.DrawFn, *, doings: type[Activity] = Activity) -> ExportRecord:
    """Return a record of a few runs, one after the other, some of them killed."""
    runs, steps = [], []
    at = 1_000.0
    for number in range(1, draw(st.integers(1, 3)) + 1):
        began_at = at + draw(SECONDS)
        moments: list[Step] = []
        for key in draw(st.sets(st.sampled_from(KEYS))):
            now, size = began_at, draw(st.integers(0, 1000))
            for doing in draw(st.lists(st.sampled_from(list(doings)), max_size=6)):
                now += draw(SECONDS)
                size = max(0, size + draw(st.integers(-50, 500)))
                moments.append(step(key, now, doing, size, number))
        moments.sort(key=lambda one: one.at)
        last_at = max((one.at for one in moments), default=began_at)
        seen_at = draw(st.sampled_from([began_at, last_at, last_at + 7.5]))
        ending = draw(st.sampled_from([None, *Ending]))
        runs.append(run(number, began_at, seen_at, ending=ending))
        steps += moments
        at = max(last_at, seen_at)
    rows = tuple(row(key) for key in KEYS)
    return record(rows, tuple(runs), tuple(steps))
