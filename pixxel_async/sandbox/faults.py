"""The faults of a sandbox, and which request each of them affects.

Rules:
    * A fault affects the `nth` matching request, or each with the probability `rate`, or all of
      them if neither is given; at most `times` times.
    * `after_s` and `for_s` bound it in time, for a service that is down for a while.
    * A request matches if its path and query, or the identity of its package, contain `only`.
    * The first fault that affects a request wins; later faults do not count the request.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeAlias, TypeVar

ApiAction: TypeAlias = Literal[
    "close",
    "empty",
    "html",
    "huge",
    "lost",
    "not_json",
    "redirect",
    "repeat_key",
    "reset",
    "slow",
    "status",
]
PackageAction: TypeAlias = Literal["expired", "failed", "gone", "never", "unknown_word", "url_late"]
RunAction: TypeAlias = Literal["failed", "never"]
StorageAction: TypeAlias = Literal[
    "aligned_range",
    "bad_zip",
    "change_etag",
    "change_silently",
    "corrupt",
    "cut_chunked",
    "cut_until_close",
    "drip",
    "empty",
    "excess",
    "expired",
    "gzip",
    "html",
    "ignore_range",
    "multipart_range",
    "no_content_range",
    "no_etag",
    "page",
    "redirect",
    "redirect_loop",
    "redirect_plain",
    "reset",
    "slice",
    "stall",
    "status",
    "truncate",
    "until_close",
    "weak_etag",
    "wrong_checksum",
    "wrong_range",
]


@dataclass(frozen=True, kw_only=True)
class _When:
    """Which requests a fault affects.

    Attributes:
        nth: The number of the affected request, from 1.
        rate: The probability that a request is affected.
        times: The most affected requests; None for no limit.
        only: A text that the path, query or identity contains.
        after_s: When the fault begins, in seconds after the sandbox.
        for_s: How long it lasts, in seconds; None for no end.
    """

    nth: int | None = None
    rate: float | None = None
    times: int | None = None
    only: str = ""
    after_s: float = 0.0
    for_s: float | None = None


@dataclass(frozen=True)
class ApiFault(_When):
    """A fault of a call of the service.

        ApiFault("status", status=429, retry_after="2", nth=5)  # the fifth call

    Attributes:
        action: `status` responds with `status`; `reset` resets the connection before the call has
            an effect, `lost` after it; `close` closes it right after the response, without
            announcing it; `slow` responds late, after the effect; `html` is the page of a failed
            gateway; `redirect` is a 302 to a login page; `empty` is a 200 without a body;
            `not_json` is text with 200; `huge` is 32 MiB of JSON; `repeat_key` is an error with
            `status` whose message contains the API key, escaped and in another case.
        on: The operation id that is affected; empty for all.
        status: The HTTP status of `status`, `html` and `repeat_key`.
        retry_after: The Retry-After header of `status`, as it is sent.
        delay_s: The delay of `slow`, in seconds.
    """

    action: ApiAction
    on: str = ""
    status: int = 500
    retry_after: str | None = None
    delay_s: float = 1.0


@dataclass(frozen=True)
class PackageFault(_When):
    """A fault of a package.

        PackageFault("failed", only='"kind": "task"')  # no task can be packaged

    Attributes:
        action: `failed` fails when it should be ready; `never` stays pending; `url_late` reports
            success twice before there is a URL; `unknown_word` has an undocumented status until
            it is ready; `expired` has the status word of that name when it should be ready, and
            `gone` gets 410 then, or 404 from the storage. After a response of the last two, a PUT
            creates a new package.
    """

    action: PackageAction


@dataclass(frozen=True)
class RunFault(_When):
    """A fault of what was created and runs: a job or an insight, for example.

        RunFault("failed", on="createJob", rate=0.2)  # a fifth of the jobs

    `only` is searched in what it is made of, as JSON with sorted names: the ids and the body of the
    creation, one item of an order, or the catalog and the store of a delivery.

    Attributes:
        action: `failed` fails when it should be completed; `never` keeps running.
        on: The operation id of the creation; empty for all.
    """

    action: RunAction
    on: str = ""


@dataclass(frozen=True)
class StorageFault(_When):
    """A fault of a GET of a package.

        StorageFault("truncate", at=0.9, times=3)  # three bodies end at nine tenths

    Attributes:
        action: See `pixxel_async.sandbox.storage_faults`.
        at: The position in the body, as a share of its length.
        status: The HTTP status of `status` and `page`.
    """

    action: StorageAction
    at: float = 0.5
    status: int = 503


Fault = TypeVar("Fault", bound=_When)


class FaultPlan(Generic[Fault]):
    """Chooses the fault of each request."""

    def __init__(self, faults: Sequence[Fault], seed: str) -> None:
        """Start counting; the same seed and the same order of requests give the same faults."""
        self._began = time.monotonic()
        self._faults = [_Counted(fault, f"{seed}:{n}") for n, fault in enumerate(faults)]

    def next_fault(
        self, text: str, applies: Callable[[Fault], bool] = lambda _: True
    ) -> Fault | None:
        """Return the fault that affects a request, or None.

        Args:
            text: The text that `only` is searched in.
            applies: Returns whether a fault concerns this kind of request.
        """
        for counted in self._faults:
            fault = counted.fault
            if (
                fault.only in text
                and applies(fault)
                and self._is_active(fault)
                and counted.applies()
            ):
                return fault
        return None

    def _is_active(self, fault: Fault) -> bool:
        since_s = time.monotonic() - self._began - fault.after_s
        return since_s >= 0 and (fault.for_s is None or since_s < fault.for_s)


class _Counted(Generic[Fault]):
    def __init__(self, fault: Fault, seed: str) -> None:
        self.fault = fault
        self._chance = random.Random(seed)  # noqa: S311 - repeatable, not for secrets
        self._seen = 0
        self._applied = 0

    def applies(self) -> bool:
        fault = self.fault
        self._seen += 1
        if fault.times is not None and self._applied >= fault.times:
            return False
        if fault.nth is not None and self._seen != fault.nth:
            return False
        if fault.rate is not None and self._chance.random() >= fault.rate:
            return False
        self._applied += 1
        return True
