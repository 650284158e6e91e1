"""When the next call may go out, at a rate that gives way and recovers.

Rules:
    * Calls are spaced by 1 / rate; after a silence up to `BURST_S` worth of them may go at once.
      This is the generic cell rate algorithm (ITU-T I.371) in its virtual scheduling form.
    * When the service says "too much", the rate is multiplied by `GIVE_WAY` and everything
      pauses. Several such answers within `SETTLE_S` are one: they were in flight together.
    * Each answer without complaint adds `RECOVER` of the full rate: additive increase,
      multiplicative decrease (Chiu and Jain, 1989), so clients that share a service even out.
"""

from __future__ import annotations

from dataclasses import dataclass

BURST_S = 0.25
GIVE_WAY = 0.5
RECOVER = 0.02
SETTLE_S = 1.0
LEAST_SHARE = 0.02
"""The rate never sinks below this share of the full rate."""
LEAST_WAIT_S = 1e-6
"""Less is not waited for: it may be finer than the clock, which then would never get there."""


@dataclass(slots=True)
class GcraLimiter:
    """The state of one shared rate.

    Attributes:
        full_rate: Calls per second when nobody complains.
        rate: Calls per second now.
        free_at: When the next call may go if it does not use the burst.
        paused_until: Nothing goes before this.
    """

    full_rate: float
    rate: float
    free_at: float = float("-inf")
    paused_until: float = float("-inf")
    _gave_way_at: float = float("-inf")

    def wait(self, now: float) -> float:
        """Return the seconds until a call may go; zero means now."""
        wait = max(self.free_at - BURST_S, self.paused_until) - now
        return wait if wait > LEAST_WAIT_S else 0.0

    def take(self, now: float, count: float = 1) -> None:
        """Count a call that goes out now, or so many of what the rate counts."""
        self.free_at = max(self.free_at, now) + count / self.rate

    def content(self) -> None:
        """Count an answer without complaint."""
        self.rate = min(self.full_rate, self.rate + RECOVER * self.full_rate)

    def give_way(self, now: float, pause_s: float) -> bool:
        """Slow down after a complaint.

        Args:
            now: The time.
            pause_s: How long nothing may be sent.

        Returns:
            True if the rate was lowered; False if this complaint belongs to the one before.
        """
        self.paused_until = max(self.paused_until, now + pause_s)
        settled = max(self._gave_way_at + SETTLE_S, self._gave_way_at + pause_s)
        if now < settled:
            return False
        self._gave_way_at = now
        self.rate = max(self.full_rate * LEAST_SHARE, self.rate * GIVE_WAY)
        self.free_at = min(self.free_at, now)
        return True


def pace(rate: float) -> GcraLimiter:
    """Return a pace at its full rate, in calls per second."""
    return GcraLimiter(full_rate=rate, rate=rate)
