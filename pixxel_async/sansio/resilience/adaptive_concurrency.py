"""How many transfers at once suit a link, found out while they run.

Rules:
    * What counts is what all transfers bring together, over windows of time in which as many were
      running as may run. A window in which packages were lacking tells nothing about the link.
    * At first the number doubles with each window, until two doublings in a row brought next to
      nothing, and falls back to where it was before these, as in the startup of BBR (Cardwell et
      al., 2016).
    * Later twice or half the number is tried from time to time, more and more rarely as long as
      it leads nowhere: links change, and a window can be an exception. Twice has to bring more.
      Half has to bring nearly as much: each transfer costs memory, and the storage a connection.
    * A storage that says "too much", and a transfer that stalls, lower the number at once: halfway
      to the highest one that has been borne, or else by a part (multiplicative decrease, Chiu and
      Jain, 1989). For a while no number is tried that was not borne.
    * Transfers that run are never ended for it, so a lower number takes its time.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

FIRST = 8
MOST = 64
FEW = 4
"""No storage minds so few: fewer are not tried unless it complains."""

WINDOW_S = 0.25
ROUND_TRIPS = 2.0
"""A window lasts for so many times as the storage takes to answer, at least."""
ARRIVALS = 2
"""The least number of receives per transfer in a window, since some storages send in bursts."""
BUSY = 0.9
"""The share of a window's transfers that has to have run, or it does not count."""
CROWDED = 1.1
"""With so many times as many as may run, it tells nothing of the number either."""

EMPTY = 0.5
EMPTY_SHARE = 0.02
"""A number is borne if no more than so many places, or such a share, were empty: who was refused
waits without a place, and leaves one empty."""

GROWTH = 1.1
"""Less than so many times as much, after a doubling, is next to nothing."""
IDLE_GROWTHS = 2
NEARLY = 0.97
"""So much of the most is nearly the most."""
BETTER = 1.05
"""What a window has to bring, against those before it, for a higher number to stay."""
SMOOTHING = 0.3
"""The weight of the last window in the throughput of the present number."""

REST_WINDOWS = 16
"""The number of windows between two trials, at first."""
REST_MOST = 256
SOON_WINDOWS = 3
"""The number of windows before a promising trial."""
LOWERED = 0.7
AVOID_S = 30.0
"""For so long no number is tried that was not borne; each time again, for twice as long."""
AVOID_MOST_S = 480.0


class _Phase(Enum):
    GROWING = auto()
    RESTING = auto()
    SETTLING = auto()
    TRYING = auto()


@dataclass(slots=True)
class _Window:
    """A stretch of time.

    Attributes:
        since: When it began.
        seen: Up to when `busy_s` is counted.
        bytes: What came in it.
        arrivals: In how many pieces.
        busy_s: The seconds of its transfers, added up.
    """

    since: float
    seen: float
    bytes: int = 0
    arrivals: int = 0
    busy_s: float = 0.0


