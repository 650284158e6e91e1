"""When a pending package is asked about: the settings of polling, times in seconds."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

POLL_INITIAL_S = 2.0
POLL_MAX_S = 30.0
POLL_FACTOR = 1.5
POLL_JITTER = 0.1
POLL_BUDGET = 1.0
WAIT_TIMEOUT_S = 6 * 3600.0
NOT_FOUND_GRACE_S = 30.0


class PollMethod(StrEnum):
    """How the times of polls are chosen.

    BACKOFF lets the intervals grow; LEARNING does so until packages have become ready, and then
    places polls where the next ones are likely to (`sansio.polling.learner`).
    """

    LEARNING = "learning"
    BACKOFF = "backoff"


class PollPolicy(BaseModel):
    """When a pending package is asked about.

    Attributes:
        method: How the times of polls are chosen.
        initial_s: Between the creation and the first poll.
        max_s: The longest interval.
        factor: By how much an interval is longer than the one before.
        jitter: The share of an interval by which it is moved at random, either way, so that
            packages that were created together are not polled together.
        wait_timeout_s: A package that is not ready this long after its creation has failed.
        not_found_grace_s: A 404 of the status call is taken as "not yet" this long after the
            creation.
        budget: How many polls LEARNING makes, as a multiple of those of BACKOFF.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: PollMethod = PollMethod.LEARNING
    initial_s: float = Field(POLL_INITIAL_S, gt=0)
    max_s: float = Field(POLL_MAX_S, gt=0)
    factor: float = Field(POLL_FACTOR, ge=1)
    jitter: float = Field(POLL_JITTER, ge=0, lt=1)
    wait_timeout_s: float = Field(WAIT_TIMEOUT_S, gt=0)
    not_found_grace_s: float = Field(NOT_FOUND_GRACE_S, ge=0)
    budget: float = Field(POLL_BUDGET, gt=0)
