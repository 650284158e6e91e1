"""The journal against a model: what was flushed is there after any end, what was noted may be."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from pixxel_async.journal.journal import Journal
from pixxel_async.journal.models import PackageRow
from pixxel_async.sansio.package_state import State

KEYS = [f"job:w/{number}" for number in range(5)]


def a_row(key: str, state: State, mark: int) -> PackageRow:
    return PackageRow(
        key=key, target="{}", name=f"{key.replace('/', '-')}.zip", state=state, mark=mark
    )


class JournalMachine(RuleBasedStateMachine):
    """Puts, notes, flushes, closes and crashes.

    Attributes:
        durable: What has to be there after a crash, by key.
        later: What was noted since, in order, by key: each of these may be there instead.
    """

    rows = Bundle("rows")

    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp())
        self.number = 0
        self.durable: dict[str, PackageRow] = {}
        self.later: dict[str, list[PackageRow]] = {}
        self.journal = self.opened()

    def opened(self) -> Journal:
        return self.loop.run_until_complete(Journal.open(self.path))

    @property
    def path(self) -> Path:
        return self.folder / f"journal-{self.number}.sqlite"

    @rule(
        target=rows, key=st.sampled_from(KEYS), state=st.sampled_from(State), mark=st.integers(0, 9)
    )
    def make_row(self, key: str, state: State, mark: int) -> PackageRow:
        return a_row(key, state, mark)

    @rule(row=rows)
    def put(self, row: PackageRow) -> None:
        self.loop.run_until_complete(self.journal.put(row))
        self.later.setdefault(row.key, []).append(row)
        self.settle()

    @rule(row=rows)
    def note(self, row: PackageRow) -> None:
        self.journal.note(row)
        self.later.setdefault(row.key, []).append(row)

    @rule()
    def flush(self) -> None:
        self.loop.run_until_complete(self.journal.flush())
        self.settle()

    def settle(self) -> None:
        self.durable |= {key: rows[-1] for key, rows in self.later.items()}
        self.later.clear()

    @rule()
    def close_and_reopen(self) -> None:
        self.loop.run_until_complete(self.journal.aclose())
        self.settle()
        self.journal = self.opened()

    @rule()
    def crash(self) -> None:
        """Go on with the files as they are at this moment, as the next process would."""
        before = self.path
        self.number += 1
        for file in self.folder.glob(f"{before.name}*"):
            shutil.copy(file, self.folder / file.name.replace(before.name, self.path.name))
        self.loop.run_until_complete(self.journal.aclose())
        self.journal = self.opened()
        for key in KEYS:
            found = self.get(key)
            allowed = [self.durable.get(key), *self.later.get(key, [])]
            assert found in allowed
            if found is None:
                self.durable.pop(key, None)
            else:
                self.durable[key] = found
        self.later.clear()

    @invariant()
    def the_last_word_is_told(self) -> None:
        if not hasattr(self, "journal"):
            return
        for key in KEYS:
            noted = self.later.get(key)
            assert self.get(key) == (noted[-1] if noted else self.durable.get(key))
            assert self.journal.knows(key) == (self.get(key) is not None)

    def get(self, key: str) -> PackageRow | None:
        return self.loop.run_until_complete(self.journal.get(key))

    def teardown(self) -> None:
        if hasattr(self, "journal"):
            self.loop.run_until_complete(self.journal.aclose())
            self.loop.close()
            shutil.rmtree(self.folder)


JournalMachine.TestCase.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, derandomize=True
)
TestJournal = JournalMachine.TestCase
