"""Whole exports under faults drawn at random; the same seed draws the same ones."""

from __future__ import annotations

import asyncio
import hashlib
import random
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args

from pixxel_async import (
    Download,
    Failed,
    FolderPolicy,
    Limits,
    PollPolicy,
    PreviousFailures,
    RetryPolicy,
    Timeouts,
    Verify,
)
from pixxel_async.sandbox import (
    ApiFault,
    PackageFault,
    PackagingTime,
    RunFault,
    Sandbox,
    Scenario,
    StorageFault,
)
from pixxel_async.sandbox.faults import ApiAction, PackageAction, StorageAction
from pixxel_async.sandbox.identity import Identity
from pixxel_async.sandbox.scenario import Checksum
from pixxel_async.sandbox.storage_faults import RANGES_ONLY
from pixxel_async.sansio.files.filenames import file_name

from ..support import client_of, final_files, partials, quick_fetch, some_downloads
from .tampering import UMASKS, Tampering, umask

MOST_RUNS = 3
HANGS_S = 240.0
"""An export of a few small packages that takes longer hangs."""
API_KEY = "Chance-Key+/42abcDEF"
"""Faults repeat it in other cases and escaped."""
API_STATUSES = (403, 409, 425, 429, 500, 502, 503, 504, 507, 520, 524, 529, 530)
PAGE_STATUSES = (400, 403, 404, 502, 503, 511, 520)
STORAGE_STATUSES = (403, 404, 409, 410, 429, 500, 503, 504, 507, 509, 520, 522, 524, 529, 530)
CREATIONS = ("AOICreateDownload", "CreateDownload", "downloadInsights", "downloadJob", "")
SHORT = Timeouts(answer_s=1.0, creation_s=0.5)
"""A slow answer comes after that."""
OK, FOUND = 200, 302
ASIDE = re.compile(r"\.changed-\d+\Z")
"""What a file is called that somebody has changed, once it is set aside."""


@dataclass
class Tale:
    """What came of one seed.

    Attributes:
        packages: How many were wanted.
        faults: What could strike.
        runs: How many exports it took.
        cut_short: How many of them were interrupted or left.
        reasons: Why packages failed, each time.
        right: The SHA-256 of each object that ever had a file's name: some faults replace it.
        struck: What struck, and how often.
        tampering: What was done to the folder between runs.
    """

    packages: int
    faults: tuple[ApiFault | PackageFault | RunFault | StorageFault, ...]
    tampering: Tampering
    runs: int = 0
    cut_short: int = 0
    reasons: list[str] = field(default_factory=list)
    right: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    struck: Counter[str] = field(default_factory=Counter)


async def export_by_chance(seed: int, folder: Path) -> Tale:
    """Export under faults, in one run or several, then without them; check after each run.

    Between the runs somebody tampers with the folder, and the service lets go of packages.

    What is checked: every package ends saved with the right hash, or failed with a reason, or is
    left; nothing else has a final name; nothing outside the folder changes, nobody else may read
    it, and the key is nowhere in it; and once nothing strikes any more, all are saved.
    """
    chance = random.Random(seed)  # noqa: S311 - to repeat a run
    scenario = _scenario(chance, seed)
    downloads = some_downloads(chance.randint(3, 10), seed)
    folder, outside = folder / "out", folder / "outside" / "precious"
    tampering = Tampering(folder, outside)
    tale = Tale(packages=len(downloads), faults=scenario.faults, tampering=tampering)
    mask = chance.choice(UMASKS)
    async with Sandbox(scenario) as sandbox:
        for _ in range(chance.randint(1, MOST_RUNS)):
            tampering.act(chance, downloads)
            _let_go(sandbox, chance)
            with umask(mask):
                await _run(sandbox, downloads, folder, tale, chance)
            tampering.check()
        assert sandbox.leaks == []
        tale.struck += Counter(get.action for get in sandbox.gets if get.action)
        tale.struck += Counter(
            f"{call.status}" for call in sandbox.calls if not OK <= call.status < FOUND
        )
    tampering.act(chance, downloads)
    tampering.undo()
    with umask(mask):
        await _run_calmly(scenario, downloads, folder, tale)
    tampering.check()
    return tale


async def _run_calmly(
    scenario: Scenario, downloads: Sequence[Download], folder: Path, tale: Tale
) -> None:
    """Export without faults, from a service that knows nothing of earlier runs."""
    calm = replace(scenario, faults=(), url_lifetime_s=3600, bodies_at_once=None)
    async with Sandbox(calm) as sandbox, asyncio.timeout(HANGS_S), client_of(sandbox) as client:
        policy = FolderPolicy(previous_failures=PreviousFailures.RETRY)
        for _ in range(2):  # a creation that may not be sent again fails first, with that reason
            async with client.export(downloads, folder, folder=policy) as export:
                report = await export.finish()
            if not report.failed:
                break
        assert [str(item.error) for item in report.failed] == [], tale
        assert report.is_complete
        _check_files(sandbox, downloads, folder, tale)
        files = final_files(folder)
        assert len(files) == len(downloads)
        assert {name for name, digest in files.items() if digest not in tale.right[name]} == set()
        assert set(partials(folder)) <= tale.tampering.planted


def _let_go(sandbox: Sandbox, chance: random.Random) -> None:
    """Let the service forget some of the packages of an earlier run."""
    share = chance.choice([0, 0, 0.3, 1])
    for package in sandbox.packages:
        if chance.random() < share:
            package.action = chance.choice(["gone", "expired"])


