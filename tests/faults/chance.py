"""Whole exports under faults drawn at random; the same seed draws the same ones."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args

from pixxel_async import (
    Download,
    EarlierFailures,
    Failed,
    FolderPolicy,
    Limits,
    PollPolicy,
    RetryPolicy,
    Verify,
)
from pixxel_async.sandbox import (
    ApiFault,
    PackageFault,
    PackagingTime,
    Sandbox,
    Scenario,
    StorageFault,
)
from pixxel_async.sandbox.faults import ApiAction, PackageAction, StorageAction
from pixxel_async.sandbox.scenario import Checksum
from pixxel_async.sansio.naming import file_name

from ..support import client_of, final_files, partials, quick_fetch, some_downloads

MOST_RUNS = 3
HANGS_S = 240.0
"""An export of a few small packages that takes longer hangs."""


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
    """

    packages: int
    faults: tuple[ApiFault | PackageFault | StorageFault, ...]
    runs: int = 0
    cut_short: int = 0
    reasons: list[str] = field(default_factory=list)
    right: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


async def export_by_chance(seed: int, folder: Path) -> Tale:
    """Export under faults, in one run or several, then without them; check after each run.

    What is checked: every package ends saved with the right hash, or failed with a reason; nothing
    else has a final name; and once nothing strikes any more, all are saved.
    """
    chance = random.Random(seed)  # noqa: S311 - to repeat a run
    scenario = _scenario(chance, seed)
    downloads = some_downloads(chance.randint(3, 10), seed)
    tale = Tale(packages=len(downloads), faults=scenario.faults)
    async with Sandbox(scenario) as sandbox:
        for _ in range(chance.randint(1, MOST_RUNS)):
            await _run(sandbox, downloads, folder, tale, chance)
        assert sandbox.leaks == []
    calm = replace(scenario, faults=(), url_lifetime_s=3600)
    async with Sandbox(calm) as sandbox, asyncio.timeout(HANGS_S), client_of(sandbox) as client:
        policy = FolderPolicy(earlier_failures=EarlierFailures.RETRY)
        for _ in range(2):  # a creation that may not be sent again fails first, with that reason
            async with client.export(downloads, folder, folder=policy) as export:
                report = await export.finish()
            if not report.failed:
                break
        assert [str(item.error) for item in report.failed] == []
        assert report.is_complete
        _check_files(sandbox, downloads, folder, tale)
        assert len(final_files(folder)) == len(downloads)
        assert partials(folder) == []
    return tale


def _scenario(chance: random.Random, seed: int) -> Scenario:
    statuses = [429, 500, 502, 503, 504]
    kinds: list[ApiFault | PackageFault | StorageFault] = [
        *(
            ApiFault(action, status=chance.choice(statuses), rate=_rate(chance))
            for action in get_args(ApiAction)
        ),
        *(PackageFault(action, rate=_rate(chance)) for action in get_args(PackageAction)),
        *(
            StorageFault(action, at=chance.random(), rate=_rate(chance))
            for action in get_args(StorageAction)
        ),
    ]
    scenario = Scenario(
        packaging=PackagingTime.uniform(0, 0.1),
        package_bytes=chance.choice([300, 20_000, 150_000]),
        size_spread=chance.random(),
        url_lifetime_s=chance.choice([1, 2, 3600]),
        checksum=chance.choice(get_args(Checksum)),
        faults=tuple(chance.sample(kinds, chance.randint(1, 6))),
        seed=seed,
    )
    if scenario.checksum == "none" and any(each.action == "corrupt" for each in scenario.faults):
        # A wrong byte in the directory of a ZIP, such as in a time, is found by nobody then: its
        # CRCs cover the members.
        return replace(scenario, checksum="crc32")
    return scenario


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
    policy = FolderPolicy(earlier_failures=chance.choice(list(EarlierFailures)))
    client = client_of(
        sandbox,
        poll=PollPolicy(initial_s=0.02, max_s=0.1, not_found_grace_s=0.3, wait_timeout_s=1.0),
        retry=RetryPolicy(
            initial_s=0.01, max_s=0.05, attempts=chance.randint(2, 5), recreate=chance.randint(0, 2)
        ),
        limits=Limits(fetches=chance.randint(1, 8), requests_per_second=500),
        fetch=quick_fetch(
            attempts=chance.randint(2, 4),
            stall_timeout_s=0.3,
            expiry_margin_s=0.5,
            verify=Verify.CONTENTS,
            write_s=0.02,
        ),
    )
    async with asyncio.timeout(HANGS_S), client:
        async with client.export(downloads, folder, folder=policy) as export:
            number = 0
            async for event in export:
                number += 1
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
    if ends_after is None or number < ends_after:
        ended = len(report.saved) + len(report.skipped) + len(report.failed)
        assert ended == len(downloads) or report.stopped is not None
    for saved in (*report.saved, *report.skipped):
        digest = hashlib.sha256(saved.path.read_bytes()).hexdigest()
        assert digest in tale.right[saved.path.name]


def _check_files(sandbox: Sandbox, downloads: Sequence[Download], folder: Path, tale: Tale) -> None:
    """Check that what has a final name is the package of that name."""
    for download in downloads:
        tale.right[file_name(download)].add(sandbox.expected_sha256(download.row()))
    for name, digest in final_files(folder).items():
        assert digest in tale.right[name]
    others = {path.name for path in folder.iterdir()} - {*final_files(folder), *partials(folder)}
    assert others <= {".pixxel-async"}