class AdaptiveConcurrency:
    """The number of transfers at once; times in seconds on a clock that never jumps.

    Attributes:
        number: How many may run now.
    """

    def __init__(self, *, first: int = FIRST, most: int = MOST) -> None:
        """Begin with `first`, and never go beyond `most`."""
        self.number = min(first, most)
        self._most = most
        self._running = 0
        self._window: _Window | None = None
        self._answer_s = 0.0
        self._phase = _Phase.GROWING
        self._grown = self.number
        self._most_rate = 0.0
        self._idle_growths = 0
        self._rate: float | None = None
        self._home = self.number
        self._rest = REST_WINDOWS
        self._windows = 0
        self._tries_more = True
        self._borne = 1
        self._avoided: int | None = None
        self._avoided_until = 0.0
        self._avoid_s = AVOID_S / 2
        self._refused_at = float("-inf")

    def began(self, now: float) -> None:
        """Count a transfer that begins."""
        self._look(now)
        self._running += 1

    def ended(self, now: float) -> None:
        """Count a transfer that has ended, well or not."""
        self._look(now)
        self._running -= 1

    def answered(self, seconds: float) -> None:
        """Learn how long the storage took to begin an answer."""
        self._answer_s += (seconds - self._answer_s) / 8 if self._answer_s else seconds

    def received(self, now: float, count: int) -> bool:
        """Count bytes that came.

        Returns:
            True if the number is another one now.
        """
        window = self._look(now)
        window.bytes += count
        window.arrivals += 1
        span_s = now - window.since
        if span_s < self._least_window_s or window.arrivals < ARRIVALS * self._running:
            return False
        self._window = _Window(since=now, seen=now)
        share = window.busy_s / (self.number * span_s)
        before = self.number
        if share > CROWDED:
            self._judge_crowded(window.bytes / span_s)
        elif share >= BUSY:
            empty = self.number * (1 - share)
            is_full = empty <= max(EMPTY, EMPTY_SHARE * self.number)
            self._judge(now, window.bytes / span_s, is_full=is_full)
        return self.number != before

    def refused(self, now: float) -> bool:
        """Back off: the storage is overloaded, or a transfer stalled.

        Several complaints within a window are one: they were under way together.

        Returns:
            True if the number is another one now.
        """
        if now < self._refused_at + self._least_window_s:
            return False
        before = self.number
        self._refused_at = now
        self._avoid_s = min(2 * self._avoid_s, AVOID_MOST_S)
        self._avoided, self._avoided_until = before, now + self._avoid_s
        if self._borne >= before:
            self._borne = 0  # not any more
        is_near = 2 * self._borne >= before
        halfway = (self._borne + before) // 2
        self._settle_at(halfway if is_near else max(1, int(LOWERED * before)))
        self._windows = self._rest - SOON_WINDOWS
        self._tries_more = True
        self._window = None
        return self.number != before

    def bound(self, most: int) -> None:
        """Never go beyond `most` from now on."""
        self._most = most
        self._settle_at(min(self.number, most))
        self._window = None

    # What is counted.

    @property
    def _least_window_s(self) -> float:
        return max(WINDOW_S, ROUND_TRIPS * self._answer_s)

    def _look(self, now: float) -> _Window:
        window = self._window
        if window is None:
            window = self._window = _Window(since=now, seen=now)
        window.busy_s += (now - window.seen) * self._running
        window.seen = now
        return window

    # What is decided.

    def _judge(self, now: float, rate: float, *, is_full: bool) -> None:
        """Take what a window brought at the present number; if it is full, all of them ran."""
        if self._avoided is not None and now >= self._avoided_until:
            self._avoided = None
        if is_full and self._phase is not _Phase.SETTLING and self.number > self._borne:
            self._borne = self.number
            if self._avoided is None:  # what was refused once is borne now
                self._avoid_s = AVOID_S / 2
        match self._phase:
            case _Phase.GROWING:
                self._grow(rate)
            case _Phase.RESTING:
                self._rest_on(rate)
            case _Phase.SETTLING:
                self._phase = _Phase.TRYING
            case _:
                self._end_trial(rate)

    def _judge_crowded(self, rate: float) -> None:
        """Give a trial of fewer transfers up, if it already brings less before it is reached."""
        if self._phase in {_Phase.SETTLING, _Phase.TRYING} and rate < NEARLY * (self._rate or 0.0):
            self._end_trial(rate)

    def _grow(self, rate: float) -> None:
        if rate > GROWTH * self._most_rate:
            self._grown, self._most_rate, self._idle_growths = self.number, rate, 0
        else:
            self._idle_growths += 1
        following = self._above(self.number)
        if self._idle_growths < IDLE_GROWTHS and following > self.number:
            self.number = following
            return
        self._settle_at(self._grown)
        self._tries_more = False  # that has just been done

    def _rest_on(self, rate: float) -> None:
        before = rate if self._rate is None else self._rate
        self._rate = before + SMOOTHING * (rate - before)
        self._windows += 1
        if self._windows < self._rest:
            return
        self._windows = 0
        tried = self._above(self.number) if self._tries_more else self._below(self.number)
        self._tries_more = not self._tries_more
        if tried != self.number:
            self._phase, self.number = _Phase.SETTLING, tried

    def _end_trial(self, rate: float) -> None:
        home_rate = self._rate or 0.0
        is_more = self.number > self._home
        if rate >= (BETTER if is_more else NEARLY) * home_rate:
            self._tries_more = is_more  # continue in this direction soon
            self._settle_at(self.number)
            self._windows = self._rest - SOON_WINDOWS
        else:
            rest, kept = min(2 * self._rest, REST_MOST), self._rate
            self._settle_at(self._home)
            self._rest, self._rate = rest, kept

    def _settle_at(self, number: int) -> None:
        self.number = self._home = number
        self._phase, self._rate = _Phase.RESTING, None
        self._rest, self._windows = REST_WINDOWS, 0

    def _above(self, number: int) -> int:
        """Return the next number to try, which is the same one if there is none."""
        if self._avoided is None:
            return min(2 * number, self._most)
        # Between what was borne and what was not, halfway.
        return max(number, min(2 * number, (number + self._avoided) // 2, self._avoided - 1))

    def _below(self, number: int) -> int:
        return max(min(number, FEW), number // 2)
