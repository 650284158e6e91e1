"""What can go wrong in the sandbox, and which request it strikes.

Rules:
    * A fault strikes the `nth` request that it looks at, or each with the probability `rate`, or
      all of them if neither is given; at most `times` times.
    * `after_s` and `for_s` bound it in time: a service that is down for a while.
    * `only` narrows what it looks at: a text that the path or the query of a call, or the
      identity of a package, has to contain.
    * Of several faults the first that strikes is taken, and the others do not see the request.
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
    """Which requests a fault strikes.

    Attributes:
        nth: The number of the request that is struck, from 1.
        rate: The probability of each request to be struck.
        times: How often the fault strikes at most; None for no limit.
        only: A text that has to be in the path or identity.
        after_s: Seconds since the sandbox began, before which it strikes nothing.
        for_s: Seconds from then on, after which it strikes nothing any more; None for no end.
    """

    nth: int | None = None
    rate: float | None = None
    times: int | None = None
    only: str = ""
    after_s: float = 0.0
    for_s: float | None = None


@dataclass(frozen=True)
class ApiFault(_When):
    """Something goes wrong with a call of the service.

    Attributes:
        action: `status` answers with `status`; `reset` breaks the connection before the call has
            an effect, `lost` after it; `close` closes it right after the answer, without
            saying so; `slow` answers late, after the effect; `html` is the page of a broken
            gateway; `redirect` is a 302 to a login page; `empty` is a 200 without a body;
            `not_json` is text with 200; `huge` is 32 MiB of JSON; `repeat_key` is an error with
            `status` whose message holds the API key, escaped and in another case.
        on: The operation id that is struck; empty for all.
        status: The HTTP status of `status`, `html` and `repeat_key`.
        retry_after: The Retry-After header of `status`, as it is sent.
        delay_s: How late `slow` answers.
    """

    action: ApiAction
    on: str = ""
    status: int = 500
    retry_after: str | None = None
    delay_s: float = 1.0


@dataclass(frozen=True)
class PackageFault(_When):
    """A package does not become ready as it should.

    Attributes:
        action: `failed` fails when it should be ready; `never` stays pending; `url_late` tells
            success twice before there is a URL; `unknown_word` has a status that is not
            documented until it is ready; `expired` has the status word of that name when it should
            be ready, and `gone` is answered with 410 then, or with 404 by the storage. A PUT
            makes a new package once one of the last two has been told.
    """

    action: PackageAction


@dataclass(frozen=True)
class StorageFault(_When):
    """Something goes wrong with a GET of a package.

    Attributes:
        action: What; see `pixxel_async.sandbox.storage_faults`.
        at: Where in the body, as a share of what is sent.
        status: The HTTP status of `status` and `page`.
    """

    action: StorageAction
    at: float = 0.5
    status: int = 503


Fault = TypeVar("Fault", bound=_When)


class FaultPlan(Generic[Fault]):
    """Tells for each request which fault strikes it."""

    def __init__(self, faults: Sequence[Fault], seed: str) -> None:
        """Start counting; the same seed and the same order of requests give the same faults."""
        self._began = time.monotonic()
        self._faults = [_Counted(fault, f"{seed}:{n}") for n, fault in enumerate(faults)]

    def strike(self, text: str, applies: Callable[[Fault], bool] = lambda _: True) -> Fault | None:
        """Return the fault that strikes a request, or None.

        Args:
            text: What `only` is looked for in.
            applies: Whether a fault is for this kind of request at all.
        """
        for counted in self._faults:
            fault = counted.fault
            if (
                fault.only in text
                and applies(fault)
                and self._is_its_time(fault)
                and counted.strikes()
            ):
                return fault
        return None

    def _is_its_time(self, fault: Fault) -> bool:
        since_s = time.monotonic() - self._began - fault.after_s
        return since_s >= 0 and (fault.for_s is None or since_s < fault.for_s)


class _Counted(Generic[Fault]):
    def __init__(self, fault: Fault, seed: str) -> None:
        self.fault = fault
        self._chance = random.Random(seed)  # noqa: S311 - repeatable chance, no secret
        self._seen = 0
        self._struck = 0

    def strikes(self) -> bool:
        fault = self.fault
        self._seen += 1
        if fault.times is not None and self._struck >= fault.times:
            return False
        if fault.nth is not None and self._seen != fault.nth:
            return False
        if fault.rate is not None and self._chance.random() >= fault.rate:
            return False
        self._struck += 1
        return True