def _scenario(chance: random.Random, seed: int) -> Scenario:
    kinds: list[ApiFault | PackageFault | StorageFault] = [
        *(_api_fault(chance, action) for action in get_args(ApiAction)),
        *(PackageFault(action, rate=_rate(chance)) for action in get_args(PackageAction)),
        *(
            StorageFault(
                action,
                at=chance.random(),
                status=chance.choice(STORAGE_STATUSES),
                rate=_rate(chance),
                times=chance.choice([None, None, 1]),
            )
            for action in get_args(StorageAction)
        ),
    ]
    faults = chance.sample(kinds, chance.randint(1, 8))
    if any(fault.action in RANGES_ONLY for fault in faults):  # nobody asks for a part otherwise
        breaks: tuple[StorageAction, ...] = ("truncate", "reset", "cut_chunked", "drip")
        faults.append(StorageFault(chance.choice(breaks), at=chance.random(), rate=0.5, times=10))
    is_slow = chance.random() < 0.3  # so that bodies meet, and come in segments
    package_bytes = chance.choice([150_000, 800_000] if is_slow else [300, 20_000, 150_000])
    scenario = Scenario(
        packaging=PackagingTime.uniform(0, 0.1),
        package_bytes=package_bytes,
        bytes_per_s=4 * package_bytes if is_slow else None,
        bodies_at_once=chance.choice([None, 1, 2, 3]) if is_slow else None,
        crowded_status=chance.choice([403, 429, 503, 509]),
        api_key=API_KEY,
        size_spread=chance.random(),
        url_lifetime_s=chance.choice([1, 2, 3600]),
        checksum=chance.choice(get_args(Checksum)),
        faults=tuple(faults),
        seed=seed,
    )
    if scenario.checksum == "none" and any(each.action == "corrupt" for each in scenario.faults):
        # A wrong byte in the directory of a ZIP, such as in a time, is found by nobody then: its
        # CRCs cover the members.
        return replace(scenario, checksum="crc32")
    return scenario


def _api_fault(chance: random.Random, action: ApiAction) -> ApiFault:
    statuses = PAGE_STATUSES if action == "html" else API_STATUSES
    return ApiFault(
        action,
        on=chance.choice(CREATIONS) if action == "slow" else "",
        status=chance.choice(statuses),
        delay_s=chance.choice([0.2, 0.8]),
        rate=_rate(chance),
    )


def _rate(chance: random.Random) -> float:
    return chance.choice([0.02, 0.1, 0.3, 0.6])


async def _run(
    sandbox: Sandbox,
    downloads: Sequence[Download],
    folder: Path,
    tale: Tale,
    chance: random.Random,
) -> None:
    """Export once, perhaps not to the end, and check."""
    tale.runs += 1
    ends_after = chance.choice([None, chance.randint(1, 40)])
    leaves = chance.choice([True, False])
    policy = FolderPolicy(previous_failures=chance.choice(list(PreviousFailures)))
    client = client_of(
        sandbox,
        poll=PollPolicy(initial_s=0.02, max_s=0.1, not_found_grace_s=0.3, wait_timeout_s=1.0),
        retry=RetryPolicy(
            initial_s=0.01, max_s=0.05, attempts=chance.randint(2, 5), recreate=chance.randint(0, 2)
        ),
        limits=Limits(
            fetches=chance.choice(["auto", chance.randint(1, 8)]), requests_per_second=500
        ),
        timeout=chance.choice([None, SHORT]),
        fetch=quick_fetch(
            attempts=chance.randint(2, 4),
            stall_timeout_s=0.3,
            expiry_margin_s=0.5,
            verify=Verify.CONTENTS,
            write_s=0.02,
            segment_bytes=64 * 1024,
        ),
    )
    async with asyncio.timeout(HANGS_S), client:
        async with client.export(downloads, folder, folder=policy) as export:
            number = 0
            async for event in export:
                number += 1
                assert API_KEY.casefold() not in f"{event}{event!r}".casefold()
                if isinstance(event, Failed):
                    tale.reasons.append(str(event.error))
                if number == ends_after:
                    tale.cut_short += 1
                    if leaves:
                        break
                    export.interrupt()
        report = export.report
    _check_files(sandbox, downloads, folder, tale)
    assert all(tale.reasons)
    assert API_KEY.casefold() not in " ".join(tale.reasons).casefold()
    for path in (folder / ".pixxel-async").iterdir():
        assert API_KEY.casefold().encode() not in path.read_bytes().lower()
    if ends_after is None or number < ends_after:
        ended = len(report.saved) + len(report.skipped) + len(report.failed)
        assert ended == len(downloads) or report.stopped is not None
    for saved in (*report.saved, *report.skipped):
        digest = hashlib.sha256(saved.path.read_bytes()).hexdigest()
        assert digest in tale.right[saved.path.name]


def _check_files(sandbox: Sandbox, downloads: Sequence[Download], folder: Path, tale: Tale) -> None:
    """Check that what has a final name is the package of that name."""
    for download in downloads:
        right = tale.right[file_name(download)]
        right.add(sandbox.expected_sha256(download.row()))
        identity = Identity.of(download.row())
        for package in sandbox.packages:
            right |= package.served() if package.identity == identity else set()
    for name, digest in final_files(folder).items():
        assert digest in tale.right[name] | tale.tampering.edited, (name, tale)
    others = {path.name for path in folder.iterdir()} - {*final_files(folder), *partials(folder)}
    assert {name for name in others if not ASIDE.search(name)} <= {".pixxel-async"}
