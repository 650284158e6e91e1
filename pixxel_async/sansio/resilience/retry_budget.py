"""How many retries an export may afford: a share of what it would send anyhow.

Without a bound, a host that fails gets several times the requests of one that is well, which keeps
it down. With one, retries stay a small share of all requests however much fails (Google, "Site
Reliability Engineering", chapter 21, "Handling Overload": per-client retry budget; the same as the
retry budget of Finagle, with its least number a second).
"""

from __future__ import annotations

SHARE = 0.1
"""Each call that is not a retry pays for so much of one."""
RESERVE = 10.0
"""The most retries in a burst, after a time without any."""
LEAST_PER_S = 0.5
"""Paid for by time alone, so that a few calls get their retries, too."""


class RetryBudget:
    """What may be spent on retries; times in seconds on a clock that never jumps."""

    def __init__(self) -> None:
        """Begin with the whole reserve."""
        self._left = RESERVE
        self._seen: float | None = None

    def earn(self) -> None:
        """Count a call that is not a retry."""
        self._left = min(RESERVE, self._left + SHARE)

    def wait(self, now: float) -> float:
        """Return the seconds until a retry may be sent, if nothing is earned before; 0 is now."""
        self._accrue(now)
        return 0.0 if self._left >= 1 else (1 - self._left) / LEAST_PER_S

    def spend(self, now: float) -> bool:
        """Take a retry out of the budget, if there is one in it."""
        self._accrue(now)
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def _accrue(self, now: float) -> None:
        if self._seen is not None:
            self._left = min(RESERVE, self._left + LEAST_PER_S * (now - self._seen))
        self._seen = now
